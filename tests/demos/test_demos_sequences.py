"""The demos of sequences: sunspots one year ahead, and names letter by letter; the long training is marked slow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from demos import common, gpt, letters, lstm, names, rnn, scalar_gpt, sunspots
from nn import cross_entropy
from tests.demos.test_demos import SEEDS, check_files, run

pytestmark = pytest.mark.filterwarnings("default:.*the graph as text:UserWarning")


@pytest.mark.parametrize("demo", [rnn, lstm])
def test_sunspots_quick(demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(demo.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "220 windows of 30 years to train, 59 to test" in before
    assert re.search(r"AR\(2\) +22\.2 .*\n +AR\(9\) +18\.7 .*\n +AR\(9\) on roots +16\.4 ", before)
    assert re.fullmatch(
        r"RMSE in sunspots: \d+\.\d{3} \(baseline: 22\.2, AR\(2\); 18\.7, AR\(9\); 16\.4, AR\(9\) on roots\)", last_lines[0]
    )
    check_files(last_lines, tmp_path, {"forecast", "memory"})


def test_names_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(names.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "450 names to train, 50 to test" in before and "temperature 1.5: " in before
    assert re.fullmatch(r"nats per letter: \d\.\d{3} \(baseline: \d\.\d{3}, the bigram\)", last_lines[0])
    check_files(last_lines, tmp_path, {"losses", "expected"})


@pytest.mark.slow
def test_gpt_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(gpt.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert re.search(r"arrays +(\d\.\d{10})\d+ +62 .*\nscalars +\1\d+ +17,490 ", before)  # one loss, and the nodes of each graph
    assert float(re.search(r"difference of their gradients: (\S+)", before)[1]) < 1e-12
    assert re.fullmatch(r"nats per letter: \d\.\d{3} \(baseline: \d\.\d{3}, the bigram; \d\.\d{3}, a GRU\)", last_lines[0])
    check_files(last_lines, tmp_path, {"losses", "attention", "expected", "graph_arrays", "graph_scalars"})


# --- results -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("demo", [rnn, lstm])
def test_sunspots_beat_linear_models(demo: ModuleType, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(demo.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    assert float(last_lines[0].split()[3]) < 18.7
    single = before.splitlines()[-1].removeprefix("  each network").split()
    assert len(single) == 5 and max(map(float, single)) < 22.2


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("demo", [names, pytest.param(gpt, marks=pytest.mark.long)])
def test_names_beat_the_bigram(demo: ModuleType, seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(demo.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    assert float(last_lines[0].split()[3]) < 2.0


# --- sunspots ------------------------------------------------------------------------------------------


def test_the_baselines_of_sunspots() -> None:
    years, spots = common.load_sunspots()
    errors = {name: sunspots.rmse(line, spots[years >= 1950]) for name, line in sunspots.baselines(years, spots).items()}
    assert errors == pytest.approx({"persistence": 33.175, "AR(2)": 22.162, "AR(9)": 18.749, "AR(9) on roots": 16.384}, abs=1e-3)


def test_windows_end_before_the_year_they_forecast() -> None:
    years, spots = common.load_sunspots()
    series = sunspots.prepare(years, spots)
    assert series.windows.shape == (279, 30, 1) and series.train == 220
    assert np.allclose(series.back(series.following), spots[30:])
    assert np.allclose(series.back(series.windows[series.train, :, 0]), spots[(years >= 1920) & (years < 1950)])


def test_no_test_year_is_in_the_training_data() -> None:
    years, spots = common.load_sunspots()
    changed = np.where(years < 1950, spots, 1000.0)
    series, other = sunspots.prepare(years, spots), sunspots.prepare(years, changed)
    assert np.array_equal(series.windows[: series.train], other.windows[: series.train])
    assert np.array_equal(series.following[: series.train], other.following[: series.train])


def test_the_delay_of_a_unit_that_repeats_the_sunspots() -> None:
    years, spots = common.load_sunspots()
    read = np.flatnonzero(years >= 1949)[:-1]
    delays, like = sunspots.delays_of(np.column_stack([spots[read - 3], 5.0 - spots[read]]), years, spots)
    assert delays[0] == 3 and like[0] == pytest.approx(1.0)
    assert 4 <= delays[1] <= 7  # reversed sign: half a cycle later


@pytest.mark.parametrize("demo", [rnn, lstm])
def test_memory_is_the_state_after_the_last_year(demo: ModuleType) -> None:
    layer = demo.layer(np.random.default_rng(0))
    windows = np.random.default_rng(1).normal(size=(3, 5, 1))
    held = demo.memory(layer, windows).data
    assert held.shape == (3, 16)
    if demo is rnn:
        assert np.allclose(held, layer(windows)[0].data[:, -1])


# --- names ---------------------------------------------------------------------------------------------


def test_names_as_numbers() -> None:
    inputs, targets = letters.encode(["al"])
    assert inputs.tolist() == [[0, 1, 12] + [0] * 9]
    assert targets.tolist() == [[1, 12, 0] + [letters.IGNORED] * 9]
    longest = max(common.load_names(), key=len)
    inputs, targets = letters.encode([longest])
    assert len(longest) == 11 and targets[0, -1] == 0 and (targets != letters.IGNORED).all()


def loaded(seed: int = 0) -> letters.Names:
    return letters.load(common.options("names", "").parse_args([]), np.random.default_rng(seed))


def test_no_name_is_in_both_parts() -> None:
    data = loaded()
    train, test = ({row.tobytes() for row in inputs} for inputs, _ in (data.train, data.test))
    assert len(train) == 4_646 and len(test) == 517 and not train & test


def test_the_bigram_counts_pairs() -> None:
    assert letters.bigram(loaded()) == pytest.approx(2.339287, abs=1e-6)
    assert [letters.bigram(loaded(seed)) for seed in (1, 2)] == pytest.approx([2.345706, 2.344837], abs=1e-6)
    known = letters.encode(["ab"])
    assert letters.bigram(letters.Names(known, known), smoothing=1e-9) == pytest.approx(0.0, abs=1e-6)
    unknown = letters.Names(known, letters.encode(["zz"]))  # one step from ., then two from z, which is unknown
    assert letters.bigram(unknown, smoothing=1.0) == pytest.approx((np.log(28.0) + 2.0 * np.log(27.0)) / 3.0)


def test_a_low_temperature_prefers_likely_letters() -> None:
    model = names.build(np.random.default_rng(0))
    cold, plain, hot = (letters.expected(model, "ann", temperature) for temperature in (0.5, 1.0, 2.0))
    assert plain.shape == (4, 27) and np.allclose(plain.sum(axis=1), 1.0)
    assert (cold.max(axis=1) > plain.max(axis=1)).all() and (plain.max(axis=1) > hot.max(axis=1)).all()


@pytest.mark.parametrize("build", [names.build, gpt.build])
def test_no_model_sees_later_letters(build: Callable[[np.random.Generator], gpt.Module]) -> None:
    model = build(np.random.default_rng(0))
    assert np.allclose(letters.expected(model, "emily")[:4], letters.expected(model, "emizz")[:4])


def test_samples_follow_the_seed_and_end() -> None:
    model = names.build(np.random.default_rng(0))
    first, again = ([letters.sample(model, 1.0, np.random.default_rng(1)) for _ in range(5)] for _ in range(2))
    assert first == again and all(len(name) <= 11 for name in first)


# --- the transformer twice -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "layers", "heads"), [("emily", 1, 2), ("al", 2, 4)])
def test_scalars_give_the_loss_and_gradients_of_arrays(name: str, layers: int, heads: int) -> None:
    model = gpt.GPT(features=8, heads=heads, layers=layers, dropout=0.0, rng=np.random.default_rng(1))
    inputs, targets = (numbers[:, : len(name) + 1] for numbers in letters.encode([name]))
    weights = scalar_gpt.scalars(model)
    arrays = cross_entropy(model(inputs), targets)
    scalars = scalar_gpt.loss(weights, inputs[0].tolist(), targets[0].tolist(), layers, heads)
    arrays.backward()
    scalars.backward()
    assert scalars.item() == pytest.approx(arrays.item(), abs=1e-12)
    gradients = scalar_gpt.gradients(weights)
    for parameter_name, parameter in model.named_parameters():
        np.testing.assert_allclose(gradients[parameter_name], parameter.grad, rtol=0, atol=1e-12, err_msg=parameter_name)


def test_attention_looks_back_only() -> None:
    maps = gpt.attention(gpt.build(np.random.default_rng(0)), "emily")
    assert maps.shape == (2, 4, 6, 6)
    assert np.allclose(maps.sum(axis=-1), 1.0) and not np.triu(maps, 1).any()
