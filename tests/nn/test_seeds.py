"""seed(): everything that draws random numbers is reproducible; a warning says that NumPy's global seed has no effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from nn import seeds


def drawn() -> list[Any]:
    """Return random numbers that nn draws without an rng=."""
    x = np.arange(40.0).reshape(20, 2)
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    found: list[Any] = [model(x).data, nn.dropout(np.ones(20)), nn.init.normal((3, 2))]
    found += [batch.copy() for batch in nn.DataLoader(x, 7, shuffle=True)] + nn.random_split(x, [12, 8])
    found.append(nn.LSTM(2, 3)(x[:, None])[0].data)
    history = nn.fit(model, nn.mse_loss, nn.SGD(model.parameters(), lr=1e-4), (x, x[:, :1]), epochs=2, progress=False)
    return [*found, *history["loss"]]


def test_a_seed_makes_everything_reproducible() -> None:
    try:
        nn.seed(3)
        first = drawn()
        nn.seed(3)
        np.random.default_rng(0).random()
        again = drawn()
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not any(np.array_equal(a, b) for a, b in zip(first, drawn(), strict=True))  # the sequence continues
        nn.seed(4)
        assert not np.array_equal(drawn()[0], first[0])
        one, other = nn.Linear(3, 3), nn.Linear(3, 3)
        assert not np.array_equal(one.weight.data, other.weight.data)
        assert nn.Dropout().rng is not nn.Dropout().rng
    finally:
        nn.seed(None)
    assert not np.array_equal(nn.Linear(3, 3).weight.data, nn.Linear(3, 3).weight.data)


def test_a_seed_does_not_change_what_has_its_own_generator() -> None:
    right = nn.Linear(3, 2, rng=5).weight.data
    try:
        nn.seed(0)
        assert np.array_equal(nn.Linear(3, 2, rng=5).weight.data, right)
        rng = np.random.default_rng(5)
        assert nn.Dropout(rng=rng).rng is rng
    finally:
        nn.seed(None)
    for bad, error in ((-1, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="the seed must be"):
            nn.seed(bad)  # type: ignore[arg-type]


def test_a_warning_says_that_numpys_global_seed_has_no_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and only if it was just called; with nn.seed() or rng= there is no warning."""
    monkeypatch.setattr(seeds, "_warned", False)
    state = np.random.get_bit_generator().state
    try:
        np.random.get_bit_generator()._legacy_seeding(17)  # what np.random.seed(17) does
        nn.Linear(2, 1, rng=0)
        nn.seed(0)
        nn.Linear(2, 1)
        nn.seed(None)
        with pytest.warns(UserWarning, match=r"np.random.seed\(\) was called, but nn does not draw .* call nn.seed\(number\)"):
            nn.Linear(2, 1)
        nn.Linear(2, 1)
        monkeypatch.setattr(seeds, "_warned", False)
        np.random.get_bit_generator().state = state  # restore it
        nn.Linear(2, 1)
    finally:
        nn.seed(None)
        np.random.get_bit_generator().state = state
