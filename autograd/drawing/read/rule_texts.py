"""Describes the backward rules of an operation: in symbols, read from their source, and in a sentence.

The symbols are the code of the rule and so cannot differ from it; the sentences are written by hand.
Nothing here computes a derivative.
"""

from __future__ import annotations

import ast
import copy
import functools
import linecache
from collections.abc import Callable
from types import CellType, CodeType
from typing import Any

from autograd.op import Op

LONGEST = 90  # characters of a named rule in symbols; for longer ones the docstring says more
Function = ast.Lambda | ast.FunctionDef


@functools.lru_cache(maxsize=1024)  # bounded, because programs can define any number of operations
def rules_of(op: Op) -> tuple[str, ...]:
    """Return the cotangent of each differentiable argument of an operation in symbols, as in the code of the rule.

    `g` is the cotangent of the output, `out` the output; other names are arguments. A rule that is more than
    an expression is given by its name and the first sentence of its docstring; a rule without source, such as one
    typed at a prompt, as a call.

    Returns:
        One text for each of ``op.rules``, in that order. An argument that is a tuple of inputs has one text.

    >>> from autograd.ops import table
    >>> rules_of(table()["mul"])
    ('g * y', 'g * x')
    >>> rules_of(table()["tanh"])
    ('g * (1 - out * out), in general',)
    """
    return tuple(rule_text(rule) for _, rule in op.rules)


def words_of(op: Op) -> str:
    """Return a sentence on what the backward rule of an operation does, including the slope at kinks and ties.

    >>> from autograd.ops import table
    >>> words_of(table()["mul"])
    'Each factor gets the incoming gradient times the other factor.'
    """
    known = op.__module__.startswith("autograd.ops.")  # a user's operation may have the same name
    return WORDS[op.name] if known and op.name in WORDS else KINDS.get(op.kind, KINDS["custom"]).format(name=op.name)


# --- symbols --------------------------------------------------------------------------------------


def rule_text(rule: Callable[..., Any]) -> str:
    """Return the expression that a rule returns, or a text that replaces it."""
    code = getattr(rule, "__code__", None)
    if not isinstance(code, CodeType):  # a partial, or a callable object
        return f"{getattr(rule, '__name__', type(rule).__name__)}(g, out, ...)"
    function = definition(code)
    if function is None:
        name = code.co_name if code.co_name.isidentifier() else "rule"
        return f"{name}({', '.join(code.co_varnames[: code.co_argcount])})"
    cells = zip(code.co_freevars, getattr(rule, "__closure__", None) or (), strict=True)
    tidy = Tidy({name: cell.cell_contents.__name__ for name, cell in cells if holds_function(cell)})
    return tidy.text(function.body) if isinstance(function, ast.Lambda) else function_text(function, tidy)


def holds_function(cell: CellType) -> bool:
    """Return whether the variable of an outer function is a function, which is then written by its own name."""
    try:
        return isinstance(getattr(cell.cell_contents, "__name__", None), str)
    except ValueError:  # the cell is still empty
        return False


def function_text(function: ast.FunctionDef, tidy: Tidy) -> str:
    """Return the expression and local variables of a named rule; if that is long or branches, its name and docstring."""
    documented = ast.get_docstring(function)
    *steps, last = function.body[1:] if documented else function.body
    returned = last.value if isinstance(last, ast.Return) else None
    if returned is not None and all(isinstance(step, ast.Assign) for step in steps):
        text = f"{tidy.text(returned)}{', where ' if steps else ''}{', '.join(map(tidy.text, steps))}"
        if len(text) <= LONGEST:
            return text
    name = function.name.strip("_")
    if documented:
        return f"{name}: {first_sentence(documented)}"
    while isinstance(returned, ast.IfExp):  # special cases come first
        returned = returned.orelse
    text = "" if returned is None else f"{tidy.text(returned)}, in general"
    local = {item.id for item in ast.walk(function) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    unclear = returned is None or any(isinstance(item, ast.Name) and item.id in local for item in ast.walk(returned))
    return f"{name}({', '.join(item.arg for item in function.args.args)})" if unclear or len(text) > LONGEST else text


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, without the full stop."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".").replace("`", "")


class Tidy(ast.NodeTransformer):
    """Writes 2 for 2.0, operations without a leading underscore and without Op.prepared(), and replaces the names in `names`."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def text(self, node: ast.AST) -> str:
        return ast.unparse(self.visit(copy.deepcopy(node))).replace("\n", " ")

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        whole = isinstance(node.value, float) and node.value.is_integer() and abs(node.value) < 1e6
        return ast.Constant(int(node.value)) if whole and isinstance(node.value, float) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self.visit(node.value) if node.attr == "prepared" else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id.lstrip("_") or node.id), node.ctx)


def definition(code: CodeType) -> Function | None:
    """Return the lambda or def that a code object was compiled from; None if its source is not available."""
    lines = linecache.getlines(code.co_filename)  # also the cells of a notebook
    here = [item for item in functions_in("".join(lines)) if is_definition_of(item, code)]
    if len(here) > 1:  # several lambdas on one line differ in their columns
        covered = set(code.co_positions())
        here = [item for item in here if isinstance(item, ast.Lambda) and position_of(item.body) in covered]
    return here[0] if len(here) == 1 else None


@functools.lru_cache(maxsize=64)
def functions_in(source: str) -> tuple[Function, ...]:
    """Return all functions in a source text; none if it cannot be parsed."""
    try:
        return tuple(item for item in ast.walk(ast.parse(source)) if isinstance(item, Function))
    except SyntaxError:
        return ()


def is_definition_of(function: Function, code: CodeType) -> bool:
    """Return whether a function in the source has the name, arguments and first line of a code object."""
    name = "<lambda>" if isinstance(function, ast.Lambda) else function.name
    first = min(item.lineno for item in (function, *getattr(function, "decorator_list", ())))
    names = tuple(item.arg for item in (*function.args.posonlyargs, *function.args.args))
    return (name, first, names) == (code.co_name, code.co_firstlineno, code.co_varnames[: code.co_argcount])


def position_of(node: ast.expr) -> tuple[int | None, int | None, int | None, int | None]:
    """Return where an expression begins and ends, in the order of co_positions: both lines, both columns."""
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


# --- words ----------------------------------------------------------------------------------------

#: The sentences of operations that are not in WORDS, by kind.
KINDS = {
    "elementwise": "Each input gets, element by element, the incoming gradient times the slope of {name} with respect to it.",
    "reduction": "Each element gets the incoming gradient of the result it went into, times its own influence on that result.",
    "softmax": "Each element gets the incoming gradients of its row, weighted by its own influence on each of them.",
    "selection": "The incoming gradient goes back to the places the elements came from; all other places get zero.",
    "shape": "Elements are moved, copied or left out: each gets the incoming gradient of where it went, summed over its copies.",
    "linear": "The incoming gradient is multiplied by the transposed Jacobian of {name}, which is never written out as a matrix.",
    "custom": "The rule written for this operation passes the incoming gradient back.",
}

#: The sentences of operations, by name.
WORDS = {
    # arithmetic
    "add": "Addition passes the incoming gradient on unchanged to both inputs.",
    "sub": "The first input gets the incoming gradient unchanged, the second gets its negative.",
    "mul": "Each factor gets the incoming gradient times the other factor.",
    "div": (
        "The numerator gets the incoming gradient divided by the denominator; the denominator gets minus the incoming "
        "gradient times the quotient, divided by the denominator."
    ),
    "pow": (
        "The base gets the incoming gradient times y * x ** (y - 1); the exponent gets it times the power times log(x), "
        "and 0 where the base is 0."
    ),
    "neg": "The incoming gradient changes its sign.",
    "positive": "The incoming gradient passes unchanged.",
    "square": "The input gets the incoming gradient times twice the input.",
    "sqrt": "The input gets the incoming gradient divided by twice the root; the slope at 0 is infinite.",
    "reciprocal": "The input gets minus the incoming gradient times the square of the result.",
    # functions of one input
    "exp": "The exponential is its own derivative: the input gets the incoming gradient times the result.",
    "expm1": "The input gets the incoming gradient times exp(x).",
    "log": "The input gets the incoming gradient divided by the input: small inputs get large gradients.",
    "log1p": "The input gets the incoming gradient divided by 1 + x.",
    "sin": "The input gets the incoming gradient times its cosine.",
    "cos": "The input gets minus the incoming gradient times its sine.",
    "tan": "The input gets the incoming gradient times 1 plus the square of the result.",
    "tanh": (
        "The input gets the incoming gradient times 1 minus the square of the result: almost nothing where tanh is near -1 or 1, "
        "and computed from x there."
    ),
    "arctan": "The input gets the incoming gradient divided by 1 + x * x.",
    "sigmoid": (
        "The input gets the incoming gradient times s * (1 - s), where s is the result: at most a quarter, and almost "
        "nothing where s is near 0 or 1, and computed from x there."
    ),
    "silu": "The input gets the incoming gradient times s + x * s * (1 - s), where s is its sigmoid.",
    "gelu": (
        "The input gets the incoming gradient times the normal distribution function plus x times the density, the bell curve."
    ),
    "log_loss": (
        "The probability gets the incoming gradient times (x - y) / (x * (1 - x)), and the label times log(1 - x) - log(x)."
    ),
    "softplus": "The input gets the incoming gradient times its sigmoid.",
    "erf": "The input gets the incoming gradient times the bell curve 2 / sqrt(pi) * exp(-x * x).",
    "astype": "The incoming gradient passes unchanged, cast back to the dtype of the input.",
    "hypot": "Each side gets the incoming gradient times its share x / length of the unit vector; at (0, 0) both get 0.",
    "arctan2": (
        "Each coordinate gets the incoming gradient times the other one over the squared distance from the origin, the "
        "second with a minus; at the origin both get 0."
    ),
    "logaddexp": (
        "The incoming gradient is split between the two inputs in proportion to their exponentials; where both are -inf, "
        "both get 0."
    ),
    "logaddexp2": (
        "The incoming gradient is split between the two inputs in proportion to their powers of 2; where both are -inf, "
        "both get 0."
    ),
    # kinks, ties and jumps
    "relu": (
        "The incoming gradient passes where the input is positive and is stopped elsewhere; at the kink, 0, the slope is 0."
    ),
    "leaky_relu": (
        "The incoming gradient passes where the input is positive and is multiplied by the small slope where it is "
        "negative; at the kink, 0, the slope is that of the flatter side, or 0 if the two sides have different signs."
    ),
    "abs": (
        "The incoming gradient keeps its sign where the input is positive and changes it where the input is negative; at "
        "the kink, 0, the slope is 0."
    ),
    "maximum": "The larger input gets the incoming gradient and the other gets zero; at a tie each gets half of it.",
    "minimum": "The smaller input gets the incoming gradient and the other gets zero; at a tie each gets half of it.",
    "elu": (
        "The incoming gradient passes where the input is positive and is multiplied by alpha * exp(x) where it is negative; "
        "at 0 the slope is the smaller of 1 and alpha, or 0 for a negative alpha."
    ),
    "celu": "The incoming gradient passes where the input is positive and is multiplied by exp(x / alpha) where it is negative.",
    "selu": (
        "The incoming gradient is multiplied by 1.0507 where the input is positive, by 1.7581 * exp(x) where it is negative; "
        "at the kink, 0, by the smaller of both."
    ),
    "hard_sigmoid": "The input gets a sixth of the incoming gradient between -3 and 3, and nothing elsewhere or at the corners.",
    "step": "The step is constant on both sides, so that the gradient is 0 everywhere.",
    "prelu": (
        "The input gets the incoming gradient, times the weight where it is negative, and at 0 the smaller of both, or 0 for "
        "a negative weight; the weight gets the incoming gradient times the input where that is negative."
    ),
    "clip": (
        "The incoming gradient passes where the input lies strictly between its bounds; outside, and at a bound, it is stopped."
    ),
    "where": (
        "The incoming gradient follows the condition: the side that was chosen gets it, the other side gets an exact zero."
    ),
    "sign": "The sign is constant between jumps, so that the gradient is 0 everywhere.",
    "floor": "Rounding is constant between jumps, so that the gradient is 0 everywhere.",
    "ceil": "Rounding is constant between jumps, so that the gradient is 0 everywhere.",
    "trunc": "Rounding is constant between jumps, so that the gradient is 0 everywhere.",
    "rint": "Rounding is constant between jumps, so that the gradient is 0 everywhere.",
    "round": "Rounding is constant between jumps, so that the gradient is 0 everywhere.",
    "floor_divide": "The whole part of a quotient is constant between jumps, so that both gradients are 0 everywhere.",
    "heaviside": (
        "The step is constant on both sides, so that its input gets 0; its value at 0 gets the incoming gradient where "
        "the input is 0."
    ),
    "mod": (
        "The dividend gets the incoming gradient unchanged; the divisor gets minus the incoming gradient times floor(x / y)."
    ),
    "fmod": (
        "The dividend gets the incoming gradient unchanged; the divisor gets minus the incoming gradient times trunc(x / y)."
    ),
    "copysign": (
        "The first input gets the incoming gradient, with a minus where its sign was changed, and 0 where it is 0; the "
        "second determines only the sign, and gets 0."
    ),
    "nan_to_num": "The incoming gradient passes where the input is a finite number; replaced elements get 0.",
    # reductions
    "sum": "Every summand gets the incoming gradient unchanged: it is copied to all of them.",
    "mean": "Every element gets the incoming gradient divided by the number of elements averaged.",
    "max": "The largest element gets the incoming gradient and all others get zero; elements that tie share it equally.",
    "min": "The smallest element gets the incoming gradient and all others get zero; elements that tie share it equally.",
    "prod": "Each factor gets the incoming gradient times the product of all other factors.",
    "var": (
        "Each element gets the incoming gradient times twice its deviation from the mean, divided by the degrees of freedom."
    ),
    "std": (
        "Each element gets the incoming gradient times its deviation from the mean, divided by the standard deviation and"
        " the degrees of freedom; where all elements are the same, each gets 0."
    ),
    "norm": (
        "Each element gets the incoming gradient times its slope in the norm: for order 2 its component of the unit "
        "vector; at the zero vector 0."
    ),
    "cumsum": "Each element gets the sum of the incoming gradients of all partial sums that it is part of.",
    "logsumexp": (
        "The incoming gradient is split among the elements in proportion to their exponentials; where all are -inf, each gets 0."
    ),
    "softmax": (
        "Each element gets its probability times the difference between its incoming gradient and the average of its row, "
        "weighted by the probabilities."
    ),
    "log_softmax": (
        "Each element gets its incoming gradient minus its probability times the sum of the incoming gradients of its row."
    ),
    "softmax_cross_entropy": (
        "Each logit gets its probability times the incoming gradient of its sample; the logit of the right class gets that "
        "minus the incoming gradient."
    ),
    # shapes and selections
    "reshape": "The incoming gradient gets the shape of the input; its numbers stay the same.",
    "transpose": "The axes of the incoming gradient are put back in the order of the input.",
    "squeeze": "The incoming gradient gets the axes of length 1 back.",
    "expand_dims": "The incoming gradient loses the axes of length 1 that were added.",
    "broadcast_to": "The input was copied, so that it gets the sum of the incoming gradients of all its copies.",
    "concatenate": "The incoming gradient is cut where the inputs were joined, and each input gets its own piece.",
    "stack": "Each input gets its own slice of the incoming gradient.",
    "pad": "The padding is cut off the incoming gradient; elements that were copied into it get the sum over their copies.",
    "flip": "The incoming gradient is flipped back.",
    "roll": "The incoming gradient is rolled back.",
    "sort": "The incoming gradient is put back into the order of the input; elements that are equal get the mean of theirs.",
    "averaged_runs": "Within each run every element gets the mean of the incoming gradients.",
    "getitem": (
        "The incoming gradient goes to the elements that were taken and all others get zero; elements taken more than "
        "once add up."
    ),
    "scatter": "Each element gets the incoming gradient of the position that it was added to.",
    "index_set": (
        "The array gets the incoming gradient except where it was overwritten; the new elements get it there, only the last "
        "one where several were written to the same position."
    ),
    "index_add": "The array gets the incoming gradient unchanged; the added elements get it at their positions.",
    # linear maps
    "matmul": ("Each matrix gets the incoming gradient multiplied by the transpose of the other, on the side of the other."),
    "linear": (
        "The input gets the incoming gradient times the weights; the weights get the sum over the batch of incoming "
        "gradient times input; the bias gets the sum of the incoming gradients."
    ),
    "conv": (
        "The input gets the incoming gradient times the kernel, window by window, added where windows overlap; the kernel "
        "gets the sum over all windows of incoming gradient times the input under it; the bias gets the sum of each channel."
    ),
    "conv_input": (
        "The array that the kernel spreads gets the incoming gradient convolved with the kernel; the kernel gets the sum "
        "over all windows of incoming gradient times that array."
    ),
    "conv_weight": "Each of the two arrays gets the other one convolved with the incoming gradient.",
    "max_pool": (
        "The largest element of each window gets the incoming gradient, added where windows overlap, and all others get "
        "zero; elements that tie share it equally."
    ),
    "max_unpool": "Each window gets the incoming gradient of the element that was its largest, the mean where elements tie.",
    "max_picked": "Picked elements get the incoming gradient, in equal shares where they tie; all other elements get zero.",
    "sum_pool": "Every element gets the sum of the incoming gradients of all windows it is in.",
    "sum_unpool": "Each window gets the sum of the incoming gradients of its elements.",
    "bin_sum": "Every element gets the sum of the incoming gradients of all bins it is in.",
    "bin_spread": "Each bin gets the sum of the incoming gradients of its elements.",
    "convolve": "Each input gets the incoming gradient correlated with the other input.",
    "einsum": (
        "Each operand gets the incoming gradient multiplied by all other operands, summed over the letters it does not have."
    ),
    "inv": "The matrix gets minus the incoming gradient, multiplied by the transposed inverse on both sides.",
    "solve": (
        "The right side gets the solution of the transposed system with the incoming gradient; the matrix gets minus the "
        "product of that and the solution."
    ),
    "det": "The matrix gets the incoming gradient times its cofactors, which are the determinant times the transposed inverse.",
    "logabsdet": "The matrix gets the incoming gradient times its transposed inverse.",
}
