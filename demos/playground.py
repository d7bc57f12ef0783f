"""Record small networks as they learn to separate points, for a page that replays the training epoch by epoch."""

from __future__ import annotations

import base64
import itertools
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nn
from autograd import no_grad, web
from demos import common

FILES = Path(__file__).parent / "playground_files"
EDGE = 2.4  # the images show the plane from -EDGE to EDGE in both directions
RATE, BATCH = 0.03, 10  # of Adam, and of its batches
WIDE, NARROW = 36, 20  # points along a side of the image of the output, and of a hidden neuron
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
NETWORKS = {"4": (2, 4, 1), "8-8": (2, 8, 8, 1)}

# --- data ----------------------------------------------------------------------------------------------

Points = tuple[np.ndarray, np.ndarray]  # (n, 2), and the labels (n,), 0 for orange and 1 for blue


def moons(count: int, rng: np.random.Generator) -> Points:
    points, labels = common.load_moons(count, int(rng.integers(1_000)))
    return points, labels > 0


def circles(count: int, rng: np.random.Generator) -> Points:
    return common.load_circles(count, int(rng.integers(1_000)))


def xor(count: int, rng: np.random.Generator) -> Points:
    points = rng.uniform(-1.0, 1.0, (count, 2))
    return points + 0.08 * np.sign(points), points.prod(axis=1) > 0  # with a gap along the axes


def spirals(count: int, rng: np.random.Generator) -> Points:
    labels, radius = np.arange(count) % 2, np.sqrt(rng.uniform(0.02, 1.0, count))
    angle = 2.6 * np.pi * radius + np.pi * labels
    return np.stack([np.sin(angle), np.cos(angle)], axis=1) * radius[:, None] + rng.normal(0.0, 0.03, (count, 2)), labels


DATASETS = {"moons": moons, "circles": circles, "xor": xor, "spirals": spirals}


class Data(NamedTuple):
    """Standardised points to train and to test, and the test accuracy of a straight line."""

    train: Points
    test: Points
    line: float


def load(name: str, count: int, rng: np.random.Generator) -> Data:
    points, labels = DATASETS[name](count, rng)
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    train, test = nn.random_split((points, labels.astype(int)), [2 / 3, 1 / 3], rng=rng, stratify=labels)
    line = common.package("sklearn.linear_model").LogisticRegression().fit(*train)
    return Data(train, test, float(line.score(*test)))


# --- training and recording ----------------------------------------------------------------------------


def build(activation: str, network: str, rng: np.random.Generator) -> nn.Sequential:
    sizes = NETWORKS[network]
    hidden = [(nn.Linear(n, m, rng=rng), ACTIVATIONS[activation]()) for n, m in itertools.pairwise(sizes[:-1])]
    return nn.Sequential(*itertools.chain(*hidden), nn.Linear(sizes[-2], 1, rng=rng))


def plane(side: int) -> np.ndarray:
    """Return the points (side * side, 2) of a square grid, row by row from the top."""
    x, y = np.meshgrid(np.linspace(-EDGE, EDGE, side), np.linspace(EDGE, -EDGE, side))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def snapshot(model: nn.Sequential, data: Data) -> dict[str, Any]:
    """Return everything that the page shows of one epoch."""
    with no_grad():
        x, hidden = plane(NARROW), []
        for layer in model:
            x = layer(x)
            if not isinstance(layer, nn.Linear):
                hidden.append(x.data.T.reshape(-1, NARROW, NARROW))
        seen = {
            "parameters": np.concatenate([p.data.ravel() for p in model.parameters()]),
            "neurons": np.concatenate(hidden),  # (neurons, side, side)
            "output": 2.0 * nn.sigmoid(model(plane(WIDE))).data.reshape(1, WIDE, WIDE) - 1.0,  # -1 orange, 1 blue
        }
        for part, (points, labels) in (("train", data.train), ("test", data.test)):
            scores = model(points)[:, 0]
            seen[f"{part}_loss"] = nn.binary_cross_entropy_with_logits(scores, labels).item()
            seen[f"{part}_wrong"] = (scores.data > 0) != labels
            seen[f"{part}_accuracy"] = 1.0 - float(seen[f"{part}_wrong"].mean())
    return seen


def train(model: nn.Sequential, data: Data, epochs: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Train, and return a snapshot() of the network before the first epoch and after each."""
    optimizer = nn.Adam(model.named_parameters(), lr=RATE, guards=False)  # dead neurons are worth seeing
    frames = [snapshot(model, data)]
    for _ in range(epochs):
        for points, labels in nn.DataLoader(data.train, BATCH, shuffle=True, rng=rng):
            optimizer.zero_grad()
            loss = nn.binary_cross_entropy_with_logits(model(points)[:, 0], labels)
            loss.backward()
            optimizer.step()
        frames.append(snapshot(model, data))
    return frames


# --- the page ------------------------------------------------------------------------------------------


def pack(array: np.ndarray) -> dict[str, str]:
    """Return an array of integers as compressed text for the page."""
    return {"type": array.dtype.name, "bytes": base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()}


def quantise(pictures: np.ndarray, axes: tuple[int, ...], levels: int) -> tuple[np.ndarray, list[float]]:
    """Return images as whole numbers from -levels to levels, and the size that `levels` represents, the largest over `axes`."""
    scale = np.abs(pictures).max(axis=axes, keepdims=True)
    return np.rint(pictures / np.where(scale > 0, scale, 1.0) * levels).astype(np.int8), rounded(scale.ravel())


def rounded(numbers: Any) -> list[float]:
    return [float(f"{number:.4g}") for number in numbers]


def record(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one run for the page: each list and each array has one entry per epoch."""
    kept = {name: np.array([frame[name] for frame in frames]) for name in frames[0]}
    neurons, neuron_scales = quantise(kept["neurons"], (0, 2, 3), 31)  # a scale for each neuron: colours keep their meaning
    output, output_scales = quantise(kept["output"], (1, 2, 3), 127)  # a scale for each epoch: a fine boundary also in the first
    return {
        **{name: rounded(kept[name]) for name in kept if name.endswith(("loss", "accuracy"))},
        "parameters": pack(np.rint(kept["parameters"] * 1_000).astype("<i4")),  # in thousandths
        "neurons": pack(neurons),
        "neuron_scales": neuron_scales,
        "output": pack(output),
        "output_scales": output_scales,
        "wrong": pack(np.concatenate([kept["train_wrong"], kept["test_wrong"]], axis=1).astype(np.uint8)),
    }


def page_of(recorded: dict[str, Any]) -> str:
    """Return the page, one HTML file with styles, scripts and data."""
    return web.page(FILES, recorded, title="Playground: small networks learn")


def points_of(part: Points) -> list[list[float]]:
    return [[round(x, 3), round(y, 3), label] for (x, y), label in zip(part[0].tolist(), part[1].tolist(), strict=True)]


# --- the demo ------------------------------------------------------------------------------------------


def table(recorded: dict[str, Any]) -> str:
    """Return a table of the final held-out accuracies, beside that of a straight line."""
    columns = list(itertools.product(ACTIVATIONS, NETWORKS))
    lines = ["held-out".ljust(10) + "".join(f"{f'{a} {n}':>13}" for a, n in columns) + f"{'straight line':>15}"]
    for name, data in recorded["data"].items():
        ends = [recorded["runs"][f"{name} {a} {n}"]["test_accuracy"][-1] for a, n in columns]
        lines.append(name.ljust(10) + "".join(f"{end:13.3f}" for end in ends) + f"{data['line']:15.3f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    args = common.options("playground", __doc__, epochs=60, quick=4).parse_args(arguments)
    epochs, rng = common.epochs_of(args), np.random.default_rng(args.seed)

    data = {name: load(name, 60 if args.quick else 300, rng) for name in DATASETS}
    choices = list(itertools.product(DATASETS, ACTIVATIONS, NETWORKS))
    runs = {}
    for k in common.progress(len(choices), "run", "recording"):
        name, activation, network = choices[k]
        model = build(activation, network, rng)
        runs[" ".join(choices[k])] = record(train(model, data[name], epochs, rng))
    recorded = {
        "epochs": epochs,
        "training": f"Adam, learning rate {RATE}, batches of {BATCH}",
        "edge": EDGE,
        "sides": {"output": WIDE, "neurons": NARROW},
        "data": {name: {"train": points_of(d.train), "test": points_of(d.test), "line": d.line} for name, d in data.items()},
        "activations": list(ACTIVATIONS),
        "networks": NETWORKS,
        "runs": runs,
    }
    path = args.out / "playground.html"
    path.write_text(page_of(recorded), encoding="utf-8")
    print(table(recorded))
    mean = float(np.mean([run["test_accuracy"][-1] for run in runs.values()]))
    line = np.mean([d.line for d in data.values()])
    common.finish([path], f"held-out accuracy, mean of {len(runs)} runs", mean, f"{line:.3f}, a straight line")


if __name__ == "__main__":
    main()
