"""Losses: closed forms, first and second derivatives for every reduction, errors, and the modules."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, gradient
from autograd.verify import check_gradients
from tests.sweeps import slow

REDUCTIONS = ("mean", "sum", "none")
RNG = np.random.default_rng(0)
SIGNS = np.array([1.0, -1.0, -1.0, 1.0, 1.0])
CLASSES = np.array([0, 2, 1])
WEIGHT = np.array([0.5, 1.0, 2.0])
APART = np.array([0.3, -0.4, 1.7, -2.6, 0.05])  # errors away from the kinks at 0, 0.5, 1 and 2
ROWS = RNG.uniform(0.1, 1.0, (3, 3))
ROWS /= ROWS.sum(axis=1, keepdims=True)
MATRIX, OTHER, THIRD = RNG.normal(size=(3, 3, 3))

#: name, differentiable inputs, other inputs, settings, and the loss of each sample by another formula.
CASES: list[tuple[str, list[Any], list[Any], dict[str, Any], Callable[..., Any]]] = [
    ("mse_loss", [APART, 0.0 * APART], [], {}, lambda x, t: (x - t) ** 2),
    ("half_square_loss", [APART, 0.0 * APART], [], {}, lambda x, t: (x - t) ** 2 / 2),
    ("l1_loss", [APART, 0.0 * APART], [], {}, lambda x, t: np.abs(x - t)),
    ("huber_loss", [APART, 0.0 * APART], [], {}, lambda x, t: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5)),
    ("huber_loss", [APART, 0.0 * APART], [], {"delta": 0.5},
     lambda x, t: np.where(np.abs(x) < 0.5, x**2 / 2, 0.5 * np.abs(x) - 0.125)),
    ("smooth_l1_loss", [APART, 0.0 * APART], [], {"beta": 2.0},
     lambda x, t: np.where(np.abs(x) < 2, x**2 / 4, np.abs(x) - 1.0)),
    ("smooth_l1_loss", [APART, 0.0 * APART], [], {"beta": 0.0}, lambda x, t: np.abs(x - t)),
    ("gaussian_nll_loss", [APART, np.ones(5), np.arange(1.0, 6.0)], [], {},
     lambda x, t, v: 0.5 * (np.log(v) + (x - t) ** 2 / v)),
    ("gaussian_nll_loss", [MATRIX, OTHER, np.arange(1.0, 4.0)], [], {"full": True},
     lambda x, t, v: -np.log(np.exp(-((x - t) ** 2) / (2 * v[:, None])) / np.sqrt(2 * np.pi * v[:, None]))),
    ("poisson_nll_loss", [APART], [np.array([0.0, 1.0, 2.0, 3.0, 4.0])], {}, lambda x, t: np.exp(x) - t * x),
    ("poisson_nll_loss", [np.exp(APART)], [np.array([0.0, 1.0, 2.0, 3.0, 4.0])], {"log_input": False},
     lambda x, t: x - t * np.log(x + 1e-8)),
    ("cross_entropy", [MATRIX], [CLASSES], {}, lambda x, t: np.log(np.exp(x).sum(1)) - x[np.arange(3), t]),
    ("cross_entropy", [MATRIX, ROWS], [], {}, lambda x, q: (q * (np.log(np.exp(x).sum(1, keepdims=True)) - x)).sum(1)),
    ("cross_entropy", [MATRIX], [CLASSES], {"label_smoothing": 0.3},
     lambda x, t: ((0.7 * np.eye(3)[t] + 0.1) * (np.log(np.exp(x).sum(1, keepdims=True)) - x)).sum(1)),
    ("nll_loss", [np.log(ROWS)], [CLASSES], {}, lambda x, t: -x[np.arange(3), t]),
    ("multi_margin_loss", [MATRIX], [CLASSES], {},
     lambda x, t: (np.maximum(0, 1 - x[np.arange(3), t][:, None] + x).sum(1) - 1) / 3),
    ("multi_margin_loss", [MATRIX], [CLASSES], {"p": 2, "margin": 0.5},
     lambda x, t: ((np.maximum(0, 0.5 - x[np.arange(3), t][:, None] + x) ** 2).sum(1) - 0.25) / 3),
    ("binary_cross_entropy", [ROWS, OTHER * 0.1 + 0.5], [], {}, lambda p, t: -t * np.log(p) - (1 - t) * np.log(1 - p)),
    ("binary_cross_entropy_with_logits", [MATRIX, ROWS], [], {},
     lambda x, t: -t * np.log(1 / (1 + np.exp(-x))) - (1 - t) * np.log(1 / (1 + np.exp(x)))),
    ("binary_cross_entropy_with_logits", [MATRIX, ROWS], [], {"pos_weight": WEIGHT, "weight": 2.0 * np.ones((3, 1))},
     lambda x, t: 2 * (-WEIGHT * t * np.log(1 / (1 + np.exp(-x))) - (1 - t) * np.log(1 / (1 + np.exp(x))))),
    ("kl_div", [MATRIX, ROWS], [], {}, lambda x, t: t * (np.log(t) - x)),
    ("kl_div", [MATRIX, np.log(ROWS)], [], {"log_target": True}, lambda x, t: np.exp(t) * (t - x)),
    ("hinge_loss", [APART], [SIGNS], {}, lambda x, t: np.maximum(0, 1 - t * x)),
    ("hinge_embedding_loss", [APART], [SIGNS], {"margin": 2.0}, lambda x, t: np.where(t > 0, x, np.maximum(0, 2 - x))),
    ("margin_ranking_loss", [APART, 0.0 * APART], [SIGNS], {"margin": 0.2}, lambda a, b, t: np.maximum(0, 0.2 - t * (a - b))),
    ("cosine_embedding_loss", [MATRIX, OTHER], [SIGNS[:3]], {"margin": -0.2},
     lambda a, b, t: np.where(t > 0, 1 - cosine(a, b), np.maximum(0, cosine(a, b) + 0.2))),
    ("triplet_margin_loss", [MATRIX, OTHER, THIRD], [], {},
     lambda a, b, c: np.maximum(0, np.linalg.norm(a - b + 1e-6, axis=1) - np.linalg.norm(a - c + 1e-6, axis=1) + 1)),
    ("triplet_margin_loss", [MATRIX, OTHER, THIRD], [], {"p": 1.0, "swap": True, "margin": 0.3},
     lambda a, b, c: np.maximum(0, np.abs(a - b + 1e-6).sum(1) + 0.3
                                - np.minimum(np.abs(a - c + 1e-6).sum(1), np.abs(b - c + 1e-6).sum(1)))),
]  # fmt: skip
EACH = pytest.mark.parametrize(
    ("name", "inputs", "others", "how", "formula"), CASES, ids=[f"{case[0]} {case[3] or ''}" for case in CASES]
)


def cosine(a: Any, b: Any) -> Any:
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


@EACH
def test_closed_forms(name: str, inputs: Any, others: Any, how: Any, formula: Any) -> None:
    expected = formula(*inputs, *others)
    for reduction, exact in (("mean", np.mean(expected)), ("sum", np.sum(expected)), ("none", expected)):
        out = getattr(nn, name)(*map(Value, inputs), *others, reduction=reduction, **how)
        assert out.shape == np.shape(exact)
        np.testing.assert_allclose(out.data, exact, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(getattr(nn, name)(*inputs, *others, reduction=reduction, **how), out.data, rtol=1e-15)


@EACH
@pytest.mark.parametrize("reduction", ["mean", *slow("sum", "none")])
def test_both_derivatives(name: str, inputs: Any, others: Any, how: Any, formula: Any, reduction: str) -> None:
    def loss(*values: Any) -> Any:
        out = getattr(nn, name)(*values, *others, reduction=reduction, **how)
        return (out * np.arange(1.0, out.size + 1.0).reshape(out.shape)).sum() if reduction == "none" else out

    report = check_gradients(loss, *inputs, order=2)
    assert report.ok, str(report)


@EACH
def test_float32_stays(name: str, inputs: Any, others: Any, how: Any, formula: Any) -> None:
    values = [Value(item.astype(np.float32)) for item in inputs]
    out = getattr(nn, name)(*values, *others, reduction="none", **how)
    assert out.dtype == np.float32
    with_plain = getattr(nn, name)(values[0], *inputs[1:], *others, reduction="none", **how)
    assert with_plain.dtype == np.float32
    out.sum().backward()
    assert {value.grad.dtype for value in values} == {np.dtype(np.float32)}
    np.testing.assert_allclose(out.data, formula(*inputs, *others), rtol=2e-4, atol=1e-5)


@EACH
def test_lists_are_taken(name: str, inputs: Any, others: Any, how: Any, formula: Any) -> None:
    out = getattr(nn, name)(*(item.tolist() for item in (*inputs, *others)), **how)
    np.testing.assert_allclose(out, np.mean(formula(*inputs, *others)), rtol=1e-12)


@EACH
def test_an_unknown_reduction_is_named(name: str, inputs: Any, others: Any, how: Any, formula: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name}\(\) takes the reductions 'mean', 'sum' and 'none', got 'average'"):
        getattr(nn, name)(*inputs, *others, reduction="average", **how)


# --- weights, ignored targets, smoothing ----------------------------------------------------------


def test_a_weighted_mean_is_over_the_weights() -> None:
    x, weight = np.array([1.0, 2.0, 4.0]), [1.0, 0.0, 3.0]
    assert nn.mse_loss(x, np.zeros(3), weight=weight) == pytest.approx((1.0 + 3.0 * 16.0) / 4.0)
    assert nn.l1_loss(x, np.zeros(3), weight=weight) == pytest.approx((1.0 + 3.0 * 4.0) / 4.0)
    assert nn.huber_loss(x, np.zeros(3), weight=weight) == pytest.approx((0.5 + 3.0 * 3.5) / 3.0)  # as in PyTorch
    rows = np.ones((2, 3))
    assert nn.mse_loss(2.0 * rows, rows, weight=[[1.0], [2.0]]) == 1.0
    with pytest.raises(ValueError, match=r"losses of shape \(3,\), got weights of shape \(2, 3\)"):
        nn.mse_loss(x, np.zeros(3), weight=rows)
    with pytest.raises(TypeError, match="constant weights.*pass weight.data"):
        nn.mse_loss(x, np.zeros(3), weight=Value(x))


def test_class_weights_and_ignored_targets() -> None:
    data, target = np.random.default_rng(1).normal(size=(5, 3)), np.array([0, 2, -1, 1, 0])
    logits, classes, kept = Value(data), np.array([0, 2, 0, 1, 0]), np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    each = nn.cross_entropy(logits, classes, reduction="none").data
    factor = WEIGHT[classes] * kept
    loss = nn.cross_entropy(logits, target, weight=WEIGHT, ignore_index=-1)
    assert loss.data == pytest.approx((each * factor).sum() / factor.sum())
    loss.backward()
    assert not logits.grad[2].any() and logits.grad[[0, 1, 3, 4]].all()
    assert nn.cross_entropy(logits, target, ignore_index=-1).data == pytest.approx((each * kept).sum() / 4.0)
    assert nn.cross_entropy(logits, target, ignore_index=-1, reduction="none").data[2] == 0.0
    picked = -data[np.arange(5), classes]
    assert nn.nll_loss(data, target, WEIGHT, -1) == pytest.approx((picked * factor).sum() / factor.sum())
    report = check_gradients(lambda x: nn.cross_entropy(x, target, WEIGHT, -1, label_smoothing=0.2), data, order=2)
    assert report.ok, str(report)


def test_ignored_targets_may_be_anything() -> None:
    """Infinite logits in rows of padding affect neither the loss nor a gradient."""
    logits = Value([[0.0, 0.0], [math.inf, math.nan]])
    for how in ({}, {"weight": [1.0, 1.0]}, {"label_smoothing": 0.1}):
        loss = nn.cross_entropy(logits, [0, -100], **how)
        assert loss.data == pytest.approx(math.log(2.0))
        assert np.isfinite(gradient(loss, logits).data).all()


@pytest.mark.parametrize("f", [nn.cross_entropy, nn.nll_loss])
def test_a_mean_of_ignored_targets_only_is_an_error(f: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="nothing to average, because all targets are ignored.*reduction='sum'"):
        f(np.zeros((2, 3)), [-100, -100])
    with pytest.raises(ValueError, match="nothing to average"):
        f(np.zeros((2, 3)), [0, 0], weight=[0.0, 1.0, 1.0])
    assert f(np.zeros((2, 3)), [-100, -100], reduction="sum") == 0.0
    assert f(np.zeros((2, 3)), [-100, -100], reduction="none").tolist() == [0.0, 0.0]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64])
def test_targets_are_integers_of_any_kind(kind: Any) -> None:
    expected = nn.cross_entropy(MATRIX, CLASSES)
    assert nn.cross_entropy(MATRIX, CLASSES.astype(kind)) == expected
    assert nn.nll_loss(np.log(ROWS), CLASSES.astype(kind)) == nn.nll_loss(np.log(ROWS), CLASSES)
    wrong = CLASSES.astype(kind)
    wrong[0] = np.iinfo(kind).max
    with pytest.raises(ValueError, match="3 classes, 0 to 2, got targets from"):
        nn.cross_entropy(MATRIX, wrong)


def test_classes_on_another_axis() -> None:
    rng = np.random.default_rng(2)
    logits, target = rng.normal(size=(2, 3, 4)), rng.integers(0, 3, (2, 4))
    expected = nn.cross_entropy(np.moveaxis(logits, 1, -1), target)
    assert nn.cross_entropy(Value(logits), target, axis=1).data == pytest.approx(expected)
    assert nn.nll_loss(Value(logits), target, axis=1).data == pytest.approx(nn.nll_loss(np.moveaxis(logits, 1, -1), target))
    hot = np.moveaxis(np.eye(3)[target], -1, 1)
    assert nn.cross_entropy(Value(logits), hot, axis=1).data == pytest.approx(expected)


def test_full_label_smoothing_is_the_mean_over_the_classes() -> None:
    uniform = nn.cross_entropy(MATRIX, np.full((3, 3), 1.0 / 3.0))
    assert nn.cross_entropy(MATRIX, CLASSES, label_smoothing=1.0) == pytest.approx(uniform)
    assert nn.cross_entropy(MATRIX, np.eye(3)[CLASSES], label_smoothing=0.4) == pytest.approx(
        nn.cross_entropy(MATRIX, CLASSES, label_smoothing=0.4)
    )


# --- numbers of any size, and edges ---------------------------------------------------------------


def test_large_logits() -> None:
    x = Value([1000.0, -1000.0, 1000.0, -1000.0])
    loss = nn.binary_cross_entropy_with_logits(x, [1.0, 0.0, 0.0, 1.0], reduction="sum")
    assert loss.data == 2000.0
    loss.backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0, -1.0]
    wide = Value([[1000.0, -1000.0]])
    loss = nn.cross_entropy(wide, [1])
    loss.backward()
    assert (loss.data, wide.grad.tolist()) == (2000.0, [[1.0, -1.0]])


def test_binary_cross_entropy_stops_at_100() -> None:
    p = Value([0.0, 1.0, 0.0])
    loss = nn.binary_cross_entropy(p, [1.0, 0.0, 0.0], reduction="sum")
    loss.backward()
    assert (loss.data, p.grad.tolist()) == (200.0, [-1e12, 1e12, 0.0])


def test_kinks_have_the_smaller_slope() -> None:
    error = Value([0.0, 1.0, -1.0])
    for loss, slopes in (
        (nn.l1_loss, [0.0, 1.0, -1.0]),
        (nn.huber_loss, [0.0, 1.0, -1.0]),
        (nn.smooth_l1_loss, [0.0, 1.0, -1.0]),
    ):
        assert gradient(loss(error, np.zeros(3), reduction="sum"), error).data.tolist() == slopes
    score = Value([1.0])
    assert gradient(nn.hinge_loss(score, [1]), score).data.tolist() == [0.0]


def test_a_divergence_counts_0_where_the_target_is_0() -> None:
    loss = nn.kl_div(Value([[-1.0, -2.0]]), [[1.0, 0.0]], reduction="batchmean")
    assert loss.data == 1.0
    assert nn.kl_div(np.log(ROWS), ROWS, reduction="sum") == pytest.approx(0.0, abs=1e-15)


def test_a_small_variance_can_grow() -> None:
    var = Value([0.0])
    nn.gaussian_nll_loss([1.0], [0.0], var, eps=0.5).backward()
    assert var.grad.tolist() == [0.5 * (1.0 / 0.5 - 1.0 / 0.25)]
    assert nn.gaussian_nll_loss([1.0], [0.0], 1.0) == 0.5


def test_similarity_of_a_zero_vector() -> None:
    x = Value([[0.0, 0.0], [3.0, 4.0]])
    out = nn.cosine_similarity(x, [[1.0, 0.0], [6.0, 8.0]])
    np.testing.assert_allclose(out.data, [0.0, 1.0])
    assert np.isfinite(gradient(out, x, np.ones(2)).data).all()
    every = nn.cosine_similarity(x[:, None], np.ones((1, 3, 2)))  # broadcasting is meant here
    assert every.shape == (2, 3)
    np.testing.assert_allclose(nn.cosine_similarity(np.ones((3, 4)), np.ones((3, 1))), 1.0)  # lengths after broadcasting
    np.testing.assert_allclose(nn.cosine_similarity(Value(np.ones((3, 4))), Value(np.ones(4)), axis=0).data, 1.0)


def test_one_number_and_no_number() -> None:
    assert nn.mse_loss(Value(3.0), 1.0).data == 4.0
    assert nn.cross_entropy(Value([0.0, 0.0]), 1).data == pytest.approx(math.log(2.0))
    assert nn.mse_loss(np.ones((0, 2)), np.ones((0, 2)), reduction="sum") == 0.0
    assert nn.cross_entropy(np.ones((0, 2)), np.ones(0, dtype=int), reduction="none").shape == (0,)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.mse_loss(np.ones((0, 2)), np.ones((0, 2))), ValueError, "nothing to average, because the batch is empty"),
        (lambda: nn.cross_entropy(np.ones((0, 2)), np.ones(0, int)), ValueError, "because the batch is empty: leave the batch"),
        (lambda: nn.l1_loss(np.ones((3, 1)), np.ones(3)), ValueError, r"l1_loss\(\).*\(3, 1\) and \(3,\), which"),
        (lambda: nn.huber_loss(np.ones(3), 1.0), ValueError, r"one shape, got \(3,\) and \(\)"),
        (lambda: nn.huber_loss(1.0, 1.0, delta=0.0), ValueError, "positive delta, got 0.0"),
        (lambda: nn.smooth_l1_loss(1.0, 1.0, beta=-1.0), ValueError, "not negative, got -1.0"),
        (lambda: nn.gaussian_nll_loss(MATRIX, MATRIX, -ROWS), ValueError, "not negative: apply exp or softplus first"),
        (lambda: nn.gaussian_nll_loss(MATRIX, MATRIX, np.ones(4)), ValueError, r"the shape \(3, 3\).*got \(4,\)"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES, np.ones(2)), ValueError, r"each of 3 classes, got the shape \(2,\)"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES, Value(WEIGHT)), TypeError, "constant weights"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES, label_smoothing=2.0), ValueError, "between 0 and 1, got 2.0"),
        (lambda: nn.cross_entropy(MATRIX, 2.0 * ROWS), ValueError, "probabilities between 0 and 1, got numbers from"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES * 1.0), TypeError, r"integers, got the dtype float64: use target.astype"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES > 0), TypeError, "the dtype bool"),
        (lambda: nn.cross_entropy(MATRIX, CLASSES - 1), ValueError, "0 to 2, got targets from -1 to 1"),
        (lambda: nn.cross_entropy(np.ones((2, 3, 4)), np.ones((2, 4), int)), ValueError, "axis= says where the classes are"),
        (lambda: nn.nll_loss(MATRIX, CLASSES + 1), ValueError, r"nll_loss\(\) has 3 classes.*from 1 to 3"),
        (lambda: nn.multi_margin_loss(MATRIX, CLASSES, p=3), ValueError, "p = 1 or 2, got 3"),
        (lambda: nn.multi_margin_loss(MATRIX, CLASSES * 1.0), TypeError, "integers"),
        (lambda: nn.binary_cross_entropy([1.5], [1.0]), ValueError, "probabilities between 0 and 1.*apply sigmoid"),
        (lambda: nn.binary_cross_entropy([0.5], [-1.0]), ValueError, "targets between 0 and 1, got numbers from -1 to -1"),
        (lambda: nn.binary_cross_entropy_with_logits([0.5], [2.0]), ValueError, "targets between 0 and 1"),
        (lambda: nn.binary_cross_entropy_with_logits([0.5], [1.0], pos_weight=[[1.0]]), ValueError, r"weights of shape \(1, 1\)"),
        (lambda: nn.kl_div(MATRIX, MATRIX), ValueError, "targets between 0 and 1"),
        (lambda: nn.hinge_embedding_loss(APART[:3], CLASSES), ValueError, "the targets -1 and 1: use 2"),
        (lambda: nn.cosine_embedding_loss(MATRIX, OTHER, SIGNS[:3, None]), ValueError, r"\(3,\) and \(3, 1\)"),
        (lambda: nn.triplet_margin_loss(MATRIX, OTHER, THIRD[:1]), ValueError, r"\(3, 3\) and \(1, 3\)"),
    ],
)  # fmt: skip
def test_bad_calls_are_named(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


# --- modules --------------------------------------------------------------------------------------

MODULES: dict[str, type[nn.Module]] = {
    "mse_loss": nn.MSELoss, "half_square_loss": nn.HalfSquareLoss, "l1_loss": nn.L1Loss, "huber_loss": nn.HuberLoss,
    "smooth_l1_loss": nn.SmoothL1Loss, "gaussian_nll_loss": nn.GaussianNLLLoss, "poisson_nll_loss": nn.PoissonNLLLoss,
    "cross_entropy": nn.CrossEntropyLoss, "nll_loss": nn.NLLLoss, "multi_margin_loss": nn.MultiMarginLoss,
    "binary_cross_entropy": nn.BCELoss, "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss, "kl_div": nn.KLDivLoss,
    "hinge_loss": nn.HingeLoss, "hinge_embedding_loss": nn.HingeEmbeddingLoss, "margin_ranking_loss": nn.MarginRankingLoss,
    "cosine_embedding_loss": nn.CosineEmbeddingLoss, "triplet_margin_loss": nn.TripletMarginLoss,
}  # fmt: skip


@EACH
def test_modules(name: str, inputs: Any, others: Any, how: Any, formula: Any) -> None:
    module = MODULES[name](**how, reduction="sum")  # type: ignore[call-arg]
    assert module(*inputs, *others) == pytest.approx(formula(*inputs, *others).sum())
    assert pickle.loads(pickle.dumps(module))(*inputs, *others) == module(*inputs, *others)
    assert all(f"{key}=" in repr(module) for key in (*how, "reduction"))


def test_every_loss_of_nn_is_tested() -> None:
    subclasses = {item for item in nn.FunctionModule.__subclasses__() if item.__module__ == "nn.losses"}
    assert subclasses == {*MODULES.values(), nn.CosineSimilarity}
    assert {case[0] for case in CASES} == set(MODULES)
    assert {item.__name__ for item in subclasses} <= set(nn.__all__)


def test_weights_of_a_module_are_its_buffers() -> None:
    module = nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1)
    assert [name for name, _ in module.named_buffers()] == ["weight"]
    assert (
        repr(nn.CrossEntropyLoss())
        == "CrossEntropyLoss(weight=None, ignore_index=-100, reduction='mean', label_smoothing=0.0, axis=-1)"
    )


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: nn.cross_entropy(None, [0, 1]), TypeError, r"None: does forward\(\) return its result"),
        (lambda: nn.MSELoss()(None, [0.0]), TypeError, r"None: does forward\(\) return its result"),
        (lambda: nn.mse_loss(nn.LSTM(3, 4)(np.ones((5, 2, 3))), 0.0), TypeError, r"tuple of 2.*out, state = lstm\(x\)"),
        (lambda: nn.cross_entropy([0, 1], Value(np.ones((2, 3)))), TypeError, r"_entropy\(prediction, target\), in this order"),
        (lambda: nn.cross_entropy(np.ones((2, 3)), ["cat", "dog"]), TypeError, r"np.unique\(target, return_inverse=True\)"),
        (lambda: nn.CrossEntropyLoss(Value(np.ones((2, 3))), [0, 1]), TypeError, r"then call it, CrossEntropyLoss\(\)\(...\)"),
    ],
)  # fmt: skip
def test_errors_name_frequent_mistakes(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


# --- what a loss does itself -----------------------------------------------------------------------------


def test_a_softmax_before_the_loss_is_refused() -> None:
    """It would be applied twice, and training would be slower and worse."""
    x, target = Value(np.random.default_rng(0).normal(size=(4, 3))), [0, 1, 2, 0]
    with pytest.raises(
        ValueError, match=r"cross_entropy\(\) takes logits and applies softmax\(\) itself, got the result of soft"
    ):
        nn.cross_entropy(nn.softmax(x), target)
    with pytest.raises(ValueError, match=r"applies sigmoid\(\) itself, got the result of sigmoid\(\): leave it out"):
        nn.binary_cross_entropy_with_logits(nn.sigmoid(x), np.ones((4, 3)))
    with pytest.raises(ValueError, match="takes the logarithms of probabilities, got probabilities: use log_softmax"):
        nn.nll_loss(nn.softmax(x), target)
    right = nn.cross_entropy(x, target).data
    assert nn.cross_entropy(nn.log_softmax(x), target).data == pytest.approx(right)  # changes nothing
    assert nn.nll_loss(nn.log_softmax(x), target).data == pytest.approx(right)


@pytest.mark.parametrize("loss", [nn.mse_loss, nn.l1_loss, nn.binary_cross_entropy_with_logits])
def test_no_targets(loss: Any) -> None:
    for prediction in (Value(1.0), Value([1.0, 2.0])):
        with pytest.raises(TypeError, match="a loss takes targets, got None"):
            loss(prediction, None)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_gradient_of_classes_on_any_axis(axis: int) -> None:
    """For any memory order of the logits: the softmax, minus 1 at the class, divided by the number of samples."""
    rng = np.random.default_rng(0)
    scores, target = rng.normal(size=(2, 4, 3)), rng.integers(3, size=(2, 4))
    p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    right = (p - np.eye(3)[target]) / 8.0
    for order in (np.ascontiguousarray, np.asfortranarray):
        x = Value(order(np.moveaxis(scores, -1, axis)))
        nn.cross_entropy(x, target, axis=axis).backward()
        np.testing.assert_allclose(x.grad, np.moveaxis(right, -1, axis), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "value", "slope"),
    [
        # a class that is impossible, and never the target
        (lambda x: nn.cross_entropy(x, [[0.0, 0.25, 0.75]]), 1.0 - 0.75 + math.log1p(math.exp(-1.0)), None),
        (lambda x: nn.cross_entropy(x, [2], weight=[0.0, 1.0, 1.0], label_smoothing=0.3), None, None),
        (lambda x: nn.kl_div(x, [[0.0, 0.5, 0.5]], "sum"), -math.log(2.0) - 0.5, [0.0, -0.5, -0.5]),
        (lambda x: nn.kl_div(x, [[-math.inf, 0.0, -math.inf]], "sum", log_target=True), 0.0, [0.0, -1.0, 0.0]),
    ],
)
def test_events_of_probability_zero_add_nothing(loss: Any, value: float | None, slope: list[float] | None) -> None:
    x = Value([[-math.inf, 0.0, 1.0]])
    out = loss(x)
    out.backward()
    assert math.isfinite(out.data)
    assert x.grad[0, 0] == 0.0
    assert np.isfinite(x.grad).all()
    if value is not None:
        assert math.isclose(out.data, value, abs_tol=1e-15)
    if slope is not None:
        np.testing.assert_allclose(x.grad[0], slope)


def test_certain_and_right_answers_have_no_loss() -> None:
    x = Value([math.inf, -math.inf])
    losses = nn.binary_cross_entropy_with_logits(x, [1, 0], reduction="none")
    losses.sum().backward()
    assert losses.data.tolist() == [0.0, 0.0]
    assert x.grad.tolist() == [0.0, 0.0]
    wrong = nn.binary_cross_entropy_with_logits(x, [0, 1], reduction="none").data
    assert wrong.tolist() == [math.inf, math.inf]


@pytest.mark.parametrize(("dtype", "size"), [(np.float64, 1e200), (np.float32, 1e25), (np.float32, 1.5e9)])
def test_the_angle_of_long_vectors(dtype: Any, size: float) -> None:
    x, y = np.array([[size, 0.0], [3.0, 4.0]], dtype), np.array([[size, size], [4.0, 3.0]], dtype)
    np.testing.assert_allclose(nn.cosine_similarity(x, y), [math.sqrt(0.5), 0.96], rtol=1e-6)
    v = Value(x)
    nn.cosine_similarity(v, y).sum().backward()
    right = [[0.0, math.sqrt(0.5) / size], [4 / 25 - 0.96 * 3 / 25, 3 / 25 - 0.96 * 4 / 25]]
    np.testing.assert_allclose(v.grad, right, rtol=1e-5, atol=1e-6 / size)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "hinge_loss", "binary_cross_entropy_with_logits"])
def test_predictions_and_targets_in_lists_of_values(name: str) -> None:
    a, b, c = Value(0.5), Value(-2.0), Value([0.5, -2.0])
    loss = getattr(nn, name)
    listed, whole = loss([a, b], [1, 1]), loss(c, [1, 1])
    listed.backward()
    whole.backward()
    assert listed.data == whole.data
    assert [a.grad, b.grad] == c.grad.tolist()
    assert np.asarray(loss([a, b], [Value(1.0), Value(1.0)]).data) == whole.data


@pytest.mark.parametrize(
    "call",
    [
        lambda masked: nn.mse_loss(Value(np.ones(3)), masked),
        lambda masked: nn.mse_loss(masked, np.ones(3)),
        lambda masked: nn.mse_loss(Value(np.ones(3)), np.ones(3), weight=masked),
        lambda masked: nn.cross_entropy(np.ones((3, 2)), masked.astype(int)),
        lambda masked: nn.accuracy(np.ones((3, 2)), masked.astype(int)),
        lambda masked: nn.Dropout()(masked),
    ],
)
def test_masks_of_numpy_are_refused_where_they_would_be_lost(call: Any) -> None:
    with pytest.raises(TypeError, match="masked array, whose mask would be lost"):
        call(np.ma.masked_array([1.0, 0.0, 1.0], [False, True, False]))
