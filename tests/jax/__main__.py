"""Set up an environment with JAX and run the comparisons in it: ``python -m tests.jax [options of pytest]``."""

import sys

from tests.environments import run_in

if __name__ == "__main__":
    sys.exit(run_in("jax", "jax==0.10.2", "", "hypothesis"))
