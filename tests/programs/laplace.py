"""Counts with a Poisson distribution whose rate has a Gamma prior: the log joint density of the counts and the log rate."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln


def log_joint(theta: float, counts: np.ndarray, shape: float, rate: float) -> float:
    log_prior = shape * np.log(rate) - gammaln(shape) + shape * theta - rate * np.exp(theta)
    return log_prior + np.sum(counts * theta - np.exp(theta) - gammaln(counts + 1))
