"""Transforms of functions: grad, vjp, jvp, jacobian, hessian, hvp and others, composable to any depth.

Arguments are numbers, arrays, dicts, lists, tuples and dataclasses of them, nested to any depth, or modules, which are
treated as dicts of their parameters; results have the same structure. Results of plain data are plain data. They are Values,
which can be differentiated again, if an argument is a Value, or if they depend on an argument of an outer transform.

There is no vmap: NumPy code works on whole arrays, and the gradients of single samples are the
Jacobian of the vector of their losses, ``jacobian(lambda w: losses(w, X, y))(w)``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from autograd.hooks import runs
from autograd.op import is_value
from autograd.scope_stack import is_recording
from autograd.scopes import scope
from autograd.transforms.call import Call, Function, all_positions, check_argnum, check_function, inner_product, probe
from autograd.transforms.trees import Tree, keep, map_tree

ArgNum = int | str | Sequence[int | str]


def recorded(function: Function) -> Function:
    """Return the function, recorded also inside no_grad(), where its results are frozen."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if is_recording():
            return function(*args, **named)
        with scope(recording=True):
            result = function(*args, **named)
        return stop_gradient(result)

    return call


def transformed(
    name: str, f: Any, argnum: ArgNum, derive: Callable[[Call], Any], has_aux: bool = False, quiet: bool = False
) -> Function:
    """Return a function that calls `f` on Values and returns ``derive(call)``. Messages name the transform `name`."""
    f, places = check_function(name, f), check_argnum(name, argnum)

    @recorded
    @functools.wraps(f)
    def function(*args: Any, **named: Any) -> Any:
        return derive(Call(f, args, named, places, has_aux, quiet))

    return function


# --- the transforms -------------------------------------------------------------------------------


def grad(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of `f`, a function with a scalar result.

    Args:
        f: a function of numbers, arrays or nested parameters, in NumPy code.
        argnum: the argument to differentiate with respect to, its position or name; a tuple of them gives a tuple of
            gradients.
        has_aux: whether f returns a pair (result, aux). The function then returns (gradient, aux).

    Raises:
        TypeError: if the result of f is not a single number.

    >>> grad(lambda x, y: x**2 * y, argnum=(0, 1))(3.0, 2.0)
    (12.0, 9.0)
    """
    return transformed("grad", f, argnum, lambda call: call.with_aux(scalar_gradient(call, "grad")), has_aux)


def value_and_grad(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes ``(f(x), gradient)``, or ``((f(x), aux), gradient)`` with `has_aux`; see grad().

    >>> value_and_grad(lambda x: (x**2).sum())(np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """

    def derive(call: Call) -> Any:
        slope = scalar_gradient(call, "value_and_grad")
        return call.with_aux(call.finished(call.out)), slope

    return transformed("value_and_grad", f, argnum, derive, has_aux)


def elementwise_grad(f: Function, argnum: ArgNum = 0) -> Function:
    """Return the function that computes the derivative of an elementwise `f` at each element.

    Raises:
        ValueError: if the result of f has another shape than the argument.

    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """

    def derive(call: Call) -> Any:
        shape = np.shape(call.out)
        for target in call.targets:
            if target.shape != shape:
                raise ValueError(
                    f"elementwise_grad() expected a result of the shape {target.shape} of the argument, got {shape}: "
                    "use jacobian()"
                )
        return call.nested(call.pull(np.ones(shape)))

    return transformed("elementwise_grad", f, argnum, derive)


@recorded
def vjp(f: Function, *args: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return ``(f(*args), pullback)``; ``pullback(cotangent)`` returns a tuple of cotangents, one for each argument.

    The cotangent has the structure and shapes of the result of f. With `has_aux`, f returns a pair ``(out, aux)``, and vjp()
    returns ``(out, pullback, aux)``.

    >>> out, pullback = vjp(lambda x, y: x * y, 3.0, np.array([1.0, 2.0]))
    >>> out, pullback(np.array([1.0, 1.0]))
    (array([3., 6.]), (3.0, array([3., 3.])))
    """
    call = Call(check_function("vjp", f, "(f, x)"), args, {}, all_positions(args), has_aux)

    @recorded
    def pullback(cotangent: Any) -> tuple[Any, ...]:
        return call.nested(call.pull(cotangent))

    out = call.finished(call.out)
    return (out, pullback, call.aux) if has_aux else (out, pullback)


@recorded
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """Return ``(f(*args), tangent)``, the result and its derivative along `tangents`, which have the structure of `args`.

    This is forward mode, derived from the rules of reverse mode: the pullback is linear in its cotangent, and the
    derivative of that linear map is its transpose (Townsend 2017).

    Args:
        args: the tuple of the arguments, or the only argument, which is not a tuple.
        tangents: the tuple of tangents, or the only one.

    >>> jvp(np.sin, (0.0,), (2.0,))
    (0.0, 2.0)
    """
    single = type(args) is not tuple
    args, tangents = ((args,), (tangents,)) if single else (args, tangents)
    call = Call(check_function("jvp", f, "(f, x, tangent)"), args, {}, all_positions(args))
    along = call.matching(tangents, "a tangent of jvp()")
    results = Tree(call.out)
    moved = [tangent for out in results.leaves for tangent in forward(call, out, along)]
    return call.finished(call.out), results.rebuild(moved)


def jacobian(f: Function, argnum: ArgNum = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the Jacobian, an array (m..., n...) for a result (m...) and an argument (n...).

    It takes a backward pass for each element of the result or of the argument, whichever has fewer. For nested results
    and arguments, the structure of the argument is inside that of the result.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return transformed("jacobian", f, argnum, lambda call: call.with_aux(derivatives(call)), has_aux)


def hessian(f: Function, argnum: ArgNum = 0) -> Function:
    """Return the function that computes the second derivatives of a scalar, an array (n..., n...) for an argument (n...).

    For nested arguments and modules, index it by pairs of names: ``hessian(loss)(model)["0.weight"]["2.bias"]``.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    return transformed("hessian", transformed("hessian", f, argnum, derivatives), argnum, derivatives, quiet=True)


@recorded
def hvp(f: Function, args: Any, v: Any) -> Any:
    """Return the product of the Hessian of a scalar `f` at `args` and `v`, without computing the Hessian.

    Args:
        args: the tuple of the arguments, or the only argument, which is not a tuple.
        v: the tuple of directions, or the only one, in the structure of `args`, which the result has, too.

    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    single = type(args) is not tuple
    args, v = ((args,), (v,)) if single else (args, v)
    call = Call(check_function("hvp", f, "(f, x, v)"), args, {}, all_positions(args))
    along = call.matching(v, "a direction of hvp()")
    out = scalar_result(call, "hvp")
    slope = inner_product(call.cotangents(out, call.targets, seed_like(out), on_values=True), along) if is_value(out) else 0.0
    result = call.nested(call.cotangents(slope, call.targets, 1.0, call.on_values or any(map(is_value, along)), along))
    return result[0] if single else result


def forward(call: Call, out: Any, along: list[Any]) -> list[Any]:
    """Return the derivative of one result along tangents; from the rows of the Jacobian if hooks change gradients."""
    on_values = call.on_values or any(map(is_value, along))
    if not call.has_hooks(out):
        seed, before = probe(out), runs.get()
        found = call.cotangents(out, call.targets, seed, on_values=True)  # linear in seed
        slope = inner_product(found, along) if is_value(out) else 0.0
        if runs.get() == before:
            return call.cotangents(slope, [seed], 1.0, on_values, along)
    terms = []
    for jacobian_, target, tangent in zip(call.jacobians(out), call.targets, along, strict=True):
        axes = tuple(range(np.ndim(out), np.ndim(out) + target.ndim))
        terms.append((jacobian_ * tangent).sum(axis=axes) if target.ndim else jacobian_ * tangent)
    total = sum(terms[1:], terms[0])
    return [float(total) if isinstance(total, np.floating) else total]


def stop_gradient(x: Any) -> Any:
    """Return the same numbers without their graph, as constants in every derivative. `x` may be nested.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return map_tree(lambda leaf, path: leaf.detach() if is_value(leaf) else leaf, x, module=keep)


def scalar_result(call: Call, name: str) -> Any:
    """Return the result; raise TypeError unless it is a single number."""
    out = call.out
    if not is_value(out) and not isinstance(out, (np.ndarray, np.generic, Real)):
        got = "None" if out is None else f"a {type(out).__name__}"
        aux = "; has_aux=True takes a pair (result, aux)" if isinstance(out, tuple) else ""
        raise TypeError(
            f"{name}() needs a function with a single number as its result, but got {got}: use jacobian() or vjp(){aux}"
        )
    if (out.size if is_value(out) else np.size(out)) != 1:
        raise TypeError(
            f"{name}() needs a function with a single number as its result, but the result has the shape {np.shape(out)}: "
            "reduce it, as with .sum(), or use jacobian() for all derivatives, or vjp() for those of one cotangent"
        )
    return out


def scalar_gradient(call: Call, name: str) -> Any:
    """Return the derivatives of a single number, in the structure of the arguments."""
    out = scalar_result(call, name)
    return call.nested(call.cotangents(out, call.targets, seed_like(out), call.on_values))


def derivatives(call: Call) -> Any:
    """Return the Jacobians of all results."""
    return call.results.rebuild([call.nested(call.jacobians(out)) for out in call.results.leaves])


def seed_like(out: Any) -> Any:
    shape = out.shape if is_value(out) else np.shape(out)  # without NumPy's dispatch, which costs more than a small f
    return np.ones(shape, out.dtype) if shape else 1.0
