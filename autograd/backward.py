"""The chain rule: from an output, the root, backward through the graph to the Values it was computed from.

It is one loop over the nodes. The cotangent of a Value is the derivative of the root with respect to it. At each node, rules
turn the cotangent of the output into cotangents of the inputs. Cotangents that reach a Value along several paths are added:

>>> def pullback(root, seed):
...     nodes, leaves = topological_order(root)
...     cotangents = {root: seed}
...     for node in reversed(nodes):
...         args = raw(node.inputs)
...         for position, rule in node.op.rules:
...             item = node.inputs[position]
...             if is_value(item):
...                 c = unbroadcast(rule(cotangents[node], node.data, *args), item.data)
...                 cotangents[item] = cotangents[item] + c if item in cotangents else c
...     return {leaf: cotangents[leaf] for leaf in leaves}

>>> from autograd import Value
>>> a, b = Value(2.0), Value([3.0, 4.0])
>>> loss = (a * b).sum() * a
>>> loss.backward()
>>> found = pullback(loss, 1.0)
>>> found[a] == a.grad == 28.0, found[b] == b.grad
(True, array([ True,  True]))

Pullback contains this loop twice: general() is for Values, masks and hooks; numeric() is unrolled for floats and arrays.
"""

from __future__ import annotations

import threading
from collections import deque
from contextvars import copy_context
from itertools import chain
from typing import Any

import numpy as np

from autograd.graph import Order, arguments_of, grad_lock, inputs_of, scratch_lock, topological_order
from autograd.hooks import any_hooks, hooked
from autograd.op import FLOAT_ERRORS, is_value, raw
from autograd.ops.broadcasting import unbroadcast
from autograd.ops.elementwise import same, times_x, times_y
from autograd.ops.inputs import describe, has_nan, is_finite, own_copy, require_values, seed_of, zeros_like
from autograd.ops.rules import accumulate, contributions, plain_rule
from autograd.scopes import is_set
from autograd.stale import check_current

_thread = threading.local()  # .inside: whether this thread is inside backward()


class Pullback:
    """The backward pass from one output to some targets. It sorts the graph once, for any number of cotangents.

    Args:
        root: the output.
        targets: the Values whose cotangents it returns; by default all leaves that are not frozen.
        stops: Values at which the pass ends.
        partial: whether the targets get further cotangents outside this pass, so that their hooks do not run here.
        order: the result of topological_order(), if it is known.

    Attributes:
        path: the nodes between root and targets, each after its inputs.
        needed: these nodes and the targets; None if all Values below the root are needed.
        wanted: the targets, as a set.
        passed: the targets on the path to other targets.
    """

    def __init__(
        self, root: Any, targets: Any = None, stops: Any = (), partial: bool = False, order: Order | None = None
    ) -> None:
        self.root, self.partial = root, partial
        self.nodes, self.leaves = order or topological_order(root, stops)
        self.targets = [leaf for leaf in self.leaves if not leaf._frozen] if targets is None else list(targets)
        self.wanted, self.passed, self.path = frozenset(self.targets), frozenset[Any](), self.nodes
        self.needed: Any = None
        if targets is not None or len(self.targets) < len(self.leaves):
            self.needed = needed = set(self.targets)
            for node in self.nodes:  # inputs come first
                if not needed.isdisjoint(inputs_of(node)):
                    needed.add(node)
            self.path = [node for node in self.nodes if node in needed]
            self.passed = self.wanted.intersection(self.path)

    def __call__(
        self, seed: Any, on_values: bool = False, grads: bool = False, kept: dict[Any, Any] | None = None, hooks: bool = True
    ) -> list[Any]:
        """Return the cotangents of the targets: numbers and arrays that share no memory, or recorded Values.

        The first pass is plain. If it gives inf or nan, a second one sets undefined products to zero where the cotangent is
        zero, and reports all others under np.errstate.

        Args:
            seed: the cotangent of the root.
            on_values: whether to record the pass, with Values as cotangents.
            grads: whether to store the cotangents of the nodes on the path in `.grad`.
            kept: a dictionary to store the cotangents of all Values on the path in.
            hooks: whether to call hooks.
        """
        check_current(self.nodes, self.leaves)
        hooks = hooks and any_hooks(self.nodes, self.leaves, self.targets)
        masked = hooks or is_set("debug")  # in the first pass, as a second one would call hooks again
        found, kept = None, {} if kept is None and grads else kept
        if not (masked or on_values or self.passed or scratch_lock.locked()):
            # In a copy of the context, as Ctrl-C inside np.errstate() could leave it set.
            found = copy_context().run(self.numeric, seed, grads, None if grads else kept)
        if found is None:
            with np.errstate(all="ignore"):
                found = self.general(seed, on_values, masked, hooks, kept)
        if not hooks and not all(map(is_finite, map(raw, found) if on_values else found)):
            found = self.general(seed, on_values, True, False, kept)
        for node in self.path if grads and kept else ():
            node._grad = kept.get(node)  # type: ignore[union-attr]
        return found

    def general(
        self, seed: Any, on_values: bool = False, masked: bool = False, hooks: bool = False, kept: dict[Any, Any] | None = None
    ) -> list[Any]:
        """Run one pass for Values, masks and hooks, with cotangents in a dictionary.

        It skips no zero cotangent, because the derivative of a zero need not be zero.
        """
        cotangents: dict[Any, Any] = {} if kept is None else kept
        cotangents.clear()
        cotangents[self.root] = seed
        needed, debugging = self.needed, is_set("debug")
        unfold = next((node.op.unfold for node in self.path if node.op.packed and node.op.unfold), None)
        if unfold:
            needed = {*self.nodes, *self.leaves} if needed is None else set(needed)
        for node in unfold(self, cotangents, needed, kept is not None, hooks) if unfold else reversed(self.path):
            if node not in cotangents:
                continue
            if hooks:
                cotangents[node] = hooked(node, cotangents[node])
            g = cotangents.pop(node) if kept is None and node not in self.wanted else cotangents[node]
            args = arguments_of(node)
            out, args = (node, args) if on_values else (node._raw, raw(args))
            for item, c in contributions(node, g, out, args, needed, masked):
                if debugging and has_nan(c) and not any(map(has_nan, (g, *args))):
                    raise FloatingPointError(f"the derivative of {describe(node)} is nan, but its inputs and cotangent are not")
                c = unbroadcast(c, item._raw)
                cotangents[item] = cotangents[item] + c if item in cotangents else c
        for target in dict.fromkeys(self.targets):  # in this order: a compiled function is recorded alike twice
            if target not in cotangents:
                cotangents[target] = zeros_like(target._raw)
            elif hooks and not self.partial and target not in self.passed:
                cotangents[target] = hooked(target, cotangents[target])
        return [cotangents[target] if on_values else own_copy(cotangents[target]) for target in self.targets]

    @np.errstate(all="ignore")
    def numeric(self, seed: Any, grads: bool = False, kept: dict[Any, Any] | None = None) -> list[Any] | None:
        """Run one plain pass for numbers and arrays, with cotangents in slots. Return None if a checkpoint is on the path.

        The loop is unrolled for one and two inputs and for floats, which is 8 times as fast on scalars.
        """
        kind, needed, owned = self.root.__class__, self.needed, set[Any]()
        found = None
        with scratch_lock:
            try:
                for node in chain(self.path, self.targets):
                    node._scratch = None
                self.root._scratch = seed
                for node in reversed(self.path):
                    op, x, y = node.op, node._x, node._y
                    g, out = node._scratch, node._raw
                    rule_x, rule_y = op.rule_x, op.rule_y
                    if not grads and kept is None:
                        node._scratch = None  # to free memory
                    if op.packed:
                        if op.unfold is not None:
                            return None
                        args = tuple([v._raw if v.__class__ is kind else raw(v) if v.__class__ is tuple else v for v in x])
                        for position, rule in op.rules:
                            item = x[position]
                            if item.__class__ is tuple or op.kind == "custom":
                                for part, c in contributions(node, g, out, args, needed, rules=((position, rule),)):
                                    accumulate(part, c, owned, c if op.kind == "custom" else g, *args)
                            elif item.__class__ is kind and (needed is None or item in needed):
                                accumulate(item, plain_rule(op, rule, g, out, args), owned, g, *args)
                        continue
                    xd, yd = x._raw if x.__class__ is kind else x, y
                    if y.__class__ is kind:
                        yd = y._raw
                        if needed is None or y in needed:
                            try:
                                c = g * xd if rule_y is times_x else g if rule_y is same else rule_y(g, out, xd, yd)
                            except FLOAT_ERRORS:
                                c = plain_rule(op, rule_y, g, out, (xd, yd))
                            if c.__class__ is float:  # then the input is a float as well
                                y._scratch = c if y._scratch is None else y._scratch + c
                            else:
                                accumulate(y, c, owned, g, xd, yd)
                    if x.__class__ is kind and (needed is None or x in needed):
                        try:
                            if rule_y is None:
                                c = rule_x(g, out, xd)
                            else:
                                c = g * yd if rule_x is times_y else g if rule_x is same else rule_x(g, out, xd, yd)
                        except FLOAT_ERRORS:
                            c = plain_rule(op, rule_x, g, out, (xd,) if rule_y is None else (xd, yd))
                        if c.__class__ is float:
                            x._scratch = c if x._scratch is None else x._scratch + c
                        else:
                            accumulate(x, c, owned, g, xd, yd)
                found = []
                for target in self.targets:
                    c = target._scratch
                    c = zeros_like(target._raw) if c is None else c
                    found.append(c if c.__class__ is float or target in owned else c.copy())
                    owned.discard(target)  # a target that is given twice gets two arrays
                for node in self.path if grads else ():
                    node._grad = node._scratch  # the slot is not cleared, which would take 3 % of the time
                if kept is not None:
                    kept.update((node, node._scratch) for node in self.path)
                    kept.update(zip(self.targets, found, strict=True))
            finally:
                for node in (self.root, *self.targets) if found and kept is None else chain(self.nodes, self.targets):
                    node._scratch = None
        return found


def backward(root: Any, seed: Any = None, keep_grads: bool = True) -> None:
    """Add the gradient of `root` to the `.grad` of every leaf below it; see Value.backward."""
    if getattr(_thread, "inside", False):
        raise RuntimeError(
            "backward() was called inside backward(), by a rule, a hook or a checkpoint: use gradient(), which keeps no state"
        )
    seed = 1.0 if seed is None and root._raw.__class__ is float else raw(seed_of(root, seed))
    try:
        _thread.inside = True
        found = root.op.pull(root, seed, keep_grads) if root.op is not None and root.op.pull is not None else None
        if found is None:
            pullback = Pullback(root)
            found = pullback.targets, pullback(seed, grads=keep_grads)
            for node in pullback.nodes if not keep_grads or pullback.needed is not None else ():
                if not keep_grads or node not in pullback.needed:
                    node._grad = None
        with grad_lock:
            sums, first = [], []
            for leaf, c in zip(*found, strict=True):
                grad = leaf._grad
                sums.append(c if grad is None else grad + c)
                if grad is None or leaf._since is None or not (grad if grad.__class__ is float else grad.any()):
                    first.append(leaf)
            # One call in C, which neither Ctrl-C nor another thread interrupts: all gradients change, or none does.
            deque(map(root.__class__._grad.__set__, found[0], sums), 0)
            for leaf in first:
                leaf._since = root._clock
    finally:
        _thread.inside = False


def gradient(output: Any, targets: Any, seed: Any = None) -> Any:
    """Return the gradient of `output` with respect to Values below it, as Values that can be differentiated again.

    Args:
        output: a Value. A tensor needs a `seed`, its cotangent, of the same shape.
        targets: one Value, leaf or computed, or a list or tuple of them.

    Returns:
        One Value for one target, otherwise a list or tuple; zeros if `output` does not depend on a target.
        No `.grad` changes.

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
    # Multiplied by one, so that each result is a new object, even if two are the same cotangent, or the seed.
    results = [c * 1.0 if is_value(c) else output.__class__(c) for c in found]
    return type(targets)(results) if several else results[0]
