"""Recorder: the statistics of a training run, step by step, as a page, figures or JSON. It trains nothing and changes nothing.

tracks.py measures, inputs.py says what is measured, notes.py finds what is unusual, page_files/ draws the page.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

from autograd import web
from autograd.drawing.picture import plural
from autograd.graph import topological_order
from autograd.recording.figure import figure_of
from autograd.recording.inputs import grouped, last_results, named_values, number_of, rows_for
from autograd.recording.notes import notes_of
from autograd.recording.tracks import SAMPLE, Track
from autograd.value import Value

FILES = files("autograd.recording") / "page_files"
WALK, EARLY = 8, 50  # activations are measured at every 8th record, in small graphs also at the first 50
MODULES = 500  # the most modules whose activations are kept
ON_PAGE = 1_500_000  # counts in a page, about 4 MB; the page of a longer recording shows every k-th step
get_data, get_grad = attrgetter("data"), attrgetter("grad")


class Recorder:
    """Records a training run; then saves a page with a slider that replays it, figures, or JSON.

    Call ``step(loss)`` after ``backward()`` and after the optimiser. It measures

    - for every parameter: its values after the update; its gradient, as the last backward() left it (so call
      zero_grad() at the start of a step, not at its end); and the update-to-weight ratio, the rms of the change in
      this one step divided by the rms of the values. A healthy run has about 1e-3. There is
      no ratio in the first record, or where all values are zero;
    - for every module, and every ``with scope(...)``, below the loss: the last result that it computed, its
      activation. A ReLU unit, or a channel of images, is "silent" if it gives zero for the whole batch; a tanh is
      saturated where ``|x| > 0.97``, a sigmoid where it is less than 0.015 from 0 or 1.

    Each of these has mean, std, rms, the largest absolute value, the share of exact zeros, the number of NaN and of
    infinities, and a histogram from its smallest to its largest number. In a larger array, the histogram counts 500
    random elements, always the same ones.

    Scalar parameters form a group where their paths differ in indices only: all indices but the first become a star, so
    nn.MLP has one row ``layers.0.neurons.*.w.*`` for all weights of its first layer.

    Memory is bounded: beyond `max_steps` records, every second one is dropped and `every` doubles; beyond 500 modules,
    only the first 500 are kept. Time is bounded, too: walking a graph costs up to a third of computing it, so
    activations are measured at every eighth record; in graphs of up to 100 nodes also at each of the first 50 records;
    and when the loss first is NaN or infinite. Copies of up to 64 steps (4 MB) are measured together; for larger
    models, three copies are held.

    Args:
        model: a module; or a dict or list of leaf Values. Unlabelled ones in a list are named "parameters.0" and so on.
        every: record steps 0, every, 2 * every, ... The ratio is still that of a single step.
        bins: the number of bins of the histograms.
        activations: whether to measure activations, in the graph of the loss.
        max_steps: the most records to hold.
        live: a path ending in .html, rewritten during training: open it, and it reloads itself. In a notebook,
            ``IPython.display.IFrame(path, "100%", 700)`` shows it. close(), or the end of a with-block, writes the last
            page, which does not reload.
        seconds: the least time between two writes of the live page; they take at most a twentieth of the time.

    Raises:
        TypeError, ValueError: if there are no leaf Values in `model`, or an option is out of range.

    >>> from autograd import Value
    >>> w = Value([1.0, -2.0])
    >>> recorder = Recorder({"w": w})
    >>> for step in range(3):
    ...     w.grad = None
    ...     loss = (w * w).sum()
    ...     loss.backward()
    ...     w.data -= 0.1 * w.grad
    ...     recorder.step(loss)
    >>> recorder
    <Recorder: 3 steps, 3 recorded, 2 parameters in 1 array>
    >>> found = recorder.to_json()
    >>> found["loss"]
    [5.0, 3.2, 2.048]
    >>> [found["parameters"][0]["values"][name] for name in ("largest", "update")]
    [[1.6, 1.28, 1.024], [None, 0.25, 0.25]]
    """

    def __init__(
        self,
        model: Any,
        *,
        every: int = 1,
        bins: int = 40,
        activations: bool = True,
        max_steps: int = 1000,
        live: str | os.PathLike[str] | None = None,
        seconds: float = 2.0,
    ) -> None:
        for name, number, least in (("every", every, 1), ("bins", bins, 2), ("max_steps", max_steps, 2)):
            if not isinstance(number, int) or number < least:
                raise ValueError(f"Recorder({name}=...) takes a whole number of at least {least}, got {number!r}")
        if live is not None and Path(live).suffix.lower() != ".html":
            raise ValueError(f"Recorder(live=...) takes a path that ends in .html, got {os.fspath(live)!r}")
        self.model, self.every, self.bins, self.max_steps = model, every, bins, max_steps
        self.parameters = named_values(model)
        size = sum(value.size for value in self.parameters.values())
        self.groups = grouped(self.parameters, bins, rows_for(2 * size))
        self.activations: dict[tuple[str, str], Track] | None = {} if activations else None
        self.records: list[tuple[int, float | None, dict[str, float]]] = []
        self.steps = 0
        self.zero_steps: list[int] = []  # the first and the last step at which all gradients were zero
        self.bad_losses: list[tuple[int, str]] = []  # the first of them
        self._metrics: dict[str, float] = {}
        self._nodes = 0  # in the graph that was walked last
        self._paths: dict[tuple[Any, ...], str] = {}
        self._live, self._seconds, self._due = None if live is None else Path(live), seconds, 0.0

    # --- recording ---

    def step(self, loss: Any = None, **metrics: Any) -> None:
        """Record this step, if its number is a multiple of `every`. Call it after backward() and the optimiser.

        Args:
            loss: the Value that backward() was called on, or a number, which has no activations.
            metrics: more numbers to draw over time: ``step(loss, accuracy=0.9, rate=1e-3)``. Not every step needs them.

        Raises:
            TypeError, ValueError: if the loss or a metric is not a single number.
        """
        step = self.steps
        number = None if loss is None else number_of(loss, "loss")
        for name, metric in metrics.items():
            self._metrics[name] = number_of(metric, name)
        self.steps += 1
        if number is not None and not math.isfinite(number) and not self.bad_losses:
            self.bad_losses.append((step, "NaN" if math.isnan(number) else "infinity"))
        if step % self.every == 0:
            self._record(step, loss, number)
        elif (step + 1) % self.every == 0:
            for group in self.groups:
                group.values.remember(step, group.numbers(get_data))

    def _record(self, step: int, loss: Any, number: float | None) -> None:
        for group in self.groups:
            group.values.add(step, group.numbers(get_data))
            group.gradients.add(step, group.numbers(get_grad))
        if self.activations is not None and isinstance(loss, Value) and self._walk_now(step):
            self._record_activations(step, loss, self.activations)
        self.records.append((step, number, self._metrics))
        self._metrics = {}
        if len(self.groups[0].values.steps) == self.groups[0].values.rows:
            self._measure()
        if len(self.records) > self.max_steps:
            self._thin()
        if self._live is not None and time.monotonic() >= self._due:
            self._write_live(self._live)

    def _walk_now(self, step: int) -> bool:
        """Return whether to measure activations in this step: at multiples of a number, so that thinning leaves enough."""
        early = len(self.records) < EARLY and self._nodes <= 100
        return early or step % (self.every * WALK) == 0 or (bool(self.bad_losses) and self.bad_losses[0][0] == step)

    def _record_activations(self, step: int, loss: Value, tracks: dict[tuple[str, str], Track]) -> None:
        nodes, _ = topological_order(loss)
        self._nodes = len(nodes)
        if len(self._paths) > 10 * MODULES:  # scopes with a new name at every step
            self._paths.clear()
        for name, op, numbers in last_results(nodes, self.model, self._paths):
            if (name, op) not in tracks:
                if len(tracks) == MODULES:
                    continue
                tracks[name, op] = Track(name, self.bins, rows_for(10 * numbers.size), op)
            tracks[name, op].add(step, numbers)

    def _measure(self) -> None:
        """Compute the statistics of all copies that wait."""
        zero: Any = True
        for group in self.groups:
            group.values.measure()
            block = group.gradients.measure()
            if block is not None and not group.frozen:
                steps = block["step"]
                zero = zero & (block["largest"] == 0.0) & (block["nan"] + block["inf"] == 0)
        if zero is not True and zero.any():
            found = steps[zero].tolist()
            self.zero_steps = [*self.zero_steps, *found]
            self.zero_steps = [self.zero_steps[0], self.zero_steps[-1]]
        for track in (self.activations or {}).values():
            track.measure()

    def _thin(self) -> None:
        self._measure()
        self.every *= 2
        self.records = [record for record in self.records if record[0] % self.every == 0]
        for track in self._tracks():
            track.thin(self.every)

    def _tracks(self) -> Iterator[Track]:
        for group in self.groups:
            yield group.values
            yield group.gradients
        yield from (self.activations or {}).values()

    # --- live ---

    def _write_live(self, path: Path) -> None:
        start = time.monotonic()
        write(path, self.page(reload=self._seconds))
        end = time.monotonic()
        self._due = end + max(self._seconds, 19.0 * (end - start))

    def close(self) -> None:
        """Write the live page for the last time, as one that does not reload."""
        path, self._live = self._live, None
        if path is not None and self.records:
            write(path, self.page())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # --- results ---

    def notes(self) -> list[dict[str, Any]]:
        """Return notes on unusual numbers: NaN, zero, exploding and vanishing gradients, dead and saturated units.

        Each note is a dict with ``kind`` ("nan", "zero", "exploding", "vanishing", "dead", "saturated"), ``step``,
        ``name`` of the parameter or module, or "", and ``text``.
        """
        self._measure()
        activations = list((self.activations or {}).values())
        steps = [step for step, _, _ in self.records]
        return notes_of(self.groups, activations, self.bad_losses, self.zero_steps, steps)

    def to_json(self, max_records: int | None = None) -> dict[str, Any]:
        """Return all records as dicts, lists, strings and numbers of six digits.

        A statistic that does not exist (a mean of no finite numbers, the first update) is None. JSON has no NaN and
        no infinities: such a loss or metric is the string ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``.

        Args:
            max_records: if there are more records, return every k-th and the last.
        """
        self._measure()
        shown = self.records[:: 1 + (len(self.records) - 1) // max_records] if max_records and self.records else self.records
        shown = shown if shown[-1:] == self.records[-1:] else [*shown, self.records[-1]]
        steps = [step for step, _, _ in shown]
        names = dict.fromkeys(name for _, _, metrics in shown for name in metrics)
        activations = (self.activations or {}).values()
        thinned = set(steps) if len(shown) < len(self.records) else None
        return {
            "format": "valuegrad recording",
            "version": 1,
            "title": type(self.model).__name__ if hasattr(self.model, "named_parameters") else "",
            "total": self.steps,
            "recorded": len(self.records),
            "every": self.every,
            "sample": SAMPLE,
            "steps": steps,
            "loss": [None if loss is None else six_digits(loss) for _, loss, _ in shown],
            "metrics": {name: [six_digits(m[name]) if name in m else None for _, _, m in shown] for name in names},
            "parameters": [
                {
                    "name": group.name,
                    "shape": list(group.shape),
                    "scalars": group.scalars,
                    "values": columns(group.values, thinned),
                    "gradients": columns(group.gradients, thinned, without=("update",)),
                }
                for group in self.groups
            ],
            "activations": [
                {
                    "name": track.name,
                    "op": track.op,
                    "size": math.prod(track.shape),
                    **columns(track, None),
                }
                for track in activations
            ],
            "notes": self.notes(),
        }

    def page(self, reload: float | None = None) -> str:
        """Return the page as text. With `reload`, it reloads itself after that many seconds."""
        most = max(50, ON_PAGE // (self.bins * sum(1 for _ in self._tracks())))
        data = {**self.to_json(most), "reload": reload, "written": self.steps}
        return web.page(FILES, data, title=f"{data['title'] or 'Training'}: the recorded training")

    def figure(self, most: int = 8) -> Any:
        """Return the curves and histograms as a matplotlib Figure, of the first `most` parameters.

        Raises:
            ModuleNotFoundError: without matplotlib.
        """
        self._need_records("figure()")
        return figure_of(self.to_json(), most)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the recording in the format of the suffix, and return the path. Missing folders are created.

        .html is a self-contained page, .json has all numbers; .png, .svg, .pdf and .jpg are figures by matplotlib.

        Raises:
            ValueError: if nothing was recorded, or the suffix is not supported.
            ModuleNotFoundError: for figures without matplotlib.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        self._need_records(f"save({str(path)!r})")
        if suffix in (".html", ".htm"):
            return write(path, self.page())
        if suffix == ".json":
            return write(path, json.dumps(self.to_json(), allow_nan=False))
        if suffix not in (".png", ".svg", ".pdf", ".jpg"):
            raise ValueError(f"save(path) writes .html, .json, .png, .svg, .pdf and .jpg, got {str(path)!r}")
        figure = self.figure()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
        return path

    def _need_records(self, call: str) -> None:
        if not self.records:
            raise ValueError(f"{call} has nothing to show: call recorder.step(loss) after each training step")

    def __repr__(self) -> str:
        of = f" of {type(self.model).__name__}" if hasattr(self.model, "named_parameters") else ""
        count = plural(sum(value.size for value in self.parameters.values()), "parameter")
        return f"<Recorder{of}: {plural(self.steps, 'step')}, {len(self.records):,} recorded, {count} in {self._arrays()}>"

    def _arrays(self) -> str:
        return plural(len(self.groups), "group" if any(group.scalars for group in self.groups) else "array")

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the page in a frame."""
        if not self.records:
            return f"<code>{escape(repr(self))}</code>"
        style = "width: 100%; height: 720px; border: 1px solid #8888; border-radius: 6px"
        return f'<iframe title="The recorded training" style="{style}" srcdoc="{escape(self.page())}"></iframe>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def columns(track: Track, kept: set[int] | None, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Return the table of a track as lists; only the steps in `kept`, if it is given."""
    table = track.table()
    rows = slice(None) if kept is None else [place for place, step in enumerate(table["step"].tolist()) if step in kept]
    return {name: [json_entry(item) for item in column[rows].tolist()] for name, column in table.items() if name not in without}


def json_entry(item: Any) -> Any:
    """Return a number of a table, None where it does not exist; or a list of counts."""
    if item.__class__ is not float:
        return item
    return None if math.isnan(item) else six_digits(item)


def six_digits(number: float) -> Any:
    """Return a number rounded to six digits for JSON; "NaN", "Infinity" or "-Infinity"."""
    return web.jsonable(float(f"{number:.6g}"))


def write(path: Path, text: str) -> Path:
    """Write a file in one step, so that a page that reloads never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
    return path
