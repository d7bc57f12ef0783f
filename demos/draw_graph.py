"""Draw graphs, from an expression of four nodes to a network of 65,818, each in every format."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import Drawing, Value, draw, draw_network, scope, sigmoid, tanh
from demos import common, digits, moons
from nn import MLP, Linear, Module, Neuron, ReLU, Sequential, Tanh, cross_entropy

SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd", ".txt", ".json", ".html")
STEPS = 20  # of the recurrent network

# --- examples: each function builds a graph, and returns the function that draws it --------------------

Draw = Callable[[], Drawing]


def expression(seed: int) -> Draw:
    """Two operations; the gradient of a is the sum of two terms."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + a
    c.label = "c"
    c.backward()
    return lambda: draw(c, title="c = a * b + a")


def neuron(seed: int) -> Draw:
    """A weighted sum, a bias, and tanh."""
    x = [Value(number, label=f"x{i}", requires_grad=False) for i, number in enumerate((1.0, -2.0, 0.5))]
    out = Neuron(3, nonlin=False, rng=seed)(x).tanh()
    out.label = "out"
    out.backward()
    return lambda: draw(out, title="A neuron with three inputs")


def textbook(seed: int) -> Draw:
    """A 3-4-2 network as in textbooks: circles are neurons, lines are weights."""
    model = MLP(3, [4, 2], rng=seed)
    return lambda: draw_network(model, title="A network with one hidden layer")


def textbook_upwards(seed: int) -> Draw:
    """The same network from bottom to top."""
    model = MLP(3, [4, 2], rng=seed)
    return lambda: draw_network(model, direction="BT", title="A network with one hidden layer")


def moons_network(seed: int) -> Draw:
    """The loss of a 2-16-16-1 network for 100 samples, scalar by scalar; equal structures are drawn once."""
    points, labels = common.load_moons(100, seed)
    rows = [[Value(number, label=f"x{i}", requires_grad=False) for i, number in enumerate(row)] for row in points.tolist()]
    loss, _ = moons.margin_loss(MLP(2, [16, 16, 1], rng=seed), rows, labels)
    loss.label = "loss"
    loss.backward()
    return lambda: draw(loss, direction="BT", title="Two moons: 100 samples in a 2-16-16-1 network")


def digits_network(seed: int) -> Draw:
    """The loss of the 784-16-16-10 network for 32 handwritten digits, on arrays."""
    rng = np.random.default_rng(seed)
    data, model = common.load_digits(rng), digits.build(rng)
    images = Value(data.train_images[:32], label="images", requires_grad=False)
    loss = cross_entropy(model(images), data.train_labels[:32])
    loss.label = "loss"
    loss.backward()
    return lambda: draw(loss, direction="BT", title="Handwritten digits: 32 images in a 784-16-16-10 network")


class LSTM(Module):
    """A long short-term memory that reads one-hot letters (time, letters) and predicts the next: logits (time, letters)."""

    def __init__(self, letters: int, units: int, rng: np.random.Generator) -> None:
        self.gates = Linear(letters + units, 4 * units, rng=rng)
        self.predict = Linear(units, letters, rng=rng)
        self.units = units

    def forward(self, letters: np.ndarray) -> Any:
        hidden, memory = (Value(np.zeros(self.units), label=name, requires_grad=False) for name in ("hidden", "memory"))
        logits = []
        for number, letter in enumerate(letters):
            with scope(f"step {number}"):
                forget, write, read, new = np.split(self.gates(np.concatenate([letter, hidden])), 4)
                with scope("remember"):
                    memory = memory * sigmoid(forget) + sigmoid(write) * tanh(new)
                with scope("recall"):
                    hidden = sigmoid(read) * tanh(memory)
                logits.append(self.predict(hidden))
        return np.stack(logits)


def lstm(seed: int) -> Draw:
    """A recurrent network unrolled over 20 letters; the steps have equal structure and are drawn once."""
    text = "the cat sat on the mat"[: STEPS + 1]
    alphabet = sorted(set(text))
    codes = np.array([alphabet.index(letter) for letter in text])
    model = LSTM(len(alphabet), 8, np.random.default_rng(seed))
    loss = cross_entropy(model(np.eye(len(alphabet))[codes[:-1]]), codes[1:])
    loss.label = "loss"
    loss.backward()
    return lambda: draw(loss, direction="BT", title=f"A long short-term memory, {STEPS} steps")


def failure(seed: int) -> Draw:
    """A forward pass that raises an error: the graph up to there, with the shapes that did not fit."""
    model = Sequential(Linear(4, 8, rng=seed), Tanh(), Linear(6, 2, rng=seed))

    def attempt() -> Drawing:
        try:
            return draw(model, np.ones((5, 4)))
        except ValueError as error:
            return draw(error, title="Up to the operation that failed")

    return attempt


def comparison(seed: int) -> Draw:
    """The differences between two networks: added, removed and changed nodes."""
    x = np.random.default_rng(seed).normal(size=(5, 4))
    before = Sequential(Linear(4, 8, rng=seed), Tanh(), Linear(8, 2, rng=seed))
    after = Sequential(Linear(4, 12, rng=seed), ReLU(), Linear(12, 2, rng=seed))
    return lambda: draw(before, x).compare(draw(after, x))


EXAMPLES: dict[str, Callable[[int], Draw]] = {
    "expression": expression,
    "neuron": neuron,
    "textbook": textbook,
    "textbook-upwards": textbook_upwards,
    "moons": moons_network,
    "digits": digits_network,
    "lstm": lstm,
    "failure": failure,
    "comparison": comparison,
}
WITH_DATA = ("moons", "digits")


# --- files ---------------------------------------------------------------------------------------------


class Result(NamedTuple):
    """The drawing of one example and its files; `seconds` is the time of draw() and of the first file, the SVG."""

    name: str
    drawing: Drawing
    seconds: float
    files: list[Path]
    missing: list[str]


def draw_example(name: str, seed: int, folder: Path) -> Result:
    """Build and draw an example, and save it in every format that can be written here."""
    function = EXAMPLES[name](seed)
    start = time.perf_counter()
    drawing = function()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        files = [drawing.save(folder / f"{name}.svg")]
        seconds = time.perf_counter() - start
        for suffix in SUFFIXES[1:]:
            if suffix != ".pdf" or shutil.which("dot"):
                files.append(drawing.save(folder / f"{name}{suffix}"))
    missing = [str(warning.message).partition(": ")[2] for warning in caught]
    return Result(name, drawing, seconds, list(dict.fromkeys(files)), missing)


def print_table(results: list[Result]) -> None:
    """Print a line for each drawing."""
    print(f"{'name':<17} {'nodes':>7} {'drawn':>6} {'seconds':>8}  files")
    for name, drawing, seconds, files, _ in results:
        drawn = sum(node.role != "cut" for node in drawing.nodes)
        suffixes = " ".join(path.suffix[1:] for path in files)
        print(f"{name:<17} {drawing.total:>7,} {drawn:>6,} {seconds:>8.2f}  {suffixes}")


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("draw_graph", __doc__)
    parser.add_argument("--only", choices=EXAMPLES, help="draw this one only")
    args = parser.parse_args(arguments)
    names = [args.only] if args.only else [name for name in EXAMPLES if not (args.quick and name in WITH_DATA)]

    results = []
    bar = common.progress(len(names), "graph", "drawing")
    for number in bar:
        bar.set_postfix_str(names[number])
        results.append(draw_example(names[number], args.seed, args.out))

    print_table(results)
    for reason in dict.fromkeys(reason for result in results for reason in result.missing):
        print(f"not all pictures could be written: {reason}")
    first = results[0]
    play = ", and press Play" if first.drawing.picture.differentiated else ""
    print(f"all in {args.out}; open first: {first.files[-1]}{play}")


if __name__ == "__main__":
    main()
