"""Environments with another library, to compare with it: made once, in the folder of temporary files, and kept."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_in(name: str, library: str, extras: str, *packages: str) -> int:
    """Run the tests of a folder of tests/ in an environment with a library, and return the exit code of pytest.

    Args:
        name: of the folder.
        library: what pip installs, with its version.
        extras: of this project, "" or "[nn]".
        packages: what the tests need besides.
    """
    folder = Path(tempfile.gettempdir()) / f"valuegrad-{name}"
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making an environment with {library} in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [str(python), "-m", "pip", "install", "-q", library, "-e", f"{ROOT}{extras}", "pytest", "pytest-xdist", *packages]
    subprocess.run(command, check=True)
    return subprocess.run([str(python), "-m", "pytest", "-q", f"tests/{name}", *sys.argv[1:]], cwd=ROOT).returncode
