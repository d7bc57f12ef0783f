"""``python -m autograd.verify``; command.py has the code."""

from __future__ import annotations

import sys

from autograd.verify.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
