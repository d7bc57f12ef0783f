"""Benchmarks, run by hand: timings are no tests, and pytest does not collect this folder.

    python -m venv /tmp/bench && . /tmp/bench/bin/activate
    pip install -e . micrograd "torch==2.13.0" threadpoolctl
    python -m tests.benchmarks.scalars       # micrograd's moons loss, neuron by neuron: us, micrograd, a slotted peer
    python -m tests.benchmarks.vectorised    # the same network on arrays: us, PyTorch eager, NumPy by hand
    python -m tests.benchmarks.scaling       # cost and memory of a node in graphs of 10^3 to 10^6 nodes
    python -m tests.benchmarks.steps         # training steps of a network for digits and of a small CNN: us and PyTorch eager
    python -m tests.benchmarks.lstm          # a training step of an LSTM: us, NumPy by hand, PyTorch eager
    python -m tests.benchmarks.convolutions  # formulations of a convolution in NumPy, and PyTorch's
    python -m tests.benchmarks.estimators    # MLPClassifier on 5,000 digits: us and scikit-learn
    python -m tests.benchmarks.guards        # what the guards of an optimiser cost
    python -m tests.benchmarks.house         # lines, imports, and the calls and files that common statements walk through
    python -m tests.benchmarks.recording     # what a Recorder adds to a training step
    python -m tests.benchmarks.checkers      # gradient checkers of PyTorch, JAX and HIPS; sets up environments of its own
    python -m tests.benchmarks.drawers       # pictures by torchviz, torchview, torchvista and micrograd; likewise

`scalars` needs micrograd and `vectorised` can do without torch (PyTorch has a CPU build
to save space); `scaling` needs neither. Each takes a number of rounds as its only argument: `... scalars 30`.

How they measure. All engines run in turns, A B C A B C ..., and a ratio is taken within each round, so that a slow
moment of the machine falls on all of them; printed is the median over the rounds. Before anything is timed, the
engines must agree on the gradients. Ratios are other / ours: above 1 we are faster.

What to expect, in medians of ratios: a scalar step at least 6x as fast as micrograd with Python's cyclic collector on
(1.8x with it off) and 1.4x as fast as the slotted peer; a vectorised step of so small a network about as long as PyTorch
eager's; time and memory per node that do not grow with the graph.
"""
