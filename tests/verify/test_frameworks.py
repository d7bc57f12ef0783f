"""The adapters for PyTorch and JAX where neither is installed; tests/pytorch and tests/jax run with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograd import check_gradients
from autograd.verify import Verdict, check_model, from_jax, from_torch
from autograd.verify.subjects import frameworks
from autograd.verify.subjects.frameworks import Adapter, FrameworkDerivative, FrameworkSubject
from autograd.verify.subjects.subject import Subject, leaves_of


@pytest.mark.parametrize(("adapter", "name", "package"), [(from_torch, "PyTorch", "torch"), (from_jax, "JAX", "jax")])
def test_a_missing_library_is_named_with_its_package(
    adapter: Any, name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    text = rf"from_{package}\(\) needs {name}, which cannot be imported \(.*\): pip install {package}$"
    with pytest.raises(ImportError, match=text):
        adapter(np.sin)


def test_pytorch_and_jax_are_not_imported_before_use() -> None:
    program = (
        "import sys, autograd.verify; print([name for name in ('torch', 'jax', 'pandas', 'hypothesis') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


class Sine(FrameworkSubject):
    """A library of one function, sin(x) of two numbers, whose gradient is the cosine times a factor, which should be 1."""

    def __init__(self, target: Any, inputs: Any, dtype: str, budget: int, constants: Any = ()) -> None:
        self.factor = target
        data = np.array(inputs[0], dtype=dtype)
        super().__init__(leaves_of([("x", data)]), data.astype(float).reshape(-1), budget)

    def shown(self) -> Any:
        return self.leaves[0].shaped(self.point)

    def values(self, vector: Any) -> list[tuple[str, Any]]:
        return [("", np.sin(self.leaves[0].shaped(vector)))]

    def pullback(self, vector: Any) -> Callable[[list[Any]], list[Any]]:
        return lambda cotangents: [cotangents[0] * self.factor(vector) * np.cos(vector)]

    def derivative(self, cotangent: Any) -> Subject:
        return Slope(self, cotangent)


class Slope(FrameworkDerivative, Sine):
    def __init__(self, inner: Sine, cotangent: Any) -> None:
        self.inner, self.cotangent, self.cotangents = inner, cotangent, [cotangent]
        Subject.__init__(self, inner.leaves, inner.point, inner.budget, inner.evaluations)

    def values(self, vector: Any) -> list[tuple[str, Any]]:
        return [("x", self.cotangent * np.cos(vector))]

    def pullback(self, vector: Any) -> Callable[[list[Any]], list[Any]]:
        return lambda cotangents: [-cotangents[0] * self.cotangent * np.sin(vector)]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that makes an adapter of the library."""
    monkeypatch.setitem(sys.modules, "sines", ModuleType("sines"))
    return lambda factor, dtype="float64": Adapter("sines", factor, dtype, Sine)


def test_the_gradient_of_a_library_is_verified(library: Any) -> None:
    right = library(lambda x: 1.0)
    assert check_gradients(right, [0.5, 1.0], order=2).verdict is Verdict.PASS
    wrong = check_gradients(library(lambda x: 1.001), [0.5, 1.0])
    assert wrong.rows[0].cause == "a constant factor: claimed = (1 + 0.001) * measured"
    assert np.array_equal(right(np.array([0.5, 1.0])), np.sin([0.5, 1.0]))
    assert check_gradients(right, [0.5, 1.0], gradient=lambda x: np.diag(np.cos(x))).ok
    assert check_gradients(library(lambda x: 1.0, "float32"), [0.5, 1.0]).rows[0].dtype == "float32"


def test_at_several_points(library: Any) -> None:
    wrong = library(lambda x: np.where(x > 3.0, 1.1, 1.0))
    assert check_gradients(wrong, [0.5, 1.0]).ok
    report = check_gradients(wrong, [0.5, 1.0], points=20)
    assert report.points is not None and sorted(eval(report.points.failing, {"np": np}).tolist()) == [0.0, 4.0]


def test_contracts_of_a_library(library: Any) -> None:
    class Affine(Sine):
        def pullback(self, vector: Any) -> Callable[[list[Any]], list[Any]]:
            return lambda cotangents: [cotangents[0] * np.cos(vector) + 1e-3]

    class Buffered(Sine):
        buffer = np.zeros(2)

        def pullback(self, vector: Any) -> Callable[[list[Any]], list[Any]]:
            return lambda cotangents: [np.multiply(cotangents[0], np.cos(vector), out=self.buffer)]

    def broken(kind: Any) -> str:
        return "; ".join(check_gradients(Adapter("sines", lambda x: 1.0, "float64", kind), [0.5, 1.0]).broken)

    assert broken(Sine) == ""
    linear = "the gradient of x is not linear in the cotangent of the output"
    assert broken(Affine) == f"a cotangent of zero gives a gradient of x that is not zero; {linear}"
    assert broken(Buffered).startswith("the gradient of x is the same array at every call, which overwrites the earlier gradient")


def test_refusals(library: Any) -> None:
    with pytest.raises(TypeError, match=r"from_sines\(\) takes a function, got 3"):
        library(3)
    with pytest.raises(ValueError, match="takes one of the dtypes float64, float32, float16, got 'int8'"):
        library(np.sin, "int8")
    with pytest.raises(TypeError, match=r"check_model\(\) takes from_torch\(module\); a function contains its loss"):
        check_model(library(lambda x: 1.0), np.subtract, np.ones(2), np.ones(2))
    assert repr(library(np.sin)) == "from_sines(sin)"


def test_a_module_of_pytorch_is_recognised_by_its_class() -> None:
    made = type("Module", (), {"__module__": "torch.nn.modules.module"})
    network = type("Network", (made,), {"__call__": lambda self, x: x})()
    assert frameworks.is_torch_module(network) and not frameworks.is_torch_module(np.sin)
    for call in (lambda: check_gradients(network, 1.0), lambda: check_gradients(lambda m: 1.0, network, gradient=1.0)):
        with pytest.raises(TypeError, match=r"PyTorch computes the gradient of its modules: check_gradients\(from_torch\(f\)"):
            call()


@pytest.mark.parametrize(("word", "adapter"), [("Tensor", "from_torch"), ("JAX", "from_jax")])
def test_a_function_of_another_library_that_gets_values(word: str, adapter: str) -> None:
    def f(x: Any) -> Any:
        raise TypeError(f"sin(): argument must be {word}, not Value")

    with pytest.raises(TypeError) as error:
        check_gradients(f, 0.5)
    assert error.value.__notes__ == [
        f"the function was called with Values; check_gradients({adapter}(f), *inputs) verifies its own gradient"
    ]
