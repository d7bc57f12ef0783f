"""Set up an environment with PyTorch and run the comparisons in it: ``python -m tests.pytorch [options of pytest]``."""

import sys

from tests.environments import run_in

if __name__ == "__main__":
    sys.exit(run_in("pytorch", "torch==2.13.0", "[nn]", "hypothesis"))
