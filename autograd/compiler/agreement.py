"""Compare two recordings of one function: only what is the same twice in a row may be replayed.

What a function takes from Python's state, such as a counter or the user's own random numbers, is a constant of the recording. It
differs in the next one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.program import Guard, Instruction, Variable, same
from autograd.compiler.recorder import Recorder
from autograd.compiler.structure import Structure, forms_alike


def difference(before: Recorder, first: Structure, after: Recorder, second: Structure) -> str | None:
    """Return in what two recordings differ, or None."""
    a, b = before.program, after.program
    if len(a.instructions) != len(b.instructions) or a.split != b.split or list(a.inputs.values()) != list(b.inputs.values()):
        return "it did not compute the same twice in a row"
    twins: dict[Variable, Variable] = dict(zip(a.inputs, b.inputs, strict=True))
    if any(not fits(x, y) for x, y in twins.items()):
        return "shapes differed"
    for one, two in zip(a.instructions, b.instructions, strict=True):
        if not alike(one, two, twins):
            at = f" (at {two.place[0]}:{two.place[1]})" if two.place else ""
            if type(one.function) is type(two.function) is Guard:
                fix = "; index an array by np.take(array, numbers, axis=0)" if "index" in two.function.why else ""
                return f"Python code reads a number that differed between two calls, {two.function.why}{fix}"
            return (
                f"a number from outside, or what it computes, differed between two calls{at}: pass it as an argument, or draw "
                "random numbers by autograd.compiler.draw()"
            )
    if (
        not forms_alike(first.form, second.form)
        or first.kinds != second.kinds
        or first.labels != second.labels
        or first.locked != second.locked
    ):
        return "its results differed in their structure"
    contents = [[effect.content for effect in program.effects] for program in (a, b)]
    if not constants_alike((a.results, a.cotangents, contents[0]), (b.results, b.cotangents, contents[1]), twins):
        return "a result did not depend on the arguments, but differed between two calls"
    if (
        [e.target for e in a.effects] != [e.target for e in b.effects]
        or a.targets != b.targets
        or not conditions_alike(a.conditions, b.conditions)
    ):
        return "it did not change the same Values twice in a row"
    return None


def conditions_alike(a: dict[Any, Any], b: dict[Any, Any]) -> bool:
    """Whether two programs expect the same at their start."""
    return a.keys() == b.keys() and all(a[key] is b[key] or (type(a[key]) is str and a[key] == b[key]) for key in a)


def fits(x: Variable, y: Variable) -> bool:
    """Whether two variables are of one class, shape and dtype."""
    return x.kind is y.kind and x.shape == y.shape and x.dtype == y.dtype


def alike(x: Instruction, y: Instruction, twins: dict[Variable, Variable]) -> bool:
    """Whether two instructions compute the same from twins."""
    if type(x.function) is type(y.function) is Guard:
        if not same(x.function.value, y.function.value):
            return False
    elif not same_function(x.function, y.function):
        return False
    if len(x.outs) != len(y.outs) or isinstance(x.out, list) != isinstance(y.out, list):
        return False
    if not constants_alike(x.args, y.args, twins) or not constants_alike(x.named, y.named, twins):
        return False
    for a, b in zip(x.outs, y.outs, strict=True):
        if not fits(a, b):
            return False
        twins[a] = b
    return True


def same_function(f: Any, g: Any) -> bool:
    """Whether two functions are the same object, or methods of the same object, or made of the same code without closure."""
    if f is g or f == g:
        return True
    code = getattr(f, "__code__", None)
    return code is not None and code is getattr(g, "__code__", None) and not f.__closure__ and f.__defaults__ == g.__defaults__


def constants_alike(x: Any, y: Any, twins: dict[Variable, Variable]) -> bool:
    """Whether nested arguments have twins at the same places, and equal constants."""
    if type(x) is Variable or type(y) is Variable:
        return type(x) is type(y) and twins.get(x) is y
    if type(x) is not type(y):
        return False
    if isinstance(x, (tuple, list)):
        return len(x) == len(y) and all(constants_alike(a, b, twins) for a, b in zip(x, y, strict=True))
    if isinstance(x, dict):
        return list(x) == list(y) and all(constants_alike(x[key], y[key], twins) for key in x)
    if isinstance(x, slice):
        return constants_alike((x.start, x.stop, x.step), (y.start, y.stop, y.step), twins)
    if callable(x) and not isinstance(x, np.ndarray):
        return same_function(x, y)
    return same(x, y)
