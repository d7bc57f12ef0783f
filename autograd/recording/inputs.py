"""Reads the inputs of a Recorder: parameters in groups, results of modules, and single numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograd.recording.tracks import TOGETHER, WAITING, Track
from autograd.scopes import Place
from autograd.value import Value


class ParameterGroup:
    """A tensor, or scalars whose paths differ in indices only: one row of the page.

    Attributes:
        name: ``"layers.0.weight"``, ``"layers.0.neurons.*.w.*"``.
        members: the Values. shape: of the tensor, or (count,) of the scalars.
        values, gradients: their tracks.
    """

    def __init__(self, name: str, members: list[Value], bins: int, rows: int) -> None:
        self.name, self.members = name, members
        self.scalars = members[0].ndim == 0
        self.shape = (len(members),) if self.scalars else members[0].shape
        self.frozen = not any(member.requires_grad for member in members)
        self.values, self.gradients = Track(name, bins, rows, moves=True), Track(name, bins, rows)

    def numbers(self, get: Callable[[Value], Any]) -> np.ndarray:
        """Return the data or the gradients; training may change the array later."""
        if self.scalars:
            return np.fromiter(map(get, self.members), float, len(self.members))
        return get(self.members[0])


def grouped(parameters: Mapping[str, Value], bins: int, rows: int) -> list[ParameterGroup]:
    """Return a group for each tensor, and one for the scalars of each starred name, in the order of the model."""
    found: dict[tuple[str, bool], list[Value]] = {}
    for name, value in parameters.items():
        scalar = value.ndim == 0
        found.setdefault((starred(name) if scalar else name, scalar), []).append(value)
    return [ParameterGroup(name, members, bins, rows) for (name, _), members in found.items()]


def rows_for(size: int) -> int:
    """Return how many steps of `size` numbers are measured together."""
    return max(1, min(TOGETHER, WAITING // max(1, size)))


def starred(path: str) -> str:
    """Replace all indices of a path but the first by a star, and always one at the end.

    >>> starred("layers.0.neurons.3.w.1"), starred("layers.0.neurons.3.b"), starred("w.1"), starred("scale")
    ('layers.0.neurons.*.w.*', 'layers.0.neurons.*.b', 'w.*', 'scale')
    """
    parts = path.split(".")
    numbers = [place for place, part in enumerate(parts) if part.isdecimal()]
    for place in numbers:
        if place != numbers[0] or place == len(parts) - 1:
            parts[place] = "*"
    return ".".join(parts)


def named_values(model: Any) -> dict[str, Value]:
    """Return the parameters of a module, a dict or a list by name; raise TypeError or ValueError for anything else."""
    if hasattr(model, "named_parameters"):
        found = dict(model.named_parameters())
    elif isinstance(model, Mapping):
        found = {str(name): value for name, value in model.items()}
    elif isinstance(model, (list, tuple)):
        labels = [getattr(value, "label", "") for value in model]
        found = {
            label if label and labels.count(label) == 1 else f"{label or 'parameters'}.{place}": value
            for place, (label, value) in enumerate(zip(labels, model, strict=True))
        }
    else:
        raise TypeError(
            f"Recorder(model) takes a module, or a dict or list of Values, got {type(model).__name__}: "
            'pass the model, or {"w": w, "b": b}'
        )
    for name, value in found.items():
        if not isinstance(value, Value) or value.op is not None:
            raise TypeError(
                f"Recorder(model) records leaf Values, but {name} is {value!r}: pass the parameters that the optimiser updates"
            )
    if not found:
        raise ValueError("Recorder(model) got no parameters: pass the model, or a dict or list of its Values")
    return found


def path_of(names: list[Any], model: Any) -> str:
    """Return the path of a scope: relative to the model ("layers.0", as in parameters) or, outside of it, the whole path."""
    pairs = zip(names, [None, *names], strict=False)
    parts = [name if isinstance(name, str) else name.name_within(around) for name, around in pairs]
    return ".".join(parts[1:] if len(parts) > 1 and names[0] is model else parts)


def concatenated(arrays: list[Any]) -> np.ndarray:
    """Return the results of several calls as one array of samples, or flat where their shapes differ."""
    if len(arrays) == 1 and arrays[0].__class__ is np.ndarray:
        return arrays[0]
    parts = [np.atleast_1d(array) for array in arrays]
    fits = len({part.shape[1:] for part in parts}) == 1
    return np.concatenate(parts if fits else [part.ravel() for part in parts])


def number_of(item: Any, what: str) -> float:
    """Return a loss or metric as a float; raise TypeError or ValueError unless it is one number."""
    data = item.data if isinstance(item, Value) else item
    if data.__class__ is float:
        return data
    if np.size(data) != 1:
        raise ValueError(f"step({what}) takes one number, got shape {np.shape(data)}: take its mean()")
    try:
        return float(np.asarray(data).reshape(()))
    except (TypeError, ValueError):
        raise TypeError(f"step({what}) takes a number or a Value, got {type(item).__name__}") from None


def last_results(nodes: list[Any], model: Any, paths: dict[tuple[Any, ...], str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (path, op, numbers) for the last node of each scope; scalars of many units as (calls, units).

    `paths` caches the paths of chains of modules, because finding one searches the model.
    """
    last: dict[Any, Any] = {}
    for node in nodes:
        if (place := node.place) is not None:
            last[place.outer if place.__class__ is Place else place] = node
    calls: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for place, node in last.items():
        data = node.data
        names = tuple(place.names()) if place is not None else ()
        if not names or not (data.__class__ is float or data.__class__ is np.ndarray and data.dtype.kind == "f"):
            continue
        path = paths.get(names)
        if path is None:
            path = paths[names] = path_of(list(names), model)
        name = starred(path) if data.__class__ is float else path
        calls.setdefault((name, node.op.name), {}).setdefault(path, []).append(data)
    for (name, op), units in calls.items():
        arrays = [concatenated(results) for results in units.values()]
        together = len(arrays) > 1 and len({len(array) for array in arrays}) == 1
        yield name, op, np.stack(arrays, axis=1) if together else concatenated(arrays)
