"""fit(): the same as a loop by hand, with best weights, stopping, schedules and resuming."""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import nn
from autograd import Value
from tests.nn.training.fit_checks import X, Y, network, run, same

# --- the loop --------------------------------------------------------------------------------------------


def test_fit_equals_a_loop_by_hand() -> None:
    model, other = network(), network()
    history = run(model)
    optimizer, loader = nn.Adam(other.parameters(), lr=0.05), nn.DataLoader((X, Y), 16, shuffle=True, rng=1)
    for _ in range(5):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.mse_loss(other(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
    assert same(model, other)
    assert history["loss"][-1] == pytest.approx(total / len(X))
    assert history.names == ["epoch", "loss", "lr", "seconds"]
    assert history["epoch"] == [1, 2, 3, 4, 5]


def test_a_loader_is_used_without_change() -> None:
    model, other = network(), network()
    run(model)
    run(other, data=nn.DataLoader((X, Y), 16, shuffle=True, rng=1, prefetch=2))
    assert same(model, other)
    run(other, data=[(X, Y), (X, Y)])  # any iterable of batches


def test_gradients_are_clipped() -> None:
    model, other = network(), network()
    start = network()
    run(model, optimizer=nn.SGD(model.parameters(), lr=1.0), clip_norm=1e-3, epochs=1, batch_size=60)
    moved = sum(((p.data - q.data) ** 2).sum() for p, q in zip(model.parameters(), start.parameters(), strict=True)) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-2)
    run(other, optimizer=nn.SGD(other.parameters(), lr=1.0), epochs=1, batch_size=60)
    assert not same(model, other)


def test_modes_are_restored() -> None:
    seen: list[tuple[bool, bool]] = []

    class Spy(nn.Module):
        def forward(self, x: Any) -> Any:
            seen.append((self.training, x.op is None))
            return x

    spy, model = Spy(), network()
    whole = nn.Sequential(model, spy)
    whole.eval()
    model.train()
    run(whole, validation=(X, Y), epochs=1, batch_size=60)
    assert seen == [(True, False), (False, True)]  # validation records no graph
    assert model.training and not spy.training and not whole.training
    nn.evaluate(whole, (X, Y), {"mse": nn.mse_loss})
    assert model.training and not spy.training


# --- validation, best weights, stopping ------------------------------------------------------------------


class Scripted:
    """A loss with given validation values, independent of the model."""

    def __init__(self, *values: float) -> None:
        self.values = iter(values)

    def __call__(self, prediction: Any, target: Any) -> Any:
        if not prediction.requires_grad:
            return next(self.values)
        return nn.mse_loss(prediction, target)


def test_the_best_weights_and_buffers_are_restored() -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Linear(4, 1, rng=1))
    states: list[Any] = []
    losses = (3.0, 1.0, 2.0, math.nan, 1.5)
    history = run(model, loss=Scripted(*losses), validation=(X, Y), callbacks=[lambda t: states.append(t.model.state_dict())])
    assert history.best_epoch == 2 and len(history) == 5
    assert same(model, states[1])
    found = model.state_dict()
    assert found["1.num_batches_tracked"] == 8 and not (found["1.running_mean"] == states[4]["1.running_mean"]).all()


def test_the_last_weights_stay_if_asked_or_without_validation() -> None:
    for options in ({"restore_best": False, "validation": (X, Y)}, {}):
        model, states = network(), []
        loss = Scripted(1.0, 2.0, 3.0, 4.0, 5.0)
        run(model, loss=loss, callbacks=[lambda t, states=states: states.append(t.model.state_dict())], **options)
        assert same(model, states[-1])


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (3, 7), (None, 8)])
def test_early_stopping(patience: int | None, epochs: int) -> None:
    losses = (5.0, 4.0, 4.5, 3.0, 3.0, 3.1, 3.2, 1.0)
    history = run(network(), loss=Scripted(*losses), validation=(X, Y), epochs=len(losses), early_stopping=patience)
    assert len(history) == epochs


def test_callbacks_see_the_training_and_can_stop_it() -> None:
    seen = []

    def watch(training: nn.Training) -> bool:
        seen.append((training.epoch, training.step, len(training.history)))
        return training.epoch == 2

    assert len(run(network(), callbacks=[watch])) == 2
    assert seen == [(1, 4, 1), (2, 8, 2)]

    def stop(training: nn.Training) -> None:
        raise nn.StopTraining

    assert len(run(network(), callbacks=[stop])) == 1
    assert len(run(network(), callbacks=[lambda training: np.float64(training.epoch) == 3])) == 3  # NumPy's bool
    assert len(run(network(), callbacks=[lambda training: np.False_])) == 5


def test_an_interrupt_ends_fit_cleanly() -> None:
    class Loader:
        def __iter__(self) -> Iterator[Any]:
            for i in range(4):
                if i == 2 and len(states) == 2:
                    raise KeyboardInterrupt
                yield X, Y

    states: list[Any] = []
    model = network().eval()
    history = run(model, data=Loader(), validation=(X, Y), callbacks=[lambda t: states.append(t.model.state_dict())])
    assert len(history) == 2 and not model.training
    assert history.best_epoch is not None and same(model, states[history.best_epoch - 1])


def test_a_loss_of_nan_stops_with_the_best_weights() -> None:
    good: list[Any] = []
    model = network()

    def loss(prediction: Any, target: Any) -> Any:
        return nn.mse_loss(prediction, target) * (math.nan if len(good) == 2 and prediction.requires_grad else 1.0)

    with pytest.raises(FloatingPointError, match=r"nan in epoch 3, batch 1 \(step 9\): lower the learning rate.*autograd\.debug"):
        run(model, loss=loss, validation=(X, Y), callbacks=[lambda t: good.append(t.model.state_dict())])
    assert same(model, good[1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": lambda p, t: (p - t) ** 2}, r'returned the shape \(16, 1\): use reduction="mean"'),
        ({"loss": lambda p, t: 1.0}, r"returned float, which has no graph: leave out .item\(\), .data and float\(\) in the loss"),
        ({"loss": lambda p, t: nn.mse_loss(p, t).item()}, r"has no graph.*return the Value itself, as in lambda p, y: nn\."),
        ({"loss": lambda p, t: np.mean((p.data - t) ** 2)}, "returned float64, which has no graph"),
        ({"loss": lambda p, t: (p.data - t) ** 2}, "returned ndarray, which has no graph"),
        ({"loss": lambda p, t: None}, r"returned NoneType: is there a return in it\?"),
        ({"loss": lambda p, t: (nn.mse_loss(p, t), 1.0)}, "returned tuple: return the loss alone"),
        ({"metrics": {"r2": nn.r2_score}}, r"pass validation=\(x, y\)"),
        ({"schedule_every": "batch"}, '"epoch" or "step", got .batch.'),
        ({"data": (X, Y, Y)}, "a tuple of 3"),
        ({"data": []}, "no batches"),
        ({"data": iter([(X, Y)])}, "a generator can be used only once"),
        ({"validation": []}, "nothing to evaluate"),
        ({"validation": (X, Y), "metrics": {"validation_loss": nn.r2_score}}, "the name validation_loss is taken by a column"),
        ({"validation": (X, Y), "metrics": {"lr": nn.r2_score}}, "the name lr is taken by a column that fit.. writes"),
        ({"data": [X, Y]}, r"a batch must be \(x, y\), got ndarray: pass all data as a tuple \(x, y\)"),
        ({"validation": [X, Y]}, r"a batch must be \(x, y\), got ndarray: pass all data as a tuple \(x, y\)"),
        (
            {"data": nn.DataLoader((X, X, Y))},
            r"a batch must be \(x, y\), got tuple of 3: .* several inputs of a model are a dict",
        ),
        ({"data": nn.DataLoader({"x": X, "y": Y})}, r"a batch must be \(x, y\), got dict of 2"),
        ({"data": {"x": X, "y": Y}}, r"a tuple \(x, y\) or an iterable of such batches, got dict: pass \(x, y\)"),
        ({"data": X}, "got ndarray"),
        (
            {"data": nn.Subset([(X[0], 1.0)], [0])},
            r"got Subset: .* nn.DataLoader\(data, batch_size\) for a data set of samples",
        ),
        ({"data": [(X[0], 1.0)]}, r"y is a single number: pass nn.DataLoader\(data, batch_size\)"),
        ({"data": ((X, X[:, :2]), Y)}, r'a tuple of arrays of different shapes: .* inputs of a model are a dict, \(\{"a": a'),
    ],
)
def test_errors(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        run(network(), **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": nn.MSELoss}, r"fit..'s loss must be a function, got the class MSELoss: parentheses are missing, MSELoss\(\)"),
        ({"loss": "mse"}, "loss must be a function, got str: pass the function itself"),
        ({"callbacks": nn.SaveCheckpoint("a.npz")}, r"a list of functions, got SaveCheckpoint: .* callbacks=\[\.\.\.\]"),
        (
            {"callbacks": [nn.SaveCheckpoint]},
            r"a callback must be a function, got the class SaveCheckpoint: parentheses are missing",
        ),
        ({"metrics": [nn.accuracy]}, r'metrics must be functions by name, such as \{"accuracy": nn.accuracy\}, got list'),
        ({"metrics": {"l1": nn.L1Loss}, "validation": (X, Y)}, "the metric l1 must be a function, got the class L1Loss"),
        ({"optimizer": nn.Adam}, r"an optimiser with step\(\), got the class Adam: create one from model.named_parameters"),
        ({"optimizer": nn.LBFGS(network().parameters())}, "got LBFGS: LBFGS needs a closure: write the training loop"),
        ({"scheduler": nn.StepLR}, r"a schedule with step\(\), got the class StepLR: create one"),
    ],
)
def test_arguments_of_the_wrong_type(options: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        run(network(), **options)
    with pytest.raises(TypeError, match="got the class Linear as the model"):
        run(nn.Linear, optimizer=nn.SGD([Value(1.0)], lr=0.1))  # type: ignore[arg-type]


def test_parts_that_do_not_belong_together() -> None:
    """The error is raised before anything is trained."""
    model, other = network(), network()
    with pytest.raises(ValueError, match="the optimiser holds no parameter of this model: create it from model.named"):
        run(model, optimizer=nn.SGD(other.parameters(), lr=0.1))
    schedule = nn.StepLR(nn.SGD(model.parameters(), lr=0.1), 1)
    with pytest.raises(ValueError, match="the schedule belongs to another optimiser: create it from the one passed to fit"):
        run(model, scheduler=schedule)
    with pytest.raises(ValueError, match="every parameter of the optimiser is frozen, .* call unfreeze"):
        run(model.freeze())
    assert same(model, other)
    run(other, optimizer=nn.SGD([*other[-1].parameters(), Value(1.0)], lr=0.1), epochs=1)  # one parameter of the model is enough
    assert same(other[0], network()[0]) and not same(other, network())


class Two(nn.Module):
    """Takes two inputs."""

    def __init__(self) -> None:
        self.a, self.b = nn.Linear(2, 1, rng=0), nn.Linear(1, 1, rng=1)

    def forward(self, x: dict[str, Any]) -> Any:
        return self.a(x["a"]) + self.b(x["b"])


def test_several_inputs_are_a_dict() -> None:
    """The same as one input that the model splits."""

    class One(Two):
        def forward(self, x: Any) -> Any:
            return super().forward({"a": x[:, :2], "b": x[:, 2:]})

    one, two = One(), Two()
    inputs = {"a": X[:, :2], "b": X[:, 2:]}
    options: dict[str, Any] = {"metrics": {"r2": nn.r2_score}, "batch_size": 16}
    expected = run(one, validation=(X, Y), **options)
    history = run(two, data=(inputs, Y), validation=(inputs, Y), **options)
    assert len(set(history["loss"])) == 5
    for name in ("loss", "validation_loss", "r2"):
        assert history[name] == pytest.approx(expected[name], rel=1e-9)
    assert nn.evaluate(two, (inputs, Y), {"r2": nn.r2_score}, batch_size=7)["r2"] == pytest.approx(expected["r2"][-1])


def test_targets_may_be_a_dict() -> None:
    """The mean is over samples, not over keys, and validation concatenates the batches."""

    def loss(prediction: Any, target: Any) -> Any:
        return nn.mse_loss(prediction * target["mask"], target["y"] * target["mask"])

    targets = {"y": Y, "mask": np.ones_like(Y)}
    history = run(network(), data=(X, targets), validation=(X, targets), loss=loss, batch_size=50)
    expected = run(network(), validation=(X, Y), batch_size=50)
    assert history["loss"] == pytest.approx(expected["loss"])
    assert history["validation_loss"] == pytest.approx(expected["validation_loss"])


# --- schedules, resuming ---------------------------------------------------------------------------------


def test_schedules_by_epoch_and_by_step() -> None:
    for every, rates in (("epoch", [0.1, 0.05, 0.025]), ("step", [0.1 / 2**3, 0.1 / 2**7, 0.1 / 2**11])):
        model = network()
        optimizer = nn.SGD(model.parameters(), lr=0.1)
        seen: list[float] = []
        original = optimizer.step

        def step(original: Any = original, optimizer: Any = optimizer, seen: Any = seen) -> None:
            seen.append(optimizer.lr)
            original()

        optimizer.step = step  # type: ignore[method-assign]
        schedule = nn.StepLR(optimizer, 1, gamma=0.5)
        run(model, optimizer=optimizer, scheduler=schedule, schedule_every=every, epochs=3)
        assert seen[3::4] == pytest.approx(rates)


def test_a_plateau_gets_the_validation_loss() -> None:
    model = network()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    schedule = nn.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    loss = Scripted(1.0, 1.0, 0.5, 0.5, 0.4)
    history = run(model, optimizer=optimizer, scheduler=schedule, loss=loss, validation=(X, Y))
    assert history["lr"] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


def test_resuming_from_a_checkpoint_is_exact(tmp_path: Path) -> None:
    def parts() -> tuple[nn.Module, nn.Optimizer, Any, nn.DataLoader]:
        model = network(dropout=0.2)
        optimizer = nn.Adam(model.named_parameters(), lr=0.05)
        return model, optimizer, nn.CosineAnnealingLR(optimizer, 6), nn.DataLoader((X, Y), 16, shuffle=True, rng=5)

    def train(model: nn.Module, optimizer: nn.Optimizer, schedule: Any, loader: nn.DataLoader, epochs: int) -> nn.History:
        save = nn.SaveCheckpoint(tmp_path / "run.npz")
        return run(model, data=loader, optimizer=optimizer, scheduler=schedule, epochs=epochs, callbacks=[save])

    whole = parts()
    history = train(*whole, epochs=6)
    train(*parts(), epochs=4)
    model, optimizer, schedule, loader = parts()
    done = nn.load(tmp_path / "run.npz", model, optimizer, schedule, loader=loader).step
    assert done == 4
    rest = train(model, optimizer, schedule, loader, epochs=6 - done)
    assert same(model, whole[0])
    assert rest["loss"] == history["loss"][4:]


# --- progress, real data ----------------------------------------------------------------------------------


def test_the_progress_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(network(), progress=True)
    assert "20/20" in capsys.readouterr().err
    run(network())
    assert not "".join(capsys.readouterr())
    real = builtins.__import__

    def without(name: str, *args: Any, **named: Any) -> Any:
        if name.startswith("tqdm"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **named)

    monkeypatch.setattr("nn.extras.import_module", without)
    with pytest.raises(ImportError, match=r"progress=False turns it off\) needs tqdm .*pip install 'valuegrad\[nn\]'"):
        run(network(), progress=True)


def test_digits_from_end_to_end() -> None:
    x, y = load_digits(return_X_y=True)
    train, validation = nn.random_split((x / 16.0, y), [0.8, 0.2], rng=0, stratify=y)
    model = nn.Sequential(nn.Linear(64, 64, rng=0), nn.ReLU(), nn.Linear(64, 10, rng=1))
    optimizer = nn.Adam(model.named_parameters(), lr=3e-3)
    history = nn.fit(
        model, nn.cross_entropy, optimizer, train, validation, epochs=20, metrics={"accuracy": nn.accuracy}, early_stopping=4,
        scheduler=nn.CosineAnnealingLR(optimizer, 20), progress=False, rng=0,
    )  # fmt: skip
    assert max(history["accuracy"]) > 0.96
    assert nn.evaluate(model, validation, {"loss": nn.cross_entropy})["loss"] == pytest.approx(min(history["validation_loss"]))


def test_a_parameter_alone_is_a_model() -> None:
    """Anything with forward() is a model; targets may be anything that the loss takes."""

    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope = Value(0.0)

        def forward(self, x: Any) -> Any:
            return self.slope * x

    line = Line()
    run(line, optimizer=nn.SGD(line.parameters(), lr=0.1), data=(X[:, 0], 3.0 * X[:, 0]), epochs=40)
    assert line.slope.item() == pytest.approx(3.0, abs=1e-3)


# --- what stays as the user set it ----------------------------------------------------------------------


def test_modules_in_eval_mode_inside_a_model_stay_in_it() -> None:
    """A frozen BatchNorm keeps its statistics, and a dropout in eval mode stays off, also after callbacks."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5, rng=0), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=0))
    model[0].freeze().eval()
    model[1].eval()
    seen: list[list[bool]] = []

    def look(training: nn.Training) -> None:
        seen.append([module.training for module in model.modules()])
        model.eval()  # for example to predict: the next epoch trains like the first one

    optimizer = nn.SGD(model[3].parameters(), lr=0.01)
    run(model, optimizer=optimizer, data=(X + 5.0, Y), epochs=3, callbacks=[look], validation=(X, Y))
    assert (model[0].running_mean == 0.0).all() and (model[0].running_var == 1.0).all()
    assert not (model[2].running_mean == 0.0).all()
    assert seen == [[True, False, False, True, True]] * 3
    assert [module.training for module in model.modules()] == seen[0]
    nn.evaluate(model, (X, Y), {"mse": nn.mse_loss})
    assert [module.training for module in model.modules()] == seen[0]


def test_a_model_in_eval_mode_is_trained_except_for_what_is_frozen() -> None:
    model = nn.Sequential(nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5, rng=0)), nn.BatchNorm1d(3), nn.Linear(3, 1, rng=0))
    model[0].freeze()
    model.eval()
    modes: list[list[bool]] = []
    run(model, epochs=1, callbacks=[lambda training: modes.append([module.training for module in model.modules()])])
    assert modes == [[True, False, False, False, True, True]]
    assert not any(module.training for module in model.modules())


def test_a_callback_may_put_a_part_into_eval_mode() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1, rng=0))
    counts: list[int] = []

    def freeze(training: nn.Training) -> None:
        counts.append(int(model[0].num_batches_tracked))
        if training.epoch == 2:
            model[0].eval()

    run(model, callbacks=[freeze])
    assert counts == [4, 8, 8, 8, 8]


# --- the loss of an epoch --------------------------------------------------------------------------------

LABELS = np.random.default_rng(1).integers(3, size=60)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("options", [{}, {"weight": [1.0, 5.0, 0.25]}, {"ignore_index": 1}])
@pytest.mark.parametrize("as_module", [False, True])
def test_the_loss_of_an_epoch_is_that_of_all_its_samples(reduction: str, options: dict[str, Any], as_module: bool) -> None:
    """With a learning rate of 0 it is the loss of evaluate(), also with a smaller last batch."""

    def function(prediction: Any, target: Any) -> Any:
        return nn.cross_entropy(prediction, target, reduction=reduction, **options)

    loss = nn.CrossEntropyLoss(reduction=reduction, **options) if as_module else function
    data = (X, LABELS)
    (row,) = run(nn.Linear(3, 3, rng=0), lr=0.0, data=data, validation=data, loss=loss, epochs=1, batch_size=7)
    assert row["loss"] == pytest.approx(row["validation_loss"], rel=1e-12)
    scores = nn.Linear(3, 3, rng=0)(X).data
    each = np.log(np.exp(scores).sum(1)) - scores[np.arange(60), LABELS]  # the definition, in closed form
    weight = np.array(options.get("weight", [1.0, 1.0, 1.0]))[LABELS] * (options.get("ignore_index", -1) != LABELS)
    total = (weight * each).sum()
    assert row["loss"] == pytest.approx(total if reduction == "sum" else total / weight.sum(), rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        nn.MSELoss(reduction="sum"),
        nn.HuberLoss(),
        nn.KLDivLoss(reduction="batchmean"),
        lambda prediction, target: nn.mse_loss(prediction, target) + 0.1 * nn.l1_loss(prediction, target),
        lambda prediction, target: nn.mse_loss(prediction, target, "sum") + nn.l1_loss(prediction, target, "sum"),
        lambda prediction, target: ((prediction - target) ** 2).mean(),
    ],
)
def test_the_loss_of_an_epoch_of_other_losses(loss: Any) -> None:
    data = (X, abs(Y) / 10.0)
    (row,) = run(network(), lr=0.0, data=data, validation=data, loss=loss, epochs=1, batch_size=7)
    assert row["loss"] == pytest.approx(row["validation_loss"], rel=1e-12)


# --- options and data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "epochs"), [(False, 15), (True, 11), (np.False_, 15), (np.int64(2), 3)])
def test_early_stopping_takes_bools(given: Any, epochs: int) -> None:
    """True means ten epochs without improvement."""
    losses = Scripted(1.0, *[2.0] * 14)
    assert len(run(network(), loss=losses, validation=(X, Y), epochs=15, early_stopping=given)) == epochs


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"early_stopping": 0}, ValueError, "early_stopping must be at least 1, got 0: .* False turns it off"),
        ({"early_stopping": -2}, ValueError, "early_stopping must be at least 1, got -2"),
        ({"early_stopping": 1.5}, TypeError, "early_stopping must be a whole number, got 1.5"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 2.0}, TypeError, "epochs must be a whole number, got 2.0"),
        ({"epochs": True}, TypeError, "epochs must be a whole number, got True"),
        ({"clip_norm": 0.0}, ValueError, "clip_norm must be a positive number, or None for no clipping, got 0.0"),
        ({"clip_norm": True}, ValueError, "clip_norm must be a positive number"),
        ({"clip_norm": math.nan}, ValueError, "clip_norm must be a positive number"),
        ({"restore_best": "no"}, TypeError, "restore_best must be True or False, got 'no'"),
        ({"progress": None}, TypeError, "progress must be True or False, got None"),
        ({"drop_last": 1}, TypeError, "drop_last must be True or False, got 1"),
        ({"drop_last": True, "data": [(X, Y)]}, ValueError, "drop_last=True is for data given as arrays: pass it to the Data"),
        ({"data": ((X, Y) for _ in range(2))}, ValueError, "a generator can be used only once, not for 5 epochs"),
        ({"metrics": {"m": lambda p, t: p}, "validation": (X, Y)}, ValueError, r"an array of the shape \(60, 1\)"),
        ({"metrics": {"m": lambda p, t: None}, "validation": (X, Y)}, ValueError, "one number .* got None"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], error: type[Exception], text: str) -> None:
    model = network()
    with pytest.raises(error, match=text):
        run(model, **options)
    assert "metrics" in options or same(model, network())  # nothing was trained


def test_options_that_are_off() -> None:
    assert len(run(network(), clip_norm=False, callbacks=None, metrics=None)) == 5  # type: ignore[arg-type]
    assert len(run(network(), epochs=0)) == 0


def test_a_last_batch_of_one_before_batch_norm() -> None:
    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Linear(4, 1, rng=1))

    with pytest.raises(ValueError, match=r"more than one value per channel, .* \(1, 4\).* drop_last=True of DataLoader or fit"):
        run(model(), data=(X[:49], Y[:49]))
    whole, cut = model(), model()
    run(whole, data=(X[:48], Y[:48]), rng=None, batch_size=48)
    assert len(run(cut, data=(X[:49], Y[:49]), drop_last=True, batch_size=48)) == 5
    assert same(network(), network()) and not same(whole, model())


def test_frames_of_pandas() -> None:
    """A frame and a series train like their arrays."""
    frame, series = pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(LABELS)
    data: Any
    histories = []
    for data in (
        (X, LABELS),
        (frame, series),
        (frame.assign(c=frame["c"].astype("Float64")), LABELS.tolist()),
        [(frame, series)],
    ):
        options = {"batch_size": 60, "loss": nn.cross_entropy, "metrics": {"accuracy": nn.accuracy}}
        histories.append(run(nn.Linear(3, 3, rng=0), data=data, validation=data, **options))
    for history in histories[1:]:
        assert history["loss"] == pytest.approx(histories[0]["loss"]) and history["accuracy"] == histories[0]["accuracy"]
    with pytest.raises(ValueError, match=r"\(x, y\) or an iterable of such batches, got DataFrame: pass \(x, y\)"):
        run(network(), data=frame)


class Cut(nn.Module):
    """Leaves its graph."""

    def __init__(self) -> None:
        self.layer = nn.Linear(3, 1, rng=0)

    def forward(self, x: Any) -> Value:
        return self.layer(x).detach()


@pytest.mark.parametrize(
    ("model", "loss"),
    [(network(), lambda prediction, target: Value(((prediction.data - target) ** 2).mean())), (Cut(), nn.mse_loss)],
)
def test_a_loss_without_a_graph_to_the_parameters_is_refused(model: nn.Module, loss: Any) -> None:
    with pytest.raises(ValueError, match="the loss does not depend on the parameters of the model"):
        run(model, loss=loss)


def test_frames_have_the_same_columns_in_training_and_validation() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    assert len(run(network(), data=(frame, Y), validation=(frame.copy(), Y), epochs=1)) == 1
    with pytest.raises(
        ValueError, match=r"columns of the training data are \['a', 'b', 'c'\], but those of .* \['c', 'b', 'a'\]"
    ):
        run(network(), data=(frame, Y), validation=(frame[["c", "b", "a"]], Y))
