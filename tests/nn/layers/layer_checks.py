"""What the tests of layers share: inputs, a loss that bends, and the check of all gradients by numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
from autograd.verify import Verdict, check_gradients, check_model


def r(*shape: int) -> Any:
    """Normal numbers of a shape, the same in every call."""
    return np.random.default_rng(sum(shape)).normal(size=shape)


def smooth(out: Any) -> Any:
    """A loss whose second derivatives are not zero."""
    return (out.tanh() * out).sum()


def verified(model: nn.Module, *inputs: Any) -> None:
    """Gradients of all parameters and of floating inputs agree with differences, at first and second order."""
    for mode in (True, False):
        model.train(mode)
        if model.parameters():
            report = check_model(model, lambda model: smooth(model(*inputs)), order=2)
            assert report.verdict is Verdict.PASS, report
        if all(np.asarray(x).dtype.kind == "f" for x in inputs):
            report = check_gradients(lambda *x: smooth(model(*x)), *inputs, order=2)
            assert report.verdict is Verdict.PASS, report
