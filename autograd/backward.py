"""The chain rule, twice over the same rules: backward() on numbers into `.grad`, gradient() on Values.

Both go plainly first. Only where that leaves a gradient that is not finite they go again with masks: a
cotangent of exactly zero times an infinite or undefined slope is then zero, and what is still
infinite or nan is reported the way np.errstate asks for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import chain, compress
from typing import Any

import numpy as np

from autograd.graph import arguments_of, inputs_of, topological_order
from autograd.hooks import any_hooks, hooked
from autograd.op import FLOAT_ERRORS, Op, is_value, raw
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.elementwise import same, times_x, times_y, where
from autograd.ops.inputs import checked_cotangent, checksum, describe, has_nan, is_finite, read_only, require_values, seed_of
from autograd.ops.reductions import spread
from autograd.scopes import Place, is_set

STALE = "the data of {} changed after {}, so the gradient would be stale: call backward() before, or compute the output again"
_one_at_a_time = threading.Lock()
_owner: int | None = None  # the thread that is inside backward()


def backward(root: Any, seed: Any = None, keep_grads: bool = True) -> None:
    """Add the gradient of `root` to the `.grad` of every leaf below it; see Value.backward."""
    global _owner
    seed = raw(seed_of(root, seed))
    if _owner == threading.get_ident():
        raise RuntimeError(
            "backward() was called inside backward(), by a rule, a hook or a checkpoint: use gradient(), without state"
        )
    with _one_at_a_time:  # cotangents live in slots of the nodes
        nodes, leaves = topological_order(root)
        grads = before = [leaf._grad for leaf in leaves]  # set aside, so that two calls give exactly twice
        try:
            _owner = threading.get_ident()
            new = leaf_cotangents(root, seed, nodes, leaves)
            grads = [old if c is None else c if old is None else old + c for old, c in zip(before, new, strict=True)]
            for leaf, old, c in zip(leaves, before, new, strict=True):
                if c is not None and (old is None or not np.any(old) or leaf.grad_status == "none"):
                    leaf._since = root._clock
        finally:
            for leaf, grad in zip(leaves, grads, strict=True):
                leaf._grad = grad
            for node in () if keep_grads else nodes:
                node._grad = None
            _owner = None


def gradient(output: Any, targets: Any, seed: Any = None) -> Any:
    """The gradient of `output` with respect to Values below it, as Values that can be differentiated again.

    Args:
        output: a Value. A tensor needs a `seed`, its cotangent, of the same shape.
        targets: one Value, leaf or computed, or a list or tuple of them.

    Returns:
        One Value for one target, else a list or tuple; zeros where `output` does not depend on a target.
        No `.grad` is touched.

    >>> from autograd import Value
    >>> x = Value(2.0)
    >>> slope = gradient(x**3, x)
    >>> slope.data, gradient(slope, x).data
    (12.0, 12.0)
    """
    several = isinstance(targets, (list, tuple))
    wanted = targets if several else [targets]
    require_values(output, *wanted)
    found = Pullback(output, wanted)(seed_of(output, seed), on_values=True)
    # Times one: every result is an object of its own, also where two are the same cotangent, or the seed.
    results = [c * 1.0 if is_value(c) else output.__class__(c) for c in found]
    return type(targets)(results) if several else results[0]


def leaf_cotangents(root: Any, seed: Any, nodes: list[Any], leaves: list[Any]) -> list[Any]:
    """The cotangent of each leaf, in memory of its own, and None for leaves that are frozen."""
    targets = [leaf for leaf in leaves if leaf.requires_grad]
    fast = len(targets) == len(leaves) and not is_set("debug") and not any_hooks(nodes, leaves)
    if fast:
        check_current(nodes, leaves)
        with np.errstate(all="ignore"):
            owned = sweep(root, seed, nodes, leaves)
        if owned is not None and all(is_finite(leaf._grad) for leaf in leaves):
            return [leaf._grad if leaf in owned or not leaf.shape else leaf._grad.copy() for leaf in leaves]
    pullback = Pullback(root, targets, order=(nodes, leaves))
    pullback.pull(seed, masked=True, keep=True) if fast and owned is not None else pullback(seed, keep=True)
    for node in nodes:
        node._grad = pullback.found.get(node)
    return [c.copy() if c.__class__ is np.ndarray else c for c in map(pullback.found.get, leaves)]


def sweep(root: Any, seed: Any, nodes: list[Any], leaves: list[Any]) -> set[Any] | None:
    """Plain and fast: cotangents as numbers in the `_grad` slots. Returns the nodes that own theirs, or None at a checkpoint."""
    kind = root.__class__
    owned: set[Any] = set()
    for node in chain(nodes, leaves):
        node._grad = None
    root._grad = seed
    for node in reversed(nodes):
        op, x, y = node.op, node._x, node._y
        g, out, rule_x, rule_y = node._grad, node._raw, op.rule_x, op.rule_y
        if op.packed:
            if op.unfold is not None:
                return None
            args = raw(arguments_of(node))
            for item, c in contributions(node, g, out, args):
                accumulate(item, c, owned, g, *args)
            continue
        # One and two inputs and float cotangents are written out: 3x faster than contributions().
        xd = x._raw if x.__class__ is kind else x
        yd = y
        if y.__class__ is kind:
            yd = y._raw
            try:
                c = g * xd if rule_y is times_x else g if rule_y is same else rule_y(g, out, xd, yd)
            except FLOAT_ERRORS:
                c = pull(rule_y, g, out, xd, yd)
            if c.__class__ is float:  # and then so is the input
                y._grad = c if y._grad is None else y._grad + c
            else:
                accumulate(y, c, owned, g, xd, yd)
        if x.__class__ is kind:
            try:
                if rule_x is times_y:
                    c = g * yd
                elif rule_x is same:
                    c = g
                else:
                    c = rule_x(g, out, xd) if rule_y is None else rule_x(g, out, xd, yd)
            except FLOAT_ERRORS:
                c = pull(rule_x, g, out, xd) if rule_y is None else pull(rule_x, g, out, xd, yd)
            if c.__class__ is float:
                x._grad = c if x._grad is None else x._grad + c
            else:
                accumulate(x, c, owned, g, xd, yd)
    return owned


def accumulate(node: Any, c: Any, owned: set[Any], *others: Any) -> None:
    """Add a cotangent to a node's slot; in place only into an array that was allocated for it."""
    c = unbroadcast(c, node._raw)
    if node in owned:
        node._grad += c
    elif node._grad is not None:
        node._grad = node._grad + c
        owned.add(node)
    else:
        node._grad = c
        if c.__class__ is np.ndarray and c.base is None and id(c) not in map(id, others):
            owned.add(node)


class Pullback:
    """The backward pass of one output to some targets: the graph is sorted once, for any number of cotangents.

    Nothing is kept in the graph. No zero cotangent is skipped: on Values its own derivative counts. The walk does not
    go below `stops`; `order` is what it finds, where that is known. Where it is `partial`, the targets get more from
    elsewhere, and their hooks do not run.
    """

    Order = tuple[list[Any], list[Any]]

    def __init__(self, root: Any, targets: Any, stops: Any = (), partial: bool = False, order: Order | None = None) -> None:
        self.root, self.targets, self.partial = root, targets, partial
        self.nodes, self.leaves = order or topological_order(root, stops)
        self.wanted, self.needed = set(targets), set(targets)
        self.needed.update(node for node in self.nodes if not self.needed.isdisjoint(inputs_of(node)))  # one by one
        self.path = [node for node in reversed(self.nodes) if node in self.needed]
        self.unfold = next((node.op.unfold for node in self.path if node.op.unfold), None)
        self.found: dict[Any, Any] = {}

    def __call__(self, seed: Any, on_values: bool = False, keep: bool = False) -> list[Any]:
        """The cotangents of the targets, as numbers or as recorded Values: plainly, or with masks where that gave inf or nan."""
        check_current(self.nodes, self.leaves)
        hooks = any_hooks(self.nodes, self.leaves, self.targets)  # run once: a second pass would call them again
        with np.errstate(all="ignore"):
            found = self.pull(seed, on_values, hooks or is_set("debug"), keep, hooks)
        return found if hooks or all(is_finite(raw(c)) for c in found) else self.pull(seed, on_values, True, keep)

    def pull(
        self, seed: Any, on_values: bool = False, masked: bool = False, keep: bool = False, hooks: bool = False
    ) -> list[Any]:
        """One pass; with `keep`, `found` then has the cotangents of the nodes on the way as well."""
        needed, debugging = set(self.needed) if self.unfold else self.needed, is_set("debug")
        kind = self.root.__class__
        self.found = found = {self.root: seed}
        for node in self.unfold(self, found, needed, keep, hooks) if self.unfold else self.path:
            if node not in found:
                continue
            if hooks:
                found[node] = hooked(node, found[node])
            op, g = node.op, found[node] if keep or node in self.wanted else found.pop(node)
            if op.packed or masked:
                given = (g, node, arguments_of(node))
                g, out, args = given if on_values else map(raw, given)
                for item, c in contributions(node, g, out, args, needed, masked):
                    if debugging and has_nan(c) and not any(map(has_nan, (g, *args))):
                        raise FloatingPointError(f"the derivative of {describe(node)} is nan at numbers that are not")
                    c = unbroadcast(c, item._raw)
                    found[item] = found[item] + c if item in found else c
                continue
            # One and two inputs are written out, as in sweep(): 2x faster than contributions().
            x, y = node._x, node._y
            out, xd, yd = node, x, y
            if not on_values:
                out, xd, yd = node._raw, x._raw if x.__class__ is kind else x, y._raw if y.__class__ is kind else y
            inputs = (xd,) if op.rule_y is None else (xd, yd)
            for rule, item in ((op.rule_y, y), (op.rule_x, x)):
                if item.__class__ is kind and item in needed:
                    try:
                        c = rule(g, out, *inputs)
                    except FLOAT_ERRORS:
                        c = pull(rule, g, out, *inputs)
                    c = unbroadcast(c, item._raw)
                    found[item] = found[item] + c if item in found else c
        passed = self.wanted.intersection(self.path) if hooks else ()  # targets on the way to others
        for target in self.wanted:
            if target not in found:
                found[target] = np.zeros_like(target._raw) if target.shape else 0.0
            elif hooks and not self.partial and target not in passed:
                found[target] = hooked(target, found[target])
        return [found[target] for target in self.targets]


def contributions(node: Any, g: Any, out: Any, args: Any, needed: Any = None, masked: bool = False) -> Iterator[Any]:
    """(input, its cotangent) for the inputs of a node that are Values, and in `needed` if that is given."""
    op, recorded = node.op, arguments_of(node)
    for position, rule in op.rules:
        several = recorded[position].__class__ is tuple
        items = recorded[position] if several else recorded[position : position + 1]
        chosen = [item.__class__ is node.__class__ and (needed is None or item in needed) for item in items]
        if any(chosen):
            g = read_only(g) if op.kind == "custom" else g
            c = masked_pull(op, rule, g, out, args) if masked else pull(rule, g, out, *args)
            pairs = compress(zip(items, c if several else (c,), strict=True), chosen)
            yield from pairs if op.kind != "custom" else ((item, checked_cotangent(op, c, item, out)) for item, c in pairs)


def pull(rule: Callable[..., Any], g: Any, out: Any, *args: Any) -> Any:
    """One rule, with inf and nan as NumPy gives them where Python's floats would raise."""
    try:
        return rule(g, out, *args)
    except FLOAT_ERRORS:
        return rule(*(np.float64(item) if item.__class__ is float else item for item in (g, out, *args)))


def masked_pull(op: Op, rule: Callable[..., Any], g: Any, out: Any, args: tuple[Any, ...]) -> Any:
    """One rule where a cotangent of exactly zero stays zero, also at a slope of inf or nan."""
    zero = np.equal(raw(g), 0.0)
    if op.kind not in ("elementwise", "reduction", "softmax") or not zero.any():
        return pull(rule, g, out, *args)
    with np.errstate(all="ignore"):
        c = pull(rule, g, out, *args)
        c = where((spread(zero, *args[:3]) if op.kind == "reduction" else zero) & np.isnan(raw(c)), 0.0, c)
    if not is_finite(raw(c)):
        with np.errstate(invalid=None if has_nan(raw(c)) else "ignore"):  # what was masked may have been undefined
            pull(rule, *map(raw, (g, out, *args)))  # once more, for errstate to speak of the others
    return c


def check_current(nodes: list[Any], leaves: list[Any]) -> None:
    """Raise ValueError if data was set after it was used or computed, or under debug() an array was changed through NumPy."""
    newest = max((leaf._clock for leaf in leaves), default=0)
    for node in nodes:
        if node._clock < newest:
            for item in inputs_of(node):
                if item._clock > node._clock:
                    raise ValueError(STALE.format(describe(item), f"{describe(node)} was computed from it"))
    changed = nodes[-1]._changed if nodes else {}  # the one registry of the class
    for node in nodes if changed or Place.with_checksums else ():
        why = "it was computed" if changed.get(id(node)) is node else "it was recorded, in place through NumPy"
        if changed.get(id(node)) is node or any(checksum(a) != before for a, before in getattr(node.place, "checksums", ())):
            raise ValueError(STALE.format(describe(node), why))
