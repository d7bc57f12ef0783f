"""The recorder of training runs: its statistics, notes, bounds and files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, draw, record_lines, scope
from autograd.recording.inputs import starred
from autograd.recording.notes import share_text
from autograd.recording.recorder import Recorder
from autograd.recording.tracks import SAMPLE, TOGETHER, measure

X = np.random.default_rng(0).normal(size=(32, 8))
LABELS = np.arange(32) % 4


def network(activation: nn.Module | None = None, inputs: int = 8) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 16, rng=0), activation or nn.ReLU(), nn.Linear(16, 4, rng=1))


def train(model: Any, recorder: Recorder, steps: int, lr: float = 0.1, x: np.ndarray = X) -> None:
    optimiser = nn.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        loss = nn.cross_entropy(model(x), LABELS)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        recorder.step(loss)


def row(recorder: Recorder, name: str, kind: str = "parameters") -> dict[str, Any]:
    return next(item for item in recorder.to_json()[kind] if item["name"] == name)


def kinds(recorder: Recorder) -> list[str]:
    return [note["kind"] for note in recorder.notes()]


# --- statistics -----------------------------------------------------------------------------------


def test_statistics_are_those_of_numpy() -> None:
    numbers = np.random.default_rng(1).normal(1.0, 2.0, (5, 300))
    numbers[:, :30] = 0.0
    found = measure(numbers, 20)
    assert np.allclose(found["mean"], numbers.mean(axis=1)) and np.allclose(found["std"], numbers.std(axis=1))
    assert np.allclose(found["rms"], np.sqrt((numbers**2).mean(axis=1)))
    assert found["largest"].tolist() == np.abs(numbers).max(axis=1).tolist()
    assert found["zeros"].tolist() == [0.1] * 5
    for counts, line in zip(found["counts"], numbers, strict=True):
        assert np.abs(counts - np.histogram(line, 20)[0]).sum() <= 2  # a number on an edge may fall on either side


def test_the_spread_of_nearly_equal_numbers_keeps_its_digits() -> None:
    numbers = 1e6 + np.array([[0.0, 1e-3]])
    assert np.isclose(measure(numbers, 4)["std"][0], numbers.std(), rtol=1e-6, atol=0.0)


def test_nan_and_infinity_are_counted_and_left_out() -> None:
    found = measure(np.array([[1.0, np.nan, -np.inf, 3.0], [np.nan] * 4, [0.0, 1.0, 2.0, 3.0]]), 2)
    assert found["nan"].tolist() == [1, 4, 0] and found["inf"].tolist() == [1, 0, 0]
    assert found["mean"][[0, 2]].tolist() == [2.0, 1.5] and np.isnan(found["mean"][1])
    assert found["counts"].tolist() == [[1, 1], [0, 0], [2, 2]]


def test_histograms_of_equal_extreme_and_no_numbers() -> None:
    assert measure(np.full((1, 3), 7.0), 4)["counts"].tolist() == [[3, 0, 0, 0]]
    assert measure(np.array([[-1.7e308, 1.7e308]]), 2)["counts"].tolist() == [[1, 1]]
    assert measure(np.empty((2, 0)), 2)["counts"].tolist() == [[0, 0], [0, 0]]


def test_large_arrays_have_histograms_of_a_sample_and_statistics_of_all() -> None:
    numbers = np.zeros((1, 10_000))
    numbers[0, 1234] = 5.0
    found = measure(numbers, 10)
    assert found["counts"].sum() == SAMPLE and found["largest"][0] == 5.0 and found["mean"][0] == 5e-4


def test_values_are_after_the_update_and_gradients_of_the_last_backward() -> None:
    model = network()
    recorder = Recorder(model)
    train(model, recorder, 3)
    found = row(recorder, "2.weight")
    assert np.isclose(found["values"]["mean"][-1], model.layers[2].weight.data.mean(), rtol=1e-5)
    assert np.isclose(found["gradients"]["std"][-1], model.layers[2].weight.grad.std(), rtol=1e-5)
    assert found["shape"] == [4, 16] and sum(found["values"]["counts"][-1]) == 64


@pytest.mark.parametrize("every", [1, 3])
def test_the_update_ratio_is_that_of_one_step(every: int) -> None:
    w = Value(np.ones(4))
    recorder = Recorder([w], every=every)
    expected = []
    for step in range(3 * TOGETHER + 5):
        before = w.data
        w.data = w.data * (1.0 + 0.01 * (step % 7))
        expected.append(float(np.linalg.norm(w.data - before) / np.linalg.norm(w.data)))
        recorder.step()
    found = recorder.to_json()["parameters"][0]["values"]["update"]
    assert found[0] is None
    assert np.allclose(found[1:], expected[::every][1:], rtol=1e-4, atol=1e-9)


def test_reading_in_between_changes_nothing() -> None:
    once, often = network(), network()
    first, second = Recorder(once), Recorder(often)
    train(once, first, 10)
    for _ in range(10):
        train(often, second, 1)
        second.to_json()
    assert first.to_json() == second.to_json()


def test_updates_in_place_are_seen() -> None:
    w = Value(np.ones(3))
    recorder = Recorder({"w": w})
    recorder.step()
    w.data[:] = 2.0
    recorder.step()
    assert row(recorder, "w")["values"]["update"] == [None, 0.5]


def test_losses_and_metrics_may_be_missing_now_and_then() -> None:
    recorder = Recorder([Value(1.0)], every=2)
    for step in range(4):
        recorder.step(np.float32(step), **({"accuracy": 0.5} if step == 1 else {}))
    recorder.step(None, rate=np.array([0.1]))
    found = recorder.to_json()
    assert found["steps"] == [0, 2, 4] and found["loss"] == [0.0, 2.0, None]
    assert found["metrics"] == {"accuracy": [None, 0.5, None], "rate": [None, None, 0.1]}


# --- names and groups -----------------------------------------------------------------------------


def test_scalars_form_groups() -> None:
    model = nn.MLP(2, [3, 3, 1], rng=0)
    recorder = Recorder(model)
    for _ in range(3):
        loss = sum(((model(point) - 1.0) ** 2 for point in ([0.5, 1.0], [1.0, -1.0])), Value(0.0))
        loss.backward()
        recorder.step(loss)
    found = recorder.to_json()
    assert [item["name"] for item in found["parameters"]] == [
        f"layers.{layer}.neurons.*.{part}" for layer in range(3) for part in ("w.*", "b")
    ]
    assert found["parameters"][0]["shape"] == [6] and found["parameters"][0]["scalars"]
    assert [item["name"] for item in found["activations"]] == [f"layers.{layer}.neurons.*" for layer in range(3)]
    assert found["activations"][0]["size"] == 6  # two samples, three neurons
    assert "silent" in found["activations"][0]
    assert "337 parameters in 6 groups" in repr(Recorder(nn.MLP(2, [16, 16, 1])))


def test_names_of_lists_and_dicts() -> None:
    a, b, c = Value([1.0], label="a"), Value([2.0]), Value([3.0], label="a")
    assert list(Recorder([a, b]).parameters) == ["a", "parameters.1"]
    assert list(Recorder([a, b, c]).parameters) == ["a.0", "parameters.1", "a.2"]
    assert list(Recorder({"w": a, 3: b}).parameters) == ["w", "3"]
    assert starred("blocks.1.heads.2.w") == "blocks.1.heads.*.w"


# --- activations ----------------------------------------------------------------------------------


def test_activations_are_the_last_results_of_modules_and_scopes() -> None:
    model = network(nn.Tanh())
    recorder = Recorder(model)
    with record_lines():  # gives every node a place of its own
        logits = model(100.0 * X)
    with scope("loss"):
        loss = nn.cross_entropy(logits, LABELS)
    loss.backward()
    recorder.step(loss)
    found = {item["name"]: item for item in recorder.to_json()["activations"]}
    assert list(found) == ["0", "1", "2", "loss"]
    assert found["1"]["op"] == "tanh" and found["1"]["size"] == 32 * 16
    assert found["1"]["saturated"][0] > 0.5 and "silent" not in found["1"]
    assert np.isclose(found["2"]["std"][0], logits.data.std(), rtol=1e-5)
    assert found["loss"]["mean"] == recorder.to_json()["loss"]


def test_several_calls_of_one_module_are_samples() -> None:
    cell = nn.Linear(8, 8, rng=0)
    recorder = Recorder({"w": cell.weight})
    loss = (cell(cell(X)) + cell(X[:5]).sum()).mean()
    recorder.step(loss)
    assert [(item["name"], item["size"]) for item in recorder.to_json()["activations"]] == [("Linear", (32 + 32 + 5) * 8)]


def test_batches_of_other_sizes() -> None:
    model = network()
    recorder = Recorder(model)
    for size in (32, 32, 7, 32, 0):
        loss = model(X[:size]).sum()
        recorder.step(loss)
    found = row(recorder, "1", "activations")
    assert found["step"] == [0, 1, 2, 3, 4] and [sum(counts) for counts in found["counts"]] == [500, 500, 112, 500, 0]


def test_later_activations_are_measured_at_every_eighth_record() -> None:
    model = network()
    recorder = Recorder(model)
    train(model, recorder, 80)
    assert row(recorder, "0", "activations")["step"] == [*range(50), 56, 64, 72]
    assert Recorder(model, activations=False).to_json()["activations"] == []


def test_scopes_with_new_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.recording.recorder.MODULES", 3)
    w = Value([1.0])
    recorder = Recorder([w])
    for step in range(40):
        with scope(f"step {step}"):
            loss = (w * w).sum()
        recorder.step(loss)
    assert len(recorder.to_json()["activations"]) == 3 and len(recorder._paths) <= 31


# --- bounds ---------------------------------------------------------------------------------------


def test_long_runs_are_thinned() -> None:
    model = network()
    recorder = Recorder(model, max_steps=20)
    train(model, recorder, 300, lr=0.01)
    found = recorder.to_json()
    assert recorder.every == 16 and found["every"] == 16 and found["total"] == 300
    assert found["steps"] == list(range(0, 300, 16))
    for item in found["parameters"]:
        assert item["values"]["step"] == item["gradients"]["step"] == found["steps"]
        assert all(isinstance(ratio, float) for ratio in item["values"]["update"][1:])
    assert all(len(item["step"]) <= 20 for item in found["activations"])


def test_findings_survive_thinning() -> None:
    w = Value([1.0])
    recorder = Recorder([w], max_steps=4)
    for step in range(40):
        w.grad = np.array([np.nan if step == 3 else 1.0])
        recorder.step(1.0)
    assert recorder.notes()[0]["text"] == "first NaN at step 3 in the gradient of parameters.0"


def test_large_models_are_measured_at_once() -> None:
    w = Value(np.zeros(2**20))
    recorder = Recorder([w])
    recorder.step()
    assert recorder.groups[0].values.rows == 1 and recorder.groups[0].values.steps == []


# --- remarks ------------------------------------------------------------------------------


def test_a_healthy_run_has_no_notes() -> None:
    model = network()
    recorder = Recorder(model)
    train(model, recorder, 60)
    assert recorder.notes() == []


def test_zero_grad_before_the_step_is_noted() -> None:
    model = network()
    recorder = Recorder(model)
    for step in range(20):
        loss = nn.cross_entropy(model(X), LABELS)
        loss.backward()
        if step in (12, 15):
            model.zero_grad()
        recorder.step(loss)
    assert [note["text"] for note in recorder.notes()] == [
        "all gradients were zero at step 12 and later, last at step 15: was zero_grad() called before recorder.step()?"
    ]
    model.zero_grad()
    single = Recorder(model)
    single.step(1.0)
    assert [note["text"] for note in single.notes()] == [
        "all gradients were zero at step 0: was zero_grad() called before recorder.step()?"
    ]


def test_parameters_without_an_effect_on_the_loss_are_named() -> None:
    a, b, frozen = Value([1.0], label="a"), Value([2.0], label="b"), Value([3.0], label="c", requires_grad=False)
    recorder = Recorder([a, b, frozen])
    for _ in range(3):
        loss = (a * frozen).sum()
        loss.backward()
        recorder.step(loss)
    assert [(note["kind"], note["name"]) for note in recorder.notes()] == [("zero", "b")]
    assert recorder.notes()[0]["text"].startswith("zero at every recorded step: the gradient of b; ")


def test_dead_and_saturated_layers() -> None:
    model = network()
    model.layers[0].bias.data = model.layers[0].bias.data - 100.0
    recorder = Recorder(model)
    train(model, recorder, 3)
    assert kinds(recorder) == ["zero", "dead"]
    assert recorder.notes()[1]["text"] == (
        "100% of the relu units of 1 give zero for the whole batch; at least half of them since step 0"
    )
    model = network(nn.Sigmoid())
    recorder = Recorder(model)
    train(model, recorder, 3, lr=1e-9, x=1e5 * X)
    assert "saturated" in kinds(recorder)
    assert "of the results of 1 (sigmoid) are saturated; at least half of them since step 0" in recorder.notes()[-1]["text"]


@pytest.mark.parametrize(("shape", "axis"), [((6, 5), 1), ((6, 4, 5), 2), ((6, 5, 3, 2), 1)])
def test_silent_units_are_counted_as_the_picture_of_the_graph_counts_them(shape: tuple[int, ...], axis: int) -> None:
    """A unit is a position on the last axis, or a channel of images: 2 of these 5 are zero for all samples."""
    x = np.abs(np.random.default_rng(0).normal(size=shape)) + 0.1
    dead = [slice(None)] * len(shape)
    dead[axis] = [1, 3]  # type: ignore[call-overload]
    x[tuple(dead)] *= -1.0
    x[(0,) * len(shape)] = -1.0  # one number of a living unit
    w = Value(x, label="w")
    with scope("layer"):
        hidden = w.relu()
    loss = hidden.sum()
    loss.backward()
    recorder = Recorder({"w": w})
    recorder.step(loss)
    (found,) = recorder.to_json()["activations"]
    assert found["silent"] == [0.4]
    (node,) = [node for node in draw(loss).nodes if node.op == "relu"]
    assert node.notes[0].startswith("2 of 5 units are zero for all ")
    assert node.notes[0].endswith(f" {x.size // 5} samples")


def test_shares_are_0_or_100_percent_only_where_exact() -> None:
    assert [share_text(share) for share in (0.0, 0.001, 0.25, 0.5, 0.999, 1.0)] == ["0%", "<1%", "25%", "50%", ">99%", "100%"]


def test_the_first_nan_says_how_many_steps_before_it_were_not_recorded() -> None:
    w = Value([1.0], label="w")
    recorder = Recorder([w], every=10)
    for step in range(30):
        w.grad = np.array([np.nan if step >= 13 else 1.0])
        recorder.step(1.0)
    assert recorder.notes()[0]["text"] == "first NaN at step 20 in the gradient of w; 9 steps before it were not recorded"


def test_exploding_and_vanishing_gradients() -> None:
    small, large = Value([1.0], label="small"), Value([1.0], label="large")
    recorder = Recorder([small, large])
    for step in range(20):
        small.grad, large.grad = np.array([1e-9]), np.array([1e4 if step == 7 else 1.0])
        recorder.step(1.0)
    assert [note["text"] for note in recorder.notes()] == [
        "exploding at step 7: the gradient of large; the rms is up to 10,000 times the median before",
        "vanishing: the gradient of small; the rms is down to 1e-09 at the end, that of large is 1",
    ]


@pytest.fixture
def diverged() -> Recorder:
    model = network(nn.LeakyReLU())
    recorder = Recorder(model)
    with np.errstate(all="ignore"):
        for step in range(90):
            loss = ((model(X) - np.eye(4)[LABELS]) ** 2).mean()
            model.zero_grad()
            loss.backward()
            for parameter in model.parameters():
                parameter.data = parameter.data - (0.01 if step < 70 else 5.0) * parameter.grad
            recorder.step(loss)
    return recorder


def test_the_first_nan_is_named(diverged: Recorder) -> None:
    first, second = diverged.notes()[:2]
    assert first["text"].startswith(f"first infinity at step {first['step']} in the loss")  # the square overflows first
    assert second["text"].startswith("first infinity in a gradient: that of 2.weight at step")
    assert "exploding" in kinds(diverged)


def test_json_has_no_nan(diverged: Recorder, tmp_path: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    path = diverged.save(tmp_path / "new" / "run.json")
    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == diverged.to_json()
    assert {"NaN", "Infinity"} & set(map(str, found["loss"])) and found["parameters"][0]["values"]["mean"][-1] is None
    assert found["parameters"][0]["values"]["nan"][-1] == 128


def test_activations_before_the_loss_before_gradients_before_values() -> None:
    w = Value([1.0], label="w")
    recorder = Recorder([w])
    with scope("product"):
        product = w * np.array([np.nan])
    w.grad, w.data = np.array([np.nan]), np.array([np.nan])
    recorder.step(product.sum())
    assert recorder.notes()[0]["text"] == "first NaN at step 0 in the activations of product, and in 3 other places at that step"


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Recorder(3.0), TypeError, 'takes a module, or a dict or list of Values, got float: pass the model, or {"w"'),
        (lambda: Recorder([]), ValueError, "got no parameters: pass the model"),
        (lambda: Recorder({"w": 3.0}), TypeError, "records leaf Values, but w is 3.0: pass the parameters that the optimiser"),
        (lambda: Recorder([Value(1.0) * 2.0]), TypeError, "records leaf Values, but parameters.0 is Value"),
        (lambda: Recorder([Value(1.0)], every=0), ValueError, r"every=\.\.\.\) takes a whole number of at least 1, got 0"),
        (lambda: Recorder([Value(1.0)], live="run.png"), ValueError, "takes a path that ends in .html, got 'run.png'"),
        (lambda: Recorder([Value(1.0)]).save("run.html"), ValueError, r"has nothing to show: call recorder.step\(loss\) after"),
        (lambda: Recorder([Value(1.0)]).step(Value([1.0, 2.0])), ValueError, r"one number, got shape \(2,\): take"),
        (lambda: Recorder([Value(1.0)]).step(1.0, name="x"), TypeError, r"step\(name\) takes a number or a Value, got str"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_other_suffixes_are_refused(diverged: Recorder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="writes .html, .json, .png, .svg, .pdf and .jpg, got"):
        diverged.save(tmp_path / "run.txt")


# --- files ----------------------------------------------------------------------------------------


def data_of(page: str) -> dict[str, Any]:
    return json.loads(page.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])


def test_the_page_is_one_file_without_addresses(diverged: Recorder, tmp_path: Path) -> None:
    page = diverged.save(tmp_path / "run.html").read_text(encoding="utf-8")
    assert "{{" not in page.replace("${{", "") and "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert data_of(page)["reload"] is None and data_of(page)["notes"] == diverged.notes()
    assert list(tmp_path.iterdir()) == [tmp_path / "run.html"]


def test_names_cannot_end_the_script(tmp_path: Path) -> None:
    recorder = Recorder({"</script><b>{{STYLE}}": Value([1.0])})
    recorder.step(1.0)
    page = recorder.page()
    assert page.count("</script>") == 2 and data_of(page)["parameters"][0]["name"] == "</script><b>{{STYLE}}"


def test_long_records_are_thinned_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.recording.recorder.ON_PAGE", 1)
    w = Value([1.0])
    recorder = Recorder([w])
    for step in range(200):
        recorder.step(float(step))
    found = data_of(recorder.page())
    assert found["steps"] == [*range(0, 200, 4), 199] and found["recorded"] == 200
    assert len(found["parameters"][0]["values"]["counts"]) == 51


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_figures(suffix: str, diverged: Recorder, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert diverged.save(tmp_path / f"run.{suffix}").stat().st_size > 10_000
    figure = diverged.figure(most=2)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == ["loss", "update / weight (rms, aim 1e-3)", "rms of the gradients"]
    assert titles[3:] == [f"{kind} of 0.{name}" for name in ("weight", "bias") for kind in ("values", "gradients")]


def test_figures_of_a_single_record() -> None:
    pytest.importorskip("matplotlib")
    recorder = Recorder([Value(1.0)])
    recorder.step()
    recorder.figure().canvas.draw()


def test_figures_without_matplotlib(diverged: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"figures need matplotlib .*pip install 'valuegrad\[demos\]', or save as .html"
    ):
        diverged.save(tmp_path / "run.png")


def test_notebooks_show_the_page_in_a_frame(diverged: Recorder) -> None:
    shown = diverged._repr_mimebundle_()
    assert shown["text/plain"] == repr(diverged) == "<Recorder of Sequential: 90 steps, 90 recorded, 212 parameters in 4 arrays>"
    frame = shown["text/html"]
    assert frame.startswith("<iframe") and unescape(frame.partition('srcdoc="')[2].rpartition('"')[0]) == diverged.page()
    assert Recorder([Value(1.0)])._repr_html_().startswith("<code>&lt;Recorder")


def test_the_live_page_is_written_while_training_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "live.html"
    model = network()
    with pytest.raises(KeyboardInterrupt), Recorder(model, live=path, seconds=0.0) as recorder:
        train(model, recorder, 1)
        assert data_of(path.read_text(encoding="utf-8"))["reload"] == 0.0
        train(model, recorder, 3)
        raise KeyboardInterrupt
    found = data_of(path.read_text(encoding="utf-8"))
    assert found["reload"] is None and found["total"] == 4
    train(model, recorder, 1)
    assert data_of(path.read_text(encoding="utf-8"))["total"] == 4


# --- in a browser ---------------------------------------------------------------------------------

Opened = Callable[..., Any]


@pytest.mark.browser
def test_the_slider_and_the_keyboard_replay_the_run(diverged: Recorder, open_page: Opened, tmp_path: Path) -> None:
    page = open_page(diverged.save(tmp_path / "run.html"))
    now = page.locator("#now")
    assert now.inner_text() == "step 89 of 89 · loss NaN"
    page.keyboard.press("Home")
    assert now.inner_text().startswith("step 0 of 89 · loss ")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert now.inner_text().startswith("step 1 of 89")
    page.locator("#slider").fill("40")
    assert now.inner_text().startswith("step 40 of 89")
    assert page.locator("#slider").get_attribute("aria-valuetext") == now.inner_text()
    page.locator("#next").click()
    assert now.inner_text().startswith("step 41 of 89")
    page.locator("#notes button").first.click()
    assert now.inner_text().startswith(f"step {diverged.notes()[0]['step']} of 89")
    page.keyboard.press("End")
    page.locator("h1").click()
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.locator("#now", has_text=re.compile(r"^step ([3-9]|[1-7]\d|8[0-8]) of 89")).wait_for()
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-label") == "Play"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_without_findings_says_exactly_what_is_idle(open_page: Opened, tmp_path: Path, scheme: str) -> None:
    """It does not say "no dead unit" above a table with silent ones, and names no colour that only one theme has."""
    texts = []
    for idle, activations in ((0, True), (1, True), (0, False)):
        x = Value(np.array([[-1.0] * idle + [1.0] * (4 - idle)]), label="x")
        recorder = Recorder([x], activations=activations)
        for _ in range(3):
            x.grad = None
            with scope("layer"):
                hidden = x.relu()
            loss = hidden.sum()
            loss.backward()
            recorder.step(loss)
        assert recorder.notes() == []
        page = open_page(recorder.save(tmp_path / f"run{len(texts)}.html"), color_scheme=scheme)
        texts.append(page.inner_text("#notes li"))
        assert "darker" not in page.inner_text("main")
        page.context.close()
    fine = "Nothing stands out: no NaN, no gradient that is zero, vanishes or explodes"
    assert texts == [
        f"{fine}, no dead or saturated unit.",
        f"{fine}; no layer with half of its units dead or saturated (at the end 25 % of the units of layer silent).",
        f"{fine}; activations were not recorded.",
    ]


@pytest.mark.browser
def test_the_page_shows_everything_that_was_recorded(diverged: Recorder, open_page: Opened, tmp_path: Path) -> None:
    page = open_page(diverged.save(tmp_path / "run.html"))
    assert page.locator("article h3").all_inner_texts() == [group.name for group in diverged.groups]
    assert page.locator("#activations tbody tr").count() == 3
    assert page.locator("#curves section").count() == 3 and page.locator("canvas").count() == 8
    assert page.locator("#notes li").count() == len(diverged.notes())
    assert "no finite numbers" in page.locator("article").first.inner_text()
    page.locator("#slider").fill("3")
    mean = diverged.to_json()["parameters"][0]["values"]["mean"][3]
    assert f"mean {mean:.3g}".replace("-", "−") in page.locator("article").first.inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(scheme: str, diverged: Recorder, open_page: Opened, tmp_path: Path) -> None:
    page = open_page(diverged.save(tmp_path / "run.html"), 360, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("html").get_attribute("data-theme") == scheme
    page.locator("#theme").click()
    assert page.locator("html").get_attribute("data-theme") != scheme


@pytest.mark.browser
def test_the_live_page_reloads_where_it_was_until_the_end(open_page: Opened, tmp_path: Path) -> None:
    path = tmp_path / "live.html"
    model = network()
    recorder = Recorder(model, live=path, seconds=0.0)
    train(model, recorder, 5)
    recorder._due = 0.0
    train(model, recorder, 1)
    page = open_page(path)
    assert page.locator("#now").inner_text().startswith("step 5 of 5")
    recorder._due = 0.0
    train(model, recorder, 1)
    page.locator("#now", has_text="step 6 of 6").wait_for()
    page.locator("#slider").fill("2")
    page.locator("#theme").click()
    train(model, recorder, 5)
    recorder.close()
    page.locator("#now", has_text="step 2 of 11").wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "reloads" not in page.locator("#facts").inner_text()
