"""Rules in symbols and words: every operation has both, and the symbols compute what the rule computes."""

import functools
import inspect
import linecache

import numpy as np
import pytest

from autograd import Value, primitive
from autograd.drawing.read.rule_texts import KINDS, WORDS, rules_of, words_of
from autograd.ops import table

OPS = table()
#: Operations whose rule is a function that branches or takes steps, and so is given by its name.
NAMED = {op.name for op in OPS.values() if any(": " in text or "where " in text or "general" in text for text in rules_of(op))}


def test_symbols_of_common_operations():
    expected = {
        "add": ("g", "g"),
        "sub": ("g", "-g"),
        "mul": ("g * y", "g * x"),
        "div": ("g / y", "-g * out / y"),
        "tanh": ("g * (1 - out * out), in general",),
        "relu": ("g * (x > 0)",),
        "arctanh": ("g / one_minus_square(x)",),
        "where": ("where(condition, g, 0)", "where(condition, 0, g)"),
        "softmax": ("softmax_rule: out * (g - sum(g * out))",),
        "matmul": ("matmul(g, swap(y)), in general", "matmul(swap(x), g), in general"),
        "reshape": ("reshape(g, shape_of(x), order)",),
        "flip": ("put_back(g, shape_of(x), flip(numbered(shape_of(x)), *how))",),
        "concatenate": ("split_back: The piece of g for each value",),
    }
    assert {name: rules_of(OPS[name]) for name in expected} == expected


def test_inputs_in_a_tuple_have_one_rule():
    assert [len(rules_of(OPS[name])) for name in ("concatenate", "stack", "einsum")] == [1, 1, 1]


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_every_operation_has_a_text_for_each_rule_and_a_sentence(op):
    texts = rules_of(op)
    assert len(texts) == len(op.rules)
    for text in texts:
        assert text and text == text.strip() and "lambda" not in text and "\n" not in text and len(text) < 150
    words = words_of(op)
    assert words[0].isupper() and words.endswith(".") and "{" not in words and len(words) < 250


def test_every_sentence_belongs_to_an_operation():
    assert set(WORDS) <= set(OPS)
    assert {op.kind for op in OPS.values()} <= set(KINDS)


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.kind == "elementwise" and op.domain])
def test_symbols_compute_what_the_rule_computes(name):
    op = OPS[name]
    if op.__module__.endswith("special"):
        pytest.importorskip("scipy")
    rng = np.random.default_rng(0)
    args = [rng.uniform(*interval, size=7) for interval in op.domain]
    g, out = rng.normal(size=7), op(*args)
    compared = 0
    for (_, rule), text in zip(op.rules, rules_of(op), strict=True):
        if ": " not in text:
            scope = {**rule.__globals__, **OPS, **dict(zip(op.names, args, strict=True)), "g": g, "out": out}
            np.testing.assert_allclose(eval(text.removesuffix(", in general"), scope), rule(g, out, *args), rtol=1e-14)
            compared += 1
    assert compared == len(op.rules) or name == "pow"


def test_custom_operations_on_one_line_and_in_functions():
    @primitive(x=lambda g, out, x, y: g * 3.0 * y, y=lambda g, out, x, y: g * 3.0 * x)
    def triple(x, y):
        return 3.0 * x * y

    def slope(g, out, x):
        """The slope. More about it."""
        twice = x + x
        return g * twice

    @primitive(x=slope)
    def squared(x):
        return x * x

    assert rules_of(triple) == ("g * 3 * y", "g * 3 * x")
    assert rules_of(squared) == ("g * twice, where twice = x + x",)
    assert words_of(triple) == words_of(squared) == KINDS["custom"]


def test_equal_lambdas_on_a_line_are_distinguished():
    first, second = lambda g, out, x: g * x, lambda g, out, x: g + x  # fmt: skip

    assert [rules_of(op_with(rule)) for rule in (first, second)] == [("g * x",), ("g + x",)]


def test_a_custom_operation_with_a_known_name_has_its_own_sentence():
    @primitive("elementwise", x=lambda g, out, x: g * 5.0)
    def relu(x):
        return x * 5.0

    assert words_of(relu) == KINDS["elementwise"].format(name="relu") != words_of(OPS["relu"])


def test_steps_that_are_long_or_branch_are_given_by_name_and_docstring():
    def branching(g, out, x):
        """2 `x`, or 0. And more."""
        if x > 1.0:
            return g * 2.0
        return g * 0.0

    def silent(g, out, x):
        if x > 1.0:
            return g * 2.0
        return g * 3.0 if x > 0.0 else g

    def hopeless(g, out, x):
        for _ in range(2):
            g = g * x
        return g

    found = [rules_of(op_with(rule)) for rule in (branching, silent, hopeless)]
    assert found == [("branching: 2 x, or 0",), ("g, in general",), ("hopeless(g, out, x)",)]


def test_without_source_a_rule_is_written_as_a_call():
    scope = {}
    exec("def slope(g, out, x): return g\nlone = lambda g, out, x: g", scope)
    assert rules_of(op_with(scope["slope"])) == ("slope(g, out, x)",)
    assert rules_of(op_with(scope["lone"])) == ("rule(g, out, x)",)
    assert rules_of(op_with(functools.partial(scope["slope"]))) == ("partial(g, out, ...)",)


def test_without_columns_lambdas_on_one_line_are_not_guessed():
    rule = (lambda g, out, x: g * x, lambda g, out, x: g + x)[0]
    blind = rule.__code__.replace(co_linetable=b"\xe8" * 3)  # instructions without a place
    assert not any(column for *_, column in blind.co_positions())
    rule.__code__ = blind
    assert rules_of(op_with(rule)) == ("rule(g, out, x)",)


def test_source_that_cannot_be_parsed_is_not_an_error(monkeypatch):
    def slope(g, out, x):
        return g

    monkeypatch.setattr(linecache, "getlines", lambda *_: ["def broken(:\n"])
    assert rules_of(op_with(slope)) == ("slope(g, out, x)",)


def test_texts_are_computed_once():
    assert rules_of(OPS["mul"]) is rules_of(OPS["mul"])
    assert "rules" in inspect.signature(OPS["mul"].__class__).parameters


def op_with(rule):
    """Return an operation of one input with this rule."""

    def form(x):
        return x

    return primitive(x=rule)(form)


@pytest.mark.parametrize(
    ("name", "given", "phrase", "wanted"),
    [
        ("relu", (0.0,), "at the kink, 0, the slope is 0", [0.0]),
        ("abs", (0.0,), "the kink, 0, the slope is 0", [0.0]),
        ("maximum", (2.0, 2.0), "at a tie each gets half", [0.5, 0.5]),
        ("sqrt", (0.0,), "the slope at 0 is infinite", [np.inf]),
        ("pow", (0.0, 2.0), "0 where the base is 0", [0.0, 0.0]),
        ("hypot", (0.0, 0.0), "at (0, 0) both get 0", [0.0, 0.0]),
        ("heaviside", (0.0, 7.0), "its value at 0 gets the incoming gradient where the input is 0", [0.0, 1.0]),
        ("copysign", (0.0, -2.0), "and 0 where it is 0", [0.0, 0.0]),
        ("hard_sigmoid", (1.0,), "a sixth of the incoming gradient between -3 and 3", [1.0 / 6.0]),
        ("hard_sigmoid", (3.0,), "nothing elsewhere or at the corners", [0.0]),
        ("mod", (7.5, 2.0), "minus the incoming gradient times floor(x / y)", [1.0, -3.0]),
        ("prelu", (0.0, 0.25), "at 0 the smaller of both", [0.25, 0.0]),
        ("prelu", (0.0, -0.5), "or 0 for a negative weight", [0.0, 0.0]),
        ("logaddexp", (-np.inf, -np.inf), "where both are -inf, both get 0", [0.0, 0.0]),
    ],
)
def test_sentences_about_kinks_and_ties_are_true(name, given, phrase, wanted):
    values = [Value(number) for number in given]
    with np.errstate(all="ignore"):
        OPS[name](*values).backward()
    assert phrase in WORDS[name]
    assert [value.grad for value in values] == wanted
