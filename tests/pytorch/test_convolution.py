"""Convolutions and pooling against PyTorch: outputs, all gradients, and gradients of a squared gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import nn
from autograd import Value, gradient
from autograd.ops import adaptive_avg_pool, avg_pool, conv, conv_transpose, max_pool

CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}
Shapes = list[tuple[int, ...]]


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], shapes: Shapes) -> None:
    """Compare a function of arrays of these shapes at orders 0, 1 and 2."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    values, tensors = [Value(item) for item in arrays], [torch.tensor(item, requires_grad=True) for item in arrays]
    out, expected = ours(*values), theirs(*tensors)
    assert out.shape == tuple(expected.shape)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), **CLOSE)
    weights = rng.standard_normal(out.shape)
    slopes = gradient((out * weights * out).sum(), values)
    exact = torch.autograd.grad((expected * torch.tensor(weights) * expected).sum(), tensors, create_graph=True)
    for slope, truth in zip(slopes, exact, strict=True):
        np.testing.assert_allclose(slope.data, truth.detach().numpy(), **CLOSE)
    sum((slope**2).sum() for slope in slopes).backward()  # type: ignore[union-attr]
    sum((slope**2).sum() for slope in exact).backward()  # type: ignore[union-attr]
    for value, tensor in zip(values, tensors, strict=True):
        np.testing.assert_allclose(value.grad, tensor.grad.numpy(), **CLOSE)


CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSE = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")  # it copies, and says so
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3, "same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_conv(ndim: int, groups: int, stride: int, padding: Any, dilation: int) -> None:
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    space, size = [(9,), (7, 6), (5, 4, 5)][ndim - 1], [(3,), (3, 2), (2, 1, 2)][ndim - 1]
    shapes = [(2, 4, *space), (6, 4 // groups, *size), (6,)]
    if padding == "same" and stride > 1:
        for function, tensor in ((conv, np.ones), (CONV[ndim], torch.ones)):
            with pytest.raises((ValueError, RuntimeError), match="strid"):
                function(tensor(shapes[0]), tensor(shapes[1]), **how)  # type: ignore[operator]
        return
    compare(lambda x, w, b: conv(x, w, b, **how), lambda x, w, b: CONV[ndim](x, w, b, **how), shapes)


@pytest.mark.parametrize("how", [{"stride": (2, 1), "padding": (0, 2)}, {"dilation": (1, 3)}, {"groups": 4, "padding": "same"}])
def test_conv_of_other_settings_for_each_axis(how: dict[str, Any]) -> None:
    shapes = [(3, 4, 6, 8), (4, 4 // how.get("groups", 1), 2, 3)]
    compare(lambda x, w: conv(x, w, **how), lambda x, w: functional.conv2d(x, w, **how), shapes)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("dilation", "output_padding"), [(1, 0), (2, 0), (2, 1), (4, 3)])
def test_conv_transpose(ndim: int, groups: int, stride: int, padding: int, dilation: int, output_padding: int) -> None:
    how = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups, "dilation": dilation}
    space, size = [(4,), (3, 4), (2, 3, 2)][ndim - 1], [(3,), (3, 2), (2, 3, 2)][ndim - 1]
    shapes = [(2, 4, *space), (4, 6 // groups, *size), (6,)]
    compare(lambda x, w, b: conv_transpose(x, w, b, **how), lambda x, w, b: TRANSPOSE[ndim](x, w, b, **how), shapes)


POOLS = [
    {"stride": None}, {"stride": 1}, {"stride": 3}, {"padding": 1}, {"stride": 2, "padding": 1}, {"stride": 1, "padding": 1},
]  # fmt: skip


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("how", POOLS)
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("space", [(7,), (7, 6), (8, 9), (4, 5, 3)])
def test_pools(space: tuple[int, ...], size: int, how: dict[str, Any], ceil_mode: bool) -> None:
    shapes, ndim = [(2, 3, *space)], len(space)
    maximum, average = getattr(functional, f"max_pool{ndim}d"), getattr(functional, f"avg_pool{ndim}d")
    how = {**how, "ceil_mode": ceil_mode}
    compare(lambda x: max_pool(x, size, **how), lambda x: maximum(x, size, **how), shapes)
    if size == 2:
        compare(lambda x: max_pool(x, size, dilation=2, **how), lambda x: maximum(x, size, dilation=2, **how), shapes)
    for include in (True, False):
        options = {**how, "count_include_pad": include}
        compare(lambda x, o=options: avg_pool(x, size, **o), lambda x, o=options: average(x, size, **o), shapes)
    if ndim > 1:
        options = {**how, "divisor_override": 5}
        compare(lambda x: avg_pool(x, size, **options), lambda x: average(x, size, **options), shapes)


@pytest.mark.parametrize(
    ("space", "size", "how"),
    [
        ((3,), 4, {}), ((3,), 4, {"stride": 1}), ((2, 2), 3, {"stride": 2}), ((2,), 5, {"stride": 4, "padding": 1}),
        ((1, 4), (3, 2), {"stride": (3, 3)}), ((4, 1, 2), 3, {"stride": 3, "padding": 1}), ((5,), 3, {"stride": 5, "padding": 1}),
    ],
)  # fmt: skip
def test_pools_whose_windows_reach_out(space: tuple[int, ...], size: Any, how: dict[str, Any]) -> None:
    """The same windows, and the same errors."""
    ndim = len(space)
    maximum, average = getattr(functional, f"max_pool{ndim}d"), getattr(functional, f"avg_pool{ndim}d")
    try:
        maximum(torch.zeros(1, 1, *space), size, ceil_mode=True, **how)
    except RuntimeError:
        with pytest.raises(ValueError, match="larger than the space"):
            max_pool(np.zeros((1, 1, *space)), size, ceil_mode=True, **how)
        return
    compare(
        lambda x: max_pool(x, size, ceil_mode=True, **how), lambda x: maximum(x, size, ceil_mode=True, **how), [(2, 3, *space)]
    )
    if ndim < 3:  # PyTorch refuses avg_pool3d of windows larger than the space
        for include in (True, False):
            options: dict[str, Any] = {**how, "ceil_mode": True, "count_include_pad": include}
            compare(lambda x, o=options: avg_pool(x, size, **o), lambda x, o=options: average(x, size, **o), [(2, 3, *space)])


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
@pytest.mark.parametrize("padding", [1, 2, 3, 4])
def test_circular_padding_wraps_once(mode: str, padding: int) -> None:
    ours = nn.Conv1d(1, 1, 2, padding=padding, padding_mode=mode, rng=0)
    theirs = torch.nn.Conv1d(1, 1, 2, padding=padding, padding_mode=mode, dtype=torch.float64)
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in nn.to_pytorch(ours).items()})
    x = np.arange(3.0)[None, None]
    try:
        expected = theirs(torch.from_numpy(x)).detach().numpy()
    except RuntimeError:
        with pytest.raises(ValueError, match=f"padding by '{mode}'"):
            ours(x)
    else:
        np.testing.assert_allclose(ours(x).data, expected, **CLOSE)


@pytest.mark.parametrize(("space", "size"), [
    ((7,), 3), ((7,), 7), ((6,), 1), ((3,), 5), ((8, 6), (4, 3)), ((7, 9), (3, 4)), ((5, 6), (None, 4)), ((4, 5, 3), 2),
])  # fmt: skip
def test_adaptive_average(space: tuple[int, ...], size: Any) -> None:
    theirs = getattr(functional, f"adaptive_avg_pool{len(space)}d")
    compare(lambda x: adaptive_avg_pool(x, size), lambda x: theirs(x, size), [(2, 3, *space)])


LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Conv1d", (4, 6, 3), {}, (4, 9)),
    ("Conv1d", (4, 6, 3, 2, 1, 2, 2, False), {}, (4, 9)),
    ("Conv2d", (4, 6, 3), {"padding": "same", "dilation": 2}, (4, 7, 8)),
    ("Conv2d", (4, 4, (3, 2), (2, 1), (1, 0)), {"groups": 4}, (4, 7, 8)),
    *[
        ("Conv2d", (2, 3, 3), {"padding": (1, 2), "padding_mode": mode}, (2, 5, 6))
        for mode in ("reflect", "replicate", "circular")
    ],
    ("Conv2d", (2, 3, (2, 3)), {"padding": "same", "padding_mode": "circular"}, (2, 5, 6)),
    ("ConvTranspose1d", (4, 6, 3, 2, 1, 1, 2), {}, (4, 5)),
    ("ConvTranspose2d", (4, 6, 3, 2), {"output_padding": (1, 0), "dilation": 2, "bias": False}, (4, 4, 5)),
    ("MaxPool1d", (3, 2, 1), {}, (2, 9)),
    ("MaxPool2d", ((2, 3),), {"ceil_mode": True}, (2, 7, 8)),
    ("AvgPool1d", (3, 2, 1, True, False), {}, (2, 9)),
    ("AvgPool2d", (2, None, 1, True, True, 3), {}, (2, 7, 8)),
    ("AdaptiveAvgPool1d", (4,), {}, (2, 9)),
    ("AdaptiveAvgPool2d", ((None, 3),), {}, (2, 7, 8)),
]


@pytest.mark.parametrize(("name", "args", "options", "shape"), LAYERS)
@pytest.mark.parametrize("batch", [(), (3,)])
def test_layers(
    name: str, args: tuple[Any, ...], options: dict[str, Any], shape: tuple[int, ...], batch: tuple[int, ...]
) -> None:  # fmt: skip
    """Parameters have the same names and shapes; inputs have a batch or none."""
    theirs = getattr(torch.nn, name)(*args, **options).double()
    layer = getattr(nn, name)(*args, **options)
    named = dict(theirs.named_parameters())
    assert {key: value.shape for key, value in layer.named_parameters()} == {key: tuple(p.shape) for key, p in named.items()}
    for key, value in layer.named_parameters():
        value.data = named[key].detach().numpy()
    arrays = np.random.default_rng(0).standard_normal((*batch, *shape))
    x, tensor = Value(arrays), torch.tensor(arrays, requires_grad=True)
    out, expected = layer(x), theirs(tensor)
    np.testing.assert_allclose(out.data, expected.detach().numpy(), **CLOSE)
    (out**2).sum().backward()
    (expected**2).sum().backward()
    np.testing.assert_allclose(x.grad, tensor.grad.numpy(), **CLOSE)
    for key, value in layer.named_parameters():
        np.testing.assert_allclose(value.grad, named[key].grad.numpy(), **CLOSE)


@pytest.mark.parametrize(("name", "args", "options"), [
    ("Conv1d", (6, 8, 5), {"groups": 2}), ("Conv2d", (3, 64, 3), {}), ("ConvTranspose2d", (6, 8, 3), {"groups": 2}),
])  # fmt: skip
def test_parameters_start_within_the_bounds_of_pytorch(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, name)(*args, **options), getattr(nn, name)(*args, **options, rng=0)
    bound = max(float(p.detach().abs().max()) for p in theirs.parameters())
    assert max(np.abs(value.data).max() for value in ours.parameters()) == pytest.approx(bound, rel=0.05)


def test_outputs_of_float32_are_as_close_as_pytorchs() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((8, 16, 12, 12)), rng.standard_normal((16, 16, 3, 3))
    exact = conv(x, weight)
    ours = conv(x.astype(np.float32), weight.astype(np.float32))
    theirs = functional.conv2d(torch.tensor(x, dtype=torch.float32), torch.tensor(weight, dtype=torch.float32)).numpy()
    assert ours.dtype == np.float32
    assert np.abs(ours - exact).max() < 4.0 * np.abs(theirs - exact).max()


@pytest.mark.parametrize("pool", ["Max", "Avg"])
def test_nan_and_infinity_propagate_alike(pool: str) -> None:
    x = np.arange(12.0).reshape(1, 1, 3, 4)
    x[0, 0, 0, 0], x[0, 0, 0, 2] = np.nan, np.inf
    ours, theirs = getattr(nn, f"{pool}Pool2d")(2, 1)(x), getattr(torch.nn, f"{pool}Pool2d")(2, 1)(torch.tensor(x))
    np.testing.assert_array_equal(ours, theirs.numpy())
