"""Losses equal PyTorch's, forward and all gradients, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn
from autograd import Value

REDUCTIONS = ["mean", "sum", "none"]

rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


def unit(*shape: int) -> np.ndarray:
    return rng.uniform(0.05, 0.95, size=shape)


def sign(*shape: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], size=shape)


def rows(*shape: int) -> np.ndarray:
    p = rng.uniform(0.1, 1.0, size=shape)
    return p / p.sum(-1, keepdims=True)


def cases() -> Iterator[tuple[str, list[np.ndarray], list[Any], dict[str, Any]]]:
    """Return (name in both libraries, differentiable inputs, other inputs, settings) of each loss, without its reduction."""
    for shape in [(5,), (4, 3), (2, 3, 4)]:
        pair = [normal(*shape) * 2.0, normal(*shape)]
        weight = rng.uniform(0.2, 2.0, shape)
        for name in ("mse_loss", "l1_loss"):
            yield name, pair, [], {}
            yield name, pair[:1], pair[1:], {"weight": weight}
        for delta in (0.5, 1.0, 3.0):
            yield "huber_loss", pair, [], {"delta": delta}
            yield "smooth_l1_loss", pair, [], {"beta": delta}
        yield "huber_loss", pair[:1], pair[1:], {"weight": weight, "delta": 0.7}
        yield "smooth_l1_loss", pair[:1], pair[1:], {"beta": 0.0}
        for full in (False, True):
            yield "gaussian_nll_loss", [*pair, rng.uniform(0.3, 2.0, shape)], [], {"full": full}
            yield "poisson_nll_loss", [normal(*shape)], [rng.poisson(2.0, shape).astype(float)], {"full": full}
            yield "poisson_nll_loss", [unit(*shape)], [rng.poisson(2.0, shape).astype(float)], {"full": full, "log_input": False}
        yield "binary_cross_entropy", [unit(*shape), unit(*shape)], [], {}
        yield "binary_cross_entropy", [unit(*shape)], [(normal(*shape) > 0) * 1.0], {"weight": weight}
        yield "binary_cross_entropy_with_logits", [normal(*shape) * 9.0, unit(*shape)], [], {}
        yield "binary_cross_entropy_with_logits", [normal(*shape)], [unit(*shape)], {"weight": weight}
        yield (
            "binary_cross_entropy_with_logits",
            [normal(*shape)],
            [unit(*shape)],
            {"pos_weight": rng.uniform(0.2, 2.0, shape[-1])},
        )
        yield "kl_div", [np.log(rows(*shape)), rows(*shape)], [], {}
        yield "kl_div", [np.log(rows(*shape)), np.log(rows(*shape))], [], {"log_target": True}
        yield "hinge_embedding_loss", [np.abs(normal(*shape))], [sign(*shape)], {"margin": 0.7}
        yield "margin_ranking_loss", [normal(*shape), normal(*shape)], [sign(*shape)], {"margin": 0.3}
    for eps in (1e-6, 0.8):
        yield "gaussian_nll_loss", [normal(4, 3), normal(4, 3), rng.uniform(0.3, 2.0, (4, 1))], [], {"eps": eps}
        yield "gaussian_nll_loss", [normal(4, 3), normal(4, 3), rng.uniform(0.3, 2.0, 4)], [], {"eps": eps}
    for weight, smoothing, ignore in product((None, rng.uniform(0.2, 2.0, 3)), (0.0, 0.1), (-100, 1)):
        target = np.array([0, 2, 1, 1, 0, ignore if ignore < 0 else 2])
        how = {"weight": weight, "ignore_index": ignore}
        yield "cross_entropy", [normal(6, 3)], [target], {**how, "label_smoothing": smoothing}
        yield "nll_loss", [np.log(rows(6, 3))], [target], how
        yield "cross_entropy", [normal(6, 3), rows(6, 3)], [], {"weight": weight, "label_smoothing": smoothing}
    for target in ([-100, -100, 3, 7], [0, 1, 2, 3], [-100, 0, 0, 9]):
        yield "cross_entropy", [normal(4, 10) * 30.0], [np.array(target)], {}
    for p, margin, weight in product((1, 2), (0.5, 1.0), (None, rng.uniform(0.2, 2.0, 4))):
        yield "multi_margin_loss", [normal(5, 4)], [rng.integers(0, 4, 5)], {"p": p, "margin": margin, "weight": weight}
    for margin in (0.0, 0.2):
        yield "cosine_embedding_loss", [normal(5, 4), normal(5, 4)], [sign(5)], {"margin": margin}
    for p, swap, margin in product((1.0, 2.0, 3.0), (False, True), (0.3, 1.0)):
        yield "triplet_margin_loss", [normal(5, 4), normal(5, 4), normal(5, 4)], [], {"p": p, "swap": swap, "margin": margin}


def tensor(item: Any, grad: bool = False) -> Any:
    return torch.tensor(item, requires_grad=grad) if isinstance(item, np.ndarray) else item


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], inputs: list[Any], others: list[Any]) -> None:
    """Compare the loss and the gradient of each input."""
    values, tensors = [Value(item) for item in inputs], [tensor(item, True) for item in inputs]
    out, out_torch = ours(*values, *others), theirs(*tensors, *map(tensor, others))
    assert np.shape(out.data) == tuple(out_torch.shape)
    np.testing.assert_allclose(out.data, out_torch.detach().numpy(), rtol=1e-10, atol=1e-10)
    seed = np.random.default_rng(1).normal(size=out.shape)
    out.backward(seed if out.shape else float(seed))
    out_torch.backward(torch.tensor(seed))
    for value, item in zip(values, tensors, strict=True):
        np.testing.assert_allclose(value.grad, item.grad.numpy(), rtol=1e-10, atol=1e-10)


CASES = list(cases())


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # PyTorch's, of its kl_div
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{name}-{number}" for number, (name, *_) in enumerate(CASES)])
def test_functions(number: int, reduction: str) -> None:
    name, inputs, others, how = CASES[number]
    in_torch = {key: tensor(item) for key, item in how.items()}
    compare(
        lambda *items: getattr(nn, name)(*items, reduction=reduction, **how),
        lambda *items: getattr(F, name)(*items, reduction=reduction, **in_torch),
        inputs,
        others,
    )


def test_batchmean() -> None:
    compare(
        lambda *items: nn.kl_div(*items, reduction="batchmean"),
        lambda *items: F.kl_div(*items, reduction="batchmean"),
        [np.log(rows(4, 3)), rows(4, 3)],
        [],
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("how", [{}, {"weight": np.array([0.5, 1.0, 2.0])}, {"label_smoothing": 0.2}, {"ignore_index": 1}])
def test_classes_on_axis_1(how: dict[str, Any], reduction: str) -> None:
    target = rng.integers(0, 3, (4, 5, 2))
    in_torch = {key: tensor(item) for key, item in how.items()}
    compare(
        lambda x, t: nn.cross_entropy(x, t, axis=1, reduction=reduction, **how),
        lambda x, t: F.cross_entropy(x, t, reduction=reduction, **in_torch),
        [normal(4, 3, 5, 2)],
        [target],
    )
    compare(
        lambda x, p: nn.cross_entropy(x, p, axis=1, reduction=reduction),
        lambda x, p: F.cross_entropy(x, p, reduction=reduction),
        [normal(4, 3, 5), np.swapaxes(rows(4, 5, 3), 1, 2).copy()],
        [],
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_at_its_ends(reduction: str) -> None:
    """The logarithms stop at -100, and the derivatives at 1e12, as in PyTorch."""
    p, target = map(np.array, zip(*product((0.0, 1e-30, 1e-9, 1.0), (0.0, 0.3, 1.0)), strict=True))
    values, tensors = Value(p), torch.tensor(p, requires_grad=True)
    out = nn.binary_cross_entropy(values, target, reduction=reduction)
    out_torch = F.binary_cross_entropy(tensors, torch.tensor(target), reduction=reduction)
    np.testing.assert_allclose(out.data, out_torch.detach().numpy(), rtol=1e-10)
    out.sum().backward()
    out_torch.sum().backward()
    np.testing.assert_allclose(values.grad, tensors.grad.numpy(), rtol=1e-8)  # PyTorch's 1e-12 is a float32


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cosine_similarity(axis: int) -> None:
    inputs = [normal(3, 4), normal(3, 4)]
    compare(lambda a, b: nn.cosine_similarity(a, b, axis), lambda a, b: F.cosine_similarity(a, b, axis), inputs, [])


#: PyTorch's modules: name, arguments, differentiable inputs, other inputs.
MODULES: list[tuple[str, dict[str, Any], list[np.ndarray], list[np.ndarray]]] = [
    ("MSELoss", {}, [normal(3), normal(3)], []),
    ("L1Loss", {"reduction": "sum"}, [normal(3), normal(3)], []),
    ("HuberLoss", {"delta": 0.5}, [normal(3), normal(3)], []),
    ("SmoothL1Loss", {"beta": 0.5}, [normal(3), normal(3)], []),
    ("GaussianNLLLoss", {"full": True}, [normal(3), normal(3), unit(3)], []),
    ("PoissonNLLLoss", {"log_input": False}, [unit(3)], [np.ones(3)]),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, [normal(3, 4)], [np.array([0, 3, 1])]),
    ("CrossEntropyLoss", {"weight": unit(4)}, [normal(3, 4)], [np.array([0, 3, 1])]),
    ("NLLLoss", {"weight": unit(4)}, [normal(3, 4)], [np.array([0, 3, 1])]),
    ("MultiMarginLoss", {"p": 2}, [normal(3, 4)], [np.array([0, 3, 1])]),
    ("BCELoss", {}, [unit(3)], [unit(3)]),
    ("BCEWithLogitsLoss", {"pos_weight": unit(3)}, [normal(3)], [unit(3)]),
    ("KLDivLoss", {"reduction": "batchmean"}, [normal(3, 2)], [rows(3, 2)]),
    ("HingeEmbeddingLoss", {"margin": 0.5}, [unit(3)], [sign(3)]),
    ("MarginRankingLoss", {"margin": 0.5}, [normal(3), normal(3)], [sign(3)]),
    ("CosineSimilarity", {}, [normal(3, 4), normal(3, 4)], []),
    ("CosineEmbeddingLoss", {"margin": 0.1}, [normal(3, 4), normal(3, 4)], [sign(3)]),
    ("TripletMarginLoss", {"swap": True}, [normal(3, 4), normal(3, 4), normal(3, 4)], []),
]


@pytest.mark.parametrize(("name", "how", "inputs", "others"), MODULES, ids=[case[0] for case in MODULES])
def test_modules(name: str, how: dict[str, Any], inputs: list[np.ndarray], others: list[np.ndarray]) -> None:
    compare(getattr(nn, name)(**how), getattr(torch.nn, name)(**{key: tensor(item) for key, item in how.items()}), inputs, others)
