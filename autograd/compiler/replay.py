"""Replay: a program as Python functions, and its results as Values of the graph."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.backward import Pullback
from autograd.compiler.program import Argument, Program
from autograd.compiler.source import functions_of
from autograd.compiler.structure import Structure
from autograd.op import Op, is_value
from autograd.ops.indexing import getitem
from autograd.ops.inputs import is_finite
from autograd.ops.shapes import reshape
from autograd.transforms.call import in_a_row
from autograd.value import Value, new_node

_numbers = itertools.count(1)


class Kept:
    """What the backward part of a program needs: the arrays of its forward part, and the arguments."""

    __slots__ = ("arrays", "leaves")

    def __init__(self, arrays: tuple[Any, ...], leaves: list[Any]) -> None:
        self.arrays, self.leaves = arrays, leaves


class Replay:
    """One program, ready to run.

    Attributes:
        forward, backward: its functions, see functions_of().
        outcome: the structure of the results.
        op: the operation of the graph that stands for the program.
    """

    def __init__(self, owner: Any, program: Program, arguments: Structure, outcome: Structure) -> None:
        self.owner, self.program, self.arguments, self.outcome = owner, program, arguments, outcome
        text, names = functions_of(program)
        space = dict(names)
        exec(compile(text, f"<{owner.__name__} {next(_numbers)}>", "exec"), space)
        self.forward: Any = space["forward"]
        self.backward: Any = space.get("backward")
        self.op = self.operation() if self.backward is not None else None
        self.targets = [source.owner for source in program.targets]
        self.single = outcome.form.__class__.__name__ == "Leaf"
        self.nodes = [number for number, kind in enumerate(outcome.kinds) if kind == "node"]

    @property
    def source(self) -> str:
        """The program as Python source, with shapes."""
        return functions_of(self.program, comments=True)[0]

    def operation(self) -> Op:
        """Return the operation whose rule is the backward part of the program."""

        def form(inputs: Any, kept: Any) -> Any: ...

        form.__name__ = getattr(self.owner, "__name__", "compiled")
        op = Op(form, {"inputs": self.rule}, name=form.__name__, symbol=f"{form.__name__}({{}})", kind="program", array=form)
        op.masked = self.masked_rule
        return op

    def __call__(self, leaves: list[Any]) -> Any:
        results, arrays = self.forward(*leaves)
        kinds = self.outcome.kinds
        if self.op is None and not any(kind != "plain" for kind in kinds):
            return results[0] if self.single else self.outcome.rebuild(results)
        found = list(results)
        for number, kind in enumerate(kinds):
            if kind == "frozen":
                found[number] = frozen(found[number])
            elif kind == "outside" and isinstance(found[number], Argument):
                found[number] = leaves[found[number].number]
        if self.op is not None:
            targets = tuple([leaves[item.number] if item.__class__ is Argument else item for item in self.targets])
            self.attach(self.op, found, targets, Kept(arrays, leaves))
        return found[0] if self.single else self.outcome.rebuild(found)

    def attach(self, op: Op, found: list[Any], targets: tuple[Value, ...], kept: Kept) -> None:
        """Put Values of the graph in place of the results that have a gradient."""
        if len(self.nodes) == 1:
            found[self.nodes[0]] = new_node(op, found[self.nodes[0]], (targets, kept))
            return
        parts = [found[number] for number in self.nodes]
        row = new_node(op, np.concatenate([np.reshape(part, -1) for part in parts]), (targets, kept))
        start = 0
        for number, part in zip(self.nodes, parts, strict=True):
            size, shape = np.size(part), np.shape(part)
            found[number] = reshape(getitem(row, slice(start, start + size)), shape) if shape else getitem(row, start)
            start += size

    # --- the rule --------------------------------------------------------------------------------------

    def rule(self, g: Any, out: Any, inputs: tuple[Any, ...], kept: Kept) -> Any:
        """Return the cotangents of the inputs."""
        if is_value(g) or any(map(is_value, inputs)):
            return self.derivative(g, inputs, kept)
        return self.backward(kept.arrays, g)

    def masked_rule(self, g: Any, out: Any, inputs: tuple[Any, ...], kept: Kept) -> Any:
        """Return the cotangents of the inputs; if they are not finite, those of an eager pass, which treats zeros."""
        found = self.rule(g, out, inputs, kept)
        if is_value(g) or all(map(is_finite, found)):
            return found
        return self.eager(g, inputs, kept)

    def eager(self, g: Any, inputs: Sequence[Any], kept: Kept) -> list[Any]:
        """Return the cotangents of the inputs by running the function eagerly."""
        root, targets, stops = self.graph(kept)
        return Pullback(root, targets, stops)(g, on_values=is_value(g))

    def graph(self, kept: Kept) -> tuple[Any, list[Value], list[Value]]:
        """Run the function eagerly, and return its results as one Value, and the targets."""
        args, named = self.arguments.rebuild(kept.leaves)
        outcome = Structure(self.owner.function(*args, **named))
        outs = [outcome.leaves[number] for number in self.nodes]
        targets = [kept.leaves[item.number] if item.__class__ is Argument else item for item in self.targets]
        root = in_a_row(outs) if len(outs) > 1 else outs[0]
        return root, targets, [value for value in targets if value.op is not None]

    def derivative(self, g: Any, inputs: Sequence[Any], kept: Kept) -> list[Any]:
        """Return the cotangents of the inputs as Values that can be differentiated again."""
        root, targets, stops = self.graph(kept)
        return Pullback(root, targets, stops)(g, on_values=True)


def frozen(data: Any) -> Value:
    """Return a frozen Value without a copy of its data."""
    value = Value(0.0, requires_grad=False)
    value._raw = data
    return value
