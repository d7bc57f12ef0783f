"""Make the annotated attributes of an optimiser's class arguments of its constructor, as in a dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, Field, field
from inspect import Parameter, get_annotations, signature
from typing import Any, ClassVar, dataclass_transform

NO_OPTIONS = ("slots", "numbers")  # attributes of the class, also where a subclass annotates them


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class Options:
    """Makes the constructor of a subclass from its options, unless the subclass defines one.

    Options of a base class come first; a subclass may change their defaults. Options after ``_: KW_ONLY`` are passed by name.
    An option ``field(default=..., init=False)`` is not an argument: all instances have its default.
    """

    options: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if "__init__" in vars(cls):
            return
        options, kind = dict(cls.options), Parameter.POSITIONAL_OR_KEYWORD
        for name, hint in get_annotations(cls).items():
            if hint in (KW_ONLY, "KW_ONLY"):
                kind = Parameter.KEYWORD_ONLY  # type: ignore[assignment]
            elif name in vars(cls) and name not in NO_OPTIONS and "ClassVar" not in str(hint):
                place = options[name].kind if name in options else kind
                options[name] = Parameter(name, place, default=vars(cls)[name], annotation=hint)
                delattr(cls, name)
        if options != cls.options:
            cls.options = options
            cls.__init__ = constructor(cls)  # type: ignore[method-assign]


def constructor(cls: type[Options]) -> Callable[..., None]:
    """Return an __init__() with the options as arguments, which passes them to that of Optimizer as a dict."""
    base: Any = next(above for above in cls.__mro__ if Options in above.__bases__)  # Optimizer
    this, parameters, _, guards = signature(base.__init__).parameters.values()
    fixed = {name: option.default.default for name, option in cls.options.items() if isinstance(option.default, Field)}
    arguments = sorted((option for name, option in cls.options.items() if name not in fixed), key=lambda option: option.kind)
    wanted = signature(base.__init__).replace(parameters=[this, parameters, *arguments, guards])

    def __init__(*args: Any, **named: Any) -> None:
        try:
            given = wanted.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.__init__(): {error}") from None
        given.apply_defaults()
        options = {name: fixed.get(name, given.arguments.get(name)) for name in cls.options}
        base.__init__(args[0], given.arguments["parameters"], options, guards=given.arguments["guards"])

    __init__.__signature__ = wanted  # type: ignore[attr-defined]
    return __init__
