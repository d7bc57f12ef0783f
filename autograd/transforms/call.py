"""Call, the common part of all transforms: one call of a function with some of its arguments as Values."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from threading import Lock
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.hooks import HOOKED, any_hooks, notes_of, runs
from autograd.numpy.dispatch import without_objects
from autograd.op import is_value, raw
from autograd.ops.elementwise import positive
from autograd.ops.inputs import own_copy, real_array, short, zeros_like
from autograd.ops.shapes import concatenate, reshape, stack
from autograd.scopes import INSIDE
from autograd.transforms.trees import Tree, is_dataclass, keep, map_tree, parameters_of
from autograd.value import Value, new_node

Function = Callable[..., Any]

#: By id, the Values that running transforms of any thread differentiate with respect to, and the number of these transforms. If
#: the result of an inner transform depends on one of them, it must be a Value.
_traced: dict[int, tuple[Value, int]] = {}
_one_at_a_time = Lock()
#: The module parameters among them, in this context: unlike arguments, they are the same Values at every depth.
_parameters: ContextVar[frozenset[Value]] = ContextVar("valuegrad_parameters", default=frozenset())
#: Returns the module parameters that running transforms differentiate with respect to.
parameters: Callable[[], frozenset[Value]] = _parameters.get


def surroundings(leaves: Sequence[Any]) -> Any:
    """Return what running transforms differentiate with respect to, as far as it decides whether results are Values.

    That is the module parameters among it and, if Values are among `leaves`, whether there is anything.
    """
    return bool(_traced) and any(map(is_value, leaves)), _parameters.get()


class tracing:
    """Register the Values that a transform differentiates with respect to: ``with tracing(values):``."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.count(1)

    def __exit__(self, *error: object) -> None:
        self.count(-1)

    def count(self, step: int) -> None:
        """Add to the number of transforms of each Value."""
        with _one_at_a_time:
            for value in self.values:
                number = _traced.get(id(value), (value, 0))[1] + step
                if number:
                    _traced[id(value)] = value, number
                else:
                    del _traced[id(value)]


def traced_now() -> list[Value]:
    """Return all Values that are registered now."""
    with _one_at_a_time:
        return [value for value, _ in _traced.values()]


class Call:
    """One call of `f` with the chosen arguments as Values, and the backward pass from its result.

    Attributes:
        out, aux: the result of f, and its auxiliary result with `has_aux`.
        targets: the Values in place of the numbers and arrays of the chosen arguments, in order.
        trees: the structure of each of these arguments.
        results: the leaves and structure of the result.
        pullback: the backward pass from the Values among the results to the targets, or None.
        on_values: whether derivatives are Values, not plain data.
    """

    def __init__(
        self, f: Function, args: Sequence[Any], named: dict[str, Any], places: Any, has_aux: bool = False, quiet: bool = False
    ) -> None:
        self.f, self.single = f, not isinstance(places, tuple)
        self.targets: list[Value] = []
        self.stops: list[Value] = []  # all targets but parameters: passes end there, also if one argument depends on another
        self.trees: list[Tree] = []
        self.on_values = False
        arguments: Any = list(args), dict(named)
        for holder, key in self.holders((places,) if self.single else places, *arguments):
            self.trees.append(Tree(holder[key]))
            holder[key] = map_tree(self.trace, holder[key], f"argument {key!r}", refuse_item, self.trace_module, remake=True)
        token = _parameters.set(_parameters.get() | (set(self.targets) - set(self.stops)))
        try:
            with tracing(tuple(self.targets)):
                self.out = f(*arguments[0], **arguments[1])
        finally:
            _parameters.reset(token)
        self.has_aux, self.aux = has_aux, None
        if has_aux:
            if not isinstance(self.out, tuple) or len(self.out) != 2:
                raise TypeError(f"with has_aux=True the function returns a pair (result, aux), but got {type(self.out).__name__}")
            self.out, self.aux = self.out
        if self.out.__class__ is not Value:
            self.out = map_tree(lambda leaf, path: without_objects(leaf), self.out, other=keep, module=keep)
        self.results = Tree(self.out)
        if not self.results.leaves and not isinstance(self.out, (dict, list, tuple, type(None))) and not is_dataclass(self.out):
            raise TypeError(
                f"the function returned {short(self.out)}, a {type(self.out).__name__}: results are numbers, arrays, and dicts, "
                "lists, tuples and dataclasses of them"
            )
        self.pullback = self.pullback_of(self.results)
        if not quiet:
            self.warn_if_unconnected()
        pullbacks = (self.pullback, self.pullback_of(Tree(self.aux)) if has_aux else None)
        self.on_values |= any(self.depends_on_outer_targets(pullback) for pullback in pullbacks if pullback is not None)
        self.aux = self.finished(self.aux)

    def pullback_of(self, results: Tree) -> Pullback | None:
        """Return the backward pass from the Values among the results, joined in one row if there are several, or None."""
        outs = list(filter(is_value, results.leaves))
        root = in_a_row(outs) if len(outs) > 1 else outs[0] if outs else None
        return None if root is None else Pullback(root, self.targets, self.stops)

    def holders(self, places: tuple[Any, ...], args: list[Any], named: dict[str, Any]) -> list[tuple[Any, Any]]:
        """Return, for each place, the list or dict that holds the argument, and its key there."""
        homes: list[tuple[Any, Any]] = []
        for place in places:
            if not isinstance(place, str) and -len(args) <= place < len(args):  # the commonest, without a signature
                homes.append((args, place % len(args)))
                continue
            signature = signature_of(self.f)
            names = [item.name for item in signature if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)]
            positional = [item.name for item in signature if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
            name = place if isinstance(place, str) else positional[place] if 0 <= place < len(positional) else None
            if name in positional[: len(args)]:
                homes.append((args, positional.index(name)))
            elif name in named:
                homes.append((named, name))
            elif name in names:
                raise TypeError(f"argnum={place!r}: this call leaves the argument {name!r} at its default: pass it")
            else:
                raise TypeError(
                    f"argnum={place!r} is not among the {len(args)} positional arguments of this call, nor one of {[*named]}: "
                    "count from 0, or give a name"
                )
        if len(homes) > 1 and len({(id(holder), key) for holder, key in homes}) < len(homes):
            raise TypeError(f"argnum={places!r} names an argument twice: name each once")
        return homes

    def trace(self, leaf: Any, path: str) -> Value:
        """Return a target for a number, array or Value: a computed Value, as these raise errors if data would leave the graph."""
        if isinstance(leaf, (bool, np.bool_)):
            refuse_item(leaf, path)
        self.on_values |= is_value(leaf)
        leaf = leaf if is_value(leaf) else Value(leaf)
        target = new_node(positive, positive.forward(leaf.data), leaf)
        notes_of(target)["label"] = path
        self.targets.append(target)
        self.stops.append(target)
        return target

    def trace_module(self, module: Any, path: str) -> Any:
        """Add the parameters of a module to the targets, and return the module."""
        self.targets += [parameter for _, parameter in parameters_of(module)]
        return module

    def depends_on_outer_targets(self, pullback: Pullback) -> bool:
        """Whether a result depends on a Value that an outer transform differentiates with respect to."""

        def is_outer(value: Value) -> bool:
            return _traced.get(id(value), (None, 0))[0] is value and value not in pullback.wanted

        return bool(_traced) and (
            not _parameters.get().isdisjoint(pullback.leaves)
            or any(map(is_outer, pullback.leaves))
            or any(item.op is positive and is_outer(item) for item in pullback.nodes)
        )

    def warn_if_unconnected(self) -> None:
        """Warn if the gradient is zero because no result depends on any target."""
        if self.results.leaves and self.targets and (self.pullback is None or self.pullback.root not in self.pullback.needed):
            name, left = getattr(self.f, "__name__", "the function"), ""
            if self.pullback is None:
                left = (
                    f". It is plain data, {short(self.out)}: if it was computed from the argument, remove what drops its "
                    "gradient, .data, .item(), .detach() or no_grad()"
                )
            warnings.warn(
                f"the result of {name} does not depend on the argument to differentiate with respect to: its gradient is "
                f"zero{left}",
                UserWarning,
                stacklevel=outer_level(),
            )

    def finished(self, tree: Any) -> Any:
        """Return a result as the caller gets it: with Values, or as plain data."""
        if self.on_values:
            return tree
        return map_tree(lambda leaf, path: own_copy(raw(leaf)) if is_value(leaf) else leaf, tree, module=keep)

    def with_aux(self, result: Any) -> Any:
        """Return the result, in a pair with the auxiliary result of f if it has one."""
        return (result, self.aux) if self.has_aux else result

    def nested(self, results: Sequence[Any]) -> Any:
        """Arrange results, one for each target, in the structure of the arguments: a tuple for a tuple of arguments."""
        trees, start = [], 0
        for tree in self.trees:
            trees.append(tree.rebuild(results[start : start + len(tree.leaves)]))
            start += len(tree.leaves)
        return trees[0] if self.single else tuple(trees)

    def cotangents(
        self, out: Any, targets: Sequence[Value], seed: Any, on_values: bool, constants: Sequence[Any] = ()
    ) -> list[Any]:
        """Return the cotangents of targets from one output, as new Values or plain data.

        The pass ends at `constants`, which do not depend on the targets.
        """
        if not is_value(out):
            zeros = [zeros_like(target.data) for target in targets]
            return list(map(Value, zeros)) if on_values else zeros
        known = self.pullback is not None and out is self.pullback.root and targets is self.targets
        pullback = self.pullback if known else Pullback(out, targets, [*self.stops, *filter(is_value, constants)])
        found = pullback(seed, on_values)  # type: ignore[misc]
        return [c * 1.0 if is_value(c) else Value(c) for c in found] if on_values else found

    def pull(self, cotangent: Any) -> list[Any]:
        """Return the cotangents of all targets from that of the whole result, which may be nested."""
        leaves = self.results.leaves
        matched = self.results.match(cotangent, "the cotangent")
        given = [as_cotangent(c, out) for c, out in zip(matched, leaves, strict=True)]
        on_values = self.on_values or any(map(is_value, given))
        given = [c for c, out in zip(given, leaves, strict=True) if is_value(out)]
        seed = in_a_row(given) if len(given) > 1 else given[0] if given else None
        return self.cotangents(self.pullback.root if self.pullback else None, self.targets, seed, on_values)

    def jacobians(self, out: Any) -> list[Any]:
        """Return the Jacobian of `out` for each target, in the shape of `out` followed by that of the target."""
        shape = np.shape(out)
        size = int(np.prod(shape, dtype=int))
        if not is_value(out):
            return [np.zeros(shape + target.shape) if shape + target.shape else 0.0 for target in self.targets]
        if not shape:
            return self.cotangents(out, self.targets, 1.0, self.on_values)
        if size > sum(target.size for target in self.targets) and not self.has_hooks(out):
            seed, before = probe(out), runs.get()
            found = self.cotangents(out, self.targets, seed, on_values=True)
            if runs.get() == before:  # no hook ran inside a checkpoint
                return [
                    self.transposed(pulled, seed, shape, target.shape) for pulled, target in zip(found, self.targets, strict=True)
                ]
        rows = [self.cotangents(out, self.targets, seed, self.on_values) for seed in units(shape, out.dtype)]
        columns = zip(*rows, strict=True) if rows else [[] for _ in self.targets]
        return [
            self.joined(list(parts), shape + target.shape, target.dtype)
            for parts, target in zip(columns, self.targets, strict=True)
        ]

    def has_hooks(self, out: Any) -> bool:
        """Whether there are hooks between `out` and the targets, so that the pullback need not be linear in its cotangent."""
        if not HOOKED or not is_value(out):
            return False
        pullback = Pullback(out, self.targets, self.stops)
        return any_hooks(pullback.nodes, pullback.leaves, self.targets)

    def transposed(self, pulled: Value, seed: Value, shape: tuple[int, ...], target_shape: tuple[int, ...]) -> Any:
        """Return the Jacobian by columns: `pulled` is linear in `seed`, so its derivative with respect to it is the transpose."""
        pullback = Pullback(pulled, [seed], self.stops)
        parts = [pullback(unit, self.on_values)[0] for unit in (units(target_shape, pulled.dtype) if target_shape else [1.0])]
        joined = self.joined(parts, target_shape + shape, pulled.dtype)
        order = (*range(len(target_shape), len(target_shape + shape)), *range(len(target_shape)))
        return joined.transpose(order)

    def joined(self, parts: list[Any], shape: tuple[int, ...], dtype: Any) -> Any:
        """Stack arrays or Values, then reshape them."""
        if not parts:
            return Value(np.zeros(shape, dtype)) if self.on_values else np.zeros(shape, dtype)
        if self.on_values:
            return reshape(stack([part if is_value(part) else Value(part) for part in parts]), shape)
        return np.stack(parts).reshape(shape)

    def matching(self, given: Any, what: str) -> list[Any]:
        """Return the leaves of a tuple of tangents or directions of the arguments, and check its structure and shapes."""
        if not isinstance(given, tuple) or len(given) != len(self.trees):
            got = f"a tuple of {len(given)}" if isinstance(given, tuple) else f"a {type(given).__name__}"
            raise ValueError(f"expected {what} for each of the {len(self.trees)} arguments, in a tuple, got {got}")
        leaves = [leaf for tree, item in zip(self.trees, given, strict=True) for leaf in tree.match(item, what)]
        given = [as_cotangent(leaf, target, what) for leaf, target in zip(leaves, self.targets, strict=True)]
        first = {target: place for place, target in reversed(list(enumerate(self.targets)))}
        for place, target in enumerate(self.targets):  # a parameter with two names has one tangent
            if first[target] != place:
                if not np.array_equal(raw(given[first[target]]), raw(given[place])):
                    raise ValueError(f"{what} differs for two names of the same parameter: pass the same for both")
                given[place] = given[place] * 0.0
        return given


def as_cotangent(c: Any, like: Any, what: str = "the cotangent") -> Any:
    """Convert a cotangent or tangent to the dtype of `like`; TypeError for complex numbers, ValueError for another shape."""
    if not is_value(c):
        c = real_array(c, what)
        c = c.astype(like.dtype if hasattr(like, "dtype") and like.dtype.kind == "f" else float) if c.ndim else float(c)
    if np.shape(c) != np.shape(like):
        raise ValueError(f"{what} has the wrong shape: expected {np.shape(like)}, got {np.shape(c)}")
    return c


def in_a_row(values: Sequence[Any]) -> Any:
    """Join all elements of numbers, arrays and Values in one row."""
    return concatenate([reshape(value, -1) for value in values])


def all_positions(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the positions of all arguments."""
    return tuple(range(len(args)))


def signature_of(f: Function) -> list[inspect.Parameter]:
    """Return the parameters of a function; none if they are unknown, as for some functions written in C."""
    try:
        return list(inspect.signature(f).parameters.values())
    except ValueError:
        return []


def check_function(name: str, f: Any, usage: str = "(f)(x)") -> Function:
    """Return `f`, the function that a transform got, or raise TypeError if it is not callable."""
    if not callable(f):
        raise TypeError(f"{name}() takes a function, but got {f!r}: write {name}{usage}, with the function itself")
    return f


def check_argnum(name: str, argnum: Any) -> Any:
    """Return `argnum`, one position or name or a tuple of them, or raise TypeError for anything else."""
    single = isinstance(argnum, (int, np.integer, str))
    places = (argnum,) if single else tuple(argnum) if isinstance(argnum, (list, tuple)) else (None,)
    if any(isinstance(place, bool) or not isinstance(place, (int, np.integer, str)) for place in places):
        raise TypeError(
            f"argnum of {name}() is the position or the name of an argument, or a tuple of them, but got {argnum!r}: "
            f"pass arguments later, {name}(f)(x)"
        )
    return argnum if single else places


def refuse_item(item: Any, path: str) -> Any:
    """Raise TypeError for an item that is not a number, in an argument to differentiate with respect to."""
    raise TypeError(
        f"cannot differentiate with respect to {path}, which is {item!r}, a {type(item).__name__}: arguments are numbers, "
        "arrays, and dicts, lists, tuples and dataclasses of them; pass it as another argument, or close over it"
    )


def units(shape: tuple[int, ...], dtype: Any) -> Any:
    """Yield the arrays of a shape that contain a single 1, else zeros."""
    for place in np.ndindex(shape):
        unit = np.zeros(shape, dtype)
        unit[place] = 1.0
        yield unit


def probe(out: Any) -> Value:
    """Return a cotangent to record a linear pullback at. Any would do that has no zeros, which may be masked."""
    shape, dtype = np.shape(out), getattr(out, "dtype", float)
    return Value(np.linspace(0.5, 1.5, int(np.prod(shape, dtype=int))).reshape(shape).astype(dtype) if shape else 1.0)


def inner_product(values: Sequence[Any], others: Sequence[Any]) -> Any:
    """Sum the products of all elements. An infinite slope times 0 gives nan here, and is masked in the derivative."""
    with np.errstate(invalid="ignore"):
        terms = [(value * other).sum() if np.shape(value) else value * other for value, other in zip(values, others, strict=True)]
    return sum(terms[1:], terms[0]) if terms else 0.0


def outer_level() -> int:
    """Return the stack level of the first caller outside this package, for warnings."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame, level = frame.f_back, level + 1
    return level
