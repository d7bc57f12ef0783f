"""Predict tumours and the course of diabetes from tables, with networks, scikit-learn's network and linear models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from autograd import no_grad
from demos import common
from demos.common import BLUE, GREEN, GREY, ORANGE, picture
from nn import AdamW, CosineAnnealingLR, Dropout, Linear, Module, Sequential, SiLU, cross_entropy, fit, mse_loss, r2_score

HIDDEN = 32  # units in each hidden layer
# For classes and for numbers, the best on folds of seed 100: weight decay of both estimators, hidden layers of ours.
ALPHA, LAYERS = {True: 1.0, False: 10.0}, {True: 1, False: 2}
LINEAR, PEER, SAME, OURS = METHODS = ("linear model", "scikit-learn's MLP", "nn.estimators, same settings", "nn with dropout")
COLORS = dict(zip(METHODS, (GREY, GREEN, BLUE, ORANGE), strict=True))


class Table(NamedTuple):
    """A data set: x (n, features), and y (n,), classes 0 and 1 or numbers."""

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: bool

    @property
    def score(self) -> str:
        return "accuracy" if self.classes else "explained share of the variance (R²)"


def tables() -> list[Table]:
    """Return 569 tumours, benign or not, with 30 measures of their cells; 442 diabetes patients with 10 measures."""
    datasets = common.package("sklearn.datasets")
    return [
        Table("breast cancer", *datasets.load_breast_cancer(return_X_y=True), True),
        Table("diabetes", *datasets.load_diabetes(return_X_y=True), False),
    ]


# --- the methods ---------------------------------------------------------------------------------------


class Network:
    """A network with dropout, which scikit-learn's lack, with the interface of its estimators."""

    def __init__(self, classes: bool, epochs: int, rng: np.random.Generator) -> None:
        self.classes, self.epochs, self.rng = classes, epochs, rng

    def fit(self, x: np.ndarray, y: np.ndarray) -> Network:
        outputs, loss, targets = (2, cross_entropy, y) if self.classes else (1, mse_loss, y[:, None])
        layers: list[Module] = []
        for inputs in (x.shape[1], HIDDEN)[: LAYERS[self.classes]]:
            layers += [Linear(inputs, HIDDEN, rng=self.rng), SiLU(), Dropout(0.3, rng=self.rng)]
        self.model = Sequential(*layers, Linear(HIDDEN, outputs, rng=self.rng))
        optimizer = AdamW(self.model.named_parameters(), lr=3e-3, weight_decay=1.0)
        scheduler = CosineAnnealingLR(optimizer, T_max=self.epochs)
        fit(self.model, loss, optimizer, (x, targets), epochs=self.epochs, scheduler=scheduler, progress=False, rng=self.rng)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        self.model.eval()
        with no_grad():
            outputs = self.model(x).data  # (n, 2) or (n, 1)
        return outputs.argmax(axis=1) if self.classes else outputs[:, 0]


def methods(classes: bool, epochs: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return one of each; both estimators draw their initial weights from the same seed."""
    linear, *both = (common.package(name) for name in ("sklearn.linear_model", "sklearn.neural_network", "nn.estimators"))
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (HIDDEN,),
        "alpha": ALPHA[classes],
        "learning_rate_init": 3e-3,
        "max_iter": 1_000,  # enough for all of them to stop early
        "random_state": int(rng.integers(2**31)),
    }
    name = "MLPClassifier" if classes else "MLPRegressor"
    peer, same = (getattr(module, name)(**settings) for module in both)
    return {
        LINEAR: linear.LogisticRegression() if classes else linear.RidgeCV(np.logspace(-1, 3, 9)),
        PEER: peer,
        SAME: same,
        OURS: Network(classes, epochs, rng),
    }


# --- cross-validation ----------------------------------------------------------------------------------


def score_fold(table: Table, train: np.ndarray, test: np.ndarray, epochs: int, rng: np.random.Generator) -> list[float]:
    """Return the score of each method on the test rows, trained and scaled by the training rows."""
    x = (table.x - table.x[train].mean(axis=0)) / table.x[train].std(axis=0)
    y = table.y if table.classes else (table.y - table.y[train].mean()) / table.y[train].std()
    answers = [method.fit(x[train], y[train]).predict(x[test]) for method in methods(table.classes, epochs, rng).values()]
    return [float(np.mean(answer == y[test])) if table.classes else r2_score(answer, y[test]) for answer in answers]


def cross_validate(table: Table, repeats: int, epochs: int, rng: np.random.Generator) -> np.ndarray:
    """Return the scores (folds, methods) of repeated five-fold cross-validation."""
    selection = common.package("sklearn.model_selection")
    kind = selection.RepeatedStratifiedKFold if table.classes else selection.RepeatedKFold
    folds = list(kind(n_splits=5, n_repeats=repeats, random_state=int(rng.integers(2**31))).split(table.x, table.y))
    return np.array([score_fold(table, *folds[i], epochs, rng) for i in common.progress(len(folds), "fold", table.name)])


def show_table(table: Table, scores: np.ndarray) -> None:
    """Print mean and standard deviation over the folds: of the scores, and of their differences to scikit-learn's MLP."""
    print(f"{table.name}, {table.score}, {len(scores)} folds: scores, and their differences to scikit-learn's MLP")
    for method, own, difference in zip(METHODS, scores.T, paired(scores).T, strict=True):
        print(f"  {method:35} {own.mean():.4f} ± {own.std():.4f}   {difference.mean():+.4f} ± {difference.std():.4f}")


def paired(scores: np.ndarray) -> np.ndarray:
    """Return how much better each method is than scikit-learn's MLP on the same fold (folds, methods)."""
    return scores - scores[:, [METHODS.index(PEER)]]


# --- the picture ---------------------------------------------------------------------------------------


def plot(results: list[tuple[Table, np.ndarray]], path: Path) -> Path:
    """Plot the scores on all folds above, and the differences to scikit-learn's MLP below."""
    with picture(path, 2, len(results), (14.0, 8.8)) as (figure, axes):
        figure.suptitle("Networks and linear models on small tables: each dot is a fold, each bar a mean and standard deviation")
        for column, (table, scores) in zip(axes.T, results, strict=True):
            for axis, values, shown in (column[0], scores, METHODS), (column[1], paired(scores), (LINEAR, SAME, OURS)):
                jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(values))
                for place, method in enumerate(shown):
                    own, color = values[:, METHODS.index(method)], COLORS[method]
                    axis.plot(own, place + jitter, "o", color=color, alpha=0.4, markersize=6, markeredgewidth=0)
                    axis.errorbar(own.mean(), place, xerr=own.std(), fmt="D", color="black", mfc=color, capsize=5, zorder=3)
                axis.set_yticks(range(len(shown)), shown)
                axis.tick_params(axis="y", length=0, labelleft=axis in axes[:, 0])
                axis.invert_yaxis()
                axis.grid(alpha=0.3, axis="x")
            column[0].set(title=f"{table.name}: {len(table.y)} rows of {table.x.shape[1]} numbers", xlabel=table.score)
            column[1].axvline(0.0, color="black", linewidth=1.2)
            column[1].set(title="difference to scikit-learn's MLP on the same fold", xlabel=f"difference of the {table.score}")
    return path


# --- the demo ------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    parser = common.options("tabular", __doc__, epochs=40, quick=10)
    parser.add_argument("--repeats", type=common.count, help="repeats of five-fold cross-validation (5; with --quick 1)")
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(args.seed)

    results = []
    for table in tables():
        scores = cross_validate(table, args.repeats or (1 if args.quick else 5), common.epochs_of(args), rng)
        show_table(table, scores)
        results.append((table, scores))

    files = [plot(results, args.out / "tabular.png")]
    (_, tumours), (_, diabetes) = results
    peer, linear, ours = (METHODS.index(method) for method in (PEER, LINEAR, OURS))
    means = tumours.mean(axis=0), diabetes.mean(axis=0)
    baseline = f"{means[0][peer]:.3f} scikit-learn's MLP, {means[0][linear]:.3f} logistic regression; diabetes, R²: "
    baseline += f"{means[1][ours]:.3f}, {means[1][peer]:.3f} scikit-learn's MLP, {means[1][linear]:.3f} ridge regression"
    common.finish(files, "accuracy on breast cancer", means[0][ours], baseline)


if __name__ == "__main__":
    main()
