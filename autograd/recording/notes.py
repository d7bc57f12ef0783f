"""Findings in a recorded training, as sentences: NaN, zero, exploding and vanishing gradients, idle units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from autograd.drawing.picture import plural
from autograd.recording.inputs import ParameterGroup
from autograd.recording.tracks import Track

CANDIDATES = 200  # the most steps of a parameter to examine for an exploding gradient
Note = tuple[str, int, str, str]  # kind, step, name, text


def notes_of(
    groups: list[ParameterGroup],
    activations: list[Track],
    bad_losses: list[tuple[int, str]],
    zero_steps: list[int],
    steps: list[int],
) -> list[dict[str, Any]]:
    """Return the notes on a run that was recorded at these steps; see Recorder.notes()."""
    found = chain(
        bad_numbers(groups, activations, bad_losses),
        zero_gradients(groups, zero_steps, steps[0]) if steps else (),
        sizes_of_gradients(groups, steps[-1]) if steps else (),
        idle_units(activations),
    )
    return [{"kind": kind, "step": step, "name": name, "text": text} for kind, step, name, text in found]


def bad_numbers(groups: list[ParameterGroup], activations: list[Track], bad_losses: list[tuple[int, str]]) -> Iterator[Note]:
    """Find the first NaN or infinity: in one step, activations come before the loss, gradients and values."""
    gradients = [group.gradients for group in reversed(groups)]  # the backward pass reaches the last first
    values = [group.values for group in groups]
    found = bad_tracks(activations, "the activations of ") + [(*bad, "the loss", "") for bad in bad_losses]
    found += bad_tracks(gradients, "the gradient of ") + bad_tracks(values, "the values of ")
    if not found:
        return
    first = step, what, where, name = min(found, key=itemgetter(0))
    rest = sum(item[0] == step for item in found) - 1
    more = f", and in {plural(rest, 'other place')} at that step" if rest else ""
    tracks = [*activations, *gradients, *values]
    unseen = min((track.unseen for track in tracks if track.first_bad and track.first_bad[0] == step), default=0)
    unseen = 0 if any(bad[0] == step for bad in bad_losses) else unseen  # the loss of every step is checked
    before = f"; {plural(unseen, 'step')} before it {'was' if unseen == 1 else 'were'} not recorded" * bool(unseen)
    yield "nan", step, name, f"first {what} at step {step} in {where}{name}{more}{before}"
    in_gradients = min(bad_tracks(gradients, "the gradient of "), key=itemgetter(0), default=first)
    if first[2] != in_gradients[2]:
        step, what, where, name = in_gradients
        yield "nan", step, name, f"first {what} in a gradient: that of {name} at step {step}"


def bad_tracks(tracks: Iterable[Track], where: str) -> list[tuple[int, str, str, str]]:
    """Return (step, "NaN" or "infinity", where, name) for the tracks that have one."""
    return [(*track.first_bad, where, track.name) for track in tracks if track.first_bad]


def zero_gradients(groups: list[ParameterGroup], zero_steps: list[int], start: int) -> Iterator[Note]:
    """Find gradients that were zero: all of them in a step, or single ones at all steps from `start` on."""
    if zero_steps:
        first, last = zero_steps[0], zero_steps[-1]
        when = f"at step {first}" if first == last else f"at step {first} and later, last at step {last}"
        yield "zero", first, "", f"all gradients were zero {when}: was zero_grad() called before recorder.step()?"
        if all(always_zero(group) for group in groups):
            return
    names = [group.name for group in groups if not group.frozen and always_zero(group)]
    if names:
        these = "it" if len(names) == 1 else "them"
        text = f"zero at every recorded step: {gradients_of(names)}; the loss does not use {these}, or only through dead units"
        yield "zero", start, names[0], text


def always_zero(group: ParameterGroup) -> bool:
    table = group.gradients.table()
    return len(table["step"]) > 1 and bool(np.all(table["largest"] == 0.0))


def rounded(times: float) -> str:
    """Format a factor: "1,200", and from a million on "1.2e+06"."""
    return f"{times:,.0f}" if times < 1e6 else f"{times:.2g}"


def share_text(share: float) -> str:
    """Format a share: "57%"; "100%" and "0%" only where they are exact."""
    return ">99%" if 0.995 <= share < 1.0 else "<1%" if 0.0 < share < 0.005 else f"{share:.0%}"


def gradients_of(names: list[str]) -> str:
    """Name gradients: "the gradient of w", "the gradients of w, b and 7 more"."""
    if len(names) == 1:
        return f"the gradient of {names[0]}"
    shown = names[:3] if len(names) > 4 else names[:-1]
    return f"the gradients of {', '.join(shown)} and {f'{len(names) - 3} more' if len(names) > 4 else names[-1]}"


def sizes_of_gradients(groups: list[ParameterGroup], last: int) -> Iterator[Note]:
    """Find gradients above 1,000 times their median so far, and those that end below 1e-5 of the largest."""
    exploding: dict[int, list[tuple[float, str]]] = {}
    ends = {}
    for group in groups:
        table = group.gradients.table()
        rms = np.nan_to_num(table["rms"], posinf=np.finfo(float).max)
        least = np.minimum.accumulate(np.where(rms > 0.0, rms, np.inf))  # no more than the median: rules out most places
        for place in np.flatnonzero(rms > 1e3 * least)[:CANDIDATES]:
            usual = float(np.median(rms[:place]))
            if place >= 5 and rms[place] > 1e3 * usual > 0.0:
                exploding.setdefault(int(table["step"][place]), []).append((rms[place] / usual, group.name))
                break
        end = float(np.median(rms[-10:])) if len(rms) else 0.0
        if end > 0.0 and not group.frozen:
            ends[group.name] = end
    for step, found in sorted(exploding.items())[:3]:
        times = max(found)[0]
        names = gradients_of([name for _, name in found])
        text = f"exploding at step {step}: {names}; the rms is up to {rounded(times)} times the median before"
        yield "exploding", step, max(found)[1], text
    largest = max(ends, key=lambda name: ends[name], default="")
    small = [name for name, end in ends.items() if end < 1e-5 * ends[largest]]
    if small:
        sizes = f"the rms is down to {min(ends.values()):.2g} at the end, that of {largest} is {ends[largest]:.2g}"
        text = f"vanishing: {gradients_of(small)}; {sizes}"
        yield "vanishing", last, small[0], text


def idle_units(activations: list[Track]) -> Iterator[Note]:
    """Find layers with half of their units, or results, idle at the last record, and the step since when."""
    for track in activations:
        table = track.table()
        for column, kind, what in (
            ("silent", "dead", f"the relu units of {track.name} give zero for the whole batch"),
            ("saturated", "saturated", f"the results of {track.name} ({track.op}) are saturated"),
        ):
            share = table.get(column, np.zeros(0))
            if not len(share) or not share[-1] >= 0.5:
                continue
            below = np.flatnonzero(share < 0.5)
            step = int(table["step"][below[-1] + 1 if below.size else 0])
            yield kind, step, track.name, f"{share_text(share[-1])} of {what}; at least half of them since step {step}"
