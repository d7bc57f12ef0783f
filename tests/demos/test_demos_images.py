"""The demos on images of digits run in their quick form; their results, over several seeds, are marked slow."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from demos import autoencoder, cnn, common, distillation, gan
from nn import Linear, Sequential
from tests.demos.test_demos import SEEDS, check_files, run

for package in ("matplotlib", "tqdm", "sklearn", "mlxtend"):
    pytest.importorskip(package, reason="the demos need pip install 'valuegrad[demos]'")


def numbers(last_lines: list[str]) -> list[float]:
    """Return the result and the baselines in the last line of a demo."""
    return [float(number) for number in re.findall(r"\d\.\d{3}", last_lines[0])]


@pytest.mark.slow
def test_cnn_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(cnn.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "500 digits to train, 500 to test" in before and "61,706" in before
    assert re.fullmatch(r"test accuracy: 0\.\d{3} \(baseline: 0\.\d{3}, the three nearest neighbours\)", last_lines[0])
    check_files(last_lines, tmp_path, {"curves", "feature_maps", "second_layer", "mistakes"})


def test_autoencoder_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(autoencoder.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "one number, one Gaussian: area under ROC 0." in before and "one number, two Gaussians: area" in before
    assert re.search(r"on each anomaly: 5: 0\.\d{3}, 6: .*, 9: 0\.\d{3}", before)
    assert re.fullmatch(
        r"area under ROC on digits: 0\.\d{3} \(baseline: 0\.\d{3} PCA, 16 components, 0\.\d{3} Gaussian density\)", last_lines[0]
    )
    check_files(last_lines, tmp_path, {"one_number", "reconstructions", "scores"})


def test_distillation_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(distillation.main, ["--quick", "--labelled", "200", "--out", str(tmp_path)], capsys)
    assert "seed 1: teacher 0." in before and re.search(r"taught minus alone: [+-]0\.\d{3} ± 0\.\d{3}", before)
    others = r"0\.\d{3} alone, 0\.\d{3} told only the decisions; 0\.\d{3}, the teacher"
    assert re.fullmatch(rf"test accuracy .* 2 runs: 0\.\d{{3}} \(baseline: {others}\)", last_lines[0])
    check_files(last_lines, tmp_path, {"results", "answers"})


def test_more_labels_than_digits_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        distillation.main(["--quick", "--labelled", "601"])
    assert "only 600 training digits with --quick" in capsys.readouterr().err


@pytest.mark.slow
def test_gan_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(gan.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "share of the generated points at each centre" in before
    assert re.fullmatch(
        r"clusters found, of 8, and generated digits read as 3: \d and \d\.\d{3} "
        r"\(baseline: 0 and \d\.\d{3} before training; \d\.\d{3}, real digits\)",
        last_lines[0],
    )
    animation = tmp_path / "ring.gif"
    assert animation.read_bytes().startswith(b"GIF89a")
    animation.unlink()
    check_files([line for line in last_lines if "ring.gif" not in line], tmp_path, {"ring", "digits", "losses"})


@pytest.mark.parametrize("main", [cnn.main, autoencoder.main, distillation.main, gan.main])
def test_help_explains_every_option(main: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(option in text for option in ("--seed", "--out", "--quick"))


def test_digits_are_shifted_by_up_to_two_pixels() -> None:
    images = np.zeros((400, 1, 28, 28), np.float32)
    images[:, 0, 10, 15] = 1.0
    moved = cnn.ShiftedDigits(images, np.arange(400), np.random.default_rng(0))
    assert len(moved) == 400 and moved[3][1] == 3 and moved[3][0].shape == (1, 28, 28)
    places = {tuple(np.argwhere(moved[i][0][0] == 1.0)[0].tolist()) for i in range(400)}
    assert places == {(row, column) for row in range(8, 13) for column in range(13, 18)}


def test_a_mosaic_has_every_image_in_its_place() -> None:
    images = np.arange(5.0)[:, None] * np.ones(784)
    whole = common.mosaic(images, 3, gap=9.0)
    assert whole.shape == (2 * 30 - 2, 3 * 30 - 2)
    for number in range(5):
        row, column = divmod(number, 3)
        assert (whole[row * 30 : row * 30 + 28, column * 30 : column * 30 + 28] == number).all()
    assert (whole[28:30] == 9.0).all() and (whole[30:, 60:] == 9.0).all()


def test_the_nearest_image_and_how_far_it_is() -> None:
    real = np.stack([np.zeros((1, 2, 2)), np.ones((1, 2, 2))])
    which, distance = gan.nearest(np.array([[[[1.0, 1.0], [1.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]]), real)
    assert which.tolist() == [1, 0] and distance.tolist() == [1.0, 0.0]


def test_modes_counts_points_at_centres_only() -> None:
    points = np.concatenate([gan.CENTRES[:3], 0.5 * gan.CENTRES[:1]])
    assert gan.modes(points).tolist() == [0.25, 0.25, 0.25, 0, 0, 0, 0, 0]
    real = gan.modes(gan.ring(4_000, np.random.default_rng(0)))
    assert real.min() > 0.1 and 0.97 < real.sum() < 1.0


def test_the_soft_loss_is_least_at_the_teachers_probabilities() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 10))
    answers = distillation.softmax(logits / distillation.TEMPERATURE)
    assert abs(distillation.soft_loss(logits, answers)) < 1e-12 < distillation.soft_loss(logits + np.eye(4, 10), answers)


def test_the_code_holds_one_bit() -> None:
    narrow = Sequential(autoencoder.OneBit(np.random.default_rng(0)), Linear(1, 1, rng=0)).eval()
    assert len(np.unique(narrow(np.linspace(-3.0, 3.0, 100)[:, None]).data)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_cnn_reads_digits(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(cnn.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    result, baseline = numbers(last_lines)
    assert result >= 0.955 and result > baseline


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_autoencoder_finds_anomalies(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(autoencoder.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    result, pca, gaussian = numbers(last_lines)
    assert result > 0.84 and result > pca + 0.03 and result > gaussian + 0.03
    narrow, one, two = (float(number) for number in re.findall(r"one number, .* (0\.\d{3})", before))
    assert narrow > 0.55 and one < 0.4 and two > 0.55
    each = {int(digit): float(area) for digit, area in re.findall(r"(\d): (0\.\d{3})", before.split("on each anomaly")[1])}
    assert min(each, key=lambda digit: each[digit]) == 9  # the digit most like one that it knows, 4


@pytest.mark.slow
def test_the_taught_student_is_better_than_the_one_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(distillation.main, ["--out", str(tmp_path)], capsys)
    taught, alone, _, teacher = numbers(last_lines)
    assert alone + 0.02 < taught < teacher
    pairs = re.findall(r"alone (0\.\d{3}), student taught (0\.\d{3})", before)
    assert len(pairs) == 5 and all(float(with_teacher) > float(without) for without, with_teacher in pairs)


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_the_gan_covers_all_modes(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(gan.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    assert last_lines[0].startswith("clusters found, of 8, and generated digits read as 3: 8 and ")
    read_as_three = re.findall(r"(0\.\d{3}|1\.000) are read as 3", before)  # before training, real ones, made ones
    assert len(read_as_three) == 3 and float(read_as_three[2]) > 0.8
    _, real, made = (float(distance) for distance in re.findall(r"nearest training digit (\d+\.\d\d)", before))
    assert made > 0.7 * real  # no copies
