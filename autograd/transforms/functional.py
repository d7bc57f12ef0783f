"""Transforms of functions: grad, vjp, jvp, jacobian, hessian, hvp and their like, composable to any depth.

Arguments are numbers, arrays, and any nesting of dicts, lists, tuples and dataclasses of them, or modules,
which stand for their parameters by name; results have the same nesting. Plain data in, plain data out; inside another
transform that they depend on, or where what is differentiated by is a Value, results are Values that can be differentiated again.

There is no vmap: NumPy code is written for whole arrays, and gradients of single samples are the
Jacobian of the vector of their losses, ``jacobian(lambda w: losses(w, X, y))(w)``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd.hooks import runs
from autograd.op import is_value
from autograd.scope_stack import is_recording
from autograd.scopes import scope
from autograd.transforms.call import Call, Function, checked, everything, inner, places_of, probe
from autograd.transforms.trees import Tree, map_tree

ArgNum = int | str | Sequence[int | str]


def recorded(transform: Function) -> Function:
    """The same function, which records also inside of no_grad(); its results are then frozen."""

    @functools.wraps(transform)
    def function(*args: Any, **named: Any) -> Any:
        if is_recording():
            return transform(*args, **named)
        with scope(recording=True):
            result = transform(*args, **named)
        return stop_gradient(result)

    return function


# --- the transforms -------------------------------------------------------------------------------


def grad(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of `f`, a function with a scalar result.

    Args:
        f: a function of numbers, arrays or nested parameters, in NumPy code.
        argnum: which argument to differentiate with respect to: its position or name, or a tuple of those,
            which gives a tuple of gradients.
        has_aux: whether f returns a pair, of which the second is passed on: (gradient, aux).

    Raises:
        TypeError: if f returns something else than a single number.

    >>> grad(lambda x, y: x**2 * y, argnum=(0, 1))(3.0, 2.0)
    (12.0, 9.0)
    """

    f, places = checked("grad", f), places_of("grad", argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        call = Call(f, args, named, places, has_aux)
        result = call.nested(scalar_cotangents(call, "grad"))
        return (result, call.aux) if has_aux else result

    return function


def value_and_grad(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """The function that gives ``(f(x), gradient)``, or ``((f(x), aux), gradient)`` with `has_aux`; see grad().

    >>> value_and_grad(lambda x: (x**2).sum())(np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """

    f, places = checked("value_and_grad", f), places_of("value_and_grad", argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        call = Call(f, args, named, places, has_aux)
        result = call.nested(scalar_cotangents(call, "value_and_grad"))
        value = call.finished(call.out)
        return ((value, call.aux) if has_aux else value), result

    return function


def elementwise_grad(f: Function, argnum: ArgNum = 0) -> Function:
    """The function that gives the derivative of an elementwise `f` at each element.

    Raises:
        ValueError: if the result of f has another shape than the argument.

    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """

    f, places = checked("elementwise_grad", f), places_of("elementwise_grad", argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        call = Call(f, args, named, places)
        for target in call.targets:
            if target.shape != np.shape(call.out):
                raise ValueError(
                    f"elementwise_grad() needs a result of the shape {target.shape} of the argument, "
                    f"but {np.shape(call.out)} came: use jacobian()"
                )
        return call.nested(call.pull(np.ones(np.shape(call.out))))

    return function


@recorded
def vjp(f: Function, *args: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``(f(*args), pullback)``: ``pullback(cotangent)`` gives a tuple of cotangents, one for each argument.

    The cotangent has the nesting and shapes of the result of f. With `has_aux`, f returns a pair and
    ``(out, pullback, aux)`` comes.

    >>> out, pullback = vjp(lambda x, y: x * y, 3.0, np.array([1.0, 2.0]))
    >>> out, pullback(np.array([1.0, 1.0]))
    (array([3., 6.]), (3.0, array([3., 3.])))
    """
    call = Call(checked("vjp", f), args, {}, everything(args), has_aux)

    @recorded
    def pullback(cotangent: Any) -> tuple[Any, ...]:
        return call.nested(call.pull(cotangent))

    out = call.finished(call.out)
    return (out, pullback, call.aux) if has_aux else (out, pullback)


@recorded
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """``(f(*args), tangent)``: the derivative of the result along `tangents`, which have the nesting of `args`.

    Forward mode, derived from the rules of reverse mode: the pullback is linear in its cotangent, and the
    derivative of that linear map is its transpose (Townsend 2017).

    Args:
        args: a tuple of the arguments; anything else is the only argument.
        tangents: a tuple of tangents, or the only one.

    >>> jvp(np.sin, (0.0,), (2.0,))
    (0.0, 2.0)
    """
    single = type(args) is not tuple
    args, tangents = ((args,), (tangents,)) if single else (args, tangents)
    call = Call(checked("jvp", f), args, {}, everything(args))
    along = call.matching(tangents, "a tangent of jvp()")
    results = Tree(call.out)
    moved = [tangent for out in results.leaves for tangent in forward(call, out, along)]
    return call.finished(call.out), results.rebuild(moved)


def jacobian(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """The function that gives the Jacobian: for a result of shape (m...) and an argument of shape (n...), an array (m..., n...).

    As many backward passes as the result has elements, or as the argument has, whichever are fewer. With nested
    results and arguments, the nesting of the result holds that of the argument.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    f, places = checked("jacobian", f), places_of("jacobian", argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        call = Call(f, args, named, places, has_aux)
        results = Tree(call.out)
        result = results.rebuild([call.nested(call.jacobians(out)) for out in results.leaves])
        return (result, call.aux) if has_aux else result

    return function


def hessian(f: Function, argnum: ArgNum = 0) -> Function:
    """The function that gives the second derivatives: for a scalar result and an argument of shape (n...), an array (n..., n...).

    Of nested arguments, and of modules, by pairs of names: ``hessian(loss)(model)["0.weight"]["2.bias"]``.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    first = jacobian(f, argnum)

    f, places = checked("hessian", f), places_of("hessian", argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        call = Call(first, args, named, places, quiet=True)
        results = Tree(call.out)
        return results.rebuild([call.nested(call.jacobians(out)) for out in results.leaves])

    return function


@recorded
def hvp(f: Function, args: Any, v: Any) -> Any:
    """The Hessian of a scalar `f` at `args` times `v`, which has the nesting of `args`, without the Hessian.

    Args:
        args: a tuple of the arguments; anything else is the only argument.
        v: a tuple of directions, or the only one. The result is of the same form.

    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    single = type(args) is not tuple
    args, v = ((args,), (v,)) if single else (args, v)
    call = Call(checked("hvp", f), args, {}, everything(args))
    along = call.matching(v, "a direction of hvp()")
    out = scalar_result(call, "hvp")
    slope = inner(call.cotangents(out, call.targets, seed_like(out), on_values=True), along) if is_value(out) else 0.0
    result = call.nested(call.cotangents(slope, call.targets, 1.0, call.on_values or any(map(is_value, along)), along))
    return result[0] if single else result


def forward(call: Call, out: Any, along: list[Any]) -> list[Any]:
    """The derivative of one result along tangents; where hooks change gradients, by the rows of the Jacobian."""
    on_values = call.on_values or any(map(is_value, along))
    if not call.has_hooks(out):
        seed, before = probe(out), runs.get()
        slope = inner(call.cotangents(out, call.targets, seed, on_values=True), along) if is_value(out) else 0.0  # linear in seed
        if runs.get() == before:
            return call.cotangents(slope, [seed], 1.0, on_values, along)
    terms = []
    for jacobian_, target, tangent in zip(call.jacobians(out), call.targets, along, strict=True):
        axes = tuple(range(np.ndim(out), np.ndim(out) + target.ndim))
        terms.append((jacobian_ * tangent).sum(axis=axes) if target.ndim else jacobian_ * tangent)
    total = sum(terms[1:], terms[0])
    return [float(total) if isinstance(total, np.floating) else total]


def stop_gradient(x: Any) -> Any:
    """The same numbers without their graph: nothing is differentiated through them. Of any nesting.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return map_tree(lambda leaf, path: leaf.detach() if is_value(leaf) else leaf, x, module=lambda item, path: item)


def scalar_result(call: Call, name: str) -> Any:
    """The result, checked to be a single number."""
    out = call.out
    if not is_value(out) and not isinstance(out, (np.ndarray, np.generic, Real)):
        came = "None" if out is None else f"a {type(out).__name__}"
        aux = "; has_aux=True takes a pair (result, aux)" if isinstance(out, tuple) else ""
        raise TypeError(
            f"{name}() needs a function with a single number as its result, but got {came}: use jacobian() or vjp(){aux}"
        )
    if np.size(out) != 1:
        raise TypeError(
            f"{name}() needs a function with a single number as its result, but the result has the shape {np.shape(out)}: "
            "reduce it, as with .sum(), or use jacobian() for all derivatives, or vjp() for those of one cotangent"
        )
    return out


def scalar_cotangents(call: Call, name: str) -> list[Any]:
    out = scalar_result(call, name)
    return call.cotangents(out, call.targets, seed_like(out), call.on_values)


def seed_like(out: Any) -> Any:
    return np.ones(out.shape, out.dtype) if np.shape(out) else 1.0
