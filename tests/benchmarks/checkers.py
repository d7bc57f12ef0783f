"""Count the wrong gradients that checkers accept and the right ones that they reject, on tests/verify/gradient_cases.py.

`python -m tests.benchmarks.checkers` creates a virtual environment for each of PyTorch, JAX and HIPS autograd (kept in the
folder --environments, or in a temporary one), runs every case through the checker of each library with its defaults, and
through check_gradients in the current environment, and prints a Markdown table.

Each case becomes a custom operation of the library: forward calls the NumPy function, backward multiplies the cotangent with
the claimed gradient. Answers are counted like this:
- accepted: torch.autograd.gradcheck returns True, check_grads of JAX and HIPS autograd does not raise, check_gradients is `ok`;
- rejected: GradcheckError, AssertionError, or one of our verdicts FAIL and JUMP;
- inconclusive: our verdict of that name, which the others do not have;
- no answer: any other exception, of the function outside its domain or of the checker, or more than the time limit.
Where a function jumps, it has no derivative, and accepting any claim counts as accepting a wrong one. gradcheck evaluates the
function twice for each input, so it runs with fast_mode=True for cases of more than 2,000 inputs; if that finds a difference,
gradcheck measures every input nevertheless, which for 100,000 inputs takes more than the time limit.

Every library runs in a separate process with copies of this file and of the cases, because HIPS autograd has the import name
of this engine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import venv
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).resolve()
ACCEPTED, REJECTED, INCONCLUSIVE, NO_ANSWER = "accepted", "rejected", "inconclusive", "no answer"
#: The number of inputs above which gradcheck runs in its fast mode.
FAST_ABOVE = 2_000
#: Seconds that the import of a library may take.
START_LIMIT = 600.0


class Checker(NamedTuple):
    """The requirements of a checker, the distribution whose version it has, and its title in the table."""

    requirements: tuple[str, ...]
    distribution: str
    title: str


CHECKERS = {
    "torch": Checker(("torch==2.13.0", "numpy"), "torch", "PyTorch {}, `gradcheck`"),
    "jax": Checker(("jax", "jaxlib"), "jax", "JAX {}, `check_grads`"),
    "hips": Checker(("autograd==1.8.0",), "autograd", "HIPS autograd {}, `check_grads`"),
    "valuegrad": Checker((), "valuegrad", "valuegrad {}, `check_gradients`"),
}


class Answer(NamedTuple):
    """The answer of a checker to a case, the seconds it took, and the reason it gave."""

    case: str
    right: bool | None
    answer: str
    seconds: float
    reason: str


# --- in the process of a library: one function makes its checker ---------------------------------------------------------------


def forward(case: Any, inputs: Sequence[Any]) -> np.ndarray:
    """Call the function of a case, with numbers in place of 0-d arrays."""
    return np.asarray(case.function(*(np.asarray(item)[()] for item in inputs)))


def pulled(case: Any, inputs: Sequence[Any], cotangent: Any) -> list[np.ndarray]:
    """Return the cotangent times the claimed gradient for each input, in the input's dtype."""
    claims = case.gradient(*(np.asarray(item)[()] for item in inputs))
    claims = claims if isinstance(claims, tuple) else (claims,)
    g = np.asarray(cotangent)
    products = [np.tensordot(g, np.asarray(claim), g.ndim) for claim in claims]
    return [np.asarray(product, dtype=np.asarray(item).dtype) for product, item in zip(products, inputs, strict=True)]


def torch_checker() -> Callable[[Any], str]:
    import torch
    from torch.autograd.gradcheck import GradcheckError

    def operation(case: Any) -> Callable[..., Any]:
        class Claimed(torch.autograd.Function):
            @staticmethod
            def forward(context: Any, *inputs: Any) -> Any:
                context.save_for_backward(*inputs)
                return torch.from_numpy(np.array(forward(case, [item.numpy(force=True) for item in inputs])))

            @staticmethod
            def backward(context: Any, cotangent: Any) -> Any:
                inputs = [item.numpy(force=True) for item in context.saved_tensors]
                return tuple(map(torch.from_numpy, pulled(case, inputs, cotangent.numpy(force=True))))

        return Claimed.apply

    def check(case: Any) -> str:
        torch.manual_seed(0)
        inputs = [torch.from_numpy(np.array(item)).requires_grad_() for item in case.inputs]
        fast = sum(item.numel() for item in inputs) > FAST_ABOVE
        try:
            torch.autograd.gradcheck(operation(case), inputs, fast_mode=fast)
        except GradcheckError as error:
            raise Rejected(error) from error
        return ACCEPTED

    return check


def jax_checker() -> Callable[[Any], str]:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def operation(case: Any) -> Callable[..., Any]:
        def like(item: Any) -> Any:
            return jax.ShapeDtypeStruct(np.shape(item), np.asarray(item).dtype)

        result = like(forward(case, case.inputs))

        @jax.custom_vjp
        def claimed(*inputs: Any) -> Any:
            return jax.pure_callback(lambda *items: forward(case, items), result, *inputs)

        def backward(inputs: Any, cotangent: Any) -> Any:
            return jax.pure_callback(
                lambda g, *items: tuple(pulled(case, items, g)), tuple(map(like, inputs)), cotangent, *inputs
            )

        claimed.defvjp(lambda *inputs: (claimed(*inputs), inputs), backward)
        return claimed

    def check(case: Any) -> str:
        try:
            check_grads(operation(case), tuple(map(jax.numpy.asarray, case.inputs)), order=1, modes=["rev"])
        except AssertionError as error:
            raise Rejected(error) from error
        return ACCEPTED

    return check


def hips_checker() -> Callable[[Any], str]:
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def operation(case: Any) -> Callable[..., Any]:
        def rule(number: int) -> Callable[..., Any]:
            return lambda out, *inputs: lambda g: pulled(case, inputs, g)[number][()]

        claimed = primitive(lambda *inputs: forward(case, inputs)[()])
        defvjp(claimed, *map(rule, range(len(case.inputs))))
        return claimed

    def check(case: Any) -> str:
        np.random.seed(0)  # noqa: NPY002 (the library draws its directions from it)
        numbers = tuple(range(len(case.inputs)))
        try:
            check_grads(operation(case), numbers, modes=["rev"], order=1)(*(np.asarray(item)[()] for item in case.inputs))
        except AssertionError as error:
            raise Rejected(error) from error
        return ACCEPTED

    return check


def valuegrad_checker() -> Callable[[Any], str]:
    from autograd import check_gradients

    def check(case: Any) -> str:
        report = check_gradients(case.function, *case.inputs, gradient=case.gradient)
        if report.ok:
            return ACCEPTED
        if report.verdict.name == "INCONCLUSIVE":
            return INCONCLUSIVE
        raise Rejected(report)

    return check


class Rejected(Exception):
    """Raised with the checker's message if it calls the gradient wrong."""


def run(library: str, first: int) -> None:
    """In the process of a library, print its version and its answers to the cases from number `first` on, one a line."""
    from gradient_cases import CASES

    lines, sys.stdout = sys.stdout, sys.stderr  # keeps what a library prints out of the answers
    makers = {"torch": torch_checker, "jax": jax_checker, "hips": hips_checker, "valuegrad": valuegrad_checker}
    check = makers[library]()
    print(json.dumps(importlib.metadata.version(CHECKERS[library].distribution)), file=lines, flush=True)
    np.seterr(all="ignore")
    warnings.simplefilter("ignore")
    for case in CASES[first:]:
        start, reason = perf_counter(), ""
        try:
            answer = check(case)
        except Rejected as error:
            answer, reason = REJECTED, str(error)
        except Exception as error:  # counted as no answer; the other cases still run
            answer, reason = NO_ANSWER, f"{type(error).__name__}: {error}"
        row = Answer(case.name, case.right, answer, perf_counter() - start, reason.strip()[:500])
        print(json.dumps(row), file=lines, flush=True)


# --- in the main process: environments, processes, the table -------------------------------------------------------------------


def environment(library: str, folder: Path) -> str:
    """Return the Python of a library's environment; make the environment if it is missing."""
    checker = CHECKERS[library]
    if not checker.requirements:
        return sys.executable
    python = folder / library / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = [str(python), "-c", f"import importlib.metadata as m; m.version({checker.distribution!r})"]
    if not python.exists() or subprocess.run(found, capture_output=True).returncode:
        print(f"installing {' '.join(checker.requirements)} into {folder / library}", file=sys.stderr, flush=True)
        venv.create(folder / library, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *checker.requirements], check=True)
    return str(python)


class Process:
    """A running library, read line by line with a time limit."""

    def __init__(self, command: Sequence[str], folder: Path, search: str | None) -> None:
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        if search is not None:
            variables["PYTHONPATH"] = search
        self.log = open(folder / "errors.txt", "w+")  # noqa: SIM115 (closed in stop)
        self.process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=self.log, text=True, encoding="utf-8"
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")  # the end

    def line(self, limit: float) -> str | None:
        """Return the next line, "" if the process has ended, or None after `limit` seconds."""
        try:
            return self.lines.get(timeout=limit)
        except queue.Empty:
            return None

    def stop(self) -> str:
        """End the process, and return the last line of its errors."""
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        last = self.log.read().strip().rpartition("\n")[2]
        self.log.close()
        return last


def answers(library: str, python: str, cases: Sequence[Any], limit: float) -> tuple[str, list[Answer]]:
    """Return the version of a library and its answers to all cases. A case that takes too long is skipped by a new process."""
    version, found = "", list[Answer]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HERE, folder / "checkers.py")
        shutil.copy(HERE.parents[1] / "verify" / "gradient_cases.py", folder)
        search = str(HERE.parents[2]) if library == "valuegrad" else None
        while len(found) < len(cases):
            process = Process([python, "checkers.py", "--run", library, str(len(found))], folder, search)
            line = process.line(START_LIMIT)
            started = bool(line)
            if line:
                version = json.loads(line)
                while len(found) < len(cases) and (line := process.line(limit)):
                    found.append(Answer(*json.loads(line)))
                    progress(library, len(found), len(cases))
            last = process.stop()
            if not started:
                raise RuntimeError(f"{library} could not be started in {python}: {last or 'no line within the time limit'}")
            if len(found) < len(cases):
                case = cases[len(found)]
                reason = f"more than {limit:g} s" if line is None else f"the process ended: {last}"
                found.append(Answer(case.name, case.right, NO_ANSWER, limit, reason))
    return version, found


def progress(library: str, done: int, count: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{library}: {done} of {count} cases", end="\n" if done == count else "", file=sys.stderr, flush=True)


def split(found: Iterable[Answer], answer: str) -> tuple[list[Answer], list[Answer]]:
    """Select the answers of this kind about right gradients, and those about wrong ones, which include jumps."""
    those = [item for item in found if item.answer == answer]
    return [item for item in those if item.right], [item for item in those if not item.right]


def table(results: dict[str, tuple[str, list[Answer]]], cases: Sequence[Any]) -> list[str]:
    right = sum(case.right is True for case in cases)
    lines = [
        f"| checker | accepted wrong, of {len(cases) - right} | rejected right, of {right} | inconclusive: wrong, right "
        "| no answer: wrong, right | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for library, (version, found) in results.items():
        unsure, silent = (", ".join(str(len(those)) for those in split(found, kind)[::-1]) for kind in (INCONCLUSIVE, NO_ANSWER))
        unsure = unsure if library == "valuegrad" else "–"
        counts = f"{len(split(found, ACCEPTED)[1])} | {len(split(found, REJECTED)[0])} | {unsure} | {silent}"
        lines.append(f"| {CHECKERS[library].title.format(version)} | {counts} | {sum(item.seconds for item in found):.0f} |")
    return lines


def listing(results: dict[str, tuple[str, list[Answer]]]) -> list[str]:
    """Name the cases that each checker got wrong or did not answer."""
    lines = []
    for library, (version, found) in results.items():
        groups = {
            "wrong accepted": split(found, ACCEPTED)[1],
            "right rejected": split(found, REJECTED)[0],
            "inconclusive": sum(split(found, INCONCLUSIVE), []),
            "no answer": sum(split(found, NO_ANSWER), []),
        }
        for title, those in groups.items():
            if those:
                lines += ["", f"{CHECKERS[library].title.format(version)}, {title}:", ""]
                lines += [f"- {item.case}{reason(item) if title == 'no answer' else ''}" for item in those]
    return lines


def reason(item: Answer) -> str:
    """Return the first words of the reason."""
    return f" ({item.reason.splitlines()[0][:80]})" if item.reason else ""


def main() -> None:
    from tests.benchmarks.tables import write_table
    from tests.verify.gradient_cases import CASES

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.checkers", description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=Path, help="folder of the virtual environments (default: a temporary one)")
    parser.add_argument("--only", nargs="+", choices=CHECKERS, default=list(CHECKERS), help="checkers to run (default: all)")
    parser.add_argument("--list", action="store_true", help="name the cases that each checker gets wrong")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for a case (default: 120)")
    parser.add_argument("--write", action="store_true", help="write the table to the README beside this file")
    parser.add_argument("--save", type=Path, help="write all answers to this file, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.environments or Path(temporary)).resolve()
        pythons = {library: environment(library, folder) for library in options.only}
        results = {library: answers(library, python, CASES, options.limit) for library, python in pythons.items()}
    lines = table(results, CASES)
    print("\n".join(lines + (listing(results) if options.list else [])))
    write_table("checkers", lines)
    if options.save:
        rows = {library: [item._asdict() for item in found] for library, (_, found) in results.items()}
        options.save.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], int(sys.argv[3]))
    else:
        main()
