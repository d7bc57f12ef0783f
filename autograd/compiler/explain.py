"""Say what a compiled function does: its programs, what the passes changed, and how long each instruction takes."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from time import perf_counter
from typing import Any

import numpy as np

from autograd.compiler.program import Draw, Guard, GuardFailed, Variable, effective
from autograd.compiler.replay import Replay
from autograd.compiler.source import Writer, described

ROUNDS = 7  # of which the fastest counts


class Explanation(str):
    """A text that is shown as it is, also at Python's prompt."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def explanation(compiled: Any, replay: Replay | None, leaves: list[Any]) -> Explanation:
    """Return the text of Compiled.explain(); `replay` is the program to time with arguments, whose `leaves` are given."""
    found = list(compiled.recordings.values())
    count, programs = sum(item.count for item in found), [replay for item in found for replay in item.replays]
    lines = [f"{compiled.name}: {plural(count, 'recording')}, {plural(len(programs), 'program')}"]
    states = [item.reason or "" for item in found if item.reason is not None or not item.replays]
    for reason, times in Counter(states).items():
        kinds = f"for {plural(times, 'kind')} of arguments"
        lines.append(f"  {kinds} it runs eagerly: {reason}" if reason else f"  {kinds} it is recorded again in the next call")
    for number, each in enumerate(programs, 1):
        lines += ["", f"program {number}", *(f"  {line}" for line in described_program(each))]
    if replay is not None:
        lines += ["", f"program {1 + programs.index(replay)}, microseconds of each instruction", *timed(replay, leaves)]
    return Explanation("\n".join(lines))


def plural(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def described_program(replay: Replay) -> list[str]:
    """Return lines about one program."""
    program = replay.program
    inputs = [v for v, source in program.inputs.items() if source.kind == "argument"]
    state = [v for v, source in program.inputs.items() if source.kind not in ("argument", "seed")]
    guards = sum(type(item.function) is Guard for item in program.instructions)
    own = [v for item in program.instructions for v in item.outs if v.root is v and v.nbytes]
    parts = [f"{plural(guards, 'guard')} among them"] if guards else []
    if program.split < len(program.instructions):
        parts.append(f"the last {len(program.instructions) - program.split} are the backward pass of its result")
    steps = [f"{name} {count}" for (_, before), (name, count) in itertools.pairwise(program.history) if count != before]
    lines = [
        f"arguments: {', '.join(map(described, inputs)) or 'none'}",
        f"in Values and dicts from outside: {len(state)} read, {len(program.effects)} set",
        "; ".join([plural(len(program.instructions), "instruction"), *parts]),
        f"{plural(len(own), 'new array')}, {sum(v.nbytes for v in own):,} bytes if each has its own memory",
    ]
    if steps:
        lines.append(
            f"instructions after each pass that changed their number: recorded {program.history[0][1]}, {', '.join(steps)}"
        )
    return lines


def timed(replay: Replay, leaves: list[Any]) -> list[str]:
    """Return a line for each instruction with its time; calls that change what is outside are not run."""
    program = replay.program
    writer = Writer(program)
    statements = [writer.statement(item) for item in program.instructions]
    start, taken = writer.free_name("start"), writer.free_name("taken")
    codes = [
        compile(f"{start} = perf_counter()\n{text}\n{taken} = perf_counter() - {start}", "explain", "exec") for text in statements
    ]
    names = writer.names | {"perf_counter": perf_counter}
    exec("\n\n".join(writer.blocks), names)
    for item in program.instructions:
        if type(item.function) is Draw:  # a copy of the generator leaves the next numbers as they are
            names[writer.function_name(item.function)] = Draw(deepcopy(item.function.generator), item.function.method)
    written = {v.root for item in program.instructions for v in item.writes}
    last = {v: number for number, item in enumerate(program.instructions) for v in (*item.operands, *item.outs)}
    dying: dict[int, list[Variable]] = {}
    for variable in last.keys() - {*program.finals}:
        dying.setdefault(last[variable], []).append(variable)
    least = [math.inf] * len(program.instructions)
    for _ in range(ROUNDS):
        space = dict(names)
        for variable, source in program.inputs.items():
            content = replay.content(source, leaves) if source.kind != "seed" else ones_like(variable)
            space[variable.name] = content.copy() if variable in written and isinstance(content, np.ndarray) else content
        for number, item in enumerate(effective(program.instructions)):
            if getattr(item.function, "effect", False) and type(item.function) is not Draw:
                space |= {v.name: ones_like(v) for v in item.outs}
                continue
            errors: Any = item.errors
            with np.errstate(**errors), suppress(GuardFailed):  # a guard may have seen the ones above
                exec(codes[number], space)
                least[number] = min(least[number], space[taken])
            for variable in dying.get(number, ()):  # as a replay does, so that later arrays are in the same memory
                del space[variable.name]
    lines = []
    for item, text, seconds in zip(program.instructions, statements, least, strict=True):
        time = f"{1e6 * seconds:10.2f}" if seconds < math.inf else f"{'-':>10}"
        lines.append(f"{time}  {text[:110]:<112}line {item.place[1] if item.place else ''}")
    return lines


def ones_like(variable: Variable) -> Any:
    """Return ones, for a cotangent or what a call would return that is not run."""
    return np.ones(variable.shape, variable.dtype) if variable.kind is np.ndarray else variable.kind(1.0)
