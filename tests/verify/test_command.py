"""The command ``python -m autograd.verify``, and gradient checks as tests of pytest."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import verify
from autograd.verify import command, power, testing
from autograd.verify.command import STATUS, main
from autograd.verify.report import GradientError, GradientReport, Row, Verdict

ROOT = Path(autograd.__file__).parent.parent

MODEL = """
import numpy as np
from autograd import primitive

@primitive(x=lambda g, out, x: g * 2.0 * x * x)
def wrong_cube(x):
    return x**3

class Losses:
    square = staticmethod(lambda x: (x**2).sum())

def cube(x): return (x**3).sum()
def wrong(x): return wrong_cube(x).sum()
def product(x, y): return (np.sin(x) * y).sum()
def plain(x): return float(np.sum(np.asarray(x) ** 2))
def plain_gradient(x): return 2.0 * np.asarray(x)
def plain_wrong(x): return 2.1 * np.asarray(x)
number = 3.0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with a module `model` and a package `package.model`; sys.path and sys.modules are restored."""
    (tmp_path / "package").mkdir()
    for path in (tmp_path / "model.py", tmp_path / "package" / "model.py"):
        path.write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("model", "package", "lacking", "broken"):
            del sys.modules[name]


class Recorder:
    """A substitute for check_gradients that keeps its arguments, and returns a report of one verdict."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, verdict: Verdict = Verdict.PASS) -> None:
        self.verdict = verdict
        monkeypatch.setattr(verify, "check_gradients", self)

    def __call__(self, f: Any, *inputs: Any, **options: Any) -> GradientReport:
        self.f, self.inputs, self.options = f, inputs, options
        return GradientReport((Row("x", 1, (), "float64", self.verdict, compared=1),))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The error of a command that exits with 2 before anything is checked."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    out, error = capsys.readouterr()
    assert not out
    return error.partition("error: ")[2].strip()


# --- checks ---------------------------------------------------------------------------------------


def test_a_right_gradient_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model:cube", "--input", "shape=3"]) == 0
    assert capsys.readouterr().out.startswith("PASS: ")


def test_a_wrong_gradient_is_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package.model:wrong", "--input", "value=0.5,2"]) == 1
    assert capsys.readouterr().out.startswith("FAIL: ")


def test_a_hand_written_gradient() -> None:
    words = ["model:plain", "--input", "shape=4", "--gradient"]
    assert main([*words, "model:plain_gradient"]) == 0
    assert main([*words, "model:plain_wrong"]) == 1


def test_second_order_several_inputs_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["model:product", "--input", "shape=3", "--input", "value=2.5", "--order", "2", "--seed", "3", "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["seed"]) == ("PASS", 3)
    assert {row["order"] for row in report["rows"]} == {1, 2}
    assert {tuple(row["shape"]) for row in report["rows"]} == {(3,), ()}


@pytest.mark.parametrize("verdict", Verdict)
def test_the_status_of_each_verdict(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    Recorder(monkeypatch, verdict)
    expected = {"PASS": 0, "KINK": 0, "FAIL": 1, "JUMP": 1, "INCONCLUSIVE": 3}[verdict.name]
    assert main(["model:cube", "--input", "shape=3"]) == expected
    assert STATUS.keys() == set(Verdict)


def test_options_reach_the_check(recorder: Recorder) -> None:
    words = "--input shape=2 --seed 5 --budget 70 --gradient model:plain"
    main(["model:Losses.square", *words.split()])
    assert recorder.f(np.array([1.0, 2.0])) == 5.0
    assert recorder.options.pop("gradient").__name__ == "plain"
    assert recorder.options == {"order": 1, "seed": 5, "budget": 70, "progress": None}
    main(["model:cube", "--input", "shape=2", "--order", "3"])
    assert recorder.options == {"gradient": None, "order": 3, "seed": 0, "budget": 10_000, "progress": None}


# --- inputs ---------------------------------------------------------------------------------------


def inputs_of(recorder: Recorder, *words: str) -> Any:
    main(["model:cube", *words])
    return recorder.inputs


def test_shapes_are_filled_with_normal_numbers_from_the_seed(recorder: Recorder) -> None:
    first, second = inputs_of(recorder, "--input", "shape=300,4", "--input", "shape=300,4")
    assert first.shape == second.shape == (300, 4)
    assert first.dtype == np.float64
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.15
    assert 0.9 < np.std(first) < 1.1
    again, other = (inputs_of(recorder, "--input", "shape=300,4", "--seed", seed)[0] for seed in "01")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    directions = np.random.default_rng(0).standard_normal((300, 4))
    assert not np.any(first == directions)  # a direction along the input itself would measure less


def test_bounds_dtypes_and_numbers(recorder: Recorder) -> None:
    words = "--input shape=200 low=-3 high=-2 dtype=float32 --input value=-2.5 --input value=1,2 --input shape= --input value=4,"
    low, number, vector, scalar, single = inputs_of(recorder, *words.split())
    assert low.dtype == np.float32
    assert -3.0 <= low.min() < -2.9 < -2.1 < low.max() <= -2.0
    assert (number, type(number)) == (-2.5, float)
    assert vector.tolist() == [1.0, 2.0]
    assert type(scalar) is float
    assert single.tolist() == [4.0]


def test_words_of_an_input_may_be_one_word_in_quotes(recorder: Recorder) -> None:
    apart = inputs_of(recorder, "--input", "shape=3", "low=0", "high=1")[0]
    for quoted in ("shape=3 low=0 high=1", "shape=3; low=0;high=1"):
        assert np.array_equal(inputs_of(recorder, "--input", quoted)[0], apart)


def test_files(recorder: Recorder, folder: Path) -> None:
    data = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    np.save(folder / "x.npy", data)
    same, wide = inputs_of(recorder, "--input", "file=x.npy", "--input", "file=x.npy", "dtype=float64")
    assert same.dtype == np.float32
    assert wide.dtype == np.float64
    assert np.array_equal(same, data)
    assert np.array_equal(wide, data)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("2.5", "--input takes words of the form key=value, got '2.5': write value=2.5"),
        ("shape=3 model:cube", "--input takes words of the form key=value, got 'model:cube': write model:cube before the"),
        ("x", "got 'x': the keys are shape=, low=, high=, value=, file=, dtype="),
        ("size=3", "--input does not know 'size' in 'size=3': the keys are shape=, low=,"),
        ("shape=3 shape=4", "--input has shape twice: write --input before each argument of the function"),
        ("shape=3 value=2", "--input shape=3 value=2 has shape and value: write one of shape=, value= and file="),
        ("dtype=float32", "--input dtype=float32 has no source of numbers: write one of shape=, value= and file="),
        ("shape=3 low=1", "--input shape=3 low=1: low= and high= go together, and with shape="),
        ("value=3 low=1 high=2", "low= and high= go together, and with shape="),
        ("shape=3x4", "shape=3x4 is not a shape: write whole numbers, such as shape=3,4"),
        ("shape=-3", "shape=-3 is not a shape"),
        ("value=two", "value=two is not a number: write one such as value=2.5"),
        ("value=1,,2", "value= is not a number"),
        ("shape=3 low=a high=1", "low=a is not a number: write one such as low=2.5"),
        ("shape=3 low=2 high=1", "low=2 is not below high=1: exchange them"),
        ("shape=3 dtype=int", "dtype=int is not a floating-point dtype: write float32 or float64"),
        ("file=none.npy", "file=none.npy: there is no such file in "),
        ("file=model.py", "file=model.py cannot be read ("),
        ("file=two.npz", "file=two.npz holds several arrays: write one with numpy.save"),
    ],
)
def test_wrong_inputs_say_what_to_write(words: str, text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "two.npz", a=np.zeros(2), b=np.zeros(3))
    assert text in refused(capsys, "model:cube", "--input", *words.split())


# --- functions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("model", "'model' does not name a function as module:function: write model:loss for the function loss in model.py"),
        ("model.py:cube", "'model.py:cube' does not name a function as module:function: write model:cube"),
        ("./package/model.py:cube", "write package.model:cube"),
        ("model:", "write model:loss for the function loss in model.py"),
        ("nowhere:loss", "no module 'nowhere' in "),
        ("package.nowhere:loss", "no module 'package.nowhere' in "),
        ("nowhere:loss", "go to the folder that holds it, or install its package"),
        ("model:loss", "no 'loss' in the module model: it has wrong_cube, Losses, cube, wrong, product, plain, "),
        ("model:Losses.loss", "no 'Losses.loss' in the module model"),
        ("model:number", "model:number is a float, which cannot be called: name a function"),
    ],
)
def test_wrong_functions_say_what_to_write(function: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refused(capsys, function, "--input", "shape=3")
    assert text in refused(capsys, "model:cube", "--input", "shape=3", "--gradient", function)


def test_modules_are_imported_from_the_current_folder(folder: Path, recorder: Recorder) -> None:
    assert str(folder) not in sys.path
    assert main(["package.model:cube", "--input", "shape=3"]) == 0
    assert recorder.f.__module__ == "package.model"


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("import not_installed_at_all\n", "No module named 'not_installed_at_all'"),
        ("def loss(x) return x\n", "SyntaxError"),
        ("def loss(x): raise RuntimeError('no such table')\n", "RuntimeError: no such table"),
    ],
)
def test_errors_of_the_function_show_their_traceback(
    module: str, text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text(module, encoding="utf-8")
    assert main(["broken:loss", "--input", "shape=3"]) == 2  # not 1, which is the status of FAIL
    out, error = capsys.readouterr()
    assert not out
    assert text in error
    assert "broken.py" in error


# --- the other words ------------------------------------------------------------------------------


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m autograd.verify ")
    assert all(f"{key}=" in text for key in command.KEYS)
    assert "exit status" in text
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--input shape=3", "no function is named: write module:function before the options"),
        ("model:cube", "no input is given: write --input for each argument of the function, such as --input shape=3,4"),
        ("model:cube --input shape=3 --quick", "--quick belongs to --power: leave it out, or write --power"),
        ("model:cube --power", "leave out function, or --power"),
        ("--power --input shape=3", "leave out input, or --power"),
        ("--power model:cube", "--power model:cube: no operation has that in its name; leave the word out to take all of them"),
        ("model:cube --input shape=3 --order 0", "argument --order: '0' is not a whole number from 1 on"),
        ("model:cube --input shape=3 --order 2 --gradient model:plain", "with --gradient, the order is 1: to verify a Hessian,"),
        ("model:cube --input shape=3 --budget 0", "argument --budget: '0' is not a whole number from 1 on"),
        ("model:cube --input shape=3 --seed=-1", "argument --seed: '-1' is not a whole number from 0 on"),
        ("model:cube --inputs shape=3 --unknown", "unrecognized arguments"),
    ],
)
def test_wrong_options_say_what_to_write(words: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refused(capsys, *words.split())


class Power:
    """A substitute for a PowerReport."""

    def __init__(self, ok: bool) -> None:
        self.ok = ok

    def __str__(self) -> str:
        return "caught: all of it"

    def to_json(self) -> str:
        return '{"caught": 1.0}'


@pytest.mark.parametrize("ok", [True, False])
def test_power(ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def power_report(word: str = "", quick: bool = False, seed: int = 0) -> Power:
        calls.append((word, quick, seed))
        return Power(ok)

    monkeypatch.setattr(power, "power_report", power_report)
    assert main(["--power"]) == main(["--power", "matmul", "--quick", "--seed", "4", "--json"]) == (0 if ok else 1)
    assert calls == [("", False, 0), ("matmul", True, 4)]
    assert capsys.readouterr().out == 'caught: all of it\n{"caught": 1.0}\n'


def test_power_report_has_the_arguments_and_methods_that_the_command_uses() -> None:
    inspect.signature(power.power_report).bind("matmul", quick=True, seed=4)
    assert {"ok", "to_json", "__str__"} <= set(vars(power.PowerReport))


def test_a_process_exits_with_the_verdict(folder: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "autograd.verify", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment())

    failed = run("model:wrong", "--input", "shape=3")
    assert (failed.returncode, failed.stderr) == (1, "")
    assert failed.stdout.startswith("FAIL: ")
    assert (run("model:cube", "--input", "shape=3").returncode, run().returncode, run("model").returncode) == (0, 0, 2)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


# --- tests of pytest ------------------------------------------------------------------------------

TESTS = """
import numpy as np
import pytest
from autograd.verify.testing import assert_gradients, gradient_test
from model import cube, product, wrong


test_made = gradient_test(
    wrong,
    [1.0, 2.0],
)
test_right = gradient_test(product, [1.0, 2.0], 0.5, order=2)


class TestInAClass:
    test_right = gradient_test(cube, [1.0, 2.0])


@pytest.mark.parametrize("f", [cube, wrong])
def test_called(f):
    x = np.ones(3)
    assert_gradients(f, x)
"""


def test_the_output_of_pytest_ends_with_the_report(folder: Path) -> None:
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-ra", "test_it.py"]
    run = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=environment())
    assert "2 failed, 3 passed" in run.stdout, run.stdout
    for name, line in (("test_made", ">   test_made = gradient_test("), ("test_called[wrong]", ">       assert_gradients(f, x)")):
        section = run.stdout.split(f"_ {name} _")[1].split("\n_____")[0].split("\n=====")[0]
        lines = section.rstrip().splitlines()
        assert line in lines
        report = next(place for place, text in enumerate(lines) if "GradientError: FAIL: " in text)
        assert all(text.startswith("E  ") for text in lines[report : report + 4])
        assert [text.partition(":")[0] for text in lines if ".py:" in text and text[0] != "E"] == ["test_it.py"]
        assert lines.index(line) < report
        assert lines[-1].startswith("test_it.py:")
    assert "autograd/verify" not in run.stdout
    assert "hidden" not in run.stdout


def test_gradient_test_makes_a_test_with_the_source_line_of_its_call() -> None:
    testing.gradient_test(np.sin, 0.5, gradient=np.cos)()
    made, line = testing.gradient_test(np.sin, 0.5, gradient=np.sin), sys._getframe().f_lineno
    assert made.__module__ == __name__
    with pytest.raises(GradientError) as error:
        made()
    assert error.value.report.verdict is Verdict.FAIL
    assert (error.traceback[1].path, error.traceback[1].lineno + 1) == (Path(__file__), line)


def test_gradient_test_refuses_unknown_options_at_its_call() -> None:
    with pytest.raises(TypeError, match=r"gradient_test\(\) takes a function, its inputs and the options of check_gradients"):
        testing.gradient_test(np.sin, 1.0, directions=3)
