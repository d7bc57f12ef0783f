"""Cases that once failed, each in its smallest form."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, debug, gradient, no_grad, scope, where
from autograd.ops import linear
from autograd.ops.define import unary
from autograd.verify import check_gradients


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 1)])
def test_linear_with_a_bias_of_any_shape(shape: tuple[int, ...]) -> None:
    bias = np.random.default_rng(0).normal(size=shape)
    assert check_gradients(linear, np.ones((2, 2)), np.arange(6.0).reshape(3, 2), bias, order=2).ok
    with pytest.raises(ValueError, match=r"bias of shape \(4, 2, 3\) does not broadcast to the outputs of shape \(2, 3\)"):
        linear(Value(np.ones((2, 2))), np.ones((3, 2)), np.ones((4, 2, 3)))
    assert linear(np.ones((1, 2)), Value(np.ones((3, 2))), 1.0).data.tolist() == [[3.0, 3.0, 3.0]]


def test_a_rule_whose_cotangent_is_too_small_is_refused() -> None:
    wrong = unary("wrong", "wrong({})", lambda x: x, lambda x: x * 1.0, lambda g, out, x: g.sum(0))
    with pytest.raises(ValueError, match=r"cotangent of shape \(3,\) for an input of shape \(2, 3\): expected that, or one"):
        wrong(Value(np.ones((2, 3)))).sum().backward()


def test_backward_refuses_computed_arrays_that_were_set() -> None:
    y = Value(np.ones(2)) * 2.0
    y.data = np.zeros(2)
    y.data = np.ones(2)
    with pytest.raises(ValueError, match=r"a Value of shape \(2,\) computed by mul changed after it was computed"):
        y.sum().backward()
    z = Value(2.0).exp()
    z.data = math.nan
    with pytest.raises(ValueError, match="changed after it was computed"):
        (z * 3.0).backward()


def test_views_do_not_alias_leaves() -> None:
    w = Value(np.ones(4))
    with no_grad():
        views = [w.reshape(2, 2), w[:2], w.T, w.expand_dims(0), w.clip(), w.broadcast_to((2, 4))]
    w.data -= 5.0
    assert all((view.data == 1.0).all() and view.data.flags.writeable for view in views)
    view = w[:2]
    with pytest.raises(ValueError, match="read-only"):
        view.data -= 1.0
    assert w.data.tolist() == [-4.0] * 4


def test_results_of_gradient_share_no_memory() -> None:
    a, b = Value([1.0, 2.0]), Value([1.0, 2.0])
    seed = Value([1.0, 1.0])
    first, second = gradient(a + b, [a, b], seed)
    first.data *= 0.5
    assert (second.data.tolist(), seed.data.tolist()) == ([1.0, 1.0], [1.0, 1.0])


def test_a_scope_object_may_be_used_again_and_nested() -> None:
    off = no_grad()
    with off:
        with off:
            assert (Value(1.0) * 2.0).op is None
        assert (Value(1.0) * 2.0).op is None
    assert (Value(1.0) * 2.0).op is not None
    with debug(), off:
        pass
    assert off.asked == {"recording": False}
    attention = scope("attention")
    with scope("A"), attention:
        first = Value(1.0) * 2.0
    with scope("B"), attention, attention:
        second = Value(1.0) * 2.0
    assert (str(first.place), str(second.place)) == ("A.attention", "B.attention.attention")


def test_a_fully_masked_row_of_a_softmax() -> None:
    scores = Value([[-np.inf, -np.inf], [0.0, 1.0]])
    with np.errstate(invalid="ignore"):
        rows = where(np.array([[False], [True]]), scores.softmax(), 0.0)
    rows.sum().backward()
    assert np.isfinite(scores.grad).all()


def test_losses_keep_float32() -> None:
    scores = Value(np.ones((4, 1), dtype=np.float32)) * 1.0
    loss = nn.hinge_loss(scores, np.array([[1], [-1], [1], [1]]))
    inner = [node for node in loss.inputs[0].inputs if isinstance(node, Value)]
    assert [node.dtype for node in inner] == [np.float32]


def test_functions_on_lists() -> None:
    assert autograd.ops.add([1.0], [2.0]).tolist() == [3.0]
    assert autograd.ops.mul([1, 2], 3).tolist() == [3, 6]


def test_a_batch_is_not_one_sample() -> None:
    for batch in (np.ones((2, 2)), Value(np.ones((2, 2)))):
        with pytest.raises(ValueError, match=r"one sample.*got the shape \(2, 2\): loop over rows"):
            nn.MLP(2, [3, 1])(batch)
    assert [repr(model).split("(")[0] for model in (nn.Layer(3, 0), nn.MLP(3, []))] == ["Layer", "MLP"]


def test_a_copy_shares_no_gradient() -> None:
    leaf = Value(np.ones(2))
    leaf.grad = [1.0, 2.0]
    twin = copy.copy(leaf)
    twin.grad[:] = 7.0
    assert leaf.grad.tolist() == [1.0, 2.0]
