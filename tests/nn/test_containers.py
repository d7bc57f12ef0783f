"""Containers: names, insertion, removal, and invalid arguments."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import nn


def test_layers_of_a_sequential_are_replaced_and_added() -> None:
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU())
    model[-1] = nn.Tanh()
    assert model.append(nn.Linear(3, 1, rng=1)) is model
    assert [type(layer).__name__ for layer in model] == ["Linear", "Tanh", "Linear"]
    assert model([1.0, 2.0]).shape == (1,)
    with pytest.raises(TypeError, match="takes modules or functions, got 3"):
        model[0] = 3  # type: ignore[assignment]


def test_a_tuple_between_layers_is_named() -> None:
    x = np.ones((2, 3, 4))
    with pytest.raises(TypeError) as error:
        nn.Sequential(nn.LSTM(4, 4), nn.Linear(4, 2))(x)
    assert "Linear was given a tuple of 2" in error.value.__notes__[0]
    assert nn.Sequential(nn.LSTM(4, 4), lambda out: out[0], nn.Linear(4, 2))(x).shape == (2, 3, 2)
    with pytest.raises(TypeError, match="MultiHeadAttention returned a tuple of 2: select one"):
        nn.Residual(nn.MultiHeadAttention(4, 2))(x)


def names(model: nn.Module) -> list[str]:
    return [name for name, _ in model.named_children()]


def test_a_chain_of_named_layers() -> None:
    model = nn.Sequential(OrderedDict([("body", nn.Linear(3, 2, rng=0)), ("act", nn.Tanh()), ("head", nn.Linear(2, 1, rng=1))]))
    plain = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Tanh(), nn.Linear(2, 1, rng=1))
    x = np.ones((4, 3))
    assert (model(x).data == plain(x).data).all()
    assert list(model.state_dict()) == ["body.weight", "body.bias", "head.weight", "head.bias"]
    assert model.head is model[2] and "head: Linear(2, 1)" in repr(model)
    model.head = nn.Linear(2, 5, rng=2)
    assert model(x).shape == (4, 5) and len(model) == 3
    assert names(model[1:]) == ["act", "head"]
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert names(twin) == ["body", "act", "head"] and (twin(x).data == model(x).data).all()
    assert model.append(nn.ReLU()) is model and names(model) == ["body", "act", "head", "3"]
    assert model.pop(1).__class__ is nn.Tanh and names(model) == ["body", "head", "2"]
    with pytest.raises(AttributeError, match="'Sequential' object has no attribute 'tail'"):
        _ = model.tail


def test_layers_are_inserted_and_removed() -> None:
    """Names are positions, as in PyTorch."""
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh())
    model.insert(1, nn.ReLU()).extend([nn.Linear(2, 1, rng=1), lambda x: x * 2.0]).insert(-1, nn.Identity())
    assert [type(layer).__name__ for layer in model] == ["Linear", "ReLU", "Tanh", "Linear", "Identity", "function"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert model.pop()(2.0) == 4.0 and isinstance(model.pop(0), nn.Linear)
    del model[0:2]
    assert list(model.state_dict()) == ["0.weight", "0.bias"] and len(model) == 2
    layers = nn.ModuleList([nn.Tanh(), nn.Linear(2, 1, rng=0)])
    assert isinstance(layers.pop(0), nn.Tanh) and isinstance(layers.pop(), nn.Linear) and not len(layers)
    by_name = nn.ModuleDict([("a", nn.Tanh()), ("b", nn.ReLU())])
    assert isinstance(by_name.pop("a"), nn.Tanh) and list(by_name) == ["b"]
    with pytest.raises(IndexError, match="Sequential has 2 layers, got the index 7"):
        model.insert(7, nn.Tanh())


def test_a_chain_whose_list_was_changed_directly() -> None:
    """For example by a subclass, or by code older than names of layers."""

    class Own(nn.Sequential):
        def __init__(self) -> None:
            self.layers = [nn.Linear(2, 2, rng=0)]

    assert list(Own().append(nn.Tanh()).insert(0, nn.ReLU()).state_dict()) == ["1.weight", "1.bias"]
    model = nn.Sequential({"a": nn.Tanh()})
    model.layers.append(nn.ReLU())
    assert names(model) == ["a", "1"] and names(model[1:]) == ["0"] and len(model) == 2
    with pytest.raises(TypeError, match="got the class Tanh"):
        model.insert(0, nn.Tanh)
    assert names(model) == ["a", "1"]


@pytest.mark.parametrize("name", ["a.b", "", "_a", 3])
def test_names_that_layers_cannot_have(name: Any) -> None:
    with pytest.raises(ValueError, match="a Sequential takes names without dots that do not begin with an underscore"):
        nn.Sequential({name: nn.Tanh()})
    with pytest.raises(ValueError, match="cannot have the name 'forward', which is an attribute of Sequential"):
        nn.Sequential({"forward": nn.Tanh()})
    with pytest.raises(ValueError, match="two layers of this Sequential would have the same name, in 1, 1"):
        nn.Sequential({"1": nn.Tanh()}).append(nn.Tanh()).state_dict()


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh),
        lambda: nn.Sequential({"act": nn.Tanh}),
        lambda: nn.Sequential().append(nn.Tanh),
        lambda: nn.Sequential().insert(0, nn.Tanh),
        lambda: nn.Sequential(nn.ReLU()).__setitem__(0, nn.Tanh),
        lambda: nn.ModuleList([nn.Tanh]),
        lambda: nn.ModuleDict({"act": nn.Tanh}),
        lambda: nn.Residual(nn.Tanh),
        lambda: nn.Residual(nn.Identity(), nn.Tanh),
    ],
)
def test_a_class_without_parentheses(make: Any) -> None:
    with pytest.raises(TypeError, match=r"got the class Tanh: write Tanh\(\)"):
        make()


def test_lists_of_modules_grow_and_shrink() -> None:
    modules, chain, choices = nn.ModuleList([nn.Tanh()]), nn.Sequential(nn.Tanh()), nn.ModuleDict({"a": nn.Tanh()})
    modules += [nn.ReLU(), nn.Identity()]
    chain += [nn.ReLU()]
    del modules[:2]
    choices.clear()
    assert [type(module).__name__ for module in modules] == ["Identity"]
    assert [type(module).__name__ for module in chain] == ["Tanh", "ReLU"]
    assert len(choices) == 0


def test_a_property_that_fails_says_why() -> None:
    class Chain(nn.Sequential):
        @property
        def width(self) -> Any:
            return self.units

    with pytest.raises(AttributeError, match="no attribute 'units'"):
        _ = Chain(nn.Tanh()).width


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, bool])
def test_a_residual_of_integers_does_not_wrap(dtype: Any) -> None:
    x = np.array([0, 1, 100], dtype)
    np.testing.assert_array_equal(nn.Residual(nn.Identity())(x), 2.0 * x.astype(float))
