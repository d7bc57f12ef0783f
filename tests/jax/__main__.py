"""Set up an environment with JAX and run the comparisons in it: ``python -m tests.jax [options of pytest]``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
JAX = "jax==0.10.2"


def main() -> int:
    """The exit code of pytest in the environment, which is kept for the next time."""
    folder = Path(tempfile.gettempdir()) / "valuegrad-jax"
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making an environment with {JAX} in {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", JAX, "-e", str(ROOT), "pytest"], check=True)
    return subprocess.run([str(python), "-m", "pytest", "-q", "tests/jax", *sys.argv[1:]], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
