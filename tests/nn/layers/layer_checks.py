"""Shared by the tests of layers: inputs, a loss with curvature, and a numerical check of all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
from autograd.verify import Verdict, check_gradients, check_model


def r(*shape: int) -> Any:
    """Return normal numbers of a shape, the same in every call."""
    return np.random.default_rng(sum(shape)).normal(size=shape)


def smooth(out: Any) -> Any:
    """Return a loss whose second derivatives are not zero."""
    return (out.tanh() * out).sum()


def verified(model: nn.Module, *inputs: Any) -> None:
    """Check gradients of all parameters and of floating inputs with differences, at first and second order."""
    for mode in (True, False):
        model.train(mode)
        if model.parameters():
            report = check_model(model, lambda model: smooth(model(*inputs)), order=2)
            assert report.verdict is Verdict.PASS, report
        if all(np.asarray(x).dtype.kind == "f" for x in inputs):
            report = check_gradients(lambda *x: smooth(model(*x)), *inputs, order=2)
            assert report.verdict is Verdict.PASS, report
