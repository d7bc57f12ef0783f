"""Numbers in the prose of notebooks and captions are numbers that their cells show, or are computed again here.

A number in a notebook's text must be shown, or set, by a cell of the same section (of any cell, in the parts before and after
the numbered sections). What follows from the numbers of a cell, the answers to exercises for instance, is in CLAIMS, each
with a computation; other numbers, such as years, are in GIVEN. Altered numbers must be caught, or the check is empty.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Recorder, Value, check_gradients, draw

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("tour", "articles")
#: With the × of a count before it or the % after it; no part of a name such as w1, no list's "1.".
NUMBER = re.compile(r"(?<![\w.])×?(?:(?<![\d)])[-−])?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?: ?%)?(?!\w)")
CODE = re.compile(r"`[^`]*`|<[^>]*>")


# --- what the notebooks say and show --------------------------------------------------------------


@dataclass
class Section:
    """The cells from one heading to the next."""

    number: str
    prose: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def notebook(name: str) -> list[Any]:
    cells: list[Any] = json.loads((ROOT / "demos" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return cells


def sections_of(cells: list[Any]) -> list[Section]:
    found = [Section("")]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found[-1].code.append(source)
            found[-1].shown += [text for output in cell["outputs"] for text in texts_of(output)]
            continue
        for part in re.split(r"(?m)^(?=## )", source):
            heading = re.match(r"## (?:(\d+)\.)?", part)
            found += [Section(heading[1] or "")] if heading else []
            found[-1].prose.append(re.sub(r"\A##.*", "", part))
    return found


def texts_of(output: Any) -> Iterator[str]:
    """Return the text of an output, and that in its picture."""
    yield "".join(output.get("text", ""))
    yield "".join(output.get("data", {}).get("text/plain", ""))
    svg = "".join(output.get("data", {}).get("image/svg+xml", ""))
    yield from (html.unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg))


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text, without those in code, in lists and of sections."""
    text = re.sub(r"(?m)^\s*\d+\. ", "", CODE.sub(" ", text))
    return NUMBER.findall(re.sub(r"sections? \d+", "", text))


def value_of(number: str) -> float:
    return float(re.sub("[×,% ]", "", number).replace("−", "-"))


def agrees(number: str, shown: str) -> bool:
    """Return whether a number in prose is a shown number, rounded; counts agree with counts, shares with shares."""
    if ("×" in number, "%" in number) != ("×" in shown, "%" in shown):
        return False
    decimals = len(number.partition(".")[2].rstrip("% "))
    return math.isclose(round(value_of(shown), decimals), value_of(number), rel_tol=0.0, abs_tol=1e-12)


def unsupported(name: str, cells: list[Any]) -> list[tuple[str, str]]:
    """Return (section, number) for each number in prose that no cell shows or sets and that is not in CLAIMS or GIVEN."""
    sections = sections_of(cells)
    everything = {text for section in sections for text in evidence(section)}
    missing = []
    for section in sections:
        known = evidence(section) if section.number else everything
        prose = "\n".join(section.prose)
        for phrase in (*CLAIMS[name], *GIVEN[name]):
            prose = prose.replace(phrase, " ")
        missing += [(section.number, n) for n in numbers_in(prose) if not any(agrees(n, shown) for shown in known)]
    return missing


def evidence(section: Section) -> set[str]:
    return {number for text in (*section.shown, *section.code) for number in NUMBER.findall(text)}


# --- numbers that follow from those shown ---------------------------------------------------------


@cache
def trained(rate: float) -> Any:
    """Return the recording of the network of section 8 of the tour, trained with this learning rate."""
    datasets = pytest.importorskip("sklearn.datasets", reason="the digits are those of scikit-learn")
    images, digits = datasets.load_digits(return_X_y=True)
    images, rng = images / 16.0, np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    optimizer, recorder = nn.Adam(model.parameters(), lr=rate, guards=False), Recorder(model)
    for _ in range(20):
        for batch in rng.permutation(1500).reshape(-1, 60):
            loss = nn.cross_entropy(model(images[batch]), digits[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recorder.step(loss)
    return recorder.to_json()


def weights_move_less_and_less() -> bool:
    update = trained(3e-3)["parameters"][0]["values"]["update"]
    return bool(0.02 < update[1] < 0.04 and max(update[-50:]) < 0.003)


def units_die_and_the_loss_stays_at_guessing() -> bool:
    found = trained(1.0)
    silent = found["activations"][1]["silent"]
    moved = [parameter["values"]["update"][1] for parameter in found["parameters"]]
    ends = found["loss"][-20:]
    return bool(
        0.4 < moved[0] < 0.7 and silent[0] < 0.5 <= silent[5] and silent[-1] == 1.0 and math.log(10.0) < np.mean(ends) < 2.4
    )


def twice_used() -> bool:
    a, b = Value(2.0), Value(-3.0)
    (a * a * b).backward()
    return a.grad == -12.0 and a.data * b.data == -6.0


def saturated() -> bool:
    drawing = draw(lambda x1, x2, w1, w2, bias: (x1 * w1 + x2 * w2 + bias).tanh(), 20.0, 0.5, -0.3, 1.0, 0.4)
    return all(abs(node.grad.mean) < 0.01 for node in drawing.nodes if node.role == "leaf" and node.grad is not None)


def softmax_passes() -> bool:
    def softmax(scores: Any) -> Any:
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()

    return bool(check_gradients(softmax, np.array([1.0, 1000.0])))


def steps_are_100_times_as_large() -> bool:
    rates = re.findall(r"nn\.Adam\((?:classifier|ill)\.parameters\(\), lr=([\d.e-]+)\)", "\n".join(code_of("tour")))
    return len(rates) == 2 and math.isclose(float(rates[1]), 100.0 * float(rates[0]))


def code_of(name: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook(name) if cell["cell_type"] == "code"]


def descended(rate: float, steps: int, half: bool = True) -> list[float]:
    """Return the one weight of the articles, by the formula of its slope: (2 w - 6) * 2, twice that without the half."""
    weights = [5.0]
    for _ in range(steps):
        weights.append(weights[-1] - rate * (2.0 * weights[-1] - 6.0) * 2.0 * (1.0 if half else 2.0))
    return weights


def distances_shrink() -> bool:
    weights = descended(0.1, 3)
    distances = np.array(weights) - 3.0
    return bool(np.allclose(distances[:3], [2.0, 1.2, 0.72]) and np.allclose(distances[1:] / distances[:-1], 0.6))


def rates_are_told_apart() -> bool:
    jumping, growing = descended(0.5, 3), np.diff(np.abs(np.array(descended(0.6, 5)) - 3.0))
    return (
        descended(0.25, 1)[1] == 3.0
        and jumping == [5.0, 1.0, 5.0, 1.0]
        and bool((growing > 0.0).all())
        and all(math.isclose(descended(rate, 1)[1] - 3.0, (1.0 - 4.0 * rate) * 2.0) for rate in (0.25, 0.5, 0.6))
    )


def worked_deltas(second_target: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the deltas of outputs and hidden neurons in section 2 of the articles."""
    w1, w2 = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), np.array([[0.3, 0.3], [0.2, 0.4], [0.1, 0.5]])
    hidden = 1.0 / (1.0 + np.exp(-np.array([0.5, 0.9]) @ w1))
    out = 1.0 / (1.0 + np.exp(-hidden @ w2))
    delta = (out - [1.0, second_target]) * out * (1.0 - out)
    return delta, (w2 @ delta) * hidden * (1.0 - hidden)


def signs_of_deltas_change() -> bool:
    (first, second), (other_first, other_second) = worked_deltas(0.0), worked_deltas(1.0)
    return bool((np.sign(first * other_first) == [1.0, -1.0]).all() and (np.sign(second * other_second) == -1.0).all())


#: Text with numbers that follow from what the cells show -> a computation of the same. The numbers in it count as supported.
CLAIMS: dict[str, dict[str, Callable[[], bool]]] = {
    "tour": {
        "8 × 8 pixels": lambda: 8 * 8 == 64 and any("digits of 64 pixels" in text for s in shown_in("tour") for text in s),
        "with steps 100 times as large": steps_are_100_times_as_large,
        "each use gets a · b = -6: together **-12**": twice_used,
        "All become tiny.": saturated,
        "at the scores 1 and 1000": softmax_passes,
        "a little above 2.3 = log 10": units_die_and_the_loss_stays_at_guessing,
        "By about 3 % at first, and less than 0.3 % at the end": weights_move_less_and_less,
    },
    "articles": {
        "The distance to 3 is 2, then 1.2, then 0.72: it shrinks by the factor 0.6 in every step": distances_shrink,
        "since 4.2 - 3 = 0.6 · (5 - 3)": lambda: math.isclose(descended(0.1, 1)[1] - 3.0, 0.6 * (5.0 - 3.0)),
        (
            "The distance to 3 is multiplied by 1 - 4 · rate: with 0.25 that is 0, one step is enough; with 0.5 it is -1, "
            "and `w` jumps between 5 and 1; with 0.6 it is -1.4, and it gets worse with every step."
        ): rates_are_told_apart,
        "The gradient is 16, and `w` becomes 3.4.": lambda: (
            math.isclose(descended(0.1, 1, half=False)[1], 5.0 - 0.1 * 16.0) and math.isclose(5.0 - 0.1 * 16.0, 3.4)
        ),
        "times a (1 - a), which is positive as well": signs_of_deltas_change,
    },
}
#: Text with numbers that claim nothing: definitions, citations, and what an exercise asks for.
GIVEN: dict[str, list[str]] = {
    "tour": [
        "squeezes any number between -1 and 1",
        "set `x1` to 20",
        "with two layers of 4 neurons",
        "use a learning rate of 1.0",
    ],
    "articles": [
        "a number between 0 and 1",
        "a (1 - a)",
        "*A Step by Step Backpropagation Example* (2015)",
        "set the learning rate to 0.25, then to 0.5, then to 0.6",
        "set the second target to 1",
        "Start section 3 with all weights at 0",
    ],
}


def shown_in(name: str) -> list[list[str]]:
    return [section.shown for section in sections_of(notebook(name))]


# --- the tests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_numbers_in_the_text_of_a_notebook_are_those_its_cells_show(name: str) -> None:
    assert unsupported(name, notebook(name)) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_text_refers_to_existing_sections(name: str) -> None:
    sections = sections_of(notebook(name))
    referred = re.findall(r"sections? (\d+)", "\n".join(text for section in sections for text in section.prose))
    assert referred
    assert set(referred) <= {section.number for section in sections}


@pytest.mark.parametrize(("name", "phrase"), [(name, phrase) for name in NOTEBOOKS for phrase in CLAIMS[name]])
def test_claims_follow_from_the_numbers(name: str, phrase: str) -> None:
    assert CLAIMS[name][phrase]()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_exception_is_used(name: str) -> None:
    prose = "\n".join(text for section in sections_of(notebook(name)) for text in section.prose)
    assert [phrase for phrase in (*CLAIMS[name], *GIVEN[name]) if phrase not in prose] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_most_altered_numbers_are_caught(name: str) -> None:
    """A digit more, or a digit changed: a check that passes these would check nothing."""
    sections = sections_of(notebook(name))
    everything = {text for section in sections for text in evidence(section)}
    caught, all_, large = 0, 0, 0
    missed: list[tuple[str, str]] = []
    for section in sections:
        prose = "\n".join(section.prose)
        for phrase in (*CLAIMS[name], *GIVEN[name]):
            prose = prose.replace(phrase, " ")
        known = evidence(section) if section.number else everything
        for number in numbers_in(prose):
            digits = [place for place, letter in enumerate(number) if letter.isdigit()]
            altered = [f"{number[:p]}{(int(number[p]) + 3) % 10}{number[p + 1 :]}" for p in digits]
            altered.append(f"{number[: digits[-1] + 1]}7{number[digits[-1] + 1 :]}")
            found = [not any(agrees(other, shown) for shown in known) for other in altered]
            all_, caught = all_ + len(found), caught + sum(found)
            if len(digits) >= 3:
                large += 1
                missed += [(section.number, number)] * (not all(found))
    assert all_ > 30
    assert large >= 4
    assert missed in ([], [("6", "×800")])  # ×100 is shown as well
    assert caught > 0.75 * all_, (caught, all_)


def test_wrong_numbers_in_the_tour_are_caught() -> None:
    cells = notebook("tour")
    for cell in cells:
        if "Nobody could read" in "".join(cell["source"]):
            cell["source"] = "Nobody could read 33,018 boxes: it writes ×50 or ×800 on one."
    assert unsupported("tour", cells) == [("6", "33,018"), ("6", "×50")]


# --- captions -------------------------------------------------------------------------------------


READMES = [ROOT / name for name in ("README.md", "demos/README.md", "autograd/drawing/README.md", "autograd/recording/README.md")]


def captions() -> dict[str, str]:
    """Return the pictures of all READMEs with their alternative texts and captions."""
    found = {}
    for readme in READMES:
        for line in readme.read_text(encoding="utf-8").splitlines():
            for alt, name, text in re.findall(r"!\[([^\]]*)\]\([\w./]*pictures/([\w.]+)\)((?:<br>[^|]*)?)", line):
                assert name not in found, f"{readme} has another caption of {name}"
                found[name] = f"{alt} {text}"
    return found


def svg_texts(name: str) -> str:
    svg = (ROOT / "demos" / "pictures" / name).read_text(encoding="utf-8")
    return "\n".join(html.unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg))


def test_captions_of_drawings_agree_with_the_drawings() -> None:
    counted = re.search(r"showing (\d+) nodes of ([\d,]+): folded", svg_texts("moons.svg"))
    assert counted is not None
    assert captions()["moons.svg"].split()[-4:] == ["nodes", "drawn", "as", counted[1]]
    assert counted[2] in captions()["moons.svg"]
    readme = (ROOT / "autograd" / "drawing" / "README.md").read_text(encoding="utf-8")
    assert f"100 samples: {counted[2]} nodes, drawn as {counted[1]} in under a second" in readme
    assert "×100" in svg_texts("moons.svg").split()  # copies of the whole network
    assert "3-4-2 network: 20 weights, 6 biases" in svg_texts("network.svg")
    assert numbers_in(captions()["network.svg"]) == ["3", "4", "2"]


#: Numbers in captions whose making takes longer; those marked slow make them again.
LEARNED = {"distillation.png": ["0.905", "0.875"], "lstm.png": ["13"]}


def test_captions_of_the_gallery_agree_with_the_demos() -> None:
    from demos import autoencoder, distillation, lstm, playground

    known, (anomaly,) = [str(digit) for digit in autoencoder.NORMAL], ["9"]  # the most similar one: a test of the demo
    labels = re.search(r'"--labelled", type=common.count, default=(\d+)', Path(distillation.__file__).read_text("utf-8"))
    units = re.search(r"LSTM\(1, (\d+),", Path(lstm.__file__).read_text("utf-8"))
    assert labels is not None and units is not None
    made = {
        "gradient_descent.png": [*(f"{weight:g}" for weight in descended(0.1, 1)), "3"],
        "playground.png": [str(len(playground.DATASETS) * len(playground.ACTIVATIONS) * len(playground.NETWORKS))],
        "autoencoder.png": [known[0], known[-1], anomaly],
        "distillation.png": [labels[1], *LEARNED["distillation.png"]],
        "lstm.png": [units[1], *LEARNED["lstm.png"]],
    }
    gallery = {name: numbers_in(text) for name, text in captions().items() if not name.endswith(".svg") and numbers_in(text)}
    assert gallery == made


@pytest.mark.slow
def test_captions_agree_with_the_results_of_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from matplotlib.figure import Figure

    from demos import distillation, lstm

    titles: list[str] = []
    monkeypatch.setattr(Figure, "suptitle", lambda self, text, **options: titles.append(text))
    lstm.main(["--out", str(tmp_path)])
    (found,) = [re.search(r"untrained: (\d+)", title) for title in titles if "untrained" in title]
    assert found is not None and [found[1]] == LEARNED["lstm.png"]
    capsys.readouterr()
    distillation.main(["--out", str(tmp_path)])
    taught, alone = map(float, re.findall(r"runs: (0\.\d+) .*baseline: (0\.\d+) alone", capsys.readouterr().out)[0])
    assert [taught, alone] == pytest.approx([float(number) for number in LEARNED["distillation.png"]], abs=0.005)
