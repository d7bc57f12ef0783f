"""fit() raises an error for parameters that it would not find: behind underscores, in objects and in functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value
from tests.nn.training.fit_checks import run


class Thing:
    """An object that is not searched for parameters."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


class Holding(nn.Module):
    """A layer with one more attribute."""

    def __init__(self, name: str, item: Any) -> None:
        self.layer = nn.Linear(3, 1, rng=0)
        setattr(self, name, item)

    def forward(self, x: Any) -> Any:
        return self.layer(x)


def leaf(trained: bool = True) -> Value:
    return Value(np.ones(2), requires_grad=trained)


@pytest.mark.parametrize(
    ("name", "item", "path"),
    [
        ("_scale", leaf(), "_scale"),
        ("_scales", [leaf(False), {"a": leaf()}], "_scales.1.a"),
        ("parts", {"_w": leaf()}, "parts._w"),
        ("thing", Thing(w=leaf()), "thing.w"),
        ("thing", Thing(_w=(leaf(),)), "thing._w.0"),
        ("things", [Thing(thing=Thing(w=leaf()))], "things.0.thing.w"),
        ("_kept", {leaf()}, "_kept"),
        ("things", [Thing(layer=nn.Linear(2, 2))], "things.0.layer"),
    ],
)
def test_what_would_silently_not_be_trained_is_refused(name: str, item: Any, path: str) -> None:
    what = r"a (Value of the shape \(2,\)|Linear), .* not found in the model and would not be trained: hold it in an attribute"
    for model, where in ((Holding(name, item), path), (nn.Sequential(Holding(name, item), nn.Tanh()), f"0.{path}")):
        with pytest.raises(ValueError, match=rf"^{where} of the model holds {what}"):
            run(model)


def test_frozen_parameters_may_be_out_of_sight() -> None:
    computed, extra, model = leaf() * 2.0, leaf(), Holding("_frozen", [leaf(False)])
    model._computed, model._cut, model._tied = computed, computed.detach(), model.layer
    model.thing = Thing(w=model.layer.weight, model=model)
    model.thing.thing, model._extra = model.thing, extra
    run(model, optimizer=nn.SGD([*model.parameters(), extra], lr=0.1), epochs=1)
    with pytest.raises(ValueError, match="^_extra of the model .* or make it Value.*requires_grad=False"):
        run(model)


def test_a_value_of_a_class_with_an_underscore_is_refused() -> None:
    class Scaled(nn.Linear):
        _scale = leaf()

    with pytest.raises(ValueError, match="^_scale of the model holds a Value"):
        run(Scaled(3, 1))
