"""Check the contracts of a gradient: linear in the cotangent, zero for zero, nothing mutated, no memory shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.graph import inputs_of
from autograd.op import is_value, raw
from autograd.ops.inputs import own_copy
from autograd.verify.subjects.foreign import arrays_in, shares
from autograd.verify.subjects.frameworks import FrameworkSubject, size_of
from autograd.verify.subjects.numpy_functions import NumPySubject
from autograd.verify.subjects.subject import OUTSIDE, Leaf, Subject, epsilon_of
from autograd.verify.subjects.values import ValueSubject

Array = np.ndarray


def broken_contracts(subject: Subject, rng: np.random.Generator) -> list[str]:
    """Return a sentence for each contract that does not hold at the point."""
    if isinstance(subject, ValueSubject):
        return broken_by_values(subject, rng)
    if isinstance(subject, FrameworkSubject):
        return broken_by_framework(subject, rng)
    return broken_by_function(subject) if isinstance(subject, NumPySubject) else []


def broken_by_values(subject: ValueSubject, rng: np.random.Generator) -> list[str]:
    """Return the broken contracts of a function of Values, in one recorded graph."""
    found: list[str] = []
    pullbacks = subject.pullbacks(subject.point)
    given = [value.data for value in subject.values]
    size, epsilon = len(subject.output.vector), subject.output.epsilon
    if not size:
        return []
    first, second = (rng.integers(-64, 65, size) / 64.0 for _ in range(2))  # exact in every dtype, also when combined
    seeds = [np.zeros(size), first, second, 2.0 * first - 3.0 * second]
    pulled = [[own_copy(c) for c in pullbacks(seed)] for seed in seeds]
    with np.errstate(all="ignore"):  # of terms that may have cancelled, in the units of each gradient
        rounding = [
            np.asarray(2.0 * a + 3.0 * b) for a, b in zip(pullbacks.rounding(first), pullbacks.rounding(second), strict=True)
        ]
    on_values = [raw(c) for c in pullbacks(first, on_values=True)]
    for place, leaf in enumerate(subject.leaves):
        if not alike(pulled[1][place], on_values[place], leaf, rounding[place]):
            found.append(f"the gradient of {leaf.name} differs between backward(), on numbers, and gradient(), on Values")
        none, one, two, both = (np.asarray(c[place]) for c in pulled)
        if one.shape != leaf.shape or one.dtype != np.asarray(given[place]).dtype:
            found.append(
                f"the gradient of {leaf.name} has shape {one.shape} and dtype {one.dtype}, "
                f"the input {leaf.shape} and {leaf.dtype}"
            )
            continue
        if np.nan_to_num(none, nan=1.0).any():
            found.append(f"a cotangent of zero gives a gradient of {leaf.name} that is not zero")
        with np.errstate(all="ignore"):
            largest = (2.0 * abs(one) + 3.0 * abs(two)).max(initial=0.0)
            sizes = max(epsilon_of(one.dtype), float(epsilon.max())) * largest
            error = abs(both - (2.0 * one - 3.0 * two)) - 1e4 * (sizes + rounding[place])
        if (error > 0.0).any():
            found.append(f"the gradient of {leaf.name} is not linear in the cotangent of the output")
    found += memory_of_backward(subject, first, given, rounding)
    for leaf, data in zip(subject.leaves, given, strict=True):
        if not np.array_equal(data, leaf.shaped(subject.point), equal_nan=True):
            found.append(f"the input {leaf.name} was changed in place")
            subject.restore()
    return found


def alike(one: Any, two: Any, leaf: Leaf, rounding: Array) -> bool:
    """Return whether two gradients are the same but for rounding errors, also of terms that may have cancelled."""
    with np.errstate(all="ignore"):
        error = abs(np.asarray(one, float) - two)
        near = error <= 1e3 * (epsilon_of(leaf.dtype) * abs(np.asarray(two, float)).max(initial=0.0) + rounding)
    return bool((near | (np.asarray(one) == two) | (np.isnan(one) & np.isnan(two))).all())


def memory_of_backward(subject: ValueSubject, cotangent: Array, given: list[Any], rounding: list[Array]) -> list[str]:
    """Return a sentence where backward() differs from gradient(), shares memory, or changes the cotangent that it is given."""
    found: list[str] = []
    pullbacks = subject.pullbacks(subject.point)
    leaves = {leaf for pullback in pullbacks.each if pullback is not None for leaf in pullback.leaves} | set(subject.values)
    kept = {leaf: leaf._grad for leaf in leaves}
    expected = [own_copy(c) for c in pullbacks(cotangent)]
    seeds = pullbacks.seeds(cotangent)
    copies = [own_copy(seed) for seed in seeds]
    try:
        for value in subject.values:
            value.grad = None
        for item, seed in zip(pullbacks.results, seeds, strict=True):
            if is_value(item):
                item.backward(seed)
        grads = [value.grad for value in subject.values]
    finally:
        for value, grad in kept.items():
            value._grad = grad
    if any(not np.array_equal(seed, copy) for seed, copy in zip(seeds, copies, strict=True)):
        found.append("backward() changes its cotangent in place")
    others = [*seeds, *given]
    for leaf, grad, wanted, rounded in zip(subject.leaves, grads, expected, rounding, strict=True):
        if not alike(grad, wanted, leaf, rounded):
            found.append(f"backward() and gradient() give different gradients of {leaf.name}")
        if any(shares(grad, other) for other in others):
            found.append(f"the gradient of {leaf.name} shares memory with an input, the cotangent or another gradient")
        others.append(grad)
    return found


def broken_by_framework(subject: FrameworkSubject, rng: np.random.Generator) -> list[str]:
    """Return the broken contracts of a gradient that another library computes."""
    found: list[str] = []
    pullback = subject.pullback(subject.point)
    size = len(subject.output.vector)
    first, second = (rng.integers(1, 65, size) / 64.0 for _ in range(2))
    one = pullback(subject.seeds(first))
    kept = [np.array(slope) for slope in one]
    two, none, both = (pullback(subject.seeds(seed)) for seed in (second, 0.0 * first, 2.0 * first - 3.0 * second))
    # Slopes that are only rounding errors are not linear: errors count relative to how much an input moves the result.
    with np.errstate(all="ignore"):
        moves = [abs(slope).max(initial=0.0) * size_of(subject, leaf) for leaf, slope in zip(subject.leaves, kept, strict=True)]
    largest = float(np.nanmax(moves, initial=0.0))
    for leaf, before, a, b, zero, c in zip(subject.leaves, one, kept, two, none, both, strict=True):
        if shares(before, b) and not np.array_equal(before, a, equal_nan=True):
            found.append(
                f"the gradient of {leaf.name} is the same array at every call, which overwrites the earlier gradient: "
                "let the backward function return a new array, or a copy"
            )
            continue
        if np.nan_to_num(zero, nan=1.0).any():
            found.append(f"a cotangent of zero gives a gradient of {leaf.name} that is not zero")
        precise = max(epsilon_of(leaf.dtype), float(subject.output.epsilon.max(initial=0.0)))
        with np.errstate(all="ignore"):
            error = abs(c - (2.0 * a - 3.0 * b)).max(initial=0.0)
            own = (2.0 * abs(a) + 3.0 * abs(b)).max(initial=0.0)
        if error > 1e-2 * precise**0.5 * own and error * size_of(subject, leaf) > 1e4 * precise * largest:
            found.append(f"the gradient of {leaf.name} is not linear in the cotangent of the output")
    return found


def broken_by_function(subject: NumPySubject) -> list[str]:
    """Return the broken contracts of a plain function and the gradient claimed for it."""
    found: list[str] = []
    results: list[Array] = []
    for what, call in (("the function", subject.f), ("the gradient", subject.claimed)):
        if not callable(call):
            continue
        twins = subject.arguments(subject.point)
        returned, arguments = subject.called(call, subject.point)
        subject.evaluations += what == "the function"
        if any(changed(item, twin) for item, twin in zip(arguments, twins, strict=True)):
            found.append(f"{what} changes its input in place")
        if what == "the function":
            results = arrays_in(returned)
        else:
            found += memory_of_gradient(subject, arrays_in(returned), arguments, results)
    return found


def memory_of_gradient(subject: NumPySubject, given: list[Array], arguments: list[Any], results: list[Array]) -> list[str]:
    """Return a sentence for each way in which the arrays of a returned gradient share memory."""
    found: list[str] = []
    if any(shares(one, two) for place, one in enumerate(given) for two in given[:place]):
        found.append("two of the returned gradients share memory: adding to one changes the other")
    for argument, (name, _) in zip(arguments, subject.named, strict=True):
        if any(shares(one, two) for one in given for two in arrays_in(argument) if two.flags.writeable):
            found.append(
                f"the gradient returns its input {name}, or a view of it: changing one changes the other; return a .copy() of it"
            )
    if any(shares(one, two) for one in given for two in results):
        found.append(
            "the gradient shares memory with the result of the function: changing one changes the other; return a .copy() of it"
        )
    elsewhere = subject.rounded(subject.point + 2.0**-10 * np.where(subject.point == 0.0, 1.0, subject.point))
    try:
        again = subject.returned(elsewhere)
    except OUTSIDE:  # of the domain
        again = subject.returned(subject.point)
    if any(shares(one, two) for one in given if one.flags.writeable for two in arrays_in(again)):
        found.append(
            "the gradient returns the same array at every call, so that another call, or adding to it, changes what an earlier "
            "one returned: return a new array, or a .copy() of it"
        )
    return found


def overwritten(subject: ValueSubject, rng: np.random.Generator) -> list[str]:
    """Return a sentence for each operation whose rule returns the same array at every call, and so changes earlier results."""
    pullbacks = subject.pullbacks(subject.point)
    size = len(subject.output.vector)
    kept: list[tuple[Any, Array, Array]] = []
    found: dict[str, None] = {}
    for number in range(2):
        seeds = pullbacks.seeds(rng.integers(1, 65, size) / 64.0)
        for pullback, seed in zip(pullbacks.each, seeds, strict=True):
            if pullback is None:
                continue
            on_path: dict[Any, Any] = {}
            with np.errstate(all="ignore"):
                pullback.general(seed, kept=on_path)  # which copies no array before it keeps it
            cotangents = list(on_path.items())
            for item, before, copy in kept if number else ():
                for node, c in cotangents:
                    if node is item and shares(before, c) and not np.array_equal(before, copy, equal_nan=True):
                        users = {user.op.name for user in pullback.path if any(node is own for own in inputs_of(user))}
                        found[" or ".join(sorted(users))] = None
            kept += [(node, c, c.copy()) for node, c in cotangents if not number and isinstance(c, np.ndarray)]
    return [
        f"the rule of {name} returns the same array at every call, and overwrites the earlier result: return a new array, or "
        "a .copy() of it"
        for name in found
    ]


def changed(item: Any, twin: Any) -> bool:
    """Return whether any array of a nesting differs from the one in its copy."""
    if isinstance(item, dict):
        return any(changed(item[key], twin[key]) for key in item)
    if isinstance(item, (list, tuple)):
        return any(changed(a, b) for a, b in zip(item, twin, strict=True))
    return isinstance(item, np.ndarray) and not np.array_equal(item, twin, equal_nan=True)


def asymmetry(claims: Array, mix: Array | None, allowance: float, rounding: Callable[[], Array]) -> str | None:
    """Return a sentence if claimed second derivatives, or random combinations of many, are not symmetric.

    Each is compared only with its mirror image, which has the same units.

    Args:
        claims: the second derivatives, or combinations of them by `mix`.
        mix: the combinations, or None.
        allowance: the part of each by which mirrored ones may differ.
        rounding: returns by how much each claim may have been rounded; called only where needed.
    """

    def both(rows: Array, weights: Array | None) -> Array:
        square: Array = rows if weights is None else rows @ weights.T
        return square

    square, sizes = both(claims, mix), both(abs(claims), None if mix is None else abs(mix))
    with np.errstate(all="ignore"):
        error, limit = abs(square - square.T), allowance * np.maximum(sizes, sizes.T)
        if (error > limit).any():
            rounded = both(rounding(), None if mix is None else abs(mix))
            limit = limit + rounded + rounded.T
        excess = np.where(error > limit, error / np.maximum(sizes, sizes.T), 0.0)
    if excess.any():
        worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
        where = f"at the places {worst} and {worst[::-1]} of the inputs in a row" if mix is None else "for two directions"
        return f"the second derivatives are not symmetric: {square[worst]:.9g} and {square.T[worst]:.9g} {where}"
    return None
