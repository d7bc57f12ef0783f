"""The demos run, in their quick form, and write the files that they list; long trainings are marked slow."""

from __future__ import annotations

import re
import runpy
import types
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from demos import __main__ as list_of_demos
from demos import common, digits, moons
from nn import Neuron

for package in ("matplotlib", "tqdm", "sklearn", "mlxtend"):
    pytest.importorskip(package, reason="the demos need pip install 'valuegrad[demos]'")

#: One seed in .ci/run, three with -m long.
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]

# Without Graphviz a demo warns, and leaves the graph as text.
pytestmark = pytest.mark.filterwarnings("default:.*the graph as text:UserWarning")


def run(main: Callable[[list[str]], None], arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    """Return what a demo prints: the text before its last lines, and the last lines: the result, and the files."""
    main(arguments)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("files:")
    return "\n".join(lines[:start]), [lines[-1], *lines[start:-1]]


def check_files(last_lines: list[str], folder: Path, names: set[str]) -> None:
    """Check that every expected file is listed and is a picture, and that the folder has no other."""
    paths = [Path(line.strip()) for line in last_lines[2:]]
    assert {path.stem for path in paths} == names
    assert set(paths) == set(folder.iterdir())
    for path in paths:
        content = path.read_bytes()
        if path.suffix == ".png":
            assert content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")
        elif path.suffix == ".svg":
            assert ElementTree.fromstring(content).tag.endswith("svg")
        else:
            assert path.suffix == ".dot" and content.startswith(b"digraph")


def test_digits_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "digits"
    before, last_lines = run(digits.main, ["--quick", "--out", str(folder)], capsys)
    assert "500 digits to train, 500 to test" in before
    assert "13,002" in before
    assert "PASS: 6 parameters" in before
    assert "Before the training: " in before
    assert "Hardly trained" in before and "Dead neurons" not in before  # what the weight pictures show
    accuracy, nearest, logistic, _ = (float(number) for number in re.findall(r"0\.\d{3}", last_lines[0]))
    others = r"0\.\d{3}, the three nearest neighbours; 0\.\d{3}, logistic regression; 0\.\d{3} with sigmoid"
    assert re.fullmatch(rf"test accuracy: {accuracy:.3f} \(baseline: {others}\)", last_lines[0])
    assert nearest > 0.8 and logistic > 0.8
    check_files(last_lines, folder, {"curves", "predictions", "weights", "loss_graph"})


def test_moons_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(moons.main, ["--quick", "--out", str(tmp_path)], capsys)
    assert "337" in before
    assert re.fullmatch(r"accuracy: [01]\.\d{3} \(baseline: 0\.5, guessing\)", last_lines[0])
    check_files(last_lines, tmp_path, {"boundary", "loss", "neuron"})


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_digits_are_learned(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(digits.main, ["--seed", str(seed), "--out", str(tmp_path)], capsys)
    assert float(last_lines[0].split()[2]) >= 0.89


@pytest.mark.slow
def test_moons_are_separated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, last_lines = run(moons.main, ["--out", str(tmp_path)], capsys)
    assert last_lines[0].startswith("accuracy: 1.000 ")


def test_the_digit_network_has_13002_parameters() -> None:
    model = digits.build(np.random.default_rng(0))
    assert sum(parameter.size for parameter in model.parameters()) == 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10 == 13_002


def test_a_neuron_is_dead_if_it_is_zero_for_all_samples() -> None:
    model = digits.build(np.random.default_rng(0))
    images = np.random.default_rng(1).random((50, 784))
    model[0].bias.data[:] = 1_000.0
    model[0].bias.data[[2, 7]] = -1_000.0
    dead = digits.dead_neurons(model, images)
    assert np.flatnonzero(dead).tolist() == [2, 7]
    assert "here 2, give 0" in digits.reading(dead, trained=True) and "do not" in digits.reading(dead[:2], trained=True)


def test_digits_are_split_without_overlap() -> None:
    data = common.load_digits(np.random.default_rng(0))
    assert data.train_images.shape == (4_000, 784) and data.test_images.shape == (1_000, 784)
    assert data.train_images.min() == 0.0 and data.train_images.max() == 1.0
    train, test = ({image.tobytes() for image in images} for images in (data.train_images, data.test_images))
    assert len(train) == 4_000 and len(test) == 1_000 and not train & test


def test_digits_are_balanced() -> None:
    data = common.load_digits(np.random.default_rng(0))
    train, test = (np.bincount(labels, minlength=10) for labels in (data.train_labels, data.test_labels))
    assert (train + test == 500).all()
    assert test.min() > 70 and test.max() < 130  # 100 each on average, as random as the shuffle
    assert len(set(data.train_labels[:50].tolist())) > 5  # no longer sorted


def test_digits_depend_on_the_seed_alone() -> None:
    first, again, other = (common.load_digits(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.train_labels, other.train_labels)


def test_images_keep_their_labels() -> None:
    data = common.load_digits(np.random.default_rng(3))
    means = np.array([data.train_images[data.train_labels == digit].mean(axis=0) for digit in range(10)])
    distances = ((data.test_images[:, None, :] - means) ** 2).sum(axis=2)  # (1000, 10)
    assert np.mean(distances.argmin(axis=1) == data.test_labels) > 0.7  # the nearest mean already reads most


def test_all_digits_from_a_folder(tmp_path: Path) -> None:
    for part, count in ("train", 60), ("t10k", 10):
        images = np.full((count, 28, 28), 255, np.uint8)
        labels = np.full(count, 7, np.uint8)
        for kind, array in ("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels):
            head = b"\0\0\x08" + bytes([array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
            (tmp_path / f"{part}-{kind}").write_bytes(head + array.tobytes())
    data = common.all_digits(tmp_path)
    assert data.train_images.shape == (60, 784) and (data.train_images == 1.0).all()
    assert (data.train_labels == 7).all() and len(data.test_labels) == 10


def test_without_the_files_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"(?s)train-images.*leave out --data,"):
        digits.main(["--data", str(tmp_path), "--quick", "--out", str(tmp_path)])


def test_without_graphviz_the_graph_is_left_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("autograd.drawing.write.render.executable", lambda: None)
    with pytest.warns(UserWarning, match="the graph as text"):
        path = moons.draw_neuron(Neuron(2, rng=0), np.ones((3, 2)), tmp_path / "neuron.svg")
    assert path == tmp_path / "neuron.dot" and path.read_text().startswith("digraph")


def test_moons_are_labelled_for_the_margin_loss() -> None:
    points, labels = common.load_moons(100, 0)
    assert points.shape == (100, 2) and sorted(set(labels.tolist())) == [-1, 1] and labels.sum() == 0
    assert np.array_equal(points, common.load_moons(100, 0)[0]) and not np.array_equal(points, common.load_moons(100, 1)[0])


@pytest.mark.parametrize("name", ["tqdm", "matplotlib.figure"])
def test_a_missing_package_is_named_with_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(wanted: str) -> types.ModuleType:
        raise ModuleNotFoundError(f"No module named {wanted!r}")

    monkeypatch.setattr("importlib.import_module", import_module)
    with pytest.raises(SystemExit, match=rf"needs {name.split('.')[0]} .*pip install -e '\.\[demos\]'"):
        common.package(name)


@pytest.mark.parametrize("epochs", ["0", "-3", "many"])
def test_a_wrong_number_is_refused(epochs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        digits.main(["--epochs", epochs])
    assert "argument --epochs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "x"], "argument --epochs: 'x' is not a whole number"),
        (["--seed", "-1"], "argument --seed: -1 is less than 0"),
        (["--out", "FILE"], "argument --out: cannot make the folder"),
        (["--out", "FILE/inside"], "argument --out: cannot make the folder"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_before_the_work(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        digits.main(["--out", str(tmp_path / "new"), *(text.replace("FILE", str(tmp_path / "file")) for text in arguments)])
    captured = capsys.readouterr()
    assert captured.out == "" and message in captured.err.splitlines()[-1]


def test_the_folder_of_the_pictures_is_made_by_parsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args = common.options("some", "").parse_args([])
    assert args.out == Path("out", "some") and args.out.is_dir()


def test_the_list_of_demos_names_each_and_no_helper(capsys: pytest.CaptureFixture[str]) -> None:
    list_of_demos.main([])
    listed = dict(re.findall(r"^  (\w+) +(\S.*)$", capsys.readouterr().out, re.MULTILINE))
    assert listed["digits"].startswith("Recognise") and {"gpt", "lstm", "playground", "draw_graph"} <= set(listed)
    assert not {"common", "letters", "sunspots", "scalar_gpt", "__main__"} & set(listed)


@pytest.mark.parametrize(
    ("helper", "demos"),
    [("letters", "demos.names or python -m demos.gpt"), ("sunspots", "demos.rnn"), ("scalar_gpt", "demos.gpt")],
)
def test_a_helper_says_which_demos_use_it(helper: str, demos: str) -> None:
    with pytest.raises(SystemExit, match=demos):
        runpy.run_path(str(common.DATA.parent / f"{helper}.py"), run_name="__main__")


@pytest.mark.parametrize("main", [digits.main, moons.main])
def test_help_explains_every_option(main: Callable[[list[str]], None], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(option in text for option in ("--seed", "--out", "--quick")) and str(Path("out")) in text
