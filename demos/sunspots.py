"""Code that the demos of recurrent networks share: sunspots, linear baselines, training, and plots of forecasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import Value, no_grad
from demos import common
from demos.common import BLUE, GREY, ORANGE, picture
from nn import AdamW, Linear, Module, OneCycleLR, fit, mse_loss

WINDOW = 30  # years that a network sees: nearly three cycles of the sun
FIRST = 1950  # the first test year; all before it are for training
NETWORKS = 5  # with different initial weights; the median of their forecasts counts
EXPLAINED = {
    "persistence": "the same as last year",
    "AR(2)": "a weighted sum of the last 2 years and a constant, by least squares",
    "AR(9)": "the same with 9 years",
    "AR(9) on roots": "with 9 square roots, as the networks get them",
}


class Forecaster(Module):
    """Reads a window of years with a recurrent layer; predicts the change to the next year from its last state.

    Args:
        layer: an RNN, LSTM or GRU of one input, with batch_first.
        rng: a numpy Generator.
    """

    def __init__(self, layer: Any, rng: np.random.Generator) -> None:
        self.layer = layer
        self.out = Linear(layer.hidden_size, 1, rng=rng)

    def forward(self, windows: Any) -> Value:
        states, _ = self.layer(windows)  # (windows, years, hidden)
        return windows[:, -1, 0] + self.out(states[:, -1])[:, 0]  # (windows,)


class Series(NamedTuple):
    """Windows (n, WINDOW, 1) and the year after each (n,), as inputs of networks; and the way back to counts.

    The inputs are square roots, because a count scatters more where it is large, standardised by the training years.
    """

    windows: np.ndarray
    following: np.ndarray
    train: int  # the number of windows, from the start, that a training year follows
    back: Callable[[np.ndarray], np.ndarray]


def prepare(years: np.ndarray, spots: np.ndarray) -> Series:
    roots = np.sqrt(spots)
    mean, deviation = roots[years < FIRST].mean(), roots[years < FIRST].std()
    scaled = (roots - mean) / deviation
    windows = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW)[:-1, :, None]
    train = int(np.sum(years[WINDOW:] < FIRST))
    return Series(windows, scaled[WINDOW:], train, lambda scaled: np.maximum(scaled * deviation + mean, 0.0) ** 2)


def autoregression(years: np.ndarray, values: np.ndarray, order: int) -> np.ndarray:
    """Return forecasts of the test years, linear in the `order` years before, by least squares on the training years."""
    lags = np.lib.stride_tricks.sliding_window_view(values, order)[:-1]
    lags = np.column_stack([np.ones(len(lags)), lags])  # (years, 1 + order)
    test = years[order:] >= FIRST
    coefficients, *_ = np.linalg.lstsq(lags[~test], values[order:][~test], rcond=None)
    return lags[test] @ coefficients


def baselines(years: np.ndarray, spots: np.ndarray) -> dict[str, np.ndarray]:
    """Return the forecasts without a network."""
    return {
        "persistence": spots[:-1][years[1:] >= FIRST],
        "AR(2)": autoregression(years, spots, 2),
        "AR(9)": autoregression(years, spots, 9),
        "AR(9) on roots": autoregression(years, np.sqrt(spots), 9) ** 2,
    }


def rmse(forecast: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((forecast - truth) ** 2)))


def train(model: Module, series: Series, epochs: int, rng: np.random.Generator) -> None:
    """Train with AdamW, strong weight decay, since 220 windows are few, and a learning rate that rises and falls."""
    data = (series.windows[: series.train], series.following[: series.train])
    optimizer = AdamW(model.named_parameters(), lr=1e-2, weight_decay=0.3)
    scheduler = OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * -(-series.train // 32) + 1)
    fit(
        model, mse_loss, optimizer, data, epochs=epochs, batch_size=32,
        scheduler=scheduler, schedule_every="step", clip_norm=1.0, progress=False, rng=rng,
    )  # fmt: skip


def forecasts_of(models: Sequence[Module], series: Series) -> np.ndarray:
    """Return the forecast of each network for each test year: (networks, years)."""
    with no_grad():
        return np.array([series.back(model(series.windows[series.train :]).data) for model in models])


# --- pictures ------------------------------------------------------------------------------------------


def plot_forecasts(name: str, forecasts: np.ndarray, years: np.ndarray, spots: np.ndarray, path: Path) -> Path:
    """Plot the test years with the forecast for each, and the errors beside those of the baselines."""
    others, test, shown = baselines(years, spots), years >= FIRST, years >= FIRST - 10
    median, truth = np.median(forecasts, axis=0), spots[test]
    with picture(path, 2, 1, (13.0, 9.4)) as (figure, (top, bottom)):
        figure.suptitle(f"Sunspots one year ahead: the {name} was trained on 1700 to {FIRST - 1}")
        top.plot(years[shown], spots[shown], "o-", color="black", ms=5, linewidth=0.8, label="observed")
        top.plot(years[test], others["AR(2)"], color=ORANGE, linestyle="--", linewidth=1.6, label="AR(2)")
        top.plot(years[test], median, color=BLUE, label=f"{name}, median and range of {len(forecasts)}")
        top.fill_between(years[test], forecasts.min(axis=0), forecasts.max(axis=0), color=BLUE, alpha=0.25, linewidth=0)
        top.axvspan(years[shown][0] - 1, FIRST - 0.5, color=GREY, alpha=0.15, linewidth=0)
        top.text(FIRST - 5.5, 222, "training", ha="center", va="top")
        top.set(xlabel="year", ylabel="sunspots, mean of the year", ylim=(0, 230), xlim=(years[shown][0] - 1, years[-1] + 1))
        top.grid(alpha=0.3)
        top.legend(loc="upper right", ncols=3)

        errors = {label: rmse(line, truth) for label, line in (others | {name: median}).items()}
        bars = bottom.barh(list(errors), list(errors.values()), color=["#aaaaaa"] * len(others) + [BLUE])
        alone = [rmse(line, truth) for line in forecasts]
        ends = [*list(errors.values())[:-1], max(*alone, errors[name])]  # behind the dots
        for bar, error, end in zip(bars, errors.values(), ends, strict=True):
            bottom.text(end + 0.5, bar.get_y() + bar.get_height() / 2, f"{error:.1f}", va="center")
        for bar, label in zip(bars, EXPLAINED, strict=False):
            bottom.text(0.3, bar.get_y() + bar.get_height() / 2, EXPLAINED[label], va="center", fontsize=12)
        bottom.plot(alone, [name] * len(alone), "o", color="white", mec="black", ms=8)
        bottom.set(xlabel=f"typical error in sunspots (root of the mean square, {FIRST} to {years[-1]}); dots: each network")
        bottom.margins(x=0.1)
        bottom.invert_yaxis()
    return path


def delays_of(memory: np.ndarray, years: np.ndarray, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the delays, in years, at which the units of the memory (years, hidden) follow the sunspots best, and the
    correlations at these delays."""
    read = np.flatnonzero(years >= FIRST - 1)[:-1]
    like = np.array([[np.corrcoef(spots[read - delay], row)[0, 1] for delay in range(11)] for row in memory.T])
    return like.argmax(axis=1), like.max(axis=1)


def plot_memory(name: str, memory: np.ndarray, untrained: np.ndarray, years: np.ndarray, spots: np.ndarray, path: Path) -> Path:
    """Plot the memory of one network after reading up to each year (years, hidden), sorted by its delay to the sunspots.

    The memory of the untrained network follows them, too: training learns how to use it.
    """
    delays, like = delays_of(memory, years, spots)
    _, before = delays_of(untrained, years, spots)
    title = f"{np.sum(like > 0.8)} of the {len(like)} units of one {name} follow the sunspots, with various delays"
    title += f" (untrained: {np.sum(before > 0.8)})"
    read = years >= FIRST - 1
    memory, years, spots = memory / np.abs(memory).max(axis=0), years[read][:-1], spots[read][:-1]
    with picture(path, 2, 1, (13.0, 8.0)) as (figure, (top, bottom)):
        figure.suptitle(title)
        top.plot(years, spots, "o-", color="black", ms=4)
        top.set(ylabel="sunspots, mean of the year", ylim=(0, None), xlim=(years[0] - 0.5, years[-1] + 0.5))
        image = bottom.imshow(
            memory.T[np.argsort(delays, kind="stable")],
            cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", extent=(years[0] - 0.5, years[-1] + 0.5, memory.shape[1], 0),
        )  # fmt: skip
        bottom.set(
            xlabel="the last year that was read (to follow: correlation above 0.8 with the sunspots 0 to 10 years before)",
            ylabel=f"the {memory.shape[1]} units, by delay",
            yticks=[],
        )
        figure.colorbar(image, ax=[top, bottom], label="value of the unit, relative to its largest", shrink=0.6)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def demo(
    name: str,
    description: str,
    layer: Callable[[np.random.Generator], Module],
    memory: Callable[[Any, np.ndarray], Value],
    arguments: Sequence[str] | None,
) -> None:
    """Run the demo of one kind of layer.

    Args:
        name: the name of the layer, in capitals.
        description: the description of the demo.
        layer: returns a new layer.
        memory: returns the state (windows, hidden) of the layer after it has read windows.
        arguments: those of the command line.
    """
    args = common.options(name.lower(), description, epochs=30, quick=2).parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    years, spots = common.load_sunspots()
    series, truth = prepare(years, spots), spots[years >= FIRST]
    print(f"{series.train} windows of {WINDOW} years to train, {len(truth)} to test")

    models = [Forecaster(layer(rng), rng) for _ in range(1 if args.quick else NETWORKS)]
    print(models[0])

    def held() -> np.ndarray:
        with no_grad():
            return memory(models[0].layer, series.windows[series.train :]).data  # (years, hidden)

    untrained = held()
    for number in common.progress(len(models), "network"):
        train(models[number], series, common.epochs_of(args), rng)
    forecasts = forecasts_of(models, series)  # (networks, years)
    result = rmse(np.median(forecasts, axis=0), truth)

    print("root of the mean square error (RMSE, the size of a typical error in sunspots) from 1950 to 2008:")
    errors = {label: rmse(line, truth) for label, line in baselines(years, spots).items()}
    for label, error in (errors | {f"{name}, median": result}).items():
        print(f"  {label:<15} {error:5.1f}  {EXPLAINED.get(label, '')}".rstrip())
    print("  each network   ", *(f"{rmse(forecast, truth):5.1f}" for forecast in forecasts))

    files = [
        plot_forecasts(name, forecasts, years, spots, args.out / "forecast.png"),
        plot_memory(name, held(), untrained, years, spots, args.out / "memory.png"),
    ]
    others = "; ".join(f"{errors[label]:.1f}, {label}" for label in ("AR(2)", "AR(9)", "AR(9) on roots"))
    common.finish(files, "RMSE in sunspots", result, others)


if __name__ == "__main__":
    raise SystemExit("this is not a demo: run python -m demos.rnn or python -m demos.lstm, which use it")
