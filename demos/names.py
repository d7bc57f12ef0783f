"""Learn the spelling of first names letter by letter with a GRU, and invent new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Value
from demos import common, letters
from demos.letters import LETTERS
from nn import GRU, Dropout, Embedding, Linear, Module


class NameGRU(Module):
    """Embeds each letter, reads the name with a GRU, and predicts the next letter from its state.

    Args:
        features: the length of the vector of a letter.
        hidden: the length of the state.
        dropout: the probability with which an element of the vectors and of the states is dropped during training.
        rng: a numpy Generator.
    """

    def __init__(self, features: int, hidden: int, dropout: float, rng: np.random.Generator) -> None:
        self.letters = Embedding(len(LETTERS), features, rng=rng)
        self.gru = GRU(features, hidden, batch_first=True, rng=rng)
        self.dropout = Dropout(dropout, rng)
        self.out = Linear(hidden, len(LETTERS), rng=rng)

    def forward(self, inputs: Any) -> Value:
        states, _ = self.gru(self.dropout(self.letters(inputs)))  # (names, steps, hidden)
        return self.out(self.dropout(states))  # (names, steps, 27)


def build(rng: np.random.Generator) -> NameGRU:
    return NameGRU(features=16, hidden=96, dropout=0.25, rng=rng)


def main(arguments: Sequence[str] | None = None) -> None:
    args = common.options("names", __doc__, epochs=20, quick=3).parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    names = letters.load(args, rng)
    print(f"{len(names.train[0]):,} names to train, {len(names.test[0]):,} to test")
    baseline = letters.bigram(names)

    model = build(rng)
    print(model)
    history = letters.train(model, names, common.epochs_of(args), 5e-3, rng)

    print("new names, those that exist in capitals:")
    letters.print_samples(model, rng)

    loss = history["validation_loss"][-1]
    title = "A GRU learns how names are spelled" if loss < baseline else "A GRU that was trained too briefly: pairs do better"
    files = [
        letters.plot_losses({letters.sized("GRU", model): history}, baseline, args.out / "losses.png", title),
        letters.plot_expected(model, ["christopher", "elizabeth", "quincy"], args.out / "expected.png"),
    ]
    letters.finish(files, loss, f"{baseline:.3f}, the bigram")


if __name__ == "__main__":
    main()
