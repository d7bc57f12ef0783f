"""Verification of PyTorch's own gradients: of functions, modules and custom backward functions, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autograd.verify import assert_gradients, check_gradients, check_model, from_torch
from tests.verify.framework_checks import (
    check_a_rule,
    check_a_rule_that_is_wrong_above_3,
    check_a_rule_without_a_derivative,
    check_calls,
    wrong_rows,
)


def cube(factor: Any, differentiable: bool = True) -> Any:
    """x³ whose backward has some factor at x², which should be 3."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            x = x if differentiable else x.detach()
            return g * factor(x) * x * x

    return Cube.apply


X = torch.tensor([0.5, -1.0, 2.0])


@pytest.mark.parametrize("x", [X, X.numpy(), X.tolist(), X.double(), X.clone().requires_grad_()])
def test_a_custom_function(x: Any) -> None:
    check_a_rule(lambda factor: from_torch(cube(factor)), x, "input 0")


def test_a_mistake_elsewhere_is_found() -> None:
    check_a_rule_that_is_wrong_above_3(from_torch(cube(lambda x: torch.where(x > 3.0, 2.0, 3.0))))


def test_double_backward() -> None:
    stopped = from_torch(cube(lambda x: 3.0, differentiable=False))
    check_a_rule_without_a_derivative(stopped, from_torch(torch.sin), X)


def model(activation: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), activation or nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 3))


class Wrong(nn.Module):
    def forward(self, x: Any) -> Any:
        return cube(lambda x: 2.9)(x)


BATCH = torch.randn(5, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0, 1])


def test_modules_with_their_parameters() -> None:
    network = model()
    report = assert_gradients(from_torch(network), BATCH[0])
    names = ["0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias", "input"]
    assert [row.name for row in report.rows] == names
    assert {row.dtype for row in report.rows} == {"float64"}
    assert network[0].weight.dtype == torch.float32 and network[0].weight.grad is None
    assert wrong_rows(check_gradients(from_torch(model(Wrong())), BATCH[0])) == ["0.weight", "0.bias", "input"]
    single = check_gradients(from_torch(network, dtype=torch.float32), BATCH[0])
    assert single.ok and {row.dtype for row in single.rows} == {"float32"}


def test_frozen_parameters_and_labels_are_constants() -> None:
    network = model()
    network[0].requires_grad_(False)
    loss = from_torch(lambda model, x, y: nn.functional.cross_entropy(model(x), y))
    report = assert_gradients(loss, network, *BATCH, order=2)
    assert [row.name for row in report.rows if row.order == 1] == ["2.weight", "2.bias", "3.weight", "3.bias", "x"]


def test_the_loss_of_a_model() -> None:
    network = model()
    for given in (network, from_torch(network)):
        report = check_model(given, nn.functional.cross_entropy, *BATCH)
        assert report.ok and len(report.rows) == 6
    assert not check_model(model(Wrong()), nn.functional.cross_entropy, *BATCH).ok
    assert check_model(network, nn.functional.cross_entropy, *BATCH, points=3).ok
    x, y = BATCH[0].numpy(), np.zeros((5, 3), np.float32)
    assert check_model(network, nn.functional.mse_loss, x, y).ok


def test_shared_parameters_count_once() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    network[2].weight = network[0].weight
    report = assert_gradients(from_torch(network), X)
    assert [row.name for row in report.rows] == ["0.weight", "0.bias", "2.bias", "input"]


def test_recurrent_and_convolutional_modules() -> None:
    torch.manual_seed(0)

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.GRU(3, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.inner(x)[0][:, -1]

    assert_gradients(from_torch(Last()), torch.randn(2, 5, 3))
    assert_gradients(from_torch(nn.Conv2d(2, 3, 3)), torch.randn(1, 2, 5, 5))
    assert_gradients(from_torch(nn.MultiheadAttention(4, 2, batch_first=True)), *[torch.randn(1, 3, 4)] * 3)


def test_a_graph_that_is_cut_is_found() -> None:
    report = check_gradients(from_torch(lambda x: (x.detach() * x).sum()), X)
    assert wrong_rows(report) == ["x"]
    assert check_gradients(from_torch(lambda x: x.detach().sum()), X).rows[0].claimed == 0.0


def test_nested_inputs_and_results() -> None:
    f = from_torch(lambda p: {"twice": p["w"] * 2.0, "sum": p["w"].sum() * p["n"][0]})
    report = check_gradients(f, {"w": X, "n": torch.tensor([3, 4])})
    assert report.ok and [row.name for row in report.rows] == ["p['w']"]


def test_a_buffer_of_a_backward_is_found() -> None:
    buffer = torch.zeros(3, dtype=torch.float64)

    class Thrice(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 3.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            buffer.copy_(3.0 * g)
            return buffer

    report = check_gradients(from_torch(Thrice.apply), X)
    assert report.broken and "is the same array at every call, which overwrites the earlier gradient" in report.broken[0]


def test_it_can_be_called() -> None:
    check_calls(from_torch(torch.sin), "from_torch")
    parameters, inputs = from_torch(model()).gradient(BATCH[0])
    assert parameters["0.weight"].shape == (5, 3, 6, 4) and inputs.shape == (5, 3, 5, 4)
    assert check_gradients(from_torch(torch.square), X, gradient=lambda x: np.diag(2.0 * x)).ok


def test_points_outside_of_the_domain() -> None:
    report = check_gradients(from_torch(lambda a: torch.linalg.cholesky(a + a.T)), np.eye(2), points=6)
    assert report.points is not None and report.points.outside.startswith("LinAlgError")


def test_tensors_as_inputs_results_and_gradients_of_plain_functions() -> None:
    x = torch.tensor([0.5, 1.0], requires_grad=True)
    assert check_gradients(lambda x: torch.sin(x).sum(), x, gradient=torch.cos).ok
    assert not check_gradients(lambda x: torch.sin(x).sum(), x, gradient=torch.sin).ok
    assert check_gradients(lambda x: np.sum(x * x), x, gradient=lambda x: 2.0 * x).ok
    assert check_gradients(np.sin, x.double(), order=2).ok

    def gradient(x: Any) -> Any:
        return torch.autograd.grad(torch.sin(x).sum(), x)[0]

    assert check_gradients(lambda x: torch.sin(x).sum(), x, gradient=gradient).ok
    report = check_gradients(lambda x: (0.5 * x * x).sum(), x.detach(), gradient=lambda x: x)
    assert report.broken and report.broken[0].startswith("the gradient returns its input x")


def test_errors_say_what_to_write() -> None:
    network = model()
    for call in (lambda: check_gradients(network, X), lambda: check_gradients(lambda m: 1.0, network, gradient=1.0)):
        with pytest.raises(TypeError, match=r"the gradient of its modules: check_gradients\(from_torch\(f\), \*inputs\)"):
            call()
    with pytest.raises(TypeError) as error:
        check_gradients(torch.sin, 0.5)
    assert error.value.__notes__[0].endswith("check_gradients(from_torch(f), *inputs) verifies its own gradient")
    with pytest.raises(RuntimeError) as mixed:
        check_gradients(from_torch(lambda x: network(x)), BATCH[0])
    assert 'pass them as inputs, or from_torch(..., dtype="float32")' in mixed.value.__notes__[0]
    with pytest.raises(TypeError, match=r"from_torch\(\) takes a function or a module, got 3"):
        from_torch(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes one of the dtypes float64, float32, float16, got torch.bfloat16"):
        from_torch(torch.sin, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match="complex"):
        check_gradients(from_torch(torch.abs), torch.tensor([1j]))
