"""Learn the spelling of first names with a small transformer; compare its gradients in arrays and in scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from autograd import Value, draw, no_grad
from demos import common, letters, names, scalar_gpt
from demos.common import picture
from demos.letters import LETTERS, LONGEST
from nn import Embedding, LayerNorm, Linear, Module, Sequential, TransformerBlock, cross_entropy


class GPT(Module):
    """A transformer: embeddings of letters and positions, causal blocks, and a score for each next letter.

    Args:
        features: the length of the vector of a letter.
        heads: the number of attention heads, which share the features.
        layers: the number of blocks.
        dropout: the probability with which an element is dropped during training.
        rng: a numpy Generator.
    """

    def __init__(self, features: int, heads: int, layers: int, dropout: float, rng: np.random.Generator) -> None:
        self.letters = Embedding(len(LETTERS), features, rng=rng)
        self.positions = Embedding(LONGEST, features, rng=rng)
        blocks = [
            TransformerBlock(features, heads, dropout=dropout, norm_first=True, causal=True, rng=rng) for _ in range(layers)
        ]
        self.blocks = Sequential(*blocks)
        self.norm = LayerNorm(features)
        self.out = Linear(features, len(LETTERS), rng=rng)

    def embed(self, inputs: Any) -> Value:
        return self.letters(inputs) + self.positions(np.arange(np.shape(inputs)[-1]))  # (names, steps, features)

    def forward(self, inputs: Any) -> Value:
        return self.out(self.norm(self.blocks(self.embed(inputs))))  # (names, steps, 27)


def build(rng: np.random.Generator) -> GPT:
    return GPT(features=48, heads=4, layers=2, dropout=0.1, rng=rng)


# --- arrays and scalars --------------------------------------------------------------------------------


def measure(forward: Callable[[], Value], times: int = 3) -> tuple[Value, float]:
    """Return the loss after a forward and a backward pass, and the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(times):
        start = perf_counter()
        loss = forward()
        loss.backward()
        seconds.append(perf_counter() - start)
    return loss, min(seconds)


def compare(name: str, rng: np.random.Generator, folder: Path) -> list[Path]:
    """Run one name through a tiny transformer in arrays and in scalars, and draw both graphs."""
    model = GPT(features=8, heads=2, layers=1, dropout=0.0, rng=rng)
    weights = scalar_gpt.scalars(model)
    inputs, targets = (numbers[:, : len(name) + 1] for numbers in letters.encode([name]))  # (1, steps)

    def in_arrays() -> Value:
        model.zero_grad()
        return cross_entropy(model(inputs), targets)

    def in_scalars() -> Value:
        scalar_gpt.zero_grad(weights)
        return scalar_gpt.loss(weights, inputs[0].tolist(), targets[0].tolist(), layers=1, heads=2)

    parameters = sum(parameter.size for parameter in model.parameters())
    print(f"\nthe name {name} through a transformer of 1 layer, 2 heads, 8 features and {parameters:,} parameters:")
    print(f"{'':<12}{'loss':>18}{'nodes':>10}{'ms, forward and back':>24}")
    files = []
    for what, forward in ("arrays", in_arrays), ("scalars", in_scalars):
        loss, seconds = measure(forward)
        drawing = draw(loss, max_nodes=12)
        print(f"{what:<12}{loss.item():>18.14f}{drawing.total:>10,}{1e3 * seconds:>24.1f}")
        files.append(drawing.save(folder / f"graph_{what}.svg"))
    gradients = scalar_gpt.gradients(weights)
    difference = max(np.abs(gradients[name] - parameter.grad).max() for name, parameter in model.named_parameters())
    print(f"largest difference of their gradients: {difference:.1e}\n")
    return files


# --- pictures ------------------------------------------------------------------------------------------


@no_grad()
def attention(model: GPT, name: str) -> np.ndarray:
    """Return the attention of each step of a name to the steps up to it: (layers, heads, steps, steps)."""
    model.eval()
    x = model.embed(letters.encode([name])[0][:, : len(name) + 1])  # (1, steps, features)
    maps = []
    for block in model.blocks:
        _, weights = block.self_attn(block.norm1(x), is_causal=True, average_attn_weights=False)
        maps.append(weights.data[0])  # (heads, steps, steps)
        x = block(x)
    return np.array(maps)


def plot_attention(model: GPT, name: str, path: Path) -> Path:
    """Plot the attention of each head of each layer."""
    maps = attention(model, name)
    rows, columns = maps.shape[:2]
    with picture(path, rows, columns, (3.6 * columns, 3.9 * rows)) as (figure, axes):
        figure.suptitle(f"Where {columns} heads in each of {rows} layers look while the transformer spells {name}")
        for (row, column), axis in np.ndenumerate(axes):
            image = axis.imshow(maps[row, column], cmap="Blues", vmin=0.0, vmax=1.0)
            axis.set(title=f"layer {row + 1}, head {column + 1}")
            for ticks in axis.set_xticks, axis.set_yticks:
                ticks(range(len(name) + 1), [".", *name])
        figure.supylabel("after reading this letter ...")
        figure.supxlabel("... it looks at these (. is the start)")
        figure.colorbar(image, ax=axes, label="attention weight; each row adds up to 1", shrink=0.7)
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("gpt", __doc__, epochs=20, quick=3)
    common.compile_option(parser)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)
    data, epochs = letters.load(args, rng), common.epochs_of(args)

    gru = names.build(rng)  # equal to that of demos.names with the same seed
    gru_history = letters.train(gru, data, epochs, 5e-3, rng, args.compile)
    model = build(rng)
    print(model)
    history = letters.train(model, data, epochs, 3e-3, rng, args.compile)
    print("new names of the transformer, those that exist in capitals:")
    letters.print_samples(model, rng)

    drawings = compare("emily", rng, args.out)

    baseline = letters.bigram(data)
    loss, gru_loss = history["validation_loss"][-1], gru_history["validation_loss"][-1]
    histories = {letters.sized("transformer", model): history, letters.sized("GRU", gru): gru_history}
    title = "Spelling names: a transformer, a GRU, and counting pairs of letters"
    files = [
        letters.plot_losses(histories, baseline, args.out / "losses.png", title),
        plot_attention(model, "christopher", args.out / "attention.png"),
        letters.plot_expected(model, ["christopher", "elizabeth", "quincy"], args.out / "expected.png"),
        *drawings,
    ]
    letters.finish(files, loss, f"{baseline:.3f}, the bigram; {gru_loss:.3f}, a GRU")


if __name__ == "__main__":
    main()
