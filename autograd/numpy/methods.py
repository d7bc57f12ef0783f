"""The base of Value that holds the methods taken from the table of operations; stub.pyi lists them."""


class Methods:
    """Empty here: value.py fills Value itself, and the stub declares on this class what it is given."""

    __slots__ = ()
