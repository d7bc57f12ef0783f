"""The README: every Python block runs, and what it says of files and commands is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[number], f"README block {number}", "exec"), {})


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 5


def test_the_comments_of_the_array_block_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    block = next(block for block in BLOCKS if "Hessian-vector" in block)
    exec(compile(block, "README", "exec"), {})
    assert capsys.readouterr().out.split("\n")[:3] == ["(3, 2) (2,)", "[ 6.  0. 18.]", "[0.   0.25]"]


def test_the_report_of_a_wrong_gradient_guesses_what_its_comment_says(capsys: pytest.CaptureFixture[str]) -> None:
    block = next(block for block in BLOCKS if "print(report)  # FAIL" in block)
    assert "and a guess: perhaps not divided by 3\n" in block
    exec(compile(block, "README", "exec"), {})
    out = capsys.readouterr().out
    assert "perhaps not divided by 3" in out
    assert "worst at" in out


def test_files_that_are_named_exist() -> None:
    named = re.findall(r"`((?:autograd|nn|demos|tests)/[\w/.]*)`", README) + re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


def test_ci_calls_the_test_command_of_the_readme() -> None:
    commands = [line for line in README.splitlines() if line.endswith("-m pytest")]
    assert len(commands) == 1
    assert "-m pytest$' README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_top_level_holds_nothing_else() -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\n")
    if listed == [""]:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed if name and not name.startswith(".")}
    assert top <= {"pyproject.toml", "README.md", "LICENSE", "autograd", "nn", "tests", "demos"}
