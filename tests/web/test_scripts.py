"""The scripts, styles and HTML of all pages: no long lines, no dead code."""

from __future__ import annotations

import re

import pytest

for package in ("matplotlib", "tqdm", "sklearn"):
    pytest.importorskip(package, reason="the demos need pip install 'valuegrad[demos]'")
scripts = pytest.importorskip("tests.web.scripts")


def test_no_line_is_longer_than_120_letters() -> None:
    paths = scripts.sources()
    assert len(paths) >= 20
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 120, f"{path}:{number}"


def test_every_name_of_a_script_is_used() -> None:
    """Some page uses it outside of the line that declares it; .ci/run looks for names that are not declared."""
    texts = [scripts.script_of(page) for page in scripts.pages().values()]
    declared = {
        name
        for path in scripts.sources()
        if path.suffix == ".js"
        for name in re.findall(r"^(?:const|let|class|function\*?|async function) (\w+)", path.read_text(encoding="utf-8"), re.M)
    }
    assert len(declared) > 100
    assert not [name for name in declared if not any(len(re.findall(rf"\b{name}\b", text)) > 1 for text in texts)]
