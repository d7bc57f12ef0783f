"""Keep freed memory for later arrays; autograd does so at import.

To leave the allocator as it is, set the environment variable MALLOC_MMAP_THRESHOLD_, by which glibc takes a fixed limit: 131072
is its default.
"""

from __future__ import annotations

import numpy as np


def keep_freed_memory() -> None:
    """Make glibc keep freed blocks of up to 31 MB. Does nothing with other libraries.

    glibc returns a freed block to the system at once if it is larger than the largest block freed before. Every training step
    would then get its arrays page by page from the system again, which takes longer than computing them: a step of a small
    network takes 2x as long. The block allocated here is never written to, and so costs nothing.
    """
    np.empty(31 * 2**20, np.uint8)
