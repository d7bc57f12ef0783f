"""The estimators: scikit-learn's checks, scikit-learn's numbers, and common uses."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

import nn
from nn.estimators import ACTIVATIONS, OPTIMISERS, MLPClassifier, MLPRegressor, used_part

#: A few epochs need not converge.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, DIGITS = load_digits(return_X_y=True)
X, DIGITS = X[:300] / 16.0, DIGITS[:300]
LABELS = (DIGITS[:, None] > [2, 5, 7]).astype(int)
NUMBERS = np.stack([X[:, 20] - X[:, 30], X[:, 10] * 2.0], axis=1)
WEIGHTS = np.random.default_rng(0).uniform(0.1, 2.0, len(X))
CLASSIFICATION = {"ten classes": DIGITS, "two classes": DIGITS % 2, "labels": LABELS}
REGRESSION = {"one number": NUMBERS[:, 0], "two numbers": NUMBERS}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The matrices of these tests are too small for several threads."""
    with threadpool_limits(1, "blas"):
        yield


# --- scikit-learn's own checks -------------------------------------------------------------------------


DOK = pytest.mark.filterwarnings("ignore:Can't check dok sparse matrix for nan or inf:UserWarning")


@DOK
@parametrize_with_checks([MLPClassifier(max_iter=100)])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@DOK
@pytest.mark.slow
@parametrize_with_checks([MLPRegressor(max_iter=100)])
def test_scikit_learns_checks_of_the_regressor(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.skipif("SCIPY_ARRAY_API" in os.environ, reason="the checks above have run")
def test_scikit_learns_checks_of_its_array_interface() -> None:
    """The two checks that are skipped above: SciPy asks for this variable when it is imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "", "-k", "check_array_api", __file__]
    done = subprocess.run(command, env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


# --- scikit-learn's own numbers ------------------------------------------------------------------------


def assert_same_network(ours: Any, theirs: Any, within: float = 1e-12) -> None:
    for found, right in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(found, right, rtol=0.0, atol=within)
    assert (ours.n_iter_, ours.t_, ours.n_layers_) == (theirs.n_iter_, theirs.t_, theirs.n_layers_)
    assert (ours.n_outputs_, ours.out_activation_) == (theirs.n_outputs_, theirs.out_activation_)


def both(target: str, **given: Any) -> tuple[Any, Any, np.ndarray]:
    """Return our estimator for a kind of target, scikit-learn's, and the target."""
    ours, y = (MLPClassifier if target in CLASSIFICATION else MLPRegressor), (CLASSIFICATION | REGRESSION)[target]
    return ours(**given), getattr(neural_network, ours.__name__)(**given), y


SETTINGS: dict[str, dict[str, Any]] = {
    "Adam": {"max_iter": 20},
    "Adam, ordered": {"shuffle": False, "alpha": 0.1, "batch_size": 64},
    "SGD": {"solver": "sgd", "max_iter": 20, "learning_rate_init": 0.05},
    "SGD, plain momentum": {"solver": "sgd", "nesterovs_momentum": False, "alpha": 1.0},
    "SGD, no momentum": {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling", "power_t": 0.1},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": (20, 10)},
    "logistic": {"activation": "logistic", "hidden_layer_sizes": 30},
    "identity": {"activation": "identity", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal", "weighted"])
@pytest.mark.parametrize("target", [*CLASSIFICATION, *REGRESSION])
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_random_state_gives_scikit_learns_network(setting: str, target: str, weights: np.ndarray | None) -> None:
    whole = {} if weights is None else {"batch_size": len(X)}  # in smaller batches scikit-learn's weights differ
    ours, theirs, y = both(target, **{"max_iter": 5, "random_state": 3, **SETTINGS[setting], **whole})
    assert_same_network(ours.fit(X, y, weights), theirs.fit(X, y, weights))
    if target != "two numbers":  # scikit-learn reports the mean over the outputs, but its gradient is that of the sum
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-10)
    method = "predict_proba" if target in CLASSIFICATION else "predict"
    np.testing.assert_allclose(getattr(ours, method)(X), getattr(theirs, method)(X), rtol=0.0, atol=1e-10)


def test_plain_descent_steps_by_scikit_learns_gradient() -> None:
    """One step of length 1 on all of the data, so the step is the gradient."""
    given = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "max_iter": 1, "batch_size": len(X), "random_state": 0}
    starts = [MLPClassifier(**{**given, "learning_rate_init": 1e-300}).fit(X, DIGITS), MLPClassifier(**given).fit(X, DIGITS)]
    theirs = neural_network.MLPClassifier(**given).fit(X, DIGITS)
    for before, after, right in zip(*(model.coefs_ for model in (*starts, theirs)), strict=True):
        assert np.abs(before - after).max() > 1e-3
        np.testing.assert_allclose(before - after, before - right, rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("target", [*CLASSIFICATION, "one number"])
def test_lbfgs_finds_the_network_that_scikit_learn_finds(target: str) -> None:
    ours, theirs, y = both(target, solver="lbfgs", max_iter=15, random_state=1, hidden_layer_sizes=(20,))
    assert_same_network(ours.fit(X, y, WEIGHTS), theirs.fit(X, y, WEIGHTS), within=1e-7)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-7)


def test_early_stopping_and_partial_fit_agree_with_scikit_learns() -> None:
    y = DIGITS % 2
    given = {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 3, "random_state": 0, "learning_rate_init": 0.01}
    ours, theirs = MLPClassifier(**given).fit(X, y), neural_network.MLPClassifier(**given).fit(X, y)
    assert ours.n_iter_ < 60
    assert ours.validation_scores_ == theirs.validation_scores_
    assert ours.best_validation_score_ == theirs.best_validation_score_ and ours.best_loss_ is None
    assert_same_network(ours, theirs)

    ours, theirs = MLPClassifier(random_state=0), neural_network.MLPClassifier(random_state=0)
    for start in (0, 100, 200):
        for model in (ours, theirs):
            model.partial_fit(X[start : start + 100], DIGITS[start : start + 100], classes=range(10))
    assert_same_network(ours, theirs)


# --- training ------------------------------------------------------------------------------------------


def test_epochs_of_partial_fit_are_a_fit() -> None:
    once = MLPClassifier(max_iter=4, shuffle=False, random_state=0).fit(X, DIGITS)
    steps = MLPClassifier(shuffle=False, random_state=0)
    for _ in range(4):
        steps.partial_fit(X, DIGITS, classes=np.arange(10))
    for found, right in zip(steps.coefs_, once.coefs_, strict=True):
        np.testing.assert_array_equal(found, right)
    assert steps.loss_curve_ == once.loss_curve_ and steps.t_ == once.t_ == 4 * len(X)


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_weight_is_a_repetition(make: Any, solver: str) -> None:
    counts = np.random.default_rng(1).integers(0, 4, 60)
    given = {"solver": solver, "max_iter": 15, "random_state": 0, "batch_size": 1000, "hidden_layer_sizes": (10,)}
    weighted = make(**given).fit(X[:60], DIGITS[:60], counts)
    repeated = make(**given).fit(np.repeat(X[:60], counts, axis=0), np.repeat(DIGITS[:60], counts))
    for found, right in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_allclose(found, right, rtol=0.0, atol=1e-8)
    np.testing.assert_allclose(weighted.loss_, repeated.loss_, rtol=1e-8)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_weights_count_in_batches_of_any_size(size: int) -> None:
    """A step of length `rate` in each batch is -rate * weight / mean(weight) * the mean gradient of half the squared error."""
    x, y, weights = X[:60, 20:23], DIGITS[:60] / 9.0, WEIGHTS[:60] + 0.1
    given = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "alpha": 0.0, "max_iter": 2, "learning_rate_init": 0.01}
    given |= {"batch_size": size, "shuffle": False, "random_state": 0, "tol": 0.0, "n_iter_no_change": 100}
    start = MLPRegressor(**{**given, "learning_rate_init": 1e-300, "max_iter": 1}).fit(x, y)
    slope, height = start.coefs_[0][:, 0].copy(), float(start.intercepts_[0][0])
    share, losses = weights / weights.mean(), []
    for _ in range(2):
        total = 0.0
        for i in range(0, 60, size):
            batch = slice(i, i + size)
            error = x[batch] @ slope + height - y[batch]
            total += 0.5 * (share[batch] * error**2).sum()
            slope = slope - 0.01 * (share[batch] * error) @ x[batch] / len(error)
            height -= 0.01 * (share[batch] * error).mean()
        losses.append(total / 60)
    for scale in (1.0, 4.0):  # only the proportions of the weights matter
        found = MLPRegressor(**given).fit(x, y, scale * weights)
        np.testing.assert_allclose(found.coefs_[0][:, 0], slope, rtol=1e-10)
        np.testing.assert_allclose(found.loss_curve_, losses, rtol=1e-10)


def test_weights_of_partial_fit_count_as_they_are() -> None:
    """A weight of 2 doubles the step, also in a batch of one sample."""
    given = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "alpha": 0.0, "random_state": 0}
    moved = []
    for weight in (1.0, 2.0):
        model = MLPRegressor(**given).partial_fit(X[:1], [0.0], [1.0])
        before = model.intercepts_[0].copy()
        moved.append(model.partial_fit(X[1:2], [5.0], [weight]).intercepts_[0] - before)
    np.testing.assert_allclose(moved[1], 2.0 * moved[0], rtol=1e-10)


@pytest.mark.parametrize(
    "labels", [np.arange(60) % 10, np.repeat([0, 1, 2], [50, 9, 1]), np.array(list("abcdefghijkl"))[np.arange(60) % 12]]
)
def test_early_stopping_with_rare_classes_splits_as_scikit_learn(labels: np.ndarray) -> None:
    """If a class is too rare for both parts, they are drawn from all samples, as scikit-learn always does."""
    given = {"hidden_layer_sizes": (4,), "early_stopping": True, "max_iter": 4, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not converge in four epochs
        ours, theirs = MLPClassifier(**given).fit(X[:60], labels), neural_network.MLPClassifier(**given).fit(X[:60], labels)
    assert_same_network(ours, theirs)
    assert ours.validation_scores_ == theirs.validation_scores_
    assert (ours.predict(X[:60]) == theirs.predict(X[:60])).all()


def test_frames_and_labels_of_any_kind() -> None:
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    for labels in (DIGITS, DIGITS.astype("U2"), np.array([f"digit {i}" for i in DIGITS], object), DIGITS % 2 == 0):
        model = MLPClassifier((8,), solver="lbfgs", max_iter=20, random_state=0).fit(frame, pd.Series(labels))
        assert (model.predict(frame) == labels).mean() > 0.5 and list(model.feature_names_in_) == list(frame.columns)
        assert model.classes_.tolist() == np.unique(labels).tolist()


def test_early_stopping_holds_out_a_part_of_each_class_and_keeps_the_best() -> None:
    y = np.repeat([0, 1, 2], [240, 40, 20])
    model = MLPClassifier(early_stopping=True, n_iter_no_change=2, max_iter=40, random_state=0, validation_fraction=0.1)
    _, (_, held_out, _) = model._hold_out(X, y, None, 0)
    assert np.bincount(held_out).tolist() == [24, 4, 2]
    splits: list[Any] = []
    model._hold_out = lambda *args: splits.append(MLPClassifier._hold_out(model, *args)) or splits[0]
    model.fit(X, y, WEIGHTS)
    scores = model.validation_scores_
    assert model.n_iter_ == len(scores) == len(model.loss_curve_) < 40
    images, right, weights = splits[0][1]
    assert model.score(images, right, weights) == model.best_validation_score_ == max(scores) > 0.7


def test_adaptive_learning_rate_falls_and_training_stops() -> None:
    model = MLPClassifier(solver="sgd", learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=100, random_state=0)
    model.fit(X, DIGITS)
    assert model.n_iter_ < 100 and model._optimizer.lr <= 1e-6


def test_warm_start_continues_the_training() -> None:
    model = MLPClassifier(max_iter=3, warm_start=True, random_state=0).fit(X, DIGITS)
    first = model.loss_curve_[-1]
    module = model.module_
    model.fit(X, DIGITS)
    assert model.module_ is module and model.loss_curve_[-1] < first and len(model.loss_curve_) == 6
    model.set_params(warm_start=False).fit(X, DIGITS)
    assert model.module_ is not module and model.loss_curve_[-1] == first


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_learns_in_the_dtype_of_the_data(activation: str, dtype: str) -> None:
    model = MLPClassifier(activation=activation, max_iter=30, learning_rate_init=0.01, random_state=0)
    model.fit(X.astype(dtype), DIGITS)
    assert model.score(X, DIGITS) > 0.9
    assert {array.dtype.name for array in model.coefs_ + model.intercepts_} == {dtype}
    assert model.predict_proba(X).dtype == model.predict_log_proba(X).dtype == model.decision_function(X).dtype == dtype


@pytest.mark.parametrize("solver", OPTIMISERS)
def test_every_other_solver_learns(solver: str) -> None:
    model = MLPClassifier(solver=solver, max_iter=30, learning_rate_init=0.01, random_state=0).fit(X, DIGITS)
    assert model.score(X, DIGITS) > 0.9 and type(model._optimizer) is OPTIMISERS[solver]
    assert [group["weight_decay"] for group in model._optimizer.param_groups] == [1e-4 / 100, 0.0]  # 300 samples, 200 and 100


def test_two_solvers_in_float32() -> None:
    for solver in ("sgd", "lbfgs"):
        model = MLPRegressor(solver=solver, max_iter=50, random_state=0).fit(X.astype("float32"), NUMBERS)
        assert model.coefs_[0].dtype == model.predict(X).dtype == "float32"
        assert model.predict(X).shape == NUMBERS.shape


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_data_gives_the_same_network(solver: str) -> None:
    given = {"solver": solver, "max_iter": 5, "random_state": 0}
    full = MLPClassifier(**given).fit(X, DIGITS, WEIGHTS)
    for form in (sparse.csr_matrix, sparse.csc_array):
        model = MLPClassifier(**given).fit(form(X), DIGITS, WEIGHTS)
        np.testing.assert_allclose(model.predict_proba(form(X)), full.predict_proba(X), rtol=1e-8)
    labels = MLPClassifier(**given).fit(X, sparse.csr_matrix(LABELS))
    assert labels.predict(X).shape == LABELS.shape


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_features_that_a_batch_does_not_use_change_nothing(form: Any) -> None:
    wide = np.zeros((len(X), 200))
    wide[:, ::4] = X[:, 7:57]
    given = {"max_iter": 3, "random_state": 0, "alpha": 0.1}
    assert used_part(form(wide), np.arange(200))[0].shape[1] <= 50
    ours, theirs = MLPClassifier(**given).fit(form(wide), DIGITS), neural_network.MLPClassifier(**given).fit(wide, DIGITS)
    assert_same_network(ours, theirs)


def test_probabilities() -> None:
    for y in CLASSIFICATION.values():
        model = MLPClassifier(max_iter=20, random_state=0, learning_rate_init=0.01).fit(X, y)
        probability = model.predict_proba(X)
        np.testing.assert_allclose(np.log(probability), model.predict_log_proba(X), rtol=1e-9)
        if y.ndim == 1:
            np.testing.assert_allclose(probability.sum(axis=1), 1.0)
            np.testing.assert_array_equal(model.classes_[probability.argmax(axis=1)], model.predict(X))
        else:
            np.testing.assert_array_equal(model.predict(X), (probability > 0.5).astype(int))
    far = MLPClassifier(max_iter=1, random_state=0).fit(X, DIGITS).predict_log_proba(1e5 * X)
    assert np.isfinite(far).all() and far.min() < -1e4


def test_the_module_is_an_ordinary_network() -> None:
    model = MLPClassifier((16, 8), random_state=0, max_iter=10).fit(X, DIGITS)
    assert isinstance(model.module_, nn.Sequential)
    np.testing.assert_array_equal(nn.softmax(model.module_(X)).data, model.predict_proba(X))
    assert [weight.shape for weight in model.coefs_] == [(64, 16), (16, 8), (8, 10)]
    assert np.shares_memory(model.coefs_[0], model.module_[0].weight.data)


# --- among scikit-learn's tools ------------------------------------------------------------------------


def test_pipelines_searches_and_cross_validation() -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=15, random_state=0, learning_rate_init=0.01))
    assert cross_val_score(pipeline, X, DIGITS, cv=3).mean() > 0.85
    search = GridSearchCV(pipeline, {"mlpclassifier__hidden_layer_sizes": [(1,), (30,)], "mlpclassifier__alpha": [1e-4]}, cv=2)
    search.fit(X, DIGITS)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (30,)
    calibrated = CalibratedClassifierCV(pipeline, cv=2).fit(X, DIGITS)
    assert calibrated.score(X, DIGITS) > 0.8


def test_pickles_and_copies_predict_the_same_and_train_on() -> None:
    model = MLPClassifier(random_state=0).partial_fit(X, DIGITS, classes=range(10))
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
        original = copy.deepcopy(model)
        for either in (twin, original):
            either.partial_fit(X, DIGITS)
        np.testing.assert_array_equal(twin.predict_proba(X), original.predict_proba(X))
        assert (twin.predict_proba(X) != model.predict_proba(X)).any()
    fresh = clone(model)
    assert not hasattr(fresh, "module_") and fresh.get_params() == model.get_params()


def test_data_frames_keep_their_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"pixel {number}" for number in range(64)])
    model = MLPClassifier(max_iter=3, random_state=0).fit(frame, pandas.Series(DIGITS).map(str))
    assert model.feature_names_in_[1] == "pixel 1" and model.predict(frame)[0] in set("0123456789")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"pixel 1": "another"}))


# --- errors and warnings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1.0}, "'alpha' parameter of MLPClassifier must be a float in the range \\[0.0, inf\\). Got -1.0 instead"),
        ({"activation": "sine"}, "'activation' parameter of MLPClassifier must be a str among .* Got 'sine' instead"),
        ({"solver": "newton"}, "'solver' parameter of MLPClassifier must be a str among .* Got 'newton' instead"),
        ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes must be positive, got \\(10, 0\\)"),
        ({"early_stopping": True, "validation_fraction": 1e-3}, "early stopping holds out .* raise validation_fraction"),
        ({"learning_rate_init": 1e200, "solver": "sgd"}, "training diverges: scale X, .* or lower learning_rate_init"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_parameters_that_do_not_fit(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLPClassifier(random_state=0, **parameters).fit(X, NUMBERS[:, 0] > 0.0)


def test_data_that_does_not_fit() -> None:
    model = MLPClassifier(max_iter=1, random_state=0)
    with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted yet"):
        model.predict(X)
    with pytest.raises(AttributeError, match="module_"):
        model.coefs_  # noqa: B018
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, NUMBERS[:, 0])
    with pytest.raises(ValueError, match="y of shape \\(300, 2\\) is neither one class for each sample nor a matrix of zeros"):
        model.fit(X, np.stack([DIGITS, DIGITS], axis=1))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        model.fit(X, DIGITS, -WEIGHTS)
    with pytest.raises(ValueError, match="classes must be passed in the first call of partial_fit"):
        model.partial_fit(X, DIGITS)
    model.partial_fit(X, DIGITS, classes=range(10))
    with pytest.raises(ValueError, match="are not those of the first call, \\[0 1 2 3 4 5 6 7 8 9\\]"):
        model.partial_fit(X, DIGITS, classes=range(11))
    with pytest.raises(
        ValueError, match="y has the classes .* 11\\], but the network is for .*: pass warm_start=False to start again"
    ):
        model.partial_fit(X, DIGITS + 2)
    with pytest.raises(ValueError, match="y has the classes \\[0 1 2\\], but the network is for"):
        model.partial_fit(X, LABELS)
    with pytest.raises(ValueError, match=r"layers of \[64, 100, 10\] and cannot become one of \[64, 5, 10\]"):
        model.set_params(warm_start=True, hidden_layer_sizes=(5,)).fit(X, DIGITS)
    regressor = MLPRegressor(max_iter=1, random_state=0).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="y has 1 outputs, but the network has 2"):
        regressor.partial_fit(X, NUMBERS[:, 0])


def test_partial_fit_needs_batches() -> None:
    assert hasattr(MLPRegressor(), "partial_fit") and not hasattr(MLPRegressor(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as caught:
        MLPClassifier(solver="lbfgs").partial_fit(X, DIGITS)
    assert "needs a solver of batches, 'adam' or 'sgd'" in str(caught.value.__cause__)
    with pytest.raises(ValueError, match="partial_fit\\(\\) trains for one epoch, so early_stopping=True has no meaning"):
        MLPClassifier(early_stopping=True).partial_fit(X, DIGITS, classes=range(10))


def test_warnings_name_the_fix() -> None:
    with pytest.warns(ConvergenceWarning, match="took all 2 epochs of max_iter and was still improving: raise max_iter, or tol"):
        MLPClassifier(max_iter=2, random_state=0).fit(X, DIGITS)
    with pytest.warns(ConvergenceWarning, match="L-BFGS stopped after 2 iterations before it converged .*: raise max_iter"):
        MLPRegressor(max_iter=2, solver="lbfgs", random_state=0).fit(X, NUMBERS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPClassifier(max_iter=200, tol=0.1, n_iter_no_change=1, random_state=0).fit(
            X, DIGITS
        )  # stops in time, without a warning


def test_verbose_prints_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    MLPClassifier(max_iter=2, verbose=True, early_stopping=True, random_state=0).fit(X, DIGITS)
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 and rows[0].startswith("Iteration 1, loss = 2.") and "score = 0." in rows[0]


def test_without_scikit_learn_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.base'] = None; import nn; import nn.estimators"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'valuegrad[nn]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "learning_rate": "adaptive", "early_stopping": True}])
def test_compiled_steps_train_alike(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling, from the first step or a later one, does not change the numbers."""
    monkeypatch.setattr("nn.estimators.RECORDING", 6)
    monkeypatch.setattr("nn.estimators.PAYS", 20)
    X = np.random.default_rng(0).normal(size=(90, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    found = []
    for compile in (False, True, "auto"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = MLPClassifier((8,), random_state=0, max_iter=15, batch_size=40, compile=compile, **settings)
            found.append(model.fit(X, y))
    for model in found[1:]:
        assert model.loss_curve_ == found[0].loss_curve_
        for a, b in zip(model.coefs_, found[0].coefs_, strict=True):
            np.testing.assert_array_equal(a, b)


def test_when_a_step_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With "auto" once that pays: at once if so many steps are sure, else after those that a recording takes."""
    steps: list[str] = []

    def compile(step: Any) -> Any:
        def run(*args: Any) -> float:
            steps.append("compiled")
            return float(step(*args))

        steps.append("compile")
        return run

    monkeypatch.setattr("autograd.compile", compile)
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60.0)

    def of(X: Any = X, **settings: Any) -> list[str]:
        steps.clear()
        settings = {"batch_size": 20, "tol": 0.0, "random_state": 0} | settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            MLPRegressor((2,), **settings).fit(X, y)
        return list(steps)

    assert of(max_iter=20) == of(max_iter=200, compile=False) == []  # 60 steps, and 600
    assert of(max_iter=266) == []  # 798 steps
    assert of(max_iter=267, n_iter_no_change=np.inf) == ["compile", *["compiled"] * 801]
    assert of(max_iter=267, n_iter_no_change=150) == ["compile", *["compiled"] * (801 - 201)]
    assert of(max_iter=2, compile=True) == ["compile", *["compiled"] * 6]
    features = np.zeros((60, 500))
    features[:, 0] = X[:, 0]
    assert of(features, max_iter=2, batch_size=60, compile=True) == ["compile"]  # all other features are left out
    assert of(max_iter=9, compile=True, solver="lbfgs") == []
    with pytest.raises(ValueError, match="'compile' parameter of MLPRegressor must be"):
        of(compile="always")
