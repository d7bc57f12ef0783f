"""Run tests in environments with another library, which are created once in the folder of temporary files and kept."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_in(name: str, library: str, extras: str, *packages: str) -> int:
    """Run the tests of a folder of tests/ in an environment with a library, and return the exit code of pytest.

    Args:
        name: the name of the folder.
        library: the package to install, with its version.
        extras: the extras of this project, "" or "[nn]".
        packages: further packages that the tests need.
    """
    folder = Path(tempfile.gettempdir()) / f"valuegrad-{name}"
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"creating an environment with {library} in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [str(python), "-m", "pip", "install", "-q", library, "-e", f"{ROOT}{extras}", "pytest", "pytest-xdist", *packages]
    subprocess.run(command, check=True)
    return subprocess.run([str(python), "-m", "pytest", "-q", f"tests/{name}", *sys.argv[1:]], cwd=ROOT).returncode
