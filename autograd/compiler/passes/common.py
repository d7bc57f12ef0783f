"""Common subexpressions: compute once what is computed twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.program import Guard, Instruction, Method, Program, Variable

#: Constants up to this number of bytes are compared.
SMALL = 1 << 13
#: Functions whose results are written to by the program, or differ from call to call.
IMPURE = {np.empty, np.zeros, np.ones, np.full}


def share_common(program: Program) -> None:
    """Let instructions use the variables of earlier ones that compute the same."""
    written = {item.root for instruction in program.instructions for item in instruction.writes}
    finals = [item for item in program.finals if isinstance(item, Variable)]
    taken = {item.root for item in finals}  # results own their memory: two must not share one array
    versions: dict[Variable, int] = {}
    seen: dict[Any, Instruction] = {}
    new: dict[Variable, Any] = {}
    kept: list[Instruction | None] = []
    for item in program.instructions:
        item = item.with_variables(new)
        for variable in item.writes:
            versions[variable.root] = versions.get(variable.root, 0) + 1
        key = None
        if item.outs and not item.writes and item.function not in IMPURE and not getattr(item.function, "effect", False):
            if not any(out.root is out and (out in written or out in taken) for out in item.outs):
                key = key_of(item, versions)
        elif type(item.function) is Guard:
            key = key_of(item, versions)
        before = seen.get(key) if key is not None else None
        if before is None:
            if key is not None:
                seen[key] = item
            kept.append(item)
            continue
        new.update(zip(item.outs, before.outs, strict=True))
        kept.append(None)
    program.replace(kept, new)


def key_of(item: Instruction, versions: dict[Variable, int]) -> Any:
    """Return a key that is equal for instructions that compute the same; None if there is none."""
    function: Any = item.function
    if type(function) is Guard:
        function = Guard, repr(function.value) if not isinstance(function.value, np.ndarray) else id(function)
    try:
        key = function, hashable(item.args), hashable(item.named), tuple(versions.get(v.root, 0) for v in item.operands)
        hash(key)
    except TypeError:
        return None
    return key


def hashable(item: Any) -> Any:
    """Return nested arguments in a form that can be compared, with numbers told apart by class and sign."""
    kind = type(item)
    if kind is Variable or kind is Method:
        return item
    if kind is tuple or kind is list:
        return kind, *map(hashable, item)
    if kind is dict:
        return dict, *((key, hashable(part)) for key, part in item.items())
    if kind is slice:
        return slice, hashable((item.start, item.stop, item.step))
    if kind is np.ndarray:
        return np.ndarray, item.shape, item.strides, item.dtype.str, item.tobytes() if item.nbytes <= SMALL else id(item)
    return kind, repr(item) if kind is float else item
