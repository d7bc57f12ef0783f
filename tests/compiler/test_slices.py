"""Gradients of slices of slices are written straight into the largest array."""

from __future__ import annotations

import numpy as np
import pytest

import autograd


@pytest.mark.parametrize(
    ("function", "zeros"),
    [
        (lambda x: x[1:][2].sum(), 1),
        (lambda x: np.tanh(x[..., 1:3][2][:, 0]).sum(), 1),
        (lambda x: (x[1:][2] * 2.0).sum() + (x[0][1:] ** 2).sum(), 2),
        (lambda x: np.stack([x[0] * 2.0])[0].sum() + x[1:, 0][1].sum(), 2),
        (lambda x: (x[1:][1:] * x[1:][0]).sum(), None),
        (lambda x: (x[[0, 1]][1] * x[2]).sum(), None),
        (lambda x: (x[::2][1][None][0] * 3.0).sum(), None),
    ],
)
def test_gradients_of_slices(function, zeros):
    gradient = autograd.grad(function)
    compiled = autograd.compile(gradient, strict=True)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(4, 5, 6))
        assert np.array_equal(compiled(x), gradient(x))
    if zeros is not None:
        assert compiled.source.count("= zeros(") == zeros, compiled.source


def test_zeros_that_are_read_before_they_are_written_again():
    def f(x):
        small, large = np.zeros(3), np.zeros((2, 3))
        small[:2] = x[:2]
        before = small * 2.0
        large[1] = small
        small[2] = x[2]
        large[0] = small
        return large, before, small

    compiled = autograd.compile(f, strict=True)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=3)
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert np.array_equal(found, expected)


def test_arrays_that_change_before_they_are_read():
    def f(x):
        y = x * 2.0
        small, large = np.zeros(3), np.zeros((2, 3))
        small[:2] = y[:2]
        y[:] = 0.0
        large[1] = small
        large[0, :2] = y[1:]
        large[1] += 1.0
        return large, y

    compiled = autograd.compile(f, strict=True)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=3)
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert np.array_equal(found, expected)


def test_slices_that_overwrite_others():
    def f(x):
        small, large = np.zeros(3), np.zeros((2, 3))
        large[1] = x
        small[1:] = x[1:]
        large[1] = small
        other = np.zeros(3)
        other[0] = x[0]
        total = other[0] + other.sum()
        return large, total

    compiled = autograd.compile(f, strict=True)
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=3)
        for found, expected in zip(compiled(x), f(x), strict=True):
            assert np.array_equal(found, expected)
