"""In every README, Python blocks print the output shown, quoted lines are in their files, and links and commands work."""

from __future__ import annotations

import doctest
import importlib.util
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.special

import autograd
import nn
from autograd.__main__ import rows
from autograd.ops import elementwise
from autograd.ops.define import formula
from autograd.verify import check_operation
from tests.benchmarks.tables import markdown, write_table

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md"]
READMES += sorted(path for top in ("autograd", "nn", "demos", "tests") for path in (ROOT / top).rglob("*.md"))
TEXTS = {path: path.read_text(encoding="utf-8") for path in READMES}


def name_of(path: Path) -> str:
    """Return the path of a file from the top folder."""
    return str(path.relative_to(ROOT))


class Block(NamedTuple):
    """A fenced block of a README: its language, its text, and the line of its first line."""

    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    """Return all fenced blocks of a README, in order."""
    text = TEXTS[path]
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(match[1], match[2], text.count("\n", 0, match.start()) + 2) for match in found]


def quoted_file(block: Block) -> Path | None:
    """Return the file that a block quotes, named in the comment in its first line, or None for a program."""
    named = re.match(r"# ([\w/]+\.(?:py|pyi))\n", block.text)
    return ROOT / named[1] if named and block.language == "python" else None


def programs(path: Path) -> Iterator[tuple[Block, str | None]]:
    """Yield the Python blocks that run, each with its output if a block of text or Mermaid after it shows one."""
    found = blocks(path)
    for block, after in zip(found, [*found[1:], None], strict=False):
        if block.language == "python" and quoted_file(block) is None:
            end = block.line + block.text.count("\n")  # the line of the closing fence
            shown = after is not None and after.language in ("text", "mermaid") and after.line == end + 3
            yield block, after.text if after is not None and shown else None


def rough(text: str) -> str:
    """Remove the numbers of a report that depend on rounding: evaluations, error bars, the order of a remainder."""
    return re.sub(r"\d+(?= evaluations)|[\d.]+e[+-]\d+|(?<=h\^)0\.\d+", "#", text)


@pytest.mark.parametrize("path", [path for path in READMES if any(programs(path))], ids=name_of)
def test_python_blocks_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of a README run in order, as one program."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for block, shown in programs(path):
        lines = "\n" * (block.line - 1) + block.text  # so that a traceback names the line of the README
        exec(compile(lines, str(path), "exec"), names)
        printed = capsys.readouterr().out
        if shown is not None:
            alike = doctest.OutputChecker().check_output(rough(shown), rough(printed), flags)
            assert alike, f"{path}:{block.line} printed\n{printed}"
        for expected in re.findall(r"^print\(.*\)  # (\S.*)$", block.text, re.MULTILINE):
            exact = re.fullmatch(r"[-\d.e\[\](), ]+", expected) or expected in ("True", "False")  # the rest is prose
            assert not exact or expected in printed, f"{path}: {expected} was not printed, but\n{printed}"


def test_there_are_blocks() -> None:
    assert sum(len(list(programs(path))) for path in READMES) >= 15


def spaced(line: str) -> str:
    """Return a line with single spaces, without the prompt of a doctest."""
    return " ".join(line.split()).removeprefix(">>> ").removeprefix("... ")


@pytest.mark.parametrize("path", [path for path in READMES if any(map(quoted_file, blocks(path)))], ids=name_of)
def test_quoted_lines_are_in_their_files(path: Path) -> None:
    """They have the order of the file. Spaces and prompts do not count, and `...` means that lines are left out."""
    for block in blocks(path):
        file = quoted_file(block)
        if file is not None:
            lines = map(spaced, file.read_text(encoding="utf-8").splitlines())
            for quoted in map(spaced, block.text.splitlines()[1:]):
                assert quoted in ("", "...") or quoted in lines, f"{path}:{block.line}: {file} has no {quoted!r} there"


def test_the_report_of_a_wrong_gradient_guesses_what_its_comment_says(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [block for path in READMES for block, _ in programs(path) if "print(report)  # FAIL" in block.text]
    assert len(wrong) == 1
    assert "and a guess: perhaps not divided by 3\n" in wrong[0].text
    exec(compile(wrong[0].text, "README", "exec"), {})
    out = capsys.readouterr().out
    assert "perhaps not divided by 3" in out
    assert "worst at" in out


def test_every_public_name_of_autograd_is_in_its_readme() -> None:
    text = TEXTS[ROOT / "autograd" / "README.md"]
    assert [name for name in autograd.__all__ if f"`{name}`" not in text] == []


def test_every_public_name_of_nn_is_in_its_readme() -> None:
    """The README leaves out modules whose functions it names, base classes, and names with PyTorch's underscore."""
    text = TEXTS[ROOT / "nn" / "README.md"]
    forms = {name for name in nn.__all__ if getattr(nn, name).__module__ in ("nn.losses", "nn.layers.activations")}
    others = {name for name in nn.__all__ if name.endswith("_")} | {"Guard", "LRScheduler", "Optimizer"}
    functions = {name for name in forms if name[0].islower()}
    assert [name for name in nn.__all__ if name not in forms - functions | others and not re.search(rf"\b{name}\b", text)] == []


def test_the_functions_that_the_readme_lists_are_those_that_work() -> None:
    """Functions that only some versions of NumPy and SciPy have may be missing."""
    text = TEXTS[ROOT / "autograd" / "numpy" / "README.md"]
    listed = set(re.sub(r"[`.,]", " ", text).split())
    supported = {name.rpartition(".")[2] for name, _, _ in rows() if not name.startswith("autograd.")}
    assert sorted(supported - listed) == []
    lists = re.findall(r"^```text\n(.*?)^```", text[text.index("## All functions") :], re.DOTALL | re.MULTILINE)
    missing = {name for names in lists for name in names.split()} - supported
    assert [name for name in missing if any(hasattr(home, name) for home in (np, np.linalg, scipy.special))] == []


def test_the_operation_that_the_readme_adds_is_right() -> None:
    """The entry of the how-to, created in the module it is written for, passes check_operation()."""
    text = TEXTS[ROOT / "autograd" / "ops" / "README.md"]
    (entry,) = re.findall(r"^   ```py\n(.*?)^   ```$", text, re.DOTALL | re.MULTILINE)
    names = {**vars(elementwise), "formula": formula, "__name__": "readme"}
    exec(textwrap.dedent(entry), names)
    report = check_operation(names["versine"], [0.1, -2.0, 1e-9])
    assert report.ok, report
    places = re.findall(r"^   \| \[[\w/.]+\]\(([\w/.]+)\) \| `(\w+)`", text, re.MULTILINE)
    assert len(places) == 5
    for home, name in places:
        source = (ROOT / "autograd" / "ops" / home).read_text(encoding="utf-8")
        assert re.search(rf"^(def )?{name}\b", source, re.MULTILINE), f"{home} has no {name}"


def prose(text: str) -> str:
    """Return a README without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of its headings, as hosts of repositories form them."""
    titles = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(TEXTS[path])):
        if not target.startswith(("http://", "https://")):
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            assert there.exists(), f"{path}: {target}"
            if anchor:
                assert anchor in anchors(there.read_text(encoding="utf-8")), f"{path}: {target}"


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_rows_of_a_table_have_as_many_cells_as_its_header(path: Path) -> None:
    for table in re.findall(r"(?:^ *\|.*\n)+", prose(TEXTS[path]), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, f"{path}: {table[:80]}"


@pytest.mark.parametrize("path", READMES, ids=name_of)
def test_files_and_modules_that_are_named_exist(path: Path) -> None:
    """Names are `nn/module.py` and `module.py` in backquotes, from the top or the folder of the README, and ``python -m nn``."""
    text = TEXTS[path]
    for name in re.findall(r"`([\w/]+(?:\.pyi?|/))`", text) + re.findall(r"`([\w/]+/[\w/]+\.\w+)`", text):
        written = ("out", "graph", "history")  # written by examples
        assert (ROOT / name).exists() or (path.parent / name).exists() or name.split("/")[0] in written, f"{path}: {name}"
    for module in re.findall(r"python3? -m ((?:autograd|nn|demos|tests)[\w.]*)", text):
        module = module.rstrip(".")
        if module not in ("demos.NAME", "tests.benchmarks.NAME"):
            assert importlib.util.find_spec(module), f"{path}: python -m {module}"


def test_the_readme_of_the_project_is_short() -> None:
    assert TEXTS[ROOT / "README.md"].count("\n") <= 150


def test_every_folder_with_code_has_a_readme_that_names_its_modules() -> None:
    """The README of tests/ describes the folders of tests/."""
    files = [path for top in ("autograd", "nn", "demos") for path in (ROOT / top).rglob("*.py") if path.name[0] != "_"]
    for file in files:
        readme = file.parent / "README.md"
        assert readme.exists(), f"{file.parent} has no README.md"
        assert re.search(rf"\b{file.stem}\b", TEXTS[readme]), f"{readme} does not name {file.name}: add it to the table of files"
    for folder in [path.parent for path in (ROOT / "tests").glob("*/__init__.py")]:
        assert f"]({folder.name}" in TEXTS[ROOT / "tests" / "README.md"], f"tests/README.md does not name {folder.name}/"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (command,) = [line for line in TEXTS[ROOT / "README.md"].splitlines() if line.endswith("-m pytest")]
    lines = command.split(" && ")  # separate lines in .ci/run, as `set -e` ignores failures before the last &&
    assert "\n".join(["", *lines, ""]) in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_top_level_holds_nothing_else() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    if listed == [""]:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed if name and not name.startswith(".")}
    assert top <= {"pyproject.toml", "README.md", "LICENSE", "autograd", "nn", "tests", "demos"}


def test_every_table_that_a_benchmark_writes_has_its_place() -> None:
    folder = ROOT / "tests" / "benchmarks"
    scripts = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    written = [name for text in scripts for name in re.findall(r'write_(?:table|shown)\("(\w+)"', text)]
    places = re.findall(r"^<!-- table: (\w+) -->\n(?:\|.*\n)*<!-- end -->$", TEXTS[folder / "README.md"], re.MULTILINE)
    assert sorted(written) == sorted(places)


def test_writing_a_table_replaces_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme, lines = tmp_path / "README.md", markdown(["cost", "\\1"], [["", "2"]])
    readme.write_text("a\n<!-- table: one -->\n| old |\n<!-- end -->\n<!-- table: two -->\n<!-- end -->\n", encoding="utf-8")
    write_table("one", lines, readme)
    assert "old" in readme.read_text(encoding="utf-8"), "without --write"
    monkeypatch.setattr("sys.argv", ["scalars", "--write"])
    write_table("one", lines, readme)
    table = "| cost | \\1 |\n| --- | --- |\n| | 2 |\n"
    assert (
        readme.read_text(encoding="utf-8") == f"a\n<!-- table: one -->\n{table}<!-- end -->\n<!-- table: two -->\n<!-- end -->\n"
    )
    with pytest.raises(ValueError, match="expected one block <!-- table: three --> ... <!-- end --> in .*README.md, got 0"):
        write_table("three", lines, readme)
