"""The command ``python -m autograd.verify``: check the gradient of a function, or count the faults that the check catches.

It reads the arguments, calls check_gradients() or power_report(), prints the report and exits with its verdict.
"""

from __future__ import annotations

import argparse
import importlib
import operator
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import verify
from autograd.ops import table
from autograd.verify.report import Verdict

PROGRAM = "python -m autograd.verify"
DESCRIPTION = "Check the gradient of a function against differences of the function itself."
EXPLANATION = f"""
inputs: each --input is one positional argument of the function, given by key=value words

  shape=3,4               standard normal numbers, drawn from the seed; shape= is a single number
  shape=3,4 low=0 high=1  uniform numbers between low and high
  value=2.5               this number; value=1,2,3 is a vector
  file=x.npy              the array that numpy.save wrote to this file
  dtype=float32           the dtype, with any of these; by default float64, or that of the file

exit status
  0  accepted: PASS, or KINK (the claimed slope lies between the one-sided slopes)
  1  not accepted: FAIL, or JUMP (the function is discontinuous there); with --power: a fault was missed, or a right rule rejected
  2  nothing was checked: wrong arguments, or an error was raised
  3  INCONCLUSIVE: no difference of the function can tell

examples
  {PROGRAM} model:loss --input shape=3,4 --input value=0.5
  {PROGRAM} fitting:residual --gradient fitting:residual_gradient --input shape=5 low=0.1 high=2
  {PROGRAM} fitting:residual --input value=0.5 --points 30
  {PROGRAM} model:loss --input file=weights.npy --order 2 --json
  {PROGRAM} --power matmul --quick
"""
#: The status that the process exits with, for each verdict.
STATUS = {Verdict.PASS: 0, Verdict.KINK: 0, Verdict.FAIL: 1, Verdict.JUMP: 1, Verdict.INCONCLUSIVE: 3}
NOT_CHECKED = 2  # as argparse exits
KEYS = ("shape", "low", "high", "value", "file", "dtype")


class UsageError(Exception):
    """The arguments of the command are wrong; the text says which, and what to write instead."""


def main(words: Sequence[str]) -> int:
    """Run the command with these arguments, print, and return the exit status; exit with 2 if arguments are wrong."""
    parser = parser_of_words()
    if not words:
        parser.print_help()
        return 0
    options = parser.parse_args(words)
    try:
        if options.power is not None:
            return run_power(options)
        return run_check(options)
    except UsageError as error:
        parser.error(str(error))
    except Exception:  # of the function under test: its traceback helps, and Python's own status would mean FAIL
        traceback.print_exc()
        return NOT_CHECKED


def parser_of_words() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(PROGRAM, description=DESCRIPTION, epilog=EXPLANATION, formatter_class=shape)
    add = parser.add_argument
    add("function", nargs="?", metavar="module:function", help="the function, importable from this folder or installed")
    add("--input", nargs="+", action="append", default=[], metavar="KEY=VALUE", help="one argument of the function; see below")
    add("--gradient", metavar="module:function", help="the hand-written gradient to check; both are plain NumPy functions")
    add("--order", type=counting(1), default=1, help="2 verifies the second derivatives as well, 3 the third (default: 1)")
    add("--seed", type=counting(0), default=0, help="the seed of the inputs and random directions (default: 0)")
    add("--budget", type=counting(1), default=10_000, help="evaluate the function at most this often (default: 10000)")
    add("--points", type=counting(1), metavar="N", help="check N random inputs like these as well, and show one that fails")
    add("--json", action="store_true", help="print the report as JSON, on one line")
    add("--power", nargs="?", const="", metavar="WORD", help="put faults into rules, and count those that the check catches")
    add("--quick", action="store_true", help="with --power: one call of each operation")
    return parser


def counting(least: int) -> Callable[[str], int]:
    """Return a type for argparse: whole numbers from the least one on."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d[\d_]*", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return read


def run_check(options: argparse.Namespace) -> int:
    """Check the gradient of the function that the arguments name."""
    if options.quick:
        raise UsageError("--quick belongs to --power: leave it out, or write --power")
    if options.function is None:
        raise UsageError("no function is named: write module:function before the options, such as model:loss --input shape=3,4")
    if not options.input:
        raise UsageError("no input is given: write --input for each argument of the function, such as --input shape=3,4")
    if options.gradient is not None and options.order > 1:
        raise UsageError("with --gradient, the order is 1: to verify a Hessian, give the gradient as the function")
    inputs = [input_of_words(words, options.seed, number) for number, words in enumerate(options.input)]
    function = function_named(options.function)
    gradient = None if options.gradient is None else function_named(options.gradient)
    how: dict[str, Any] = {name: getattr(options, name) for name in ("order", "seed", "budget")}
    how |= {"points": options.points} if options.points else {}
    how["progress"] = None  # a bar where there is a terminal
    report = verify.check_gradients(function, *inputs, gradient=gradient, **how)
    print(report.to_json() if options.json else report)
    return STATUS[report.verdict]


def run_power(options: argparse.Namespace) -> int:
    """Report which faults in rules the check catches."""
    for name in ("function", "input", "gradient", "points"):
        if getattr(options, name):
            raise UsageError(f"--power tests the check itself, on the operations of the table: leave out {name}, or --power")
    if not any(options.power in name for name in table()):
        raise UsageError(f"--power {options.power}: no operation has that in its name; leave the word out to take all of them")
    from autograd.verify.power import power_report  # here: it loads the samples of all operations

    report = power_report(options.power, quick=options.quick, seed=options.seed)
    print(report.to_json() if options.json else report)
    return 0 if report.ok else STATUS[Verdict.FAIL]


# --- reading words --------------------------------------------------------------------------------


def function_named(text: str) -> Callable[..., Any]:
    """Return the function that "package.module:function" names, imported from the current folder or an installed package."""
    module_name, _, path = text.partition(":")
    if not path or module_name.endswith(".py") or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", module_name):
        guess = re.sub(r"\.py(?=:|$)", "", text).strip("./").replace("/", ".")
        right = guess if re.fullmatch(r"[\w.]+:[\w.]+", guess) else "model:loss for the function loss in model.py"
        raise UsageError(f"{text!r} does not name a function as module:function: write {right}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # the module exists, and imports another one that does not
        raise UsageError(
            f"no module {error.name!r} in {os.getcwd()}, and none is installed: "
            "go to the folder that holds it, or install its package"
        ) from None
    try:
        function = operator.attrgetter(path)(module)
    except AttributeError:
        names = [name for name, item in vars(module).items() if getattr(item, "__module__", "") == module_name and callable(item)]
        raise UsageError(f"no {path!r} in the module {module_name}: it has {', '.join(names) or 'no functions'}") from None
    if not callable(function):
        raise UsageError(f"{text} is a {type(function).__name__}, which cannot be called: name a function")
    return function


def input_of_words(words: list[str], seed: int, number: int) -> Any:
    """Return a float or an array, from words such as shape=3,4 low=0."""
    given: dict[str, str] = {}
    for word in filter(None, re.split(r"[\s;]+", " ".join(words))):
        key, equals, value = word.partition("=")
        if not equals:
            fix = f"write value={word}" if numeric(word) else f"write {word} before the options" if ":" in word else hint(KEYS)
            raise UsageError(f"--input takes words of the form key=value, got {word!r}: {fix}")
        if key not in KEYS:
            raise UsageError(f"--input does not know {key!r} in {word!r}: {hint(KEYS)}")
        if key in given:
            raise UsageError(f"--input has {key} twice: write --input before each argument of the function")
        given[key] = value
    sources = [key for key in ("shape", "value", "file") if key in given]
    if len(sources) != 1:
        has = " and ".join(sources) or "no source of numbers"
        raise UsageError(f"--input {' '.join(words)} has {has}: write one of shape=, value= and file=")
    if ("low" in given) != ("high" in given) or ("low" in given and sources != ["shape"]):
        raise UsageError(f"--input {' '.join(words)}: low= and high= go together, and with shape=")
    if sources == ["file"]:
        data = loaded(given["file"])
    elif sources == ["value"]:
        data = numbers("value", given["value"])
    else:
        data = drawn(given, np.random.default_rng([seed, number + 1]))  # not the numbers of the directions
    data = np.asarray(data, dtype=dtype_named(given["dtype"]) if "dtype" in given else None)
    return float(data) if data.ndim == 0 and data.dtype == np.float64 else data


def drawn(given: dict[str, str], rng: np.random.Generator) -> Any:
    """Return random numbers of a shape: between low and high, or standard normal."""
    if not re.fullmatch(r"(\d+(,\d+)*)?,?", given["shape"]):
        raise UsageError(f"shape={given['shape']} is not a shape: write whole numbers, such as shape=3,4")
    shape = tuple(int(size) for size in given["shape"].split(",") if size)
    if "low" not in given:
        return rng.standard_normal(shape)
    low, high = number("low", given["low"]), number("high", given["high"])
    if low >= high:
        raise UsageError(f"low={given['low']} is not below high={given['high']}: exchange them")
    return rng.uniform(low, high, shape)


def loaded(path: str) -> Any:
    """Return the array of a .npy file."""
    try:
        data = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"file={path}: there is no such file in {os.getcwd()}") from None
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"file={path} cannot be read ({error}): write it with numpy.save") from None
    if not isinstance(data, np.ndarray):
        data.close()
        raise UsageError(f"file={path} holds several arrays: write one with numpy.save")
    return data


def dtype_named(text: str) -> np.dtype[Any]:
    if text not in ("float16", "float32", "float64", "longdouble"):
        raise UsageError(f"dtype={text} is not a floating-point dtype: write float32 or float64")
    return np.dtype(text)


def numbers(key: str, text: str) -> Any:
    """Return a float, or a list of those between commas."""
    found = [number(key, part) for part in text.removesuffix(",").split(",")]
    return found if "," in text else found[0]


def number(key: str, text: str) -> float:
    if not numeric(text):
        raise UsageError(f"{key}={text} is not a number: write one such as {key}=2.5")
    return float(text)


def numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def hint(keys: Sequence[str]) -> str:
    return f"the keys are {', '.join(f'{key}=' for key in keys)}"
