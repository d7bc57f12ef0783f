"""The error of a Value that is converted to a plain number or array, which would silently drop its gradient.

The message names the function that needs a plain array, found in the calling frames, and what to write instead. The frames
are only read when the error is raised.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from autograd.numpy.dispatch import is_free
from autograd.op import raw
from autograd.ops import functions
from autograd.ops.inputs import labelled
from autograd.source import UNKNOWN, assignment_at, expression_at, meaning, operation_at

HERE = {"autograd.value", "autograd.numpy.leaving", "autograd.compiler.hooks"}
#: Packages whose inner frames are skipped: the frame that called into them is the user's.
LIBRARIES = {
    "autograd", "nn", "numpy", "scipy", "pandas", "xarray", "sklearn", "matplotlib", "mpl_toolkits", "seaborn", "statsmodels",
    "numba", "dask", "sparse", "torch", "jax", "PIL", "cv2", "skimage", "networkx", "plotly", "polars", "pyarrow", "h5py",
} | sys.stdlib_module_names  # fmt: skip
#: NumPy's names of functions in the module math, where they differ.
MATH = {
    "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2", "acosh": "arccosh", "asinh": "arcsinh",
    "atanh": "arctanh", "fabs": "abs",
}  # fmt: skip
TESTS = ("isnan", "isinf", "isfinite")
MAKERS = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite")
SEVERAL = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
SPECIAL = {"lgamma": "gammaln", "gamma": "gamma", "erf": "erf", "erfc": "erfc"}

#: Modules and functions of SciPy with counterparts of the same name and meaning in NumPy or this package, and arguments of
#: theirs that do not change the result.
SAME = {
    "scipy.linalg", "scipy.special", "scipy.integrate.trapezoid", "scipy.signal.convolve", "scipy.signal.correlate",
    "scipy.fft.fftshift", "scipy.fft.ifftshift",
}  # fmt: skip
IGNORED = {"overwrite_a", "overwrite_b", "check_finite", "lapack_driver", "driver", "method"}

STAY = "leave {call}() out, because NumPy's functions and operators take Values"
OWN = "define an operation with @autograd.primitive, which takes plain arrays and has a rule for its gradient"
DATA = "pass it {v}.data"
#: What to write instead, by the longest prefix of the full name; OWN for all others. {v} is the argument, {call} the function.
FIXES = {
    **dict.fromkeys(
        [f"numpy.{name}" for name in ("array", "asarray", "asanyarray", "ascontiguousarray", "float64", "float32", "float16")],
        STAY,
    ),
    "numpy.ndarray.fill": "write out = {v} * np.ones(out.shape)",
    "numpy.ndarray.put": "make the array a Value, out = Value(out), and write out = out.at[i].set({v})",
    **dict.fromkeys(["numpy.mean", "numpy.var", "numpy.std"], "join the Values of the array first: autograd.array(values)"),
    "numpy.fromiter": "collect the parts in a list and join them with np.stack(parts)",
    "numpy.vectorize": "call the function with the whole array, because NumPy's functions work on each element, or write "
    "np.stack([f(x) for x in {v}])",
    "numpy.arange": "build the range from plain numbers, with .item(), and scale it: start + step * np.arange(n)",
    "numpy.r_": "write np.hstack([...])",
    "numpy.c_": "write np.column_stack([...])",
    "numpy.random": "pass it {v}{plain}: draws of this kind have no derivative with respect to it",
    "numpy.testing": DATA,
    "numpy.polynomial": "write np.polyval(coefficients[::-1], {v})",
    "numpy.ma": "write np.where(mask, 0.0, {v})",
    "statistics": "write np.mean(values), np.std(values) or np.median(values) of one Value, as np.stack(list) makes it",
    "scipy.sparse": "write A.toarray() @ {v}, or, to keep A sparse, a custom operation: "
    "@autograd.primitive(x=lambda g, out, x: A.T @ g) above def times(x): return A @ x",
    "scipy.spatial.distance": "write the distances in NumPy: np.linalg.norm(a[:, None] - b[None], axis=-1)",
    "scipy.stats": "write the formula in NumPy and scipy.special functions, which take Values: the log-density of the normal "
    "distribution is -0.5 * x**2 - 0.5 * np.log(2 * np.pi)",
    "scipy.special": f"{OWN}; python -m autograd lists the functions that take Values",
    "scipy.optimize": "have its functions return plain numbers, .item() or .data, with jac=autograd.jacobian(f) for slopes",
    "scipy.optimize.minimize": "have its functions return plain numbers, as in minimize(autograd.value_and_grad(f), x0, jac=True)"
    ", or .item()",
    "scipy.integrate": "integrate in NumPy on Values, as with np.trapezoid() or a loop of steps, or have its functions return "
    ".item() or .data",
    "scipy.interpolate": "write np.interp(x, xp, fp), or " + OWN,
    "scipy.signal": "write np.convolve(a, b), or " + OWN,
    "pandas": "write {v}{plain} where no gradient is wanted, or keep Values in arrays beside the table",
    "pandas.dot": "take the array out of the table instead, as in table.to_numpy() @ {v}",
    "xarray": "take the array out of it instead, as in array.values * {v}",
    "builtins.float": STAY,
    "builtins.int": "write int({v}.item()): an integer has no derivative",
    "array": "write np.stack(values)",
    "matplotlib": DATA,
    "seaborn": DATA,
    "plotly": DATA,
    "sklearn": DATA,
    "statsmodels": DATA,
    "PIL": DATA,
    "torch": DATA,
    "jax": DATA,
    "struct": "write {v}.item()",
    "builtins.complex": "write complex({v}.item())",
}  # fmt: skip
#: How to draw from a distribution with Values as parameters, by the name of the generator's method.
DRAWS = {
    **dict.fromkeys(("normal", "standard_normal"), "mu + sigma * rng.normal(size=...)"),
    **{name: f"mu + scale * rng.{name}(size=...)" for name in ("laplace", "logistic", "gumbel")},
    "uniform": "low + (high - low) * rng.random(size=...)",
    "lognormal": "np.exp(mu + sigma * rng.normal(size=...))",
    "exponential": "scale * rng.exponential(size=...)",
    "multivariate_normal": "mean + rng.normal(size=(..., n)) @ np.linalg.cholesky(covariance).T",
    "choice": "v[rng.integers(len(v), size=...)]",
    **dict.fromkeys(("permutation", "permuted", "shuffle"), "v[rng.permutation(len(v))]"),
}  # fmt: skip
#: The operators of methods of pandas tables.
METHODS = {
    "add": "+", "sub": "-", "subtract": "-", "mul": "*", "multiply": "*", "div": "/", "divide": "/", "truediv": "/", "pow": "**",
}  # fmt: skip
#: Functions of NumPy that take a number, not an array.
NUMBERS = ("numpy.random", "numpy.float", "numpy.full", "numpy.ndarray")
#: Names of private subpackages without an underscore.
PRIVATE = {"core", "lib"}
SYMBOLS = {
    ast.MatMult: "@", ast.Mult: "*", ast.Add: "+", ast.Sub: "-", ast.Div: "/", ast.Pow: "**", ast.Mod: "%", ast.FloorDiv: "//",
}  # fmt: skip


def no_parts(value: Any, *_: Any) -> NoReturn:
    """Raise the error of v[i] = x and del v[i]."""
    raise TypeError(
        "a part of a Value cannot be changed in place: write v = v.at[i].set(x) (or .add, .multiply) for v[i] = x, "
        "and v = np.delete(v, i) for del v[i]"
    )


def refuse_conversion(value: Any, dtype: Any = None) -> Any:
    """Raise TypeError for a Value that would leave its graph, or return it in an array of objects if one was requested."""
    frame, method = sys._getframe(1), ""
    while frame.f_back is not None and frame.f_globals.get("__name__") in HERE:
        frame, method = frame.f_back, frame.f_code.co_name
    if wants_objects(frame, dtype):
        return as_objects(value)
    if is_free(value):
        return np.array(raw(value), dtype)
    message = leaving_message(value, frame, method)
    Retelling(message, frame)
    raise TypeError(message)


def no_copy(value: Any) -> TypeError:
    """The error for copying or pickling a computed Value; if a library does so inside a call, the error for that call."""
    frame = sys._getframe(1)
    while frame.f_back is not None and package(frame) in HERE | {"autograd", "copy", "copyreg", "pickle", "numpy"}:
        frame = frame.f_back
    if package(frame) in LIBRARIES - sys.stdlib_module_names:
        return TypeError(leaving_message(value, frame))
    return TypeError(f"{with_source(value)} was computed, and graphs cannot be pickled or copied: use .detach()")


def pandas_priority(value: Any) -> int:
    """A priority above that of pandas tables, so that ``table * value`` calls the operator of the Value.

    Raises:
        TypeError: for an in-place operator of a table, ``table *= value``.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and package(frame) == "pandas":
        if frame.f_code.co_name == "_inplace_method":
            raise TypeError(
                f"a table of pandas cannot hold the result of an in-place operator with {with_source(value)}, whose gradient "
                "would be lost: write out = table + v (or -, *, /), which is a Value"
            )
        frame = frame.f_back
    return 5000


def as_objects(value: Any) -> np.ndarray:
    """An array of objects with a Value, or with each of its elements."""
    found = np.empty(value.shape, object)
    for place in np.ndindex(value.shape):
        found[place] = value[place] if place else value
    return found


def wants_objects(frame: FrameType, dtype: Any) -> bool:
    """Whether a frame creates, or writes to, an array of objects, as np.array([v, w], dtype=object)."""
    if dtype is not None:
        return np.dtype(dtype) == object
    code, instruction = frame.f_code, frame.f_lasti
    if operation_at(code, instruction) == "STORE_SUBSCR":
        target = expression_at(code, instruction)
        return getattr(meaning(getattr(target, "value", None), frame), "dtype", None) == np.dtype(object)
    call = expression_at(code, instruction)
    if not isinstance(call, ast.Call) or not full_name(meaning(call.func, frame)).startswith("numpy."):
        return False
    given = [word.value for word in call.keywords if word.arg == "dtype"] or call.args[1:2]
    kind = meaning(given[0], frame) if given else UNKNOWN
    return any(kind is item for item in (object, np.object_)) or (isinstance(kind, (str, np.dtype)) and kind in ("O", "object"))


# --- the message ----------------------------------------------------------------------------------


def leaving_message(value: Any, frame: FrameType, method: str = "") -> str:
    """The message of the error: the function that needs a plain number or array, and what to write instead."""
    lost = f"would silently drop the gradient of {with_source(value)}"
    if method == "tolist":
        return f"v.tolist() gives plain numbers, and {lost}: write v.data.tolist()"
    user, callee = boundary(frame)
    code, instruction = user.f_code, user.f_lasti
    expression = expression_at(code, instruction)
    if callee is None and operation_at(code, instruction) == "STORE_SUBSCR":
        text = assigned(assignment_at(code, instruction), lost)
    elif callee is None and isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mod):
        text = f"the operator % takes plain numbers, and {lost}: format it as f'{{v:.3f}}'"
    elif callee is None and isinstance(expression, ast.Subscript):
        integers = ".data.astype(int)" if value.shape else "int(v.item())"
        text = f"`{text_of(expression)}` takes plain integers, and {lost}: an index has no derivative, so write {integers}"
    else:
        name, who = called(expression, user, callee)
        several = name.startswith("numpy.") and not name.startswith(NUMBERS)
        wants = "takes a plain array" if value.shape else "takes plain arrays" if several else "takes a plain number"
        text = f"{who} {wants}, and {lost}: {fix_of(name, expression, user, value)}"
    plain = ".data" if value.shape else ".item()"
    return text if ".data" in text or ".item()" in text else f"{text}; take {plain} where no gradient is wanted"


def with_source(value: Any) -> str:
    """A Value in a message: its label, shape and source, if known."""
    place = value.place
    text = text_of(expression_at(place.code, place.instruction)) if hasattr(place, "instruction") else ""
    return labelled(value) + (f" computed by `{text}` ({place.line})" if text else "")


def boundary(frame: FrameType) -> tuple[FrameType, FrameType | None]:
    """The innermost frame outside libraries, and the frame of the function that it called; None for a function in C."""
    inner, callee, here = frame, None, frame
    libraries = LIBRARIES | {package(frame)} if "-packages" in frame.f_code.co_filename else LIBRARIES
    while package(here) in libraries:
        if here.f_back is None:
            return inner, None
        if here.f_globals.get("__name__") not in HERE:  # which may stand between the user and NumPy
            callee = here
        here = here.f_back
    return here, callee


def package(frame: FrameType) -> str:
    """The name of the package with the code of a frame."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def called(expression: ast.expr | None, user: FrameType, callee: FrameType | None) -> tuple[str, str]:
    """The full name of the called function, and its name in the message."""
    module = "" if callee is None else public(str(callee.f_globals.get("__name__")))
    if isinstance(expression, ast.BinOp):
        symbol = SYMBOLS.get(type(expression.op), "operator")
        return f"{module}.{symbol}", f"{module}'s {symbol}"
    if isinstance(expression, ast.Subscript):
        text = text_of(expression.value)
        if operation_at(user.f_code, user.f_lasti) == "STORE_SUBSCR":
            return module, f"an assignment to {text}[...] of {module}"
        return f"{module}.{text.rpartition('.')[2]}", f"{text}[...]" + f" of {module}" * (module != "numpy")
    if expression is None and operation_at(user.f_code, user.f_lasti) == "BINARY_OP":
        return f"{module}.@", f"an operator of {module or 'an object'}"
    if expression is None and operation_at(user.f_code, user.f_lasti) == "STORE_SUBSCR":
        return module, f"an assignment to a part of an object of {module}"
    if not isinstance(expression, ast.Call):
        return module, f"a function of {module}" if module else "a function written in C"
    inner = expression.func.func if isinstance(expression.func, ast.Call) else expression.func  # f(...)(v)
    function = function_of(expression, user) if callee is None else meaning(inner, user)
    name, text = full_name(function), text_of(inner)
    simple = getattr(function, "__qualname__", "") == getattr(function, "__name__", None) or isinstance(function, np.ufunc)
    spoken = name.removeprefix("builtins.") if name and simple else text
    if "(" in spoken or spoken.startswith("..."):  # a method of what a call returned
        name = name or f"numpy.random.{getattr(inner, 'attr', '')}" * (getattr(inner, "attr", "") in DRAWS)
        spoken = getattr(inner, "attr", "function")
    if callee is not None and name.partition(".")[0] != module.partition(".")[0]:
        name = f"{module}.{text.rpartition('.')[2]}"
    spoken = re.sub("^numpy[.]", "np.", spoken) + "(...)" * (inner is not expression.func) + "()"
    return name, spoken if spoken.startswith(("np.", module)) or simple else f"{spoken} of {module}"


def function_of(call: ast.Call, user: FrameType) -> Any:
    """The function of a call; for map() of a function in C, which has no frame, that function."""
    for node in ast.walk(call):
        if isinstance(node, ast.Call) and meaning(node.func, user) is map and node.args:
            function = meaning(node.args[0], user)
            return function if full_name(function) else meaning(call.func, user)
    return meaning(call.func, user)


def full_name(function: Any) -> str:
    """The name of a function or class with its public module; "" for anything else."""
    owner = getattr(function, "__objclass__", None) or getattr(function, "__self__", None)
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or not callable(function):
        return ""
    if isinstance(owner, type) or (owner is not None and not hasattr(owner, "__spec__")):
        kind = owner if isinstance(owner, type) else type(owner)
        return f"{public(kind.__module__)}.{kind.__name__}.{name}"
    return f"{public_module(function)}.{name}"


def public_module(function: Any) -> str:
    """The public module of a function, or of its class if it has none."""
    return public(getattr(function, "__module__", None) or type(function).__module__)


def public(module: str) -> str:
    """A module without its private parts: scipy.sparse of scipy.sparse._base."""
    parts = module.split(".")
    private = (i for i, part in enumerate(parts) if i and (part[0] == "_" or part in PRIVATE))
    return ".".join(parts[: next(private, None)]).lstrip("_")


def assigned(statement: ast.Assign | ast.AugAssign | None, lost: str) -> str:
    """What to write instead of an assignment to a part of an array."""
    join = "or collect the parts in a list and join them with np.stack(parts)"
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    target = targets[0]
    if statement is None or len(targets) > 1 or not isinstance(target, ast.Subscript):
        return (
            f"an assignment to a part of a plain array, out[i] = v, {lost}: make it a Value, out = Value(out), and write "
            f"out = out.at[i].set(v), {join}"
        )
    base, index = target.value, index_text(target)
    while isinstance(base, ast.Subscript) and not isinstance(base.slice, (ast.Slice, ast.Tuple)):  # out[i][j] = x
        base, index = base.value, f"{index_text(base)}, {index}"
    if not isinstance(base, ast.Name) and (not isinstance(base, ast.Attribute) or base.attr in ("T", "flat", "real")):
        return (
            f"`{text_of(statement)}` writes into a plain array, and {lost}: make the whole array a Value, out = Value(out), and "
            f"write out = out.at[i].set(v), {join}"
        )
    out, item = text_of(base), text_of(statement.value)
    method = "set"
    if isinstance(statement, ast.AugAssign):
        method = {ast.Add: "add", ast.Sub: "add", ast.Mult: "multiply"}.get(type(statement.op), "set")
        item = f"-({item})" if isinstance(statement.op, ast.Sub) else item
        item = f"{out}[{index}] {SYMBOLS.get(type(statement.op), '?')} ({item})" if method == "set" else item
    return (
        f"`{text_of(statement)}` writes into a plain array, and {lost}: make it a Value, {out} = Value({out}), and write "
        f"{out} = {out}.at[{index}].{method}({item}), {join}"
    )


def fix_of(name: str, call: ast.expr | None, user: FrameType, value: Any) -> str:
    """What to write instead of a call of the function with this full name."""
    arguments = call.args if isinstance(call, ast.Call) else []
    if isinstance(call, ast.Call) and function_of(call, user) is not meaning(call.func, user):
        arguments = []  # of map(), not of the function
    keywords = call.keywords if isinstance(call, ast.Call) and (arguments or not call.args) else []
    options = {item.arg: text_of(item.value) for item in keywords if item.arg}
    first = text_of(arguments[0]) if arguments else "v"
    module, _, last = name.rpartition(".")
    if module == "math" and (fix := of_math(last, arguments, options, type(value))):
        return fix
    if name == "numpy.full" and len(arguments) == 2:
        return f"write {text_of(arguments[1])} * np.ones({first})"
    if module == "numpy" and last in MAKERS and arguments and isinstance(arguments[0], SEVERAL):
        return f"write {'' if is_nested(arguments[0]) else f'np.stack({first}) or '}autograd.array({first})"
    if module in ("numpy", "numpy.linalg") and last in functions() and any(isinstance(item, SEVERAL) for item in arguments):
        return f"write np{module.removeprefix('numpy')}.{last}({argument_list(map(joined_text, arguments), options)})"
    if (module in SAME or name in SAME) and (fix := of_scipy(last, list(map(text_of, arguments)), options)):
        return fix
    if module.startswith("numpy.random") and last in DRAWS:
        return f"write {DRAWS[last]}, because plain numbers are drawn"
    if module == "pandas" and last.lstrip("r") in METHODS:
        return f"take the array out of the table instead, as in table.to_numpy() {METHODS[last.lstrip('r')]} v"
    if module == "pandas" and not last.isidentifier():  # an operator
        name = "pandas.dot"
    while name and name not in FIXES:
        name = name.rpartition(".")[0]
    text = first if len(arguments) == 1 and first.isidentifier() else "v"
    return FIXES.get(name, OWN).format(v=text, call=last, plain=".data" if value.shape else ".item()")


def index_text(item: Any) -> str:
    """The text of an index, without its brackets."""
    return ast.unparse(item).removeprefix(ast.unparse(item.value))[1:-1]


def is_nested(item: ast.expr) -> bool:
    """Whether an expression is a list of lists."""
    return any(isinstance(part, (ast.List, ast.Tuple)) for part in getattr(item, "elts", ()))


def joined_text(item: ast.expr) -> str:
    """The text of an argument, with a list of Values joined to one Value."""
    text, parts = text_of(item), getattr(item, "elts", None)
    if not isinstance(item, SEVERAL) or (parts is not None and all(isinstance(part, ast.Constant) for part in parts)):
        return text
    return f"autograd.array({text})" if is_nested(item) else f"np.stack({text})"


def argument_list(words: Any, options: dict[str, str]) -> str:
    """The arguments of a call as text."""
    return ", ".join([*words, *(f"{key}={value}" for key, value in options.items())])


def of_scipy(name: str, words: list[str], options: dict[str, str]) -> str:
    """The call of NumPy or this package that computes the same as one of SciPy; "" if there is none."""
    ours, options = functions().get(name), {key: value for key, value in options.items() if key not in IGNORED}
    words = [options.pop("a"), *words] if "a" in options and not words else words
    if name in ("softmax", "log_softmax") and len(words) < 2:
        options.setdefault("axis", "None")  # SciPy's default is all axes
    elif name == "cholesky":
        lower = options.pop("lower", words[1] if len(words) > 1 else "False")
        words, options = words[:1], options | ({} if lower == "True" else {"upper": "True"})
    elif name == "qr":
        mode = options.pop("mode", "'full'")
        options |= {"'full'": {"mode": "'complete'"}, "'r'": {"mode": "'r'"}}.get(mode, {})
    elif name in ("eigh", "eigvalsh"):
        values = options.pop("eigvals_only", "False") == "True"
        ours = None if len(words) > 1 else functions()["eigvalsh" if values else name]
        options |= {"UPLO": "'U'"} if options.pop("lower", "True") == "False" else {}
    elif name == "solve":
        options.pop("assume_a", None)
    elif name == "correlate" and len(words) < 3:
        options.setdefault("mode", "'full'")  # NumPy's default is "valid"
    names = list(inspect.signature(ours).parameters) if ours is not None else []
    if ours is None or len(words) > len(names) or not {*options} <= {*names}:
        return ""
    last = ours.__name__
    home = "np.linalg" if hasattr(np.linalg, last) else "np" if hasattr(np, last) else "autograd"
    return f"write {home}.{last}({argument_list(words, options) or 'v'})"


def of_math(name: str, arguments: list[ast.expr], options: dict[str, str], kind: type) -> str:
    """The call of NumPy or SciPy that computes the same as one of math; "" if there is none."""
    parts = [text_of(item) for item in arguments]
    words, first = argument_list(parts, options) or "v", parts[0] if parts else "v"
    if name == "pow":
        return f"write {ast.unparse(ast.BinOp(arguments[0], ast.Pow(), arguments[1])) if len(parts) == 2 else 'x ** y'}"
    if name == "log" and len(parts) == 2:
        return f"write np.log({first}) / np.log({parts[1]})"
    if name == "hypot" and len(parts) not in (0, 2):
        return f"write np.linalg.norm(np.stack([{words}]))"
    if name == "dist":
        return "write np.linalg.norm(p - q) of two Values, as np.stack(list) makes them"
    if name == "isclose":  # with the tolerances of math
        near = {"rtol": options.get("rel_tol", "1e-09"), "atol": options.get("abs_tol", "0.0")}
        return f"write np.isclose({argument_list(parts[:2] or ['v', 'w'], near)})"
    if name in ("fsum", "prod", "sumprod"):
        return "write sum(values), or np.sum() and np.prod() of one Value, as np.stack(list) makes it"
    if name in SPECIAL:
        return f"write scipy.special.{SPECIAL[name]}({words}) or autograd.{SPECIAL[name]}({words})"
    ours = MATH.get(name, name)
    if not hasattr(np, ours) or (ours not in functions() and name not in TESTS):
        return ""
    method = f" or {first}.{ours}()" if hasattr(kind, ours) and first == words and first.isidentifier() else ""
    return f"write np.{ours}({words}){method}"


def text_of(node: ast.AST | None) -> str:
    """The text of an expression, shortened if it is long."""
    text = "" if node is None else ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."


# --- errors of C code that hide this one ----------------------------------------------------------


class Retelling:
    """A trace function of one frame for one event. It gives this message to an error that C code raises in place of ours.

    NumPy raises "setting an array element with a sequence" for out[i] = v after any error of float(v), and struct, brentq and
    others do likewise. That error is the next event of the frame.
    """

    def __init__(self, message: str, frame: FrameType) -> None:
        self.message, self.tracing, self.local = message, sys.gettrace(), frame.f_trace
        frame.f_trace = self
        if self.tracing is None:
            sys.settrace(trace_nothing)

    def __call__(self, frame: FrameType, event: str, given: Any) -> Any:
        frame.f_trace = self.local
        if self.tracing is None:
            sys.settrace(None)
        if event == "exception" and self.message not in str(given[1]):
            given[1].args = (self.message,)
            given[1].__cause__, given[1].__suppress_context__ = None, True
        return self.local(frame, event, given) if self.local is not None else None


def trace_nothing(frame: FrameType, event: str, given: Any) -> None:
    """A trace function that traces nothing."""
