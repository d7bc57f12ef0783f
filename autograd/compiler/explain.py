"""Say what a compiled function does: its programs, what the passes changed, and how long each instruction takes."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from autograd.compiler.program import Guard, Instruction, Variable, replaced
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
    for item in found:
        if item.reason is not None:
            lines.append(f"  it runs eagerly for some arguments: {item.reason}")
        elif not item.replays:
            lines.append("  it is recorded again in the next call, until two recordings in a row are alike")
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
    lines = [
        f"arguments: {', '.join(map(described, inputs)) or 'none'}; reads {plural(len(state), 'number')} or arrays from outside",
        f"{plural(len(program.instructions), 'instruction')}, of which {len(program.instructions) - program.split} compute "
        f"gradients and {guards} are guards; {plural(len(program.effects), 'effect')}",
        f"{plural(len(own), 'array')} of its own, {sum(v.nbytes for v in own):,} bytes if none took the place of another",
    ]
    if program.history:
        steps = [f"{name} {count}" for name, count in program.history]
        lines.append(f"instructions after each pass: {', '.join(steps)}")
    return lines


def timed(replay: Replay, leaves: list[Any]) -> list[str]:
    """Return a line for each instruction with its time; calls that do more than compute are not run."""
    program = replay.program
    writer = Writer(program)
    written = {v.root for item in program.instructions for v in item.writes}
    least = [float("inf")] * len(program.instructions)
    for _ in range(ROUNDS):
        contents: dict[Variable, Any] = {}
        for variable, source in program.inputs.items():
            content = replay.content(source, leaves) if source.kind != "seed" else seed_like(variable)
            contents[variable] = content.copy() if variable in written and isinstance(content, np.ndarray) else content
        for number, item in enumerate(program.instructions):
            if not getattr(item.function, "effect", False):
                least[number] = min(least[number], run(item, contents))
    lines = []
    for number, item in enumerate(program.instructions):
        text = writer.expression(item)
        names = ", ".join(v.name for v in item.outs)
        time = f"{1e6 * least[number]:10.2f}" if least[number] < float("inf") else f"{'-':>10}"
        line = item.place[1] if item.place else ""
        lines.append(f"{time}  {f'{names} = ' * bool(names)}{text}"[:110].ljust(112) + f"line {line}")
    return lines


def seed_like(variable: Variable) -> Any:
    """Return a cotangent of ones."""
    return np.ones(variable.shape, variable.dtype) if variable.kind is np.ndarray else 1.0


def run(item: Instruction, contents: dict[Variable, Any]) -> float:
    """Run one instruction, and return its time in seconds."""
    args, named = (replaced(part, lambda v: contents[v]) for part in (item.args, item.named))
    start = perf_counter()
    out = item.function(*args, **named)
    taken = perf_counter() - start
    contents.update(zip(item.outs, out if isinstance(item.out, list) else [out], strict=True) if item.outs else ())
    return taken
