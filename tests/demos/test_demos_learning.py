"""The demos of learning from few samples run in their quick form; their results are marked slow."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from demos import learning_curve, overfitting, tabular
from tests.demos.test_demos import SEEDS, check_files, run


@pytest.mark.slow
def test_tabular_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(tabular.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "breast cancer, accuracy, 5 folds" in before and "diabetes" in before
    number = r"0\.\d{3}"
    assert re.fullmatch(
        rf"accuracy on breast cancer: {number} \(baseline: {number} scikit-learn's MLP, {number} logistic regression; "
        rf"diabetes, R²: {number}, {number} scikit-learn's MLP, {number} ridge regression\)",
        last_lines[0],
    )
    check_files(last_lines, tmp_path, {"tabular"})


@pytest.mark.slow
def test_overfitting_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(overfitting.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert re.match(r"test error of 128 units with weight decay: 0\.\d{3} \(baseline: 0\.\d{3} without, 0", last_lines[0])
    check_files(last_lines, tmp_path, {"sizes", "strengths", "boundaries"})


@pytest.mark.slow
def test_learning_curve_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(learning_curve.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert [line.split()[0] for line in before.splitlines()[-4:]] == ["50", "100", "200", "400"]
    assert re.match(r"test accuracy of the convolutional net with 400 digits: 0\.\d{3} \(baseline: 0\.\d{3} SVM", last_lines[0])
    check_files(last_lines, tmp_path, {"learning_curve"})


def test_the_densities_give_the_least_error() -> None:
    data = overfitting.moons(np.random.default_rng(0), tests=20_000)
    error = np.mean((overfitting.best_possible(data.test_x) > 0) != data.test_y)
    assert 0.08 < error < 0.09
    left, right = overfitting.best_possible(np.array([[-1.0, 0.0], [2.0, 0.5]]))  # the outer ends of the moons
    assert left < -1.0 and right > 1.0


def test_the_two_networks_have_the_sizes_of_their_docstrings() -> None:
    assert sum(p.size for p in learning_curve.dense(np.random.default_rng(0)).parameters()) == 101_770
    assert sum(p.size for p in learning_curve.convolutional(np.random.default_rng(0)).parameters()) == 8_882


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_tables_are_learned_no_worse_than_by_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for table, margin in zip(tabular.tables(), (0.004, 0.01), strict=True):  # of accuracy, and of R²
        differences = tabular.paired(tabular.cross_validate(table, 5, 40, rng))  # (folds, methods)
        _, _, same, ours = differences.T
        assert np.abs(same).max() < 1e-6  # not only as good: the same network
        assert ours.mean() > -margin, f"{table.name}: {ours.mean():.4f} ± {ours.std():.4f}"


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_regularisation_makes_a_large_network_better(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(overfitting.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    decay, large, dropout, best = (float(number) for number in re.findall(r"0\.\d{3}", last_lines[0]))
    assert best < decay < large - 0.02 and best < dropout < large - 0.01


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_naive_bayes_stops_improving_and_networks_do_not(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(learning_curve.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    thousand, _, most = (np.array(re.findall(r"0\.\d{3}(?= ±)", line), float) for line in before.splitlines()[-3:])
    cnn, dense, svm, _, bayes = most
    assert cnn > 0.945 and cnn > svm > dense > bayes
    left = (1.0 - most) / (1.0 - thousand)  # of the errors, with four times as many digits
    assert left[4] > 0.85 and left[:4].max() < 0.8
    assert float(last_lines[0].split()[9]) == cnn
