"""Verify gradients that PyTorch and JAX compute: from_torch() and from_jax(), which import their libraries when called."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.transforms.trees import is_leaf, map_tree
from autograd.verify.subjects.foreign import is_foreign, numpy_of
from autograd.verify.subjects.inputs import as_array, named_inputs, one_of, refuse_complex
from autograd.verify.subjects.subject import Leaf, Subject, as_vector, epsilon_of, leaves_of, split

Array = np.ndarray
DTYPES = ("float64", "float32", "float16")


def from_torch(module_or_function: Callable[..., Any], dtype: Any = "float64") -> Adapter:
    """Wrap a module or function of PyTorch, for check_gradients() to verify the gradient that PyTorch computes.

    This finds a ``torch.autograd.Function`` with a wrong backward; ``order=2`` verifies double backward.

    Args:
        module_or_function: a ``torch.nn.Module``, whose parameters are verified by name, as well as its inputs; or a
            function of tensors and modules, such as ``lambda model, x, y: loss(model(x), y)``. Modules are copied, not changed.
        dtype: the dtype of floating tensors and parameters. Differences in float64 are the sharpest; "float32" is for
            code that takes nothing else. Tensors that a function uses without being inputs are not converted: make them inputs.

    Returns:
        An Adapter, which check_gradients() and assert_gradients() take in place of a function. Its inputs are tensors, arrays
        or numbers; integer and bool arrays, such as labels, are constants. A call with inputs returns NumPy's arrays;
        ``.gradient(*inputs)`` returns the Jacobian of each input.

    Raises:
        ImportError: if PyTorch is not installed.
        TypeError: if the first argument cannot be called.
        ValueError: for another dtype than float64, float32 and float16.

    Examples::

        check_gradients(from_torch(model), x)
        check_gradients(from_torch(Square.apply), [1.0, 2.0], order=2, points=20)
        check_model(from_torch(model), torch.nn.functional.mse_loss, x, y)
    """
    return Adapter("torch", module_or_function, dtype, TorchSubject)


def from_jax(function: Callable[..., Any], dtype: Any = "float64") -> Adapter:
    """Wrap a function of JAX, for check_gradients() to verify the gradient that JAX computes, such as that of a custom_vjp.

    Args:
        function: of arrays and nestings of them (pytrees), such as the parameters of a model, to arrays or a nesting.
        dtype: the dtype of floating inputs; with "float64", 64-bit numbers are enabled while the function runs.

    Returns:
        An Adapter, as from_torch() does.

    Raises:
        ImportError: if JAX is not installed.
        TypeError: if `function` cannot be called.
        ValueError: for another dtype than float64, float32 and float16.

    Examples::

        check_gradients(from_jax(softplus), [0.5, -1.0], order=2, points=20)
        check_gradients(from_jax(lambda params, x: model.apply(params, x)), params, x)
    """
    return Adapter("jax", function, dtype, JaxSubject)


def imported(name: str) -> Any:
    """Return the library with that name, or an ImportError that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what = {"torch": "PyTorch", "jax": "JAX"}[name]
        raise ImportError(f"from_{name}() needs {what}, which cannot be imported ({error}): pip install {name}") from None


def is_torch_module(item: Any) -> bool:
    """Return True for a module of PyTorch, without importing it."""
    return any(kind.__module__ == "torch.nn.modules.module" and kind.__name__ == "Module" for kind in type(item).__mro__)


class Adapter:
    """A function of another library with its gradient, which check_gradients() takes in place of a function."""

    def __init__(self, library: str, target: Callable[..., Any], dtype: Any, kind: Callable[..., FrameworkSubject]) -> None:
        imported(library)
        if not callable(target):
            raise TypeError(f"from_{library}() takes a function{' or a module' * (library == 'torch')}, got {target!r:.80}")
        name = np.dtype(dtype).name if isinstance(dtype, type) else str(dtype).removeprefix("torch.")
        if name not in DTYPES:
            raise ValueError(f"from_{library}() takes one of the dtypes {', '.join(DTYPES)}, got {dtype!r}")
        self.library, self.target, self.dtype, self.kind = library, target, name, kind

    def __repr__(self) -> str:
        return f"from_{self.library}({getattr(self.target, '__name__', type(self.target).__name__)})"

    def subject(self, inputs: Sequence[Any], budget: int = 10, constants: Sequence[Any] = ()) -> FrameworkSubject:
        """Return the subject at some inputs; `constants` are further arguments that do not move."""
        try:
            return self.kind(self.target, inputs, self.dtype, budget, constants)
        except RuntimeError as error:
            if "dtype" in str(error) or "Double" in str(error):
                error.add_note(
                    f"inputs and modules are converted to {self.dtype}, but not other tensors that the function uses: pass "
                    'them as inputs, or from_torch(..., dtype="float32")'
                )
            raise

    def __call__(self, *inputs: Any) -> Any:
        """Return the result as a number or an array of NumPy's; several results as a dict."""
        subject = self.subject(inputs)
        found = subject.parts(subject.point)
        return found[0][1] if len(found) == 1 and not found[0][0] else dict(found)

    def gradient(self, *inputs: Any) -> Any:
        """Return the Jacobian of each floating input, or of the only one, as an array of shape (*result, *input).

        The Jacobians of a module's parameters are first, in a dict by name. For several results the first axis runs over the
        elements of all.
        """
        subject = self.subject(inputs)
        rows = subject.pull(np.eye(len(subject.output.vector)))
        out = subject.output.parts[0][1] if len(subject.output.parts) == 1 else (len(rows),)
        found = [rows[:, leaf.part].reshape((*out, *leaf.shape)) for leaf in subject.leaves]
        count = subject.parameters
        named = {leaf.name: each for leaf, each in zip(subject.leaves[:count], found[:count], strict=True)}
        return one_of([named] * bool(named) + found[count:])


class FrameworkSubject(Subject):
    """A function of another library with that library's gradient.

    Attributes:
        parameters: how many of the leaves are parameters of modules; these are first.
    """

    parameters = 0

    def values(self, vector: Array) -> list[tuple[str, Any]]:
        """Return the named results at an input, as arrays of the library."""
        raise NotImplementedError

    def pullback(self, vector: Array) -> Callable[[list[Array]], list[Array]]:
        """Return the function from a cotangent of each result to one of each leaf, at an input."""
        raise NotImplementedError

    def derivative(self, cotangent: Array) -> Subject:
        """Return the gradient of one combination of the results, as a function whose derivatives can be checked."""
        raise NotImplementedError

    def parts(self, vector: Array) -> list[tuple[str, Any]]:
        found = [(name, numpy_of(item)) for name, item in self.values(vector)]
        refuse_complex(found)
        return found

    def seeds(self, cotangent: Array) -> list[Array]:
        """Return a cotangent of all results in a row, in the shape and dtype of each."""
        return split(cotangent, ((shape, dtype) for _, shape, dtype in self.output.parts))

    def rounding(self, cotangents: Array) -> Array:
        """Return rounding errors of slopes, (k, n).

        Terms that cancel on the way are unknown, and taken to be as large as the largest effect of an input.
        """
        with np.errstate(all="ignore"):
            rows = abs(np.nan_to_num(self.pull(cotangents), posinf=0.0, neginf=0.0))
            sizes = np.concatenate([np.full(leaf.stop - leaf.start, size_of(self, leaf)) for leaf in self.leaves])
            largest = (rows * sizes).max(axis=1, initial=0.0, keepdims=True)
        return np.asarray(16.0 * max(epsilon_of(leaf.dtype) for leaf in self.leaves) * largest / sizes)

    def pull(self, cotangents: Array, vector: Array | None = None) -> Array:
        pullback = self.pullback(self.point if vector is None else vector)
        self.gradients += len(cotangents)
        rows = [as_vector(pullback(self.seeds(cotangent))) for cotangent in cotangents]
        return np.array(rows).reshape(len(cotangents), len(self.point))


def size_of(subject: Subject, leaf: Leaf) -> float:
    """Return the largest absolute value of an input, or 1 where all of it is zero."""
    return float(abs(subject.point[leaf.part]).max(initial=0.0)) or 1.0


def is_label(item: Any) -> bool:
    """Return True for bools and arrays of integers, which are labels and indices, and so constant."""
    array = np.asarray(item)
    return array.dtype.kind == "b" or (array.dtype.kind in "iu" and not isinstance(item, int))


# --- PyTorch --------------------------------------------------------------------------------------


class TorchSubject(FrameworkSubject):
    """A function of tensors. All evaluations use the same tensors, with other data each time."""

    def __init__(self, target: Any, inputs: Sequence[Any], dtype: str, budget: int, constants: Sequence[Any] = ()) -> None:
        self.torch = torch = imported("torch")
        self.dtype, self.constants = getattr(torch, dtype), constants
        named = list(named_inputs(target.forward if is_torch_module(target) else target, inputs))
        memo: dict[int, Any] = {}
        self.tensors: list[Any] = []
        names: list[str] = []

        def moved(tensor: Any, name: str) -> Any:
            if all(tensor is not known for known in self.tensors):
                self.tensors.append(tensor)
                names.append(name)
            return tensor

        def module(item: Any, prefix: str) -> Any:
            """Return a copy of a module in the dtype; its parameters move unless they are frozen."""
            twin = copy.deepcopy(item, memo).to(self.dtype)
            for name, parameter in twin.named_parameters():
                if parameter.requires_grad:
                    moved(parameter, f"{prefix}{name}")
            return twin

        modules = [item for _, item in named if is_torch_module(item)] + [target] * is_torch_module(target)
        self.target = module(target, "") if is_torch_module(target) else target
        copies = {id(item): module(item, "") for item in modules if item is not target}
        device = next((tensor.device for tensor in self.tensors), None)
        self.parameters = len(self.tensors)

        def tensor(item: Any, path: str, moves: bool = True) -> Any:
            given = item if isinstance(item, torch.Tensor) else torch.as_tensor(np.array(numpy_of(item)))
            if given.is_complex():
                raise TypeError(f"the input {path!r} is complex: give its real and imaginary parts as two inputs")
            if is_label(item if isinstance(item, int) else given.detach().cpu().numpy()):
                return given.to(device or given.device)
            made = given.detach().clone().to(self.dtype).to(device or given.device)
            return moved(made.requires_grad_(), path) if moves else made

        def other(item: Any, path: str) -> Any:
            return copies[id(item)] if id(item) in copies else tensor(item, path) if is_foreign(item) else item

        def constant(item: Any, path: str) -> Any:
            return tensor(item, path, False) if is_foreign(item) or isinstance(item, np.ndarray) else item

        def kept(item: Any, path: str) -> Any:
            return copies[id(item)]

        self.args = [map_tree(tensor, as_array(item, name), name, other, kept) for name, item in named]
        self.args += [map_tree(constant, item, "", constant) for item in constants]
        data = [np.array(item.detach().cpu().numpy()) for item in self.tensors]
        super().__init__(leaves_of(list(zip(names, data, strict=True))), as_vector(data), budget)

    def move(self, vector: Array) -> None:
        with self.torch.no_grad():
            for leaf, tensor in zip(self.leaves, self.tensors, strict=True):
                tensor.copy_(self.torch.as_tensor(vector[leaf.part].reshape(leaf.shape)))

    def shown(self) -> Any:
        data = [leaf.shaped(self.point) for leaf in self.leaves]
        parameters = {leaf.name: item for leaf, item in zip(self.leaves, data[: self.parameters], strict=False)}

        def one(item: Any, path: str) -> Any:
            places = [place for place, tensor in enumerate(self.tensors) if tensor is item]
            return data[places[0]] if places else numpy_of(item)

        arguments = [map_tree(one, item, "", one) for item in self.args if not is_torch_module(item)]
        return one_of([parameters] * bool(parameters) + arguments[: len(arguments) - len(self.constants)])

    def results(self) -> list[tuple[str, Any]]:
        """Return the named results with the tensors as they are."""
        try:
            with self.torch.enable_grad():
                return named_arrays(self.target(*self.args))
        except self.torch.linalg.LinAlgError as error:  # a RuntimeError in PyTorch
            raise np.linalg.LinAlgError(str(error)) from error

    def values(self, vector: Array) -> list[tuple[str, Any]]:
        self.move(vector)
        return self.results()

    def pullback(self, vector: Array) -> Callable[[list[Array]], list[Array]]:
        results = [item for _, item in self.values(vector)]
        return lambda cotangents: [numpy_of(slope) for slope in self.slopes(results, cotangents)]

    def slopes(self, results: list[Any], cotangents: Sequence[Any], create_graph: bool = False) -> list[Any]:
        """Return the cotangents of the leaves, as tensors: zeros where a result does not depend on one."""
        torch = self.torch
        pairs = [
            (item, torch.as_tensor(cotangent, dtype=item.dtype, device=item.device))
            for item, cotangent in zip(results, cotangents, strict=True)
            if isinstance(item, torch.Tensor) and item.requires_grad
        ]
        if not pairs:
            return [torch.zeros_like(tensor) for tensor in self.tensors]
        outputs, seeds = zip(*pairs, strict=True)
        found = torch.autograd.grad(
            outputs, self.tensors, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True
        )  # fmt: skip
        return [torch.zeros_like(tensor) if c is None else c for c, tensor in zip(found, self.tensors, strict=True)]

    def derivative(self, cotangent: Array) -> Subject:
        return TorchDerivative(self, self.seeds(cotangent))


class FrameworkDerivative(FrameworkSubject):
    """The gradient of a function of another library. Each element is rounded like the largest one."""

    inner: FrameworkSubject
    cotangents: list[Array]

    def noise_floor(self) -> Array:
        return np.asarray(2.0 * self.inner.rounding(as_vector(self.cotangents)[None])[0])


class TorchDerivative(FrameworkDerivative, TorchSubject):
    """The gradient of a function of tensors, from double backward."""

    inner: TorchSubject

    def __init__(self, inner: TorchSubject, cotangents: list[Array]) -> None:
        self.inner, self.cotangents = inner, cotangents
        self.torch, self.tensors, self.args, self.constants = inner.torch, inner.tensors, inner.args, inner.constants
        self.parameters = inner.parameters
        Subject.__init__(self, inner.leaves, inner.point, inner.budget, inner.evaluations)

    def results(self) -> list[tuple[str, Any]]:
        with self.torch.enable_grad():
            results = [item for _, item in self.inner.results()]
            slopes = self.slopes(results, self.cotangents, create_graph=True)
        return [(leaf.name, slope) for leaf, slope in zip(self.leaves, slopes, strict=True)]


def named_arrays(out: Any) -> list[tuple[str, Any]]:
    """Return the numbers and arrays of a result, of any library, with their paths."""
    found: list[tuple[str, Any]] = []

    def add(item: Any, path: str) -> Any:
        if not (is_leaf(item) or is_foreign(item)):
            raise TypeError(
                f"the function returned a {type(item).__name__}: results are numbers, arrays, and dicts, lists, tuples and "
                "dataclasses of them; return the part to differentiate, as in lambda *inputs: module(*inputs).logits"
            )
        found.append((path, item))
        return item

    map_tree(add, out, "", add)
    return found


# --- JAX ------------------------------------------------------------------------------------------


class JaxSubject(FrameworkSubject):
    """A function of arrays and pytrees of them."""

    def __init__(self, target: Any, inputs: Sequence[Any], dtype: str, budget: int, constants: Sequence[Any] = ()) -> None:
        self.jax = jax = imported("jax")
        self.target, self.dtype, self.constants = target, np.dtype(dtype), constants
        named = list(named_inputs(target, inputs))
        prepared = tuple(as_array(item, name) for name, item in named)
        paths, self.structure = jax.tree_util.tree_flatten_with_path(prepared)
        self.items: list[Any] = []
        names: list[str] = []
        self.moving: list[int] = []
        for place, (path, item) in enumerate(paths):
            number = is_leaf(item) or is_foreign(item)
            moves = number and not is_label(numpy_of(item) if is_foreign(item) else item)
            data = np.array(numpy_of(item), dtype=self.dtype) if moves else item
            self.items.append(data)
            if moves:
                if np.asarray(numpy_of(item)).dtype.kind == "c":
                    raise TypeError(
                        f"the input {named[path[0].idx][0]!r} is complex: give its real and imaginary parts as two inputs"
                    )
                self.moving.append(place)
                names.append(named[path[0].idx][0] + jax.tree_util.keystr(path[1:]))
        data = [self.items[place] for place in self.moving]
        super().__init__(leaves_of(list(zip(names, data, strict=True))), as_vector(data), budget)

    def precise(self) -> Any:
        """Return a context that enables 64-bit numbers if the dtype is float64."""
        enable = getattr(self.jax, "enable_x64", None)
        if enable is None:
            enable = importlib.import_module("jax.experimental").enable_x64
        return enable(self.dtype == np.float64)

    def function(self, *leaves: Any) -> Any:
        """Return the target as a function of the leaves that move: a list of results."""
        items = list(self.items)
        for place, leaf in zip(self.moving, leaves, strict=True):
            items[place] = leaf
        out = self.target(*self.jax.tree_util.tree_unflatten(self.structure, items), *self.constants)
        paths, _ = self.jax.tree_util.tree_flatten_with_path(out)
        self.names = [self.jax.tree_util.keystr(path) for path, _ in paths]
        for _, item in paths:
            if not (is_leaf(item) or is_foreign(item) or hasattr(item, "aval")):
                raise TypeError(f"the function returned a {type(item).__name__}: results are arrays and nestings of them")
        return [self.jax.numpy.asarray(item) for _, item in paths]

    def data(self, vector: Array) -> list[Any]:
        shaped = [vector[leaf.part].reshape(leaf.shape).astype(self.dtype) for leaf in self.leaves]
        return [self.jax.numpy.asarray(item) for item in shaped]

    def shown(self) -> Any:
        items = list(self.items)
        for place, leaf in zip(self.moving, self.leaves, strict=True):
            items[place] = leaf.shaped(self.point)
        return one_of(self.jax.tree_util.tree_unflatten(self.structure, items))

    def values(self, vector: Array) -> list[tuple[str, Any]]:
        with self.precise():
            found = [numpy_of(item) for item in self.function(*self.data(vector))]
        return list(zip(self.names, found, strict=True))

    def pullback(self, vector: Array) -> Callable[[list[Array]], list[Array]]:
        with self.precise():
            _, pull = self.jax.vjp(self.function, *self.data(vector))

        def pullback(cotangents: list[Array]) -> list[Array]:
            with self.precise():
                return [np.asarray(slope) for slope in pull([self.jax.numpy.asarray(c) for c in cotangents])]

        return pullback

    def derivative(self, cotangent: Array) -> Subject:
        return JaxDerivative(self, self.seeds(cotangent))


class JaxDerivative(FrameworkDerivative, JaxSubject):
    """The gradient of a function of arrays, which JAX differentiates again."""

    inner: JaxSubject

    def __init__(self, inner: JaxSubject, cotangents: list[Array]) -> None:
        self.inner, self.cotangents = inner, cotangents
        self.jax, self.dtype, self.items, self.moving = inner.jax, inner.dtype, inner.items, inner.moving
        self.structure, self.constants = inner.structure, inner.constants
        self.names = [leaf.name for leaf in inner.leaves]
        Subject.__init__(self, inner.leaves, inner.point, inner.budget, inner.evaluations)

    def function(self, *leaves: Any) -> Any:
        _, pull = self.jax.vjp(self.inner.function, *leaves)
        return list(pull([self.jax.numpy.asarray(c) for c in self.cotangents]))
