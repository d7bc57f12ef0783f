"""The Black-Scholes price of a European call."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def call(spot: float, strike: float, rate: float, volatility: float, years: float) -> float:
    width = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + volatility**2 / 2) * years) / width
    return spot * ndtr(d1) - strike * np.exp(-rate * years) * ndtr(d1 - width)
