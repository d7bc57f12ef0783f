"""MLPClassifier and MLPRegressor with scikit-learn's interface: grid searches, pipelines and pickles work as usual.

Parameters, defaults, fitted attributes and random numbers are those of `sklearn.neural_network`, so the same
`random_state` gives the same network; the network itself is a `Sequential`, in `module_`, trained by the optimisers of
`nn` with gradients from the graph. Needs scikit-learn: ``pip install 'valuegrad[nn]'``.

Intended differences: sample weights are relative to their mean over all samples, while scikit-learn divides by their sum in
each batch, which cancels their effect in small batches; early stopping holds out the same part of each class also for more than
two classes, if each has enough samples; a decreasing learning rate scales the momentum of earlier steps as well; and with
several numbers to predict, `loss_` is the sum over them, whose gradient both follow, while scikit-learn reports the mean. There
is no Poisson loss.

One parameter is new: `compile`, whether the step of a batch is recorded and replayed, which does not change the numbers, see
autograd.compile(). "auto" does so once it pays, for trainings of about 800 steps or more: True from the first step, False never.
partial_fit(), ``solver="lbfgs"`` and batches that leave out features, such as sparse ones, always run eagerly.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np

import autograd
import nn
from autograd import Value, no_grad
from autograd.ops import linear
from nn.training.lbfgs import as_vector, set_from_vector

try:
    from scipy.optimize import minimize
    from scipy.sparse import issparse
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils._param_validation import Interval, Options, StrOptions
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(f"nn.estimators needs scikit-learn ({error}): pip install 'valuegrad[nn]'") from error

#: The number of rows of one forward pass in predictions: sparse rows become dense, in limited memory.
ROWS = 4096
#: In steps: recording takes as long as 85 to 260 eager ones of small networks, and has paid off after 300 to 660 later ones.
RECORDING, PAYS = 200, 600

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "celu": nn.CELU, "elu": nn.ELU,
    "gelu": nn.GELU, "hard_sigmoid": nn.Hardsigmoid, "hard_tanh": nn.Hardtanh, "leaky_relu": nn.LeakyReLU, "mish": nn.Mish,
    "relu6": nn.ReLU6, "selu": nn.SELU, "silu": nn.SiLU, "softplus": nn.Softplus, "softsign": nn.Softsign,
}  # fmt: skip

#: Solvers besides scikit-learn's; they use learning_rate_init, and alpha as weight decay.
OPTIMISERS: dict[str, Callable[..., nn.Optimizer]] = {
    "adagrad": nn.Adagrad, "adamw": nn.AdamW, "nadam": nn.NAdam, "radam": nn.RAdam, "rmsprop": nn.RMSprop,
}  # fmt: skip


def dense_rows(X: Any, rows: Any) -> np.ndarray:
    """Return rows of an array or of a sparse matrix as an array."""
    return X[rows].toarray() if issparse(X) else X[rows]


def used_part(X: Any, rows: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return rows without the features that are zero in all of them, and a mask of the others; or all features, and None.

    A batch of MNIST uses 70 % of the pixels, a batch of short texts few of all words. Leaving features out saves products but
    copies weights: on dense arrays it is faster in float64, whose products are slow, from about 50 rows on times the part of
    features that are left out.
    """
    part = X[rows]
    if issparse(part):
        used = np.zeros(part.shape[1], dtype=bool)
        used[part.indices] = True
        return part[:, used].toarray(), used
    if part.dtype == np.float32:
        return part, None
    used = part.any(axis=0)
    if len(part) * np.count_nonzero(~used) < 50 * used.size:
        return part, None
    return part.compress(used, axis=1), used


def relative(weights: np.ndarray | None, alpha: float, incremental: bool = False) -> tuple[np.ndarray | None, float]:
    """Return weights of mean 1 and the penalty for them; partial_fit(), which does not know other calls, keeps its weights."""
    if weights is None or incremental or not len(weights):
        return weights, alpha
    middle = float(weights.mean(dtype=np.float64))
    return (weights / middle).astype(weights.dtype), alpha / middle


def squares(x: np.ndarray) -> float:
    """Return the sum of the squares of all elements."""
    return float(np.vdot(x, x))


Losses = Callable[[Any, Any], Value]  # a function of outputs and targets that returns the loss of each sample


def class_losses(outputs: Any, y: np.ndarray) -> Value:
    return nn.cross_entropy(outputs, y, reduction="none")


def label_losses(outputs: Any, y: np.ndarray) -> Value:
    return nn.binary_cross_entropy_with_logits(outputs, y, reduction="none").sum(axis=1)


def square_losses(outputs: Any, y: np.ndarray) -> Value:
    return nn.half_square_loss(outputs, y, reduction="none").sum(axis=1)


def mean_loss(
    module: nn.Sequential, losses: Losses, X: np.ndarray, used: np.ndarray | None, y: np.ndarray, weights: np.ndarray | None
) -> Value:
    """Return the mean weighted loss of the samples of a batch. X may have only the `used` features."""
    outputs, layers = X, list(module)
    if used is not None:
        first: Any = layers.pop(0)
        outputs = linear(X, first.weight[:, used], first.bias)
    for layer in layers:
        outputs = layer(outputs)
    found = losses(outputs, y)  # (samples,)
    return found.mean() if weights is None else (found * weights).mean()


def compiled(step: Callable[..., float]) -> Callable[..., float]:
    """Return the step recorded and replayed, for batches with all features; others differ in their shape."""
    replayed = autograd.compile(step)
    return lambda x, y, share, used: (replayed if used is None else step)(x, y, share, used)


def step_of(module: nn.Sequential, losses: Losses, optimizer: nn.Optimizer) -> Callable[..., float]:
    """Return the function of a batch that takes one step, and returns its loss without the penalty."""

    def step(x: Any, y: np.ndarray, share: np.ndarray | None, used: np.ndarray | None) -> float:
        optimizer.zero_grad()
        loss = mean_loss(module, losses, x, used, y, share)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


class MultilayerPerceptron(BaseEstimator):
    """The base of both estimators: parameters, batches, solvers, early stopping.

    A subclass defines the meaning of the outputs of the network:

    - ``_targets(y, fresh, classes)``: y as an array for the loss; on a fresh start it sets `n_outputs_` and `classes_`
    - ``_losses(outputs, y)``: the loss of each sample, a Value (samples,)
    - ``_score(outputs, y, weights)``: the score that early stopping maximises
    """

    module_: nn.Sequential
    n_outputs_: int
    loss_curve_: list[float]
    validation_scores_: list[float] | None  # None without early stopping
    _watched_score: bool | None = None  # whether the last training watched the score of held out samples, or the loss

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({*ACTIVATIONS})],
        "solver": [StrOptions({"adam", "sgd", "lbfgs", *OPTIMISERS})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "compile": [StrOptions({"auto"}), "boolean"],
    }

    def __init__(
        self, hidden_layer_sizes: Any = (100,), activation: str = "relu", *, solver: str = "adam", alpha: float = 1e-4,
        batch_size: Any = "auto", learning_rate: str = "constant", learning_rate_init: float = 1e-3, power_t: float = 0.5,
        max_iter: int = 200, shuffle: bool = True, random_state: Any = None, tol: float = 1e-4, verbose: bool = False,
        warm_start: bool = False, momentum: float = 0.9, nesterovs_momentum: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
        n_iter_no_change: float = 10, max_fun: int = 15000, compile: bool | str = "auto",
    ) -> None:  # fmt: skip
        self.hidden_layer_sizes, self.activation, self.solver, self.alpha = hidden_layer_sizes, activation, solver, alpha
        self.batch_size, self.max_iter, self.shuffle, self.random_state = batch_size, max_iter, shuffle, random_state
        self.learning_rate, self.learning_rate_init, self.power_t = learning_rate, learning_rate_init, power_t
        self.tol, self.verbose, self.warm_start, self.n_iter_no_change = tol, verbose, warm_start, n_iter_no_change
        self.momentum, self.nesterovs_momentum = momentum, nesterovs_momentum
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.beta_1, self.beta_2, self.epsilon, self.max_fun = beta_1, beta_2, epsilon, max_fun
        self.compile = compile

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X (samples, features) and y: from the start, or further if `warm_start` is set.

        Args:
            X: an array, a data frame or a sparse matrix. float32 stays float32, all else becomes float64.
            y: (samples,), or (samples, outputs) for several labels or numbers each.
            sample_weight: (samples,), the weight of each sample: 2 counts it twice, 0 leaves it out. Only proportions over all
                samples matter; in partial_fit(), which does not know the other samples, their size matters as well.

        Raises:
            ValueError: for parameters out of their range, for data that does not match, or if training diverges.
        """
        return self._fit(X, y, sample_weight, fresh=not (self.warm_start and hasattr(self, "module_")))

    def _fit(self, X: Any, y: Any, sample_weight: Any, fresh: bool, incremental: bool = False, classes: Any = None) -> Self:
        self._validate_params()
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=(np.float64, np.float32) if fresh else self._dtype,
            multi_output=True, y_numeric=isinstance(self, RegressorMixin), reset=fresh,
        )  # fmt: skip
        weights = sample_weight
        if weights is not None:
            weights = _check_sample_weight(weights, X, dtype=X.dtype, ensure_non_negative=True)
        y = self._targets(column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y, fresh, classes)
        y = y.astype(X.dtype) if y.dtype.kind == "f" else y
        if weights is not None:
            X, y, weights = X[weights > 0], y[weights > 0], weights[weights > 0]
        random = check_random_state(self.random_state)
        sizes = self._sizes(X.shape[1])
        if fresh:
            self._new_network(sizes, X.dtype, random)
        elif sizes != (found := [sizes[0], *(len(bias) for bias in self.intercepts_)]):
            raise ValueError(
                f"the network has layers of {found} and cannot become one of {sizes}: pass warm_start=False to start again"
            )
        if self.solver == "lbfgs":
            self._fit_at_once(X, y, weights)
        else:
            self._fit_batches(X, y, weights, random, fresh, incremental)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        if self.early_stopping:
            raise ValueError("partial_fit() trains for one epoch, so early_stopping=True has no meaning: set it to False")
        return self._fit(X, y, sample_weight, fresh=not hasattr(self, "module_"), incremental=True, classes=classes)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- the network -----------------------------------------------------------------------------------

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights of each layer, (inputs, outputs): views of the parameters of `module_`."""
        return [layer.weight.data.T for layer in self._linears()]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """The bias of each layer, (outputs,): views of the parameters of `module_`."""
        return [layer.bias.data for layer in self._linears()]

    def _linears(self) -> list[Any]:
        return [layer for layer in self.module_ if isinstance(layer, nn.Linear)]

    @property
    def _dtype(self) -> Any:
        return self._linears()[0].weight.dtype

    def _sizes(self, features: int) -> list[int]:
        hidden = self.hidden_layer_sizes if np.iterable(self.hidden_layer_sizes) else [self.hidden_layer_sizes]
        if any(size < 1 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be positive, got {self.hidden_layer_sizes}")
        return [features, *hidden, self.n_outputs_]

    def _new_network(self, sizes: list[int], dtype: Any, random: Any) -> None:
        """Create layers with the weights that scikit-learn would draw (Glorot and Bengio 2010)."""
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            bound = math.sqrt((2.0 if self.activation == "logistic" else 6.0) / (inputs + outputs))
            layer: Any = nn.Linear(inputs, outputs, dtype=dtype)
            drawn = random.uniform(-bound, bound, (inputs, outputs))
            layer.weight.data = np.ascontiguousarray(drawn.T)  # contiguous rows, like the gradients
            layer.bias.data = random.uniform(-bound, bound, outputs)
            layers += [layer, ACTIVATIONS[self.activation]()]
        self.module_ = nn.Sequential(*layers[:-1])
        self.n_layers_, self.t_ = len(sizes), 0

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the network (samples, outputs) for samples of the user."""
        check_is_fitted(self, "module_")
        return self._forward(validate_data(self, X, accept_sparse="csr", dtype=self._dtype, reset=False))

    @no_grad()
    def _forward(self, X: Any) -> np.ndarray:
        parts = [self.module_(dense_rows(X, slice(start, start + ROWS))).data for start in range(0, X.shape[0], ROWS)]
        return np.concatenate(parts)

    # --- training --------------------------------------------------------------------------------------

    def _fit_batches(self, X: Any, y: Any, weights: Any, random: Any, fresh: bool, incremental: bool) -> None:
        """Train batch by batch, until neither the loss nor the score of held out samples improves."""
        if fresh or self._watched_score != self.early_stopping:
            self._watched_score, self._best, self._stalled = self.early_stopping, -np.inf, 0
            self.loss_curve_ = []
            self.validation_scores_ = [] if self.early_stopping else None
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = self._new_optimizer()
        (X, y, weights), held_out = self._hold_out(X, y, weights, random) if self.early_stopping else ((X, y, weights), None)
        weights, decay = relative(weights, self.alpha, incremental)
        size = min(200 if self.batch_size == "auto" else self.batch_size, len(y))
        order, best = np.arange(len(y)), self.module_.state_dict()
        step = plain = step_of(self.module_, self._losses, self._optimizer)
        for epoch in range(1, 2 if incremental else self.max_iter + 1):
            if step is plain and not incremental and self._compiles_from(epoch, math.ceil(len(y) / size)):
                step = compiled(plain)
            self.n_iter_ = epoch
            if self.shuffle:
                order = order[random.permutation(len(y))]
            self.loss_ = self._epoch(X, y, weights, decay, order, size, step)
            if not math.isfinite(self.loss_):
                raise ValueError(
                    f"the loss is {self.loss_} in epoch {self.n_iter_}, training diverges: scale X, for example with "
                    "StandardScaler, or lower learning_rate_init"
                )
            self.t_ += len(y)
            self.loss_curve_.append(self.loss_)
            score = -self.loss_
            if held_out is not None and self.validation_scores_ is not None:
                score = self._score(self._forward(held_out[0]), *held_out[1:])
                self.validation_scores_.append(score)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}" + f", score = {score:.6f}" * self.early_stopping)
            self._stalled = self._stalled + 1 if score < self._best + self.tol else 0
            if score > self._best:
                self._best = score
                best = self.module_.state_dict() if self.early_stopping else best
            if not self._keep_training():
                break
        else:
            if not incremental:
                warnings.warn(
                    f"{type(self).__name__} took all {self.max_iter} epochs of max_iter and was still improving: "
                    "raise max_iter, or tol",
                    ConvergenceWarning,
                    stacklevel=4,
                )
        self.best_loss_ = None if self.early_stopping else -self._best
        self.best_validation_score_ = self._best if self.early_stopping else None
        if self.early_stopping:
            self.module_.load_state_dict(best)

    def _compiles_from(self, epoch: int, steps: int) -> bool:
        """Whether to record a step from this epoch on, of so many steps; training may stop early, but not at once."""
        if self.compile != "auto":
            return bool(self.compile)
        left = self.max_iter + 1 - epoch
        sure = min(left, self.n_iter_no_change + 1) if epoch == 1 else 1
        return sure * steps >= PAYS or ((epoch - 1) * steps >= RECORDING and left * steps >= PAYS)

    def _new_optimizer(self) -> nn.Optimizer:
        """Create the optimiser, with a group of weights, whose weight decay is the penalty, and a group of biases."""
        linears, rate = self._linears(), self.learning_rate_init
        groups = [
            {"params": [layer.weight for layer in linears]},
            {"params": [layer.bias for layer in linears], "weight_decay": 0.0},
        ]
        if self.solver == "sgd":
            nesterov = self.nesterovs_momentum and self.momentum > 0
            return nn.SGD(groups, lr=rate, momentum=self.momentum, nesterov=nesterov, guards=False)
        if self.solver == "adam":
            return nn.Adam(groups, lr=rate, betas=(self.beta_1, self.beta_2), guards=False)
        return OPTIMISERS[self.solver](groups, lr=rate, guards=False)

    def _hold_out(self, X: Any, y: np.ndarray, weights: np.ndarray | None, random: Any) -> tuple[Any, Any]:
        """Return the samples to learn from, and those that early stopping holds out: the same part of each class."""
        if math.ceil(self.validation_fraction * len(y)) < 2:
            raise ValueError(
                f"early stopping holds out {self.validation_fraction:g} of {len(y)} samples, which is fewer than 2: "
                "raise validation_fraction, or pass more samples"
            )
        strata = y.reshape(-1) if isinstance(self, ClassifierMixin) and y.size == len(y) else None
        if strata is not None:
            counts, out = np.unique(strata, return_counts=True)[1], math.ceil(self.validation_fraction * len(y))
            if len(counts) > 2 and (counts.min() < 2 or len(counts) > min(out, len(y) - out)):
                strata = None  # a class is too rare for both parts: split like scikit-learn
        parts = train_test_split(np.arange(len(y)), test_size=self.validation_fraction, random_state=random, stratify=strata)
        learnt, held_out = ((X[rows], y[rows], None if weights is None else weights[rows]) for rows in parts)
        return learnt, held_out

    def _epoch(
        self, X: Any, y: np.ndarray, weights: np.ndarray | None, penalty: float, order: np.ndarray, size: int, step: Any
    ) -> float:  # fmt: skip
        """Train for one pass over all samples, `size` at a time; return the mean loss, with the penalty."""
        optimizer, linears, total = self._optimizer, self._linears(), 0.0
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            share = None if weights is None else weights[batch]
            decay = penalty / len(batch)
            optimizer.param_groups[0]["weight_decay"] = decay
            if self.solver == "adam":  # scikit-learn's epsilon is "epsilon hat" of the paper, to which no bias correction applies
                for group in optimizer.param_groups:
                    group["eps"] = self.epsilon / math.sqrt(1.0 - self.beta_2 ** (optimizer.steps + 1))
            penalties = 0.5 * decay * sum(squares(layer.weight.data) for layer in linears)
            x, used = used_part(X, batch)
            total += len(batch) * (step(x, y[batch], share, used) + penalties)
        return total / len(order)

    def _keep_training(self) -> bool:
        """Set the learning rate for the next epoch; return False if training has stopped improving."""
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            self._optimizer.lr = self.learning_rate_init / (self.t_ + 1) ** self.power_t
        if self._stalled <= self.n_iter_no_change:
            return True
        if self.solver != "sgd" or self.learning_rate != "adaptive" or self._optimizer.lr <= 1e-6:
            return False
        self._optimizer.lr /= 5.0
        self._stalled = 0
        return True

    def _fit_at_once(self, X: Any, y: np.ndarray, weights: np.ndarray | None) -> None:
        """Train with SciPy's L-BFGS on all samples at once. The penalty is part of the graph."""
        X, used = used_part(X, slice(None))
        parameters, linears = self.module_.parameters(), self._linears()
        weights, penalty = relative(weights, self.alpha)
        strength = 0.5 * penalty / len(y)

        def evaluate(vector: np.ndarray) -> tuple[float, np.ndarray]:
            set_from_vector(parameters, vector)
            self.module_.zero_grad()
            loss = mean_loss(self.module_, self._losses, X, used, y, weights) + strength * sum(
                (layer.weight**2).sum() for layer in linears
            )
            loss.backward()
            return loss.item(), as_vector(parameter.grad for parameter in parameters)

        options = {"maxiter": self.max_iter, "maxfun": self.max_fun, "gtol": self.tol}
        start = as_vector(parameter.data for parameter in parameters)
        found = minimize(evaluate, start, jac=True, method="L-BFGS-B", options=options)
        set_from_vector(parameters, found.x)
        self.n_iter_, self.loss_ = min(found.nit, self.max_iter), float(found.fun)
        if not found.success:
            warnings.warn(
                f"L-BFGS stopped after {found.nit} iterations before it converged ({found.message}): raise max_iter or max_fun, "
                "or scale X",
                ConvergenceWarning,
                stacklevel=4,
            )


def takes_batches(estimator: MultilayerPerceptron) -> bool:
    """Return True if the solver supports partial_fit(); raise AttributeError otherwise."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit() needs a solver of batches, 'adam' or 'sgd', but solver='lbfgs' takes all at once")
    return True


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Predicts classes with a network trained on the cross entropy.

    For two classes, or for any number of labels per sample (y is then a matrix of zeros and ones), the outputs are logits of the
    logistic function; otherwise those of a softmax.

    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> model = MLPClassifier((8,), "tanh", solver="lbfgs", random_state=0).fit(X, ["no", "yes", "yes", "no"])
    >>> model.predict(X)
    array(['no', 'yes', 'yes', 'no'], dtype='<U3')
    >>> model.module_
    Sequential()              33 parameters
      0: Linear(2, 8)         24
      1: Tanh()
      2: Linear(8, 1)          9
    """

    @available_if(takes_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on these samples.

        Args:
            X, y, sample_weight: as for fit().
            classes: all classes of all calls, ``np.unique(all_y)``; required in the first call.

        Raises:
            ValueError: if the first call has no classes, or a later one has others.
        """
        if classes is None and not hasattr(self, "module_"):
            raise ValueError(
                "classes must be passed in the first call of partial_fit(), as np.unique(all_y) or range(number of labels)"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample (samples,), or zeros and ones for labels (samples, labels)."""
        decided = self._decide(self._outputs(X))
        return decided if self._labels else self.classes_[decided.reshape(-1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logit of each class or label (samples, classes); for two classes that of the second one (samples,)."""
        outputs = self._outputs(X)
        return outputs if self._labels or len(self.classes_) > 2 else outputs[:, 0]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (samples, classes), or of each label."""
        outputs = self._outputs(X)
        return nn.sigmoid(outputs) if self._labels else nn.softmax(self._logits(outputs))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of predict_proba(), exact also where a probability is too small for a float."""
        outputs = self._outputs(X)
        return -nn.softplus(-outputs) if self._labels else nn.log_softmax(self._logits(outputs))

    def _logits(self, outputs: np.ndarray) -> np.ndarray:
        """Return a logit for each class; for two classes the network computes that of the second, and the first has 0."""
        return outputs if self.out_activation_ == "softmax" else np.hstack([np.zeros_like(outputs), outputs])

    def _decide(self, outputs: np.ndarray) -> np.ndarray:
        """Return the most probable targets of the loss."""
        return outputs.argmax(axis=1) if self.out_activation_ == "softmax" else (outputs > 0.0).astype(int)

    def _targets(self, y: Any, fresh: bool, classes: Any) -> np.ndarray:
        """Return class numbers (samples,) for a softmax, zeros and ones (samples, outputs) for logistic outputs."""
        check_classification_targets(y)
        labels = type_of_target(y) == "multilabel-indicator"
        if y.ndim == 2 and not labels:
            raise ValueError(f"y of shape {y.shape} is neither one class for each sample nor a matrix of zeros and ones")
        here = unique_labels(y)
        if fresh:
            self.classes_, self._labels = here if classes is None else unique_labels(classes), labels
            binary = len(self.classes_) == 2 and not labels
            self.n_outputs_ = 1 if binary else len(self.classes_)
            self.out_activation_ = "logistic" if binary or labels else "softmax"
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(f"the classes {classes} are not those of the first call, {self.classes_}")
        unknown = np.setdiff1d(here, self.classes_)
        if len(unknown) or labels != self._labels or labels and len(here) != self.n_outputs_:
            raise ValueError(
                f"y has the classes {here}, but the network is for {self.classes_}: pass warm_start=False to start again"
            )
        if labels:
            return y.toarray().astype(float) if issparse(y) else y.astype(float)
        numbers = np.searchsorted(self.classes_, y)
        return numbers if self.out_activation_ == "softmax" else numbers.astype(float)[:, None]

    @property
    def _losses(self) -> Losses:
        return class_losses if self.out_activation_ == "softmax" else label_losses

    def _score(self, outputs: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
        """Return the accuracy; with labels, all labels of a sample must be right."""
        right = (self._decide(outputs) == y).reshape(len(y), -1).all(axis=1)
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Predicts numbers with a network trained on half the squared error, summed over the outputs.

    >>> X = np.linspace(0.0, 3.0, 20)[:, None]
    >>> model = MLPRegressor((16,), "tanh", solver="lbfgs", random_state=0).fit(X, np.sin(X[:, 0]))
    >>> bool(abs(model.predict([[1.5]]) - np.sin(1.5)) < 0.02)
    True
    """

    out_activation_ = "identity"

    @available_if(takes_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples; the arguments are those of fit()."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted numbers, (samples,) or (samples, outputs), in the shape of y."""
        outputs = self._outputs(X)
        return outputs.reshape(-1) if self.n_outputs_ == 1 else outputs

    def _targets(self, y: Any, fresh: bool, classes: Any) -> np.ndarray:
        y = y.reshape(len(y), -1).astype(float)  # (samples, outputs)
        if fresh:
            self.n_outputs_ = y.shape[1]
        elif y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} outputs, but the network has {self.n_outputs_}: pass warm_start=False to start again"
            )
        return y

    _losses = staticmethod(square_losses)

    def _score(self, outputs: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
        return float(r2_score(y, outputs, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
