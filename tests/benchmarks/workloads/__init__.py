"""The workloads of `python -m tests.benchmarks.compiled`, by their short names."""

from tests.benchmarks.workloads import curvature, dense, elementwise, images, scalars, sequences, transformer
from tests.benchmarks.workloads.columns import Workload

WORKLOADS: dict[str, Workload] = {
    "S1": scalars.S1,
    "S2": scalars.S2,
    "S3": transformer.S3,
    "T1": dense.T1,
    "T2": dense.T2,
    "T3": dense.T3,
    "T4": dense.T4,
    "T5": images.T5,
    "T6": sequences.T6,
    "T7": elementwise.T7,
    "T8": elementwise.T8,
    "T8_forward": elementwise.T8_FORWARD,
    "T9": curvature.T9,
}
