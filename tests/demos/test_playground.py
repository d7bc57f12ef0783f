"""The playground records what the networks compute, and its page shows what was recorded."""

from __future__ import annotations

import base64
import itertools
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from tests.demos.test_demos import run
from tests.drawing.test_page import CONTRAST, press

for package in ("matplotlib", "tqdm", "sklearn"):
    pytest.importorskip(package, reason="the demos need pip install 'valuegrad[demos]'")
playground = pytest.importorskip("demos.playground")

EPOCHS = 5
RUNS = list(itertools.product(playground.DATASETS, playground.ACTIVATIONS, playground.NETWORKS))


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpack(packed: dict[str, str], *shape: int) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(packed["bytes"])), packed["type"]).reshape(EPOCHS + 1, *shape)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a quick recording."""
    folder = tmp_path_factory.mktemp("playground")
    playground.main(["--quick", "--epochs", str(EPOCHS), "--out", str(folder)])
    return folder / "playground.html"


def test_playground_quick(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, last_lines = run(playground.main, ["--quick", "--epochs", "1", "--out", str(tmp_path)], capsys)
    assert [line.split()[0] for line in before.splitlines()] == ["held-out", *playground.DATASETS]
    assert re.fullmatch(r"held-out accuracy, mean of 24 runs: 0\.\d{3} \(baseline: 0\.\d{3}, a straight line\)", last_lines[0])
    assert [item.name for item in tmp_path.iterdir()] == ["playground.html"]


def test_every_choice_was_recorded_at_every_epoch(path: Path) -> None:
    data = data_of(path)
    assert data["epochs"] == EPOCHS and set(data["runs"]) == {" ".join(choice) for choice in RUNS}
    for name, recorded in data["runs"].items():
        sizes = playground.NETWORKS[name.split()[-1]]
        count = sum(m * (n + 1) for n, m in itertools.pairwise(sizes))
        assert unpack(recorded["parameters"], count).any()
        assert unpack(recorded["neurons"], sum(sizes[1:-1]), playground.NARROW, playground.NARROW).any()
        assert np.abs(unpack(recorded["output"], playground.WIDE, playground.WIDE)).max() == 127
        assert len(recorded["neuron_scales"]) == sum(sizes[1:-1])
        for part in "train", "test":
            assert len(recorded[f"{part}_loss"]) == len(recorded[f"{part}_accuracy"]) == EPOCHS + 1
        wrong = unpack(recorded["wrong"], 60)
        assert np.allclose(1.0 - wrong[:, :40].mean(axis=1), recorded["train_accuracy"], atol=1e-4)
        assert np.allclose(1.0 - wrong[:, 40:].mean(axis=1), recorded["test_accuracy"], atol=1e-4)


@pytest.mark.parametrize("choice", [("moons", "relu", "4"), ("xor", "sigmoid", "8-8"), ("spirals", "tanh", "8-8")])
def test_pictures_losses_and_accuracies_are_those_of_the_parameters(choice: tuple[str, str, str], path: Path) -> None:
    data = data_of(path)
    recorded = data["runs"][" ".join(choice)]
    model = playground.build(*choice[1:], np.random.default_rng(0))
    parameters = unpack(recorded["parameters"], sum(p.size for p in model.parameters())) / 1_000
    *points, labels = np.array(data["data"][choice[0]]["test"]).T
    for epoch in 0, EPOCHS:
        parts = np.split(parameters[epoch], np.cumsum([p.size for p in model.parameters()])[:-1])
        for parameter, part in zip(model.parameters(), parts, strict=True):
            parameter.data = part.reshape(parameter.shape)
        scores = model(np.array(points).T)[:, 0]
        loss = nn.binary_cross_entropy_with_logits(scores, labels).item()
        assert loss == pytest.approx(recorded["test_loss"][epoch], abs=0.003)
        assert np.mean((scores.data > 0) == labels) == pytest.approx(recorded["test_accuracy"][epoch], abs=0.051)  # one of 20
        output = unpack(recorded["output"], playground.WIDE**2)[epoch] / 127 * recorded["output_scales"][epoch]
        assert np.allclose((output + 1) / 2, nn.sigmoid(model(playground.plane(playground.WIDE))).data[:, 0], atol=0.01)
        hidden = model[:2](playground.plane(playground.NARROW)).data.T
        pictures = unpack(recorded["neurons"], sum(data["networks"][choice[2]][1:-1]), playground.NARROW**2)[epoch]
        scales = np.array(recorded["neuron_scales"])[: len(hidden), None]
        assert (np.abs(pictures[: len(hidden)] / 31 * scales - hidden) <= 0.52 / 31 * scales + 0.006).all()


def test_the_page_loads_nothing_and_makes_no_elements_of_data(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in page and "{{" not in page and "<noscript>" in page
    assert set(re.findall(r"https?://[\w./]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(|innerHTML|outerHTML|insertAdjacent|WebSocket", page
    )
    assert playground.page_of({"text": "</script><script>"}).count("</script>") == page.count("</script>")


def test_the_same_seed_gives_the_same_page(tmp_path: Path) -> None:
    pages = set()
    for name, seed in ("first", 1), ("again", 1), ("other", 2):
        playground.main(["--quick", "--epochs", "1", "--seed", str(seed), "--out", str(tmp_path / name)])
        pages.add((tmp_path / name / "playground.html").read_text(encoding="utf-8"))
    assert len(pages) == 2


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_networks_learn_what_a_straight_line_cannot(seed: int, tmp_path: Path) -> None:
    playground.main(["--seed", str(seed), "--out", str(tmp_path)])
    assert (tmp_path / "playground.html").stat().st_size < 3_000_000
    data = data_of(tmp_path / "playground.html")
    ends = {name: recorded["test_accuracy"][-1] for name, recorded in data["runs"].items()}
    assert np.mean(list(ends.values())) >= 0.88
    for name, points in data["data"].items():
        assert ends[f"{name} relu 8-8"] >= 0.95
        assert points["line"] <= 0.92 and ends[f"{name} relu 8-8"] >= points["line"] + 0.05


# --- in a browser --------------------------------------------------------------------------------------

Opened = Callable[..., Any]


@pytest.fixture
def opened(open_page: Callable[..., Any], path: Path) -> Opened:
    def open_playground(width: int = 1400, height: int = 900, **options: Any) -> Any:
        return open_page(path, width, height, **options)

    return open_playground


def choose(page: Any, *choice: str) -> None:
    for part, option in zip(("data", "activation", "network"), choice, strict=True):
        page.check(f"input[name={part}][value='{option}']")
    page.wait_for_selector(f"#player[data-run='{' '.join(choice)}']")


def epoch_of(page: Any) -> int:
    return int(page.get_attribute("#player", "data-epoch"))


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


LINES = """() => [...document.querySelectorAll(".weight")].map((line) => line.outerHTML).join()"""
PICTURES = """() => [...document.querySelectorAll("#field, .neuron canvas")].map((canvas) => canvas.toDataURL())"""


@pytest.mark.browser
def test_every_run_shows_its_accuracy_and_loss(opened: Opened, path: Path) -> None:
    page, data = opened(), data_of(path)
    for choice in RUNS:
        choose(page, *choice)
        recorded, sizes = data["runs"][" ".join(choice)], playground.NETWORKS[choice[2]]
        assert page.locator(".neuron").count() == sum(sizes)
        assert page.locator(".weight").count() == sum(n * m for n, m in itertools.pairwise(sizes))
        for epoch in EPOCHS, 2:
            page.fill("#slider", str(epoch))
            assert page.inner_text("#epoch") == str(epoch) and page.inner_text("#now") == f"{epoch} / {EPOCHS}"
            for part in "train", "test":
                assert page.inner_text(f"#{part}-accuracy") == percent(recorded[f"{part}_accuracy"][epoch])
                assert float(page.inner_text(f"#{part}-loss")) == pytest.approx(recorded[f"{part}_loss"][epoch], abs=6e-4)
        assert percent(data["data"][choice[0]]["line"]) in page.inner_text("#baseline")


@pytest.mark.browser
def test_each_epoch_and_each_choice_has_its_own_pictures(opened: Opened) -> None:
    page = opened()
    for network in playground.NETWORKS:
        choose(page, "spirals", "tanh", network)
        lines, pictures = [], []
        for epoch in range(EPOCHS + 1):
            page.fill("#slider", str(epoch))
            lines.append(page.evaluate(LINES))
            pictures.append(page.evaluate(PICTURES))
        assert len(set(lines)) == EPOCHS + 1
        for pictures_of_one in list(zip(*pictures, strict=True))[2:]:  # without the two inputs
            assert len(set(pictures_of_one)) > EPOCHS // 2
        page.fill("#slider", "2")
        assert page.evaluate(LINES) == lines[2]


@pytest.mark.browser
def test_buttons_keys_and_play_move_through_the_epochs(opened: Opened) -> None:
    page = opened()
    assert epoch_of(page) == EPOCHS
    for button, epoch in ("#first", 0), ("#next", 1), ("#back", 0), ("#last", EPOCHS):
        page.click(button)
        assert epoch_of(page) == epoch
    page.evaluate("document.activeElement.blur()")
    for key, epoch in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", EPOCHS),
        ("ArrowRight", EPOCHS),
    ):
        press(page, key)
        assert epoch_of(page) == epoch
    page.select_option("#speed", "30")
    page.evaluate("document.activeElement.blur()")
    press(page, " ")
    assert page.get_attribute("#player", "data-state") == "playing" and page.get_attribute("#play", "aria-label") == "Pause"
    page.wait_for_selector(f"#player[data-epoch='{EPOCHS}'][data-state=paused]")
    page.select_option("#speed", "2")
    page.click("#play")
    page.click("#play")
    assert page.get_attribute("#player", "data-state") == "paused" and epoch_of(page) < EPOCHS
    assert "held-out accuracy" in page.inner_text("#live")
    page.click("#loss", position={"x": 36, "y": 40})
    assert epoch_of(page) == 0


@pytest.mark.browser
def test_a_weight_and_a_neuron_show_their_numbers(opened: Opened, path: Path) -> None:
    page = opened()
    recorded = data_of(path)["runs"]["spirals tanh 8-8"]
    parameters = unpack(recorded["parameters"], 105) / 1_000
    weight, bias = parameters[:, 24 + 8 * 3 + 2], parameters[:, 24 + 64 + 3]  # from h₃ to k₄
    page.dispatch_event("[data-weight='h₃ k₄']", "click")
    for epoch in EPOCHS, 1:
        page.fill("#slider", str(epoch))
        assert page.inner_text("#value").replace("−", "-") == f"{weight[epoch]:.3f}"
    assert page.inner_text("#title-chosen") == "Weight from h₃ to k₄"
    assert page.locator(".weight:not(.faded)").count() == 1
    page.click("[data-name='k₄']")
    rows = [text.replace("−", "-") for text in page.locator("#chosen .number").all_inner_texts()]
    assert len(rows) == 9 and rows[2] == f"{weight[1]:.3f}" and rows[8] == f"{bias[1]:.3f}"
    assert page.get_attribute("[data-name='k₄']", "aria-pressed") == "true" and page.locator(".weight:not(.faded)").count() == 9
    for name in "x₁", "h₁", "y":
        page.click(f"[data-name='{name}']")
        assert name in page.inner_text("#title-chosen")
    page.click("#close")
    assert page.evaluate("document.activeElement.dataset.name") == "y" and page.locator(".faded").count() == 0


@pytest.mark.browser
def test_the_plane_answers_at_a_place(opened: Opened, path: Path) -> None:
    page = opened()
    recorded = data_of(path)["runs"]["spirals tanh 8-8"]
    page.focus("#field")
    press(page, "ArrowRight", "ArrowUp", "ArrowUp")
    middle = (playground.WIDE - 1) // 2
    pixel = int(unpack(recorded["output"], playground.WIDE, playground.WIDE)[EPOCHS, middle - 2, middle + 1])
    share = (pixel / 127 * recorded["output_scales"][EPOCHS] + 1) / 2
    assert float(page.inner_text("#probe").split()[-1].rstrip(".")) == pytest.approx(share, abs=0.006)
    assert epoch_of(page) == EPOCHS
    page.click("#field", position={"x": 5, "y": 5})
    assert page.inner_text("#probe").startswith("At (−2")


@pytest.mark.browser
def test_everything_can_be_reached_with_the_keyboard(opened: Opened) -> None:
    page = opened()
    reached = set()
    for _ in range(40):
        press(page, "Tab")
        reached.add(
            page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.dataset.name")
        )
    assert {"theme", "data", "activation", "network", "x₁", "h₈", "y", "field", "show-test", "play", "slider", "speed"} <= reached
    page.focus("input[name=data]:checked")
    press(page, "ArrowLeft")
    page.wait_for_selector("#player[data-run='xor tanh 8-8']")
    assert epoch_of(page) == EPOCHS
    page.focus("[data-name='h₂']")
    press(page, "Enter")
    assert "h₂" in page.inner_text("#title-chosen")
    page.focus("#chosen .rows button")
    press(page, "Enter")
    assert page.inner_text("#title-chosen") == "Weight from x₁ to h₂"
    assert page.evaluate("document.activeElement.textContent") == "All of h₂"
    press(page, "Escape")
    assert page.locator(".faded").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_enough_contrast(theme: str, opened: Opened) -> None:
    page = opened(color_scheme=theme)
    assert page.evaluate(CONTRAST) == []
    page.click("[data-name='h₂']")
    assert page.evaluate(CONTRAST) == []
    before = page.evaluate(PICTURES)
    press(page, "d")
    assert page.get_attribute("html", "data-theme") == {"light": "dark", "dark": "light"}[theme]
    assert page.evaluate(CONTRAST) == [] and page.evaluate(PICTURES) != before


@pytest.mark.browser
def test_a_phone_needs_no_scrolling_to_the_side(opened: Opened) -> None:
    page = opened(360, 740, has_touch=True)
    outside = """[...document.querySelectorAll("body *:not(.unseen)")].filter((element) => {
        const box = element.getBoundingClientRect();
        return element.checkVisibility() && box.width && (box.left < -0.5 || box.right > innerWidth + 0.5);
    }).map((element) => element.id || element.outerHTML)"""
    for choice, name in ((("xor", "sigmoid", "4"), "h₄"), (("circles", "relu", "8-8"), "k₈")):
        choose(page, *choice)
        page.tap(f"[data-name='{name}']")
        assert name in page.inner_text("#title-chosen")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360 and page.evaluate(outside) == []
    page.tap("#first")
    assert epoch_of(page) == 0
