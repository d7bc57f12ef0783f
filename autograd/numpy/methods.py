"""The methods that Value takes from the table of operations: methods.pyi lists them for editors and type checkers."""


class Methods:
    """The base of Value. It is empty: value.py sets the methods on Value itself, and methods.pyi declares them here."""

    __slots__ = ()
