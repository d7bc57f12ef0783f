"""The public home of all operations: ``from autograd.ops import conv``. One module per family; an op is one entry.

NumPy's functions of the same name call most of them: ``np.sum(v)`` calls ``ops.sum(v)``. The others are functions of
scipy.special and operations of neural networks. A star import leaves out abs, max, min, pow, round and sum.
"""

import builtins

from autograd.ops.catalogue import functions, micrograd_symbol, needs_scipy, table

globals().update(functions())  # __init__.pyi lists them, for editors and type checkers

__all__ = ["functions", "micrograd_symbol", "needs_scipy", "table"]
__all__ += [name for name in functions() if not hasattr(builtins, name)]
