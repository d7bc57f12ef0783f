"""Make the annotated attributes of an optimiser's class arguments of its constructor, as in a dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, Field, field
from inspect import Parameter, get_annotations, signature
from typing import Any, ClassVar, dataclass_transform

NO_OPTIONS = ("slots", "numbers")  # attributes of the class, also where a subclass annotates them


class Option:
    """Reads an option as an attribute: of an optimiser, the value that all groups share; of the class, the default."""

    def __init__(self, name: str, default: Any) -> None:
        self.name, self.default = name, default

    def __get__(self, optimizer: Any, owner: Any) -> Any:
        if optimizer is None:
            return self.default
        values = [group.get(self.name, self.default) for group in optimizer.param_groups]
        if any(value != values[0] for value in values):
            raise ValueError(
                f"the groups have different values of {self.name}, {values}: use optimizer.param_groups[i][{self.name!r}]"
            )
        return values[0]


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class Options:
    """Makes the constructor of a subclass from its options, unless the subclass defines one.

    The options are the annotated attributes with a value, except for ``ClassVar``. Those of a base class come first; a subclass
    may change their defaults. Options after ``_: KW_ONLY`` are passed by name. An option ``field(default=..., init=False)`` is
    not an argument: all instances have its default.
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
                default = vars(cls)[name]
                options[name] = Parameter(name, place, default=default, annotation=hint)
                delattr(cls, name)
                if not isinstance(getattr(cls, name, None), property):  # as lr is
                    setattr(cls, name, Option(name, default.default if isinstance(default, Field) else default))
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
            verb = "" if str(error).startswith(("got", "missing")) else "got "
            raise TypeError(f"{cls.__name__}.__init__() {verb}{error}") from None
        given.apply_defaults()
        options = {name: fixed.get(name, given.arguments.get(name)) for name in cls.options}
        base.__init__(args[0], given.arguments["parameters"], options, guards=given.arguments["guards"])

    __init__.__signature__ = wanted  # type: ignore[attr-defined]
    return __init__
