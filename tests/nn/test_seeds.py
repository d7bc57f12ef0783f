"""seed(): everything that draws random numbers is reproducible; a warning says that NumPy's global seed has no effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
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


def test_generators_are_the_children_of_the_seed() -> None:
    try:
        nn.seed(7)
        root = np.random.default_rng(7)
        for _ in range(3):
            assert seeds.generator().random() == root.spawn(1)[0].random()
        assert np.array_equal(nn.dropout(np.ones(20)), nn.dropout(np.ones(20), rng=root.spawn(1)[0]))
    finally:
        nn.seed(None)


@pytest.mark.filterwarnings("error")
def test_dropout_without_a_generator_in_compiled_functions() -> None:
    """Numbers, gradients and what is drawn later are those of eager calls; a seed as rng= gives the same numbers in each call."""
    w = autograd.Value(np.ones(20))

    def loss(x: Any) -> Any:
        return (nn.dropout(x * w, 0.5) * nn.dropout(w, 0.3) + nn.dropout(x, 0.5, rng=3)).sum()

    compiled = autograd.compile(loss)

    def results(function: Any) -> list[Any]:
        found = []
        try:
            nn.seed(4)
            for number in range(6):
                w.grad = None
                out = function(np.arange(20.0) + number)
                out.backward()
                found += [out.item(), w.grad.tolist()]
            return [*found, nn.Linear(2, 1).weight.data.tolist()]
        finally:
            nn.seed(None)

    assert results(loss) == results(compiled)
    assert "2 recordings, 1 program" in compiled.explain()
    assert len({compiled(np.ones(20)).item() for _ in range(5)}) > 1  # without a seed, too
    assert "draw_random" in compiled.explain(np.ones(20))


def test_a_second_derivative_of_compiled_dropout_repeats_its_numbers() -> None:
    x = autograd.Value(np.arange(1.0, 21.0))
    compiled = autograd.compile(lambda x: (nn.dropout(x, 0.5) ** 3 * nn.dropout(x, 0.5)).sum())
    for _ in range(5):
        out = compiled(x)
        slope = autograd.gradient(out, x)
        curvature = autograd.gradient(slope.sum(), x)
        np.testing.assert_allclose(slope.data @ x.data, 4.0 * out.item())  # homogeneous, of degree 4
        np.testing.assert_allclose(curvature.data @ x.data, 3.0 * slope.data.sum())


def test_other_processes_draw_other_numbers() -> None:
    root = seeds.Root()
    before = root.state
    root.process += 1  # as in a child of this process
    assert root.state != before
