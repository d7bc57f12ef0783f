"""Random programs: the source of a function of arrays and numbers, chosen by a list of integers, and data to call it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autograd
import nn
from autograd import Value
from autograd.compiler import draw

#: Right sides by the kind of their result: a vector of 3 numbers, a 3 by 3 matrix, or a number. {v}, {m} and {c} are variables.
EXPRESSIONS: dict[str, list[str]] = {
    "v": [
        "{v} + {v}", "{v} - {v}", "{v} * {v}", "{v} * {c}", "{v} + {c}", "{c} - {v}", "-{v}", "np.sin({v})", "np.tanh({v})",
        "np.exp(np.tanh({v}))", "np.log(1.5 + np.sin({v}))", "np.sqrt(1.0 + {v} * {v})", "{v} / (1.0 + {v} ** 2)", "np.abs({v})",
        "np.tanh({v}) ** 3", "np.maximum({v}, 0.0)", "np.maximum({v}, {v})", "np.minimum({v}, {c})", "np.clip({v}, -0.5, 0.5)",
        "np.where({v} > {v}, {v}, 0.5 * {v})", "np.where({v} > 0.0, {c}, {v})", "np.sort({v})", "np.cumsum({v}) * 0.3",
        "np.cumprod(np.cos({v}))", "{v}[::-1]", "np.roll({v}, 1)", "{v}[index]", "np.take({v}, index)", "{v} - {v}.mean()",
        "np.concatenate([{v}[:1], {v}[1:]])", "np.append({v}[1:], {c})", "np.stack([{c}, {c}, {c}])",
        "np.stack([{c}, 1.0 + {c}, {c}])",
        "{m} @ {v} * 0.3", "{v} @ {m} * 0.3", "{m}.sum(axis=0) * 0.3", "{m}.max(axis=1)", "{m}[0]", "{m}[:, 1]", "np.diag({m})",
        "np.linalg.solve({m} * 0.1 + 3.0 * np.eye(3), {v})", "np.einsum('ij,j->i', {m}, {v}) * 0.3", "np.diff({v}, append={c})",
        "np.interp({v}, np.array([-1.0, 0.2, 1.0]), {v})", "np.convolve({v}, {v}, 'same') * 0.3", "np.gradient({v})",
        "np.where(np.isfinite({v}), {v}, 0.0)", "np.sign({v}) * {v}", "np.heaviside({v}, 0.5) * {v}", "np.nan_to_num({v})",
        "np.median({m}, axis=0)", "np.quantile({m}, 0.3, axis=1)", "np.minimum.accumulate({v})", "np.logaddexp({v}, {c})",
        "nn.relu({v})", "nn.softmax({v})", "nn.gelu({v})", "nn.log_softmax({v})", "autograd.ops.centre({v}) * 0.3",
        "np.hypot({v}, {c} + 0.1)", "np.arctan2({v}, {v})", "np.fmod({v}, 0.7)", "{v}.copy()", "+{v}", "{v}.reshape(3, 1)[:, 0]",
        "np.partition({v}, 1)", "np.unwrap({v} * 3.0)", "np.flip({v})", "np.broadcast_to({c}, (3,))", "{v} * ({v} > 0.1)",
        "{v} * np.array([True, False, True])", "np.select([{v} > 0.2, {v} < -0.2], [{v}, {c}], 0.0)", "np.choose(index, {m})",
        "np.take_along_axis({m}, index[:, None], 1)[:, 0]", "np.take_along_axis({v}, np.argsort({v}), 0)",
        "autograd.stop_gradient({v}) * {v}", "autograd.checkpoint(np.sin)({v})",
        "autograd.grad(lambda z: (z * z * z).sum())({v})",
        "constant * {v}", "constant[index] + {v}", "{v} * 3", "2 ** np.tanh({v})", "{v} % 1.3", "{v} // 0.7",
        "np.float32(0.5) * {v}",
        "({v} + constant32)", "np.sin({v} + {v})", "np.ones(3) * {v}", "np.zeros_like({v}) + {v}",
    ],
    "m": [
        "np.outer({v}, {v})", "{m}.T", "{m} @ {m} * 0.3", "{m} * {m}", "{m} + {v}", "{m} * {c}", "np.tanh({m})",
        "{m} + {v}[:, None]",
        "np.linalg.inv({m} * 0.1 + 3.0 * np.eye(3))", "np.linalg.cholesky({m} @ {m}.T * 0.1 + np.eye(3))", "np.sort({m}, axis=0)",
        "np.stack([{v}, {v}, {v}])", "np.where({m} > {v}, {m}, 0.0)", "np.tril({m})", "np.diag({v})", "{m}[index]",
        "{m}[:, index]",
        "{m}[::-1].T", "np.vstack([{m}[:1], {m}[1:]])", "np.linalg.pinv({m} * 0.1 + 2.0 * np.eye(3))",
        "np.kron({v}, {v}).reshape(3, 3)",
        "{m} - {m}.mean(axis=0)", "{m} / (1.0 + np.abs({m}))", "np.swapaxes({m}, 0, 1)", "np.maximum({m}, {m}.T)",
        "np.exp(np.tanh({m}))",
        "np.linalg.eigh({m} + {m}.T + np.diag([5.0, 0.0, -5.0]))[0] * {m}", "np.cov({m}) * 0.3",
        "np.repeat({v}, 3).reshape(3, 3)",
        "nn.softmax({m}, 1)", "np.clip({m}, -1.0, {c})", "np.einsum('ij,kj->ik', {m}, {m}) * 0.3",
    ],
    "c": [
        "{v}.sum()", "{v}.mean()", "{v}.max()", "np.min({v})", "{v} @ {v} * 0.3", "np.linalg.norm({v})", "{v}[0]", "{v}[-1]",
        "{c} + {c}", "{c} * {c}", "{c} - 0.5", "np.tanh({c})", "np.sin({c})", "abs({c})", "{c} / (1.0 + {c} * {c})",
        "np.trace({m})",
        "np.linalg.det({m} * 0.1 + np.eye(3))", "{m}[1, 2]", "np.var({v})", "np.std({v} + np.arange(3.0))", "np.median({v})",
        "np.quantile({v}, 0.4)", "np.prod(np.cos({v}))", "autograd.ops.logsumexp({v})", "max({c}, 0.1)", "min({c}, {c})",
        "np.maximum({c}, 0.2)",
        "np.linalg.slogdet({m} * 0.1 + 2.0 * np.eye(3))[1]", "{v}[{v} > 0.0].sum()", "{v}[np.nonzero({v} < 0.1)[0]].sum()",
        "{v}[int(np.argmax(data({v})))]", "{v}[np.argmin({v})]", "np.trapezoid({v})", "{m}.sum()", "np.ptp({v})", "{c} ** 2",
        "np.unique(np.round({v}, 1)).sum()", "np.sum({v}, where={v} > 0.0)", "np.dot({v}, {v}) * 0.3", "nn.mse_loss({v}, {v})",
        "sum({v})", "math.tanh(data({c})) * {c}", "float(data({c})) + {c}", "(data({v}) > 0.0).sum() * {c}",
        "len({v}) * {c} * 0.3",
        "np.bincount(index, minlength=3).max() * {c}", "np.count_nonzero(data({v}) > 0.0) + {c}",
        "{c} if {c} > 0.1 else {c} * 2.0",
        "(np.tanh({v}) ** np.array([1.0, 2.0, 3.0])).sum()", "np.average({v}, weights=np.exp(np.tanh({v})))",
        "np.searchsorted(constant, data({c})) * {c}",
    ],
}  # fmt: skip

#: Statements of several lines, each a list of lines; {v}, {m}, {c} are read, {V} and {C} are assigned.
BLOCKS: list[list[str]] = [
    ["if {c} > 0.1:", "    {V} = {v} * 2.0", "else:", "    {V} = {v} - {c}"],
    ["if ({v} > {v}).any():", "    {V} = {v} + 1.0", "else:", "    {V} = {v}"],
    ["if data({v}).max() > 0.5 and {c} < 1.0:", "    {C} = {c} * 0.5", "else:", "    {C} = {v}.sum()"],
    ["{C} = {c}", "while 0.5 < abs({C}) < 1000.0:", "    {C} = {C} * 0.5"],
    ["{V} = {v}", "for number in range(3):", "    {V} = np.tanh({V} * {c}) + number"],
    ["{C} = 0.0", "for item in {v}:", "    {C} = {C} + item * item if item > 0.0 else {C} - item"],
    ["{V} = {v}", "{V} = {V}", "{C} = ({V} is {v}) * {c}"],
    ["space = np.zeros(3)", "space[0] = data({c})", "space[1:] += data({v})[1:]", "space *= 2.0", "{V} = {v} * space"],
    ["space = np.array(data({v}))", "space[space < 0.0] = 0.0", "part = space[1:]", "part += 1.0", "{V} = {v} + space"],
    ["space = np.array(data({v}))", "kept = space", "view = space.reshape(3, 1)", "view[1] = 5.0", "space += kept",
     "{V} = {v} * space"],
    ["space = np.zeros(3)", "np.add.at(space, index, data({v}))", "np.maximum(space, 0.1, out=space)", "{V} = {v} + space"],
    ["space = data({v}).copy()", "space.sort()", "space[::2] = space[0]", "np.copyto(space, 0.5, where=space > 0.5)",
     "{V} = {v} * space"],
    ["space = np.empty((3, 3))", "space[...] = data({m})", "space[0], space[1] = space[1].copy(), 0.0",
     "{V} = space @ {v} * 0.3"],
    ["space = np.full(3, data({c}))", "old = space.copy()", "space -= old * 0.5", "space.fill(space[0])",
     "{V} = space + {v} * old"],
    ["same = {v} * {c}", "{V} = same + same * np.sin(same)"],
    ["first = np.sin({v}) * {c}", "second = np.sin({v}) * {c}", "{V} = first * second"],
    ["parts = [{v}, {v} * 2.0]", "parts.append({v} - 1.0)", "{V} = sum(parts)"],
    ["places = np.argsort(data({v}))", "{V} = {v}[places] * 0.5"],
    ["places = np.nonzero(data({v}) > 0.0)[0]", "{C} = np.sum({v}[places]) if len(places) else {c}"],
    ["mask = {v} > 0.0", "other = ~mask", "{V} = np.where(mask & other, 0.0, {v}) * (mask | other)"],
    ["try:", "    {C} = {c} / (0.0 if {c} > 0.5 else 2.0)", "except ZeroDivisionError:", "    {C} = {c}"],
    ["for number, item in enumerate({v}):", "    if item > 0.3:", "        break", "{V} = {v} * number"],
    ["order = sorted(range(3), key=lambda i: data({v})[i])", "{V} = {v}[order]"],
    ["kinds = {{'a': {v}, 'b': [{c}, {m}]}}", "{V} = kinds['a'] * kinds['b'][0] + kinds['b'][1][0]"],
    ["{V} = {v}", "{V} += 1.0", "{V} *= {c}"],
    ["{C} = {c}", "{C} -= {v}[0]", "{C} /= 1.5"],
    ["first, second, third = {v}", "{V} = np.stack([third, first, second * {c}])"],
    ["u, spread, w = np.linalg.svd({m} * 0.1 + np.diag([3.0, 2.0, 1.0]))", "{C} = spread.sum() * 0.3"],
    ["q, r = np.linalg.qr({m} * 0.1 + 2.0 * np.eye(3))", "{C} = np.abs(r).sum() * 0.3"],
    ["label = f'{{float(data({c})):.1f}}'", "{C} = {c} * len(label)"],
    ["with autograd.no_grad():", "    fixed = {v} * 2.0", "{V} = {v} * data(fixed)"],
    ["keep = data({v}) > 0.0", "small = data({v})[keep]", "{C} = {c} + small.size"],
    ["{V} = np.zeros(3) + {c}", "for number in range(2):", "    {V} = {V}.at[number].set({c}) if hasattr({V}, 'at') else {V}"],
]  # fmt: skip

#: Statements that draw random numbers: by draw(), which are replayed, and by the generator itself, which are not.
DRAWS: list[list[str]] = [
    ["noise = draw(rng, 'normal', size=3)", "{V} = {v} + noise"],
    ["{V} = {v} * (draw(rng, 'random', 3) > 0.5)"],
    ["if draw(rng, 'random') > 0.5:", "    {V} = {v} * 2.0", "else:", "    {V} = {v}"],
    ["{V} = {v} * draw(rng, 'uniform', 0.5, 1.5)"],
]
OWN_DRAWS: list[list[str]] = [
    ["{V} = {v} + rng.normal(size=3)"],
    ["if rng.random() > 0.5:", "    {V} = {v} * 2.0", "else:", "    {V} = {v} - 1.0"],
    ["{V} = {v}[rng.permutation(3)]"],
]


class Choices:
    """Choices by a list of integers; 0, the simplest one, after its end."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers, self.place = numbers, 0

    def below(self, count: int) -> int:
        self.place += 1
        return self.numbers[self.place - 1] % count if self.place <= len(self.numbers) else 0

    def one(self, items: Sequence[Any]) -> Any:
        return items[self.below(len(items))]


class RandomProgram:
    """A function ``f(x, m, s)`` by its source.

    Attributes:
        source: its lines.
        draws: whether it draws random numbers.
        data: lists of arguments.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        choices = self.choices = Choices(numbers)
        self.count = 0
        self.names = {"v": ["x"], "m": ["m"], "c": ["s"]}
        self.draws = False
        nested = choices.below(4) == 3
        lines = ["x, (m, s) = x['a'], x['b']"] if nested else []
        self.body = lines
        for _ in range(1 + choices.below(9)):
            self.statement()
        last = {kind: names[-2:] for kind, names in self.names.items()}
        results = [choices.one(last["c"]), choices.one(last["v"]), choices.one(last["m"])]
        self.nested = nested
        returned = choices.below(4)
        lines.append([
            "return {c}", "return {c} + {v}.sum()", "return {c} + ({v} * {v}).sum() + {m}.sum()", "return {c}, {v}, x",
        ][returned].format(c=results[0], v=results[1], m=results[2]))  # fmt: skip
        self.several = returned == 3
        head = "def f(x):" if nested else "def f(x, m, s):"
        self.source = "\n".join([head, *(f"    {line}" for line in lines)])
        self.data = [self.arguments(kind) for kind in [0, choices.below(3), *range(4), choices.below(6)]]

    def fresh(self, kind: str) -> str:
        self.count += 1
        name = f"{kind}{self.count}"
        self.names[kind].append(name)
        return name

    def filled(self, text: str) -> str:
        """Return a template with names in place of its fields, the latest more often."""
        found = ""
        for number, part in enumerate(text.replace("{{", "\0").replace("}}", "\1").split("{")):
            if number:
                kind, _, rest = part.partition("}")
                names = self.names.get(kind, [kind])
                part = (self.choices.one(names[-3:]) if kind in self.names else "{" + kind + "}") + rest
            found += part
        return found.replace("\0", "{{").replace("\1", "}}")

    def statement(self) -> None:
        """Append a statement."""
        choices = self.choices
        which = choices.below(24)
        if which < 15:
            kind = choices.one("vvvcccm")
            right = self.filled(choices.one(EXPRESSIONS[kind]))
            self.body.append(f"{self.fresh(kind)} = {right}")
            return
        source = BLOCKS
        if which == 23:
            source, self.draws = (OWN_DRAWS if choices.below(3) == 2 else DRAWS), True
        lines = [self.filled(line) for line in choices.one(source)]
        text = "\n".join(lines)
        new = {letter: self.fresh(letter.lower()) for letter in "VC" if "{" + letter + "}" in text}
        self.body += text.format(**new).split("\n")

    def arguments(self, kind: int) -> list[Any]:
        """Return arguments: random ones, and such with other signs, ties, zeros, of another scale, or aliased."""
        rng = np.random.default_rng(kind + 10 * self.choices.below(7))
        dtype = self.dtype = getattr(self, "dtype", None) or self.choices.one([np.float64, np.float64, np.float32])
        x, m, s = rng.normal(size=3).astype(dtype), rng.normal(size=(3, 3)).astype(dtype), float(rng.normal())
        if kind == 1:
            x, m, s = -np.abs(x), -m, -abs(s)
        elif kind == 2:
            x[:], m[:], s = x[0], m[0, 0], float(x[0])
        elif kind == 3:
            x[:], m[:], s = np.round(x), np.round(m), 0.0
        elif kind == 4:
            x, m = m[0], m
        elif kind == 5:
            x[0], s = 0.0, 2.0 * s
        return [x, m, s]

    def function(self, seed: int = 0) -> Callable[..., Any]:
        """Return the function, with random numbers from a generator of its own."""
        space = {
            "np": np, "nn": nn, "autograd": autograd, "math": __import__("math"), "draw": draw, "data": data,
            "rng": np.random.default_rng(seed), "index": np.array([2, 0, 0]), "constant": np.array([-1.0, 0.25, 0.5]),
            "constant32": np.array([0.5, -0.5, 0.25], np.float32),
        }  # fmt: skip
        exec(compile(self.source, "<random program>", "exec"), space)
        f = space["f"]
        return (lambda x, m, s: f({"a": x, "b": (m, s)})) if self.nested else f  # type: ignore[operator]


def data(x: Any) -> Any:
    """Return the numbers of a Value, or plain data itself."""
    return x.data if isinstance(x, Value) else x
