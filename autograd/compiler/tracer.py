"""Tracer: the stand-in for a number or array while a function is recorded.

It holds the number or array itself, computes with it, and has every computation written down. Its ``__class__`` is that of the
data, so that code which asks for a class treats it as it would treat the data; NumPy, which looks at the type, finds the
protocols of this class. What would take the data out of it, such as float() or bool(), goes through Recorder.leak().
"""

from __future__ import annotations

import dis
import operator
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograd.compiler.program import TRUTH, Attribute, Method, Variable
from autograd.op import is_value, value_in
from autograd.scopes import INSIDE

#: Attributes that depend on the shape, dtype and memory of an array only.
FIXED = {"shape", "ndim", "size", "dtype", "itemsize", "nbytes", "strides", "flags", "base"}
#: Attributes that are other arrays.
PARTS = {"T", "mT", "real", "imag"}
#: Methods of arrays that change them.
CHANGING = {"fill", "sort", "partition", "put", "itemset", "byteswap", "resize"}
#: Methods that take the numbers out of an array.
LEAVING = {"tobytes", "tofile", "dump", "dumps"}
#: Attributes through which an array can be read and written to without its methods.
WRITABLE = {"data", "ctypes", "flat"}
#: Attributes by which code in C reads the memory of an array.
INTERFACES = {"__array_interface__", "__array_struct__", "__dlpack__"}
#: NumPy's functions whose results depend on shapes and dtypes only.
STATIC = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type, np.iscomplexobj, np.isrealobj,
    np.einsum_path,
}  # fmt: skip
#: NumPy's functions that change their first argument.
WRITING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


def only_asks_for_none(frame: FrameType) -> bool:
    """Whether code compares the attribute that it reads with None, as this package does, and does nothing else with it."""
    code = frame.f_code
    return code.co_filename.startswith(INSIDE) or place_asks_for_none(code, frame.f_lasti)


@lru_cache(1024)
def place_asks_for_none(code: CodeType, place: int) -> bool:
    """Whether the instruction at `place` is followed by a comparison with None."""
    after = [item for item in dis.get_instructions(code) if item.offset > place][:2]
    return after[0].opname.endswith("_NONE") or (after[0].argval is None and after[-1].opname == "IS_OP")


# The functions below make the methods of Tracer.


def binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the method of an operator; an operand that is a Value decides itself."""

    def method(self: Tracer, other: Any) -> Any:
        return NotImplemented if is_value(other) else self._recorder.call(function, (self, other))

    return method


def reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the method of an operator for its right operand."""

    def method(self: Tracer, other: Any) -> Any:
        return NotImplemented if is_value(other) else self._recorder.call(function, (other, self))

    return method


def in_place(function: Callable[[Any, Any], Any], ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """Return the method of an operator such as +=, which changes arrays, but not numbers."""

    def method(self: Tracer, other: Any) -> Any:
        if is_value(other):
            return NotImplemented
        if isinstance(self._plain, np.ndarray):
            return self._recorder.call(ufunc, (self, other, self), writes=(self,))
        return self._recorder.call(function, (self, other))

    return method


def unary(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the method of an operator of one operand."""
    return lambda self: self._recorder.call(function, (self,))


def leaving(convert: Callable[[Any], Any], how: str) -> Callable[[Any], Any]:
    """Return a method that gives the number to Python code, which Recorder.leak() notes; `how` tells of it in messages."""
    return lambda self: convert(self._recorder.leak(self, how))


class Tracer:
    """A number or array `_plain` while it is recorded as `_variable`."""

    __slots__ = ("__weakref__", "_plain", "_recorder", "_variable")
    __class__ = property(lambda self: type(self._plain))

    def __init__(self, recorder: Any, variable: Variable, data: Any) -> None:
        self._recorder, self._variable, self._plain = recorder, variable, data

    # --- NumPy's protocols ---------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, out: Any = None, **named: Any) -> Any:
        if any(map(is_value, (*args, *(out or ())))):
            return NotImplemented
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        if method == "at":
            return self._recorder.call(function, args, named, writes=args[:1])
        if out is None:
            return self._recorder.call(function, args, named)
        named["out"] = out if len(out) > 1 else out[0]
        return self._recorder.call(function, args, named, writes=tuple(item for item in out if item is not None))

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        value = value_in((*args, *named.values())) if any(hasattr(kind, "_record") for kind in types) else None
        if value is not None:  # which refuses the class of tracers
            return value.__array_function__(function, (type(value),), args, named)
        if function in STATIC:
            return function(*self._recorder.plain(args), **self._recorder.plain(named))
        writes: Any = ()
        if function in WRITING:
            writes = args[:1]
        elif named.get("out") is not None:
            writes = (named["out"],)
        return self._recorder.call(function, args, named, writes=writes)

    def __buffer__(self, flags: int) -> memoryview:  # Python 3.12 asks for it where C reads memory
        if not isinstance(self._plain, np.ndarray):
            raise TypeError(f"a bytes-like object is required, not {type(self._plain).__name__!r}")
        return memoryview(self._recorder.leak(self, "as memory").copy()).toreadonly()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        data = self._recorder.hand_out(self)
        same = isinstance(data, np.ndarray) and dtype in (None, data.dtype) and not copy
        return data if same else np.array(data, dtype)

    # --- attributes and methods ------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        data = self._plain
        if not isinstance(data, (np.ndarray, np.generic)):
            found = getattr(data, name)  # AttributeError, as the number itself raises it
            return found if name == "__float__" else self._recorder.method_of_number(self, name, found)
        if name in FIXED:
            if name in ("flags", "base"):
                self._recorder.look_at_flags(self)
            if name == "base" and data.base is not None and not only_asks_for_none(sys._getframe(1)):
                self._recorder.expose(name)
            return getattr(data, name)
        if name in PARTS:
            return self._recorder.call(Attribute(name), (self,))
        if name in INTERFACES and not self._recorder.finished:
            raise AttributeError(f"a Tracer has no {name}")  # code in C then asks for __array__
        found = getattr(data, name)
        if name in WRITABLE:
            self._recorder.expose(name)
            return found
        if name == "tolist":
            return lambda: self._recorder.listed(self)
        if name in LEAVING:
            return getattr(self._recorder.leak(self, f"by .{name}()"), name)
        if not callable(found):
            return found

        def method(*args: Any, **named: Any) -> Any:
            if any(map(is_value, args)):
                return getattr(np, name)(self, *args, **named)
            writes: Any = (self,) if name in CHANGING else ()
            if named.get("out") is not None:
                writes = (named["out"],)
            return self._recorder.call(Method(name), (self, *args), named, writes=writes)

        return method

    def __setattr__(self, name: str, item: Any) -> None:
        if name in Tracer.__slots__:
            object.__setattr__(self, name, item)
        elif isinstance(self._plain, np.ndarray) and name == "shape":
            changed = self.reshape(item)
            self._variable, self._plain = changed._variable, changed._plain
        elif isinstance(self._plain, np.ndarray) and name in ("real", "imag"):
            getattr(self, name)[...] = item
        else:
            if not self._recorder.finished:
                self._recorder.fail(f"it sets the attribute .{name} of an array")
            setattr(self._plain, name, item)  # or an error, as the data raises it

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """Do nothing: the flags of the arrays of a program do not matter."""

    def __len__(self) -> int:
        return len(self._plain)

    def __iter__(self) -> Iterator[Any]:
        iter(self._plain)  # TypeError, as the number itself raises it
        return (self[i] for i in range(len(self._plain)))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __getitem__(self, index: Any) -> Any:
        return self._recorder.call(operator.getitem, (self, index))

    def __setitem__(self, index: Any, item: Any) -> None:
        self._recorder.call(operator.setitem, (self, index, item), writes=(self,))

    # --- operators -------------------------------------------------------------------------------------

    __add__, __radd__, __iadd__ = binary(operator.add), reflected(operator.add), in_place(operator.add, np.add)
    __sub__, __rsub__, __isub__ = binary(operator.sub), reflected(operator.sub), in_place(operator.sub, np.subtract)
    __mul__, __rmul__, __imul__ = binary(operator.mul), reflected(operator.mul), in_place(operator.mul, np.multiply)
    __truediv__, __rtruediv__ = binary(operator.truediv), reflected(operator.truediv)
    __itruediv__ = in_place(operator.truediv, np.true_divide)
    __floordiv__, __rfloordiv__ = binary(operator.floordiv), reflected(operator.floordiv)
    __ifloordiv__ = in_place(operator.floordiv, np.floor_divide)
    __mod__, __rmod__, __imod__ = binary(operator.mod), reflected(operator.mod), in_place(operator.mod, np.remainder)
    __pow__, __rpow__, __ipow__ = binary(operator.pow), reflected(operator.pow), in_place(operator.pow, np.power)
    __matmul__, __rmatmul__ = binary(operator.matmul), reflected(operator.matmul)
    __and__, __rand__, __iand__ = binary(operator.and_), reflected(operator.and_), in_place(operator.and_, np.bitwise_and)
    __or__, __ror__, __ior__ = binary(operator.or_), reflected(operator.or_), in_place(operator.or_, np.bitwise_or)
    __xor__, __rxor__, __ixor__ = binary(operator.xor), reflected(operator.xor), in_place(operator.xor, np.bitwise_xor)
    __lshift__, __rlshift__ = binary(operator.lshift), reflected(operator.lshift)
    __rshift__, __rrshift__ = binary(operator.rshift), reflected(operator.rshift)
    __lt__, __le__, __gt__, __ge__ = map(binary, (operator.lt, operator.le, operator.gt, operator.ge))
    __eq__, __ne__ = map(binary, (operator.eq, operator.ne))
    __neg__, __pos__, __abs__, __invert__ = unary(operator.neg), unary(operator.pos), unary(abs), unary(operator.invert)
    __divmod__, __rdivmod__ = binary(divmod), reflected(divmod)

    def __round__(self, digits: Any = None) -> Any:
        return self._recorder.call(round, (self,) if digits is None else (self, digits))

    # --- leaving -----------------------------------------------------------------------------------------

    __bool__ = leaving(bool, TRUTH)
    __float__ = leaving(float, "by float()")
    __int__ = leaving(int, "by int()")
    __index__ = leaving(operator.index, "as an index or a length")
    __complex__ = leaving(complex, "by complex()")
    __hash__ = leaving(hash, "by hash()")
    __trunc__ = leaving(int, "by int()")
    __bytes__ = leaving(bytes, "as bytes")

    def __repr__(self) -> str:
        return repr(self._shown())

    def __str__(self) -> str:
        return str(self._shown())

    def __format__(self, spec: str) -> str:
        return format(self._shown(), spec)

    def _shown(self) -> Any:
        """Return the data as text shows it, which the user's code may go on to read; messages of this package do not."""
        frame: Any = sys._getframe(2)
        while frame.f_code.co_name in ("__repr__", "__str__", "__format__", "short"):  # those of a Value
            frame = frame.f_back
        return self._plain if frame.f_code.co_filename.startswith(INSIDE) else self._recorder.leak(self, "as text")

    def __reduce__(self) -> Any:
        return self._recorder.leak(self, "to pickle or copy it").__reduce__()

    def __copy__(self) -> Any:
        return self._recorder.call(Method("copy"), (self,)) if isinstance(self._plain, np.ndarray) else self

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()
