"""read_csv(): read a table of numbers with a target column from a text file, or raise an error where it is ambiguous.

NumPy reads tables of numbers. Fields with words and quotes are split by pandas if it is installed, otherwise by Python's csv
module, which takes simple files only; in both cases this module decides what a field means.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
import zlib
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nn.extras import extra

PathLike = str | os.PathLike[str]
ABSENT = {"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?"}
LEAVE_OUT = "leave the column out: usecols=[...] takes the names of the columns to read"
EXACT = 2.0**53  # floats hold every integer below it
SNIFFED = 10_000  # rows to inspect to decide whether the first one has names

INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)

#: Texts that are neither numbers in Python's notation nor words of classes, and what to do about them.
UNPLAIN = [
    (re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"), "pass thousands=','"),
    (re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"), "pass thousands='.' and decimal=','"),
    (re.compile(r"[+-]?\d*,\d+"), "pass decimal=','"),
    (re.compile(r"[+-]?\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d*)?"), "remove the separators of thousands"),
    (re.compile(r"[$€£]\s?[\d.,]+|[\d.,]+\s?[%€$£]"), "remove the unit"),
    (re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?"), "replace dates by numbers"),
]  # fmt: skip

BEGINNINGS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or pass a DataFrame of pandas.read_excel() to fit()",
    b"BZh": "compressed by bzip2: unpack it", b"\xfd7zXZ": "compressed by xz: unpack it", b"\x28\xb5\x2f\xfd": "compressed by "
    "zstd: unpack it", b"PAR1": "a Parquet file: pass a DataFrame of pandas.read_parquet() to fit()",
}  # fmt: skip
MARKS = [  # byte order marks and their encodings; that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
]  # fmt: skip


class Table(NamedTuple):
    """Holds the result of read_csv()."""

    x: np.ndarray  # (rows, features)
    y: np.ndarray | None  # (rows,), the target column
    names: list[str]  # of the features
    classes: list[str] | None  # the word of each class number, if the target column has words


def read_csv(
    path: PathLike,
    target: str | int | None = None,
    header: bool | None = None,
    *,
    delimiter: str = ",",
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    usecols: Any = None,
    **options: Any,
) -> Table:
    """Read a table of numbers, with a target column of numbers or words.

    Args:
        path: a text file, also compressed by gzip; fields may be in double quotes.
        target: the column to predict, by its name or number.
        header: whether the first row has names; by default it does if nothing in it is a number, if it has the name of the
            target, or if it has a word above a column of numbers. Without a header columns are named by their numbers, "0",
            "1", ...
        delimiter: the character between the fields; ``r"\\s+"`` for any white space.
        decimal, thousands: the characters of a decimal point, and between groups of three digits.
        encoding: the encoding of the text; by default UTF-8, or UTF-16 and UTF-32 with a byte order mark.
        usecols: the columns to read, by name, such as ``["age", "kind"]``, including the target; other columns may have words.
            The order of the columns is that of the file.
        options: further options of pandas.read_csv(), which then must be installed: comment, skiprows, usecols by numbers, ...

    Returns:
        ``x, y, names, classes = read_csv(...)``: x has floats; y is None without a target, int64 if all its numbers are
        whole, class numbers in the order of the sorted words if it has words, and floats otherwise. "true" and "false" are 1
        and 0 in features, and words in the target.

    Raises:
        ValueError: for a missing value, a word outside of the target, or an integer that a float would round, with row and
            column; for numbers in another notation, such as 1,234, also in the target, and for dates; for rows of different
            lengths; for a target that is not a column, or a name that occurs twice; if the first row may or may not have names;
            if another delimiter or encoding is likely.
        TypeError: for unsupported options, and for usecols that mix names and numbers.
        ImportError: for options, and for misplaced quotes, without pandas: ``pip install 'valuegrad[nn]'``.
    """
    if not (isinstance(delimiter, str) and (len(delimiter) == 1 or delimiter == r"\s+")) or delimiter in '"\n\r':
        raise ValueError(f"{path}: a delimiter must be one character, or r'\\s+' for white space, got {delimiter!r}")
    if decimal == thousands:
        raise ValueError(f"{path}: decimal={decimal!r} and thousands={thousands!r} must be different")
    if taken := [name for name in ("sep", "names", "dtype", "index_col", "chunksize") if name in options]:
        raise TypeError(f"read_csv() takes delimiter=, header= and further options of pandas, but not {taken[0]}=")
    wanted = _wanted(usecols, path)
    if usecols is not None and wanted is None:
        options["usecols"] = usecols
    text = _decoded(Path(path), encoding)
    plain = '"' not in text and not options
    rows: list[Any] = [line for line in text.split("\n") if line.strip()] if plain else _split(text, path, delimiter, options)
    head = [_fields(line, delimiter) for line in rows[: SNIFFED + 1]] if plain else rows[: SNIFFED + 1]
    notation = _notation(decimal, thousands)
    if header is None and wanted and head and set(wanted) <= set(head[0]) and not any(map(_is_number, wanted)):
        header = True
    names, begin = _names(head, target, header, path, delimiter, notation, plain)
    rows = rows[begin:]
    if not rows:
        raise ValueError(f"{path} has no rows of data")
    table = _all_numbers(rows, delimiter) if plain and notation is None else None
    if table is not None and len(names) == table.shape[1]:
        columns: list[Any] = list(table.T)
    else:
        fields = [_fields(line, delimiter) for line in rows] if plain else rows
        _require_one_length(fields, names, path)
        columns = list(zip(*fields, strict=True))
    if wanted is not None:
        names, columns = _chosen(wanted, names, columns, target, path)
    if table is None:
        columns = [[_pointed(field, notation, path) for field in column] for column in columns]
    return _table(columns, names, target, path, delimiter)


# --- from bytes to fields ---------------------------------------------------------------------------------


def _decoded(path: Path, encoding: str | None) -> str:
    """Return the text of a file, with newlines of one kind."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file ({error}): get it again") from None
    for beginning, what in BEGINNINGS.items():
        if data.startswith(beginning):
            raise ValueError(f"{path} is {what}")
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    wanted = marked or "utf-8" if encoding is None else encoding
    try:
        text = data.decode(wanted).removeprefix("\ufeff")
    except LookupError:
        raise ValueError(f"{path}: there is no encoding {encoding!r}: pass one of Python's, such as encoding='latin-1'") from None
    except UnicodeError as error:
        raise ValueError(
            f"{path} is not in the encoding {wanted} ({error}): pass the encoding it was written in, often encoding='latin-1' "
            "or 'cp1252'"
        ) from None
    if "\0" in text:
        raise ValueError(f"{path} has zero bytes, so it is not text in {wanted}: pass another encoding=, such as 'utf-16'")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fields(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line without quotes."""
    return line.split() if delimiter == r"\s+" else [field.strip() for field in line.split(delimiter)]


def _split(text: str, path: PathLike, delimiter: str, options: dict[str, Any]) -> list[list[str]]:
    """Return the fields of a text with quotes, by pandas, which takes options, or by Python's csv module."""
    try:
        read = extra("pandas", f"read_csv({', '.join(f'{name}=' for name in options)})").read_csv
    except ImportError as error:
        if options:
            raise
        if delimiter == r"\s+":
            raise ImportError(f"{path} has quotes between white space, which Python's csv module cannot read: {error}") from None
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            rows = list(reader)
        except csv.Error as wrong:
            raise ValueError(
                f"{path}: {wrong}, in line {reader.line_num}: correct the quotes, or let pandas try, pip install 'valuegrad[nn]'"
            ) from None
        rows = [[field.strip() for field in row] for row in rows]
        return [row for row in rows if row and row != [""]]
    try:
        frame = read(
            StringIO(text),
            **{"sep": delimiter, "header": None, "dtype": str, "na_filter": False, "skipinitialspace": True} | options,
        )
    except ValueError as error:  # ParserError and EmptyDataError are
        raise ValueError(f"{path}: {str(error).strip()}") from None
    return [[field.strip() if isinstance(field, str) else "" for field in row] for row in frame.to_numpy().tolist()]


def _require_one_length(rows: list[list[str]], names: list[str], path: PathLike) -> None:
    first = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != first:
            comment = any(row[0].startswith("#") for row in rows if row)
            fix = ": comment='#' leaves comments out, for pandas" if comment else ""
            raise ValueError(f"{path}: the number of columns changed from {first} to {len(row)} at row {number}{fix}")
    if len(names) != first:
        fix = ": comment='#' leaves comments out, for pandas" if names[0].startswith("#") else ""
        raise ValueError(f"{path} has {len(names)} names for {first} columns: {', '.join(names)}{fix}")


def _all_numbers(lines: list[str], delimiter: str) -> np.ndarray | None:
    """Return the lines as an array of floats, or None if they have anything else, or integers that floats may round."""
    try:
        table: np.ndarray = np.loadtxt(lines, float, comments=None, delimiter=None if delimiter == r"\s+" else delimiter, ndmin=2)
    except ValueError:
        return None
    return table if (abs(table) < EXACT).all() else None


# --- names ------------------------------------------------------------------------------------------------


def _names(
    head: list[list[str]], target: Any, header: bool | None, path: PathLike, delimiter: str, notation: Notation, plain: bool
) -> tuple[list[str], int]:
    """Return the names of the columns, and the row at which the data begins."""
    if not head:
        raise ValueError(f"{path} has no rows of data")
    first = head[0]
    _suspect_delimiter(head, path, delimiter, plain)
    if header is None:
        rows = [[_pointed(field, notation, None) for field in row] for row in head] if notation else head
        header = _has_names(rows[0], rows[1:], target, path)
    if not header:
        return [str(i) for i in range(len(first))], 0
    for name in first:
        if name and first.count(name) > 1:
            raise ValueError(f"{path}: the column name {name!r} occurs twice: rename one, or pass header=False for a row of data")
    return first, 1


def _has_names(first: list[str], rows: list[list[str]], target: Any, path: PathLike) -> bool:
    """Return whether the first row has names; raise ValueError if that is uncertain."""
    numbers = [_is_number(field) for field in first]
    unsure = f"{path}: the first row, {', '.join(first)[:80]}, may have names or data: pass header=True or header=False"
    if isinstance(target, str) and target in first:
        if all(numbers) and target.isdecimal() and int(target) < len(first):
            raise ValueError(unsure)  # either the name or the number of a column
        return True
    if not any(numbers):
        return bool(rows)
    words = [i for i, field in enumerate(first) if not numbers[i] and field.lower() not in ABSENT]
    below = {i: [row[i] for row in rows if i < len(row)] for i in words}
    if any(fields and all(_is_number(field) or field.lower() in ABSENT for field in fields) for fields in below.values()):
        return True
    if not words or any(first[i] in below[i] for i in words):  # a class that occurs again
        return False
    raise ValueError(unsure)


def _suspect_delimiter(head: list[list[str]], path: PathLike, delimiter: str, plain: bool) -> None:
    """Raise ValueError for a table that seems to have another delimiter: one column, or that delimiter in each row, unquoted."""
    columns = f"{len(head[0])} columns" if len(head[0]) > 1 else "one column"
    said = f"{path} has {columns} by the delimiter {delimiter!r}, but every row has"
    for other in ",;\t|: ":
        if other == delimiter:
            continue
        if other in ";\t" and plain and all(any(other in field for field in row) for row in head):
            raise ValueError(f"{said} {other!r}: pass delimiter={other!r}")
        if any(len(row) != 1 for row in head) or len(counts := {row[0].count(other) for row in head}) > 1 or counts == {0}:
            continue
        parts = [field for row in head[1:] for field in row[0].split(other)]
        if other not in ": " or parts and all(map(_is_number, parts)):  # words may have them
            raise ValueError(f"{said} {other!r}: pass delimiter={other!r}")


def _wanted(usecols: Any, path: PathLike) -> list[str] | None:
    """Return the names of the columns to read, or None if pandas selects them."""
    if usecols is None or callable(usecols):
        return None
    if not isinstance(usecols, str) and not hasattr(usecols, "__iter__"):
        raise TypeError(f"{path}: usecols must be a list of names or numbers of columns, got {usecols!r}")
    wanted = [usecols] if isinstance(usecols, str) else list(usecols)
    if not any(isinstance(name, str) for name in wanted):
        return None
    if not all(isinstance(name, str) for name in wanted):
        raise TypeError(f"{path}: usecols must be all names or all numbers of columns, got {usecols!r}")
    return wanted


def _chosen(wanted: list[str], names: list[str], columns: list[Any], target: Any, path: PathLike) -> tuple[list[str], list[Any]]:
    """Return the selected names and columns, in the order of the file."""
    if missing := [name for name in wanted if name not in names]:
        raise ValueError(f"{path}: {missing[0]!r} of usecols is not one of the {len(names)} columns: {', '.join(names)}")
    if isinstance(target, str) and target in names and target not in wanted:
        raise ValueError(f"{path}: usecols leaves the target out: add {target!r} to it")
    places = [i for i, name in enumerate(names) if name in wanted]
    return [names[i] for i in places], [columns[i] for i in places]


def _column(target: Any, names: list[str], path: PathLike) -> int | None:
    """Return the number of the target column."""
    if target is None:
        return None
    if isinstance(target, str) and target in names:
        return names.index(target)
    if isinstance(target, (int, np.integer)) and not isinstance(target, bool) and -len(names) <= target < len(names):
        return range(len(names))[target]
    raise ValueError(f"{path}: the target {target!r} is not one of the {len(names)} columns: {', '.join(names)}")


# --- numbers in another notation --------------------------------------------------------------------------

Notation = tuple[re.Pattern[str], str, str] | None  # a number, its separator of thousands, its decimal point


def _notation(decimal: str, thousands: str | None) -> Notation:
    """Return the notation of numbers, or None for that of Python."""
    if decimal == "." and thousands is None:
        return None
    point, group = re.escape(decimal), re.escape(thousands or "")
    whole = rf"\d+|\d{{1,3}}({group}\d{{3}})+" if thousands else r"\d+"
    return re.compile(rf"[+-]?(({whole})({point}\d*)?|{point}\d+)([eE][+-]?\d+)?", re.ASCII), thousands or "", decimal


def _pointed(field: str, notation: Notation, path: PathLike | None) -> str:
    """Return a number in Python's notation, and any other text as it is.

    Raises:
        ValueError: with a path, for a number in Python's notation that the given notation does not allow.
    """
    if notation is None:
        return field
    pattern, thousands, decimal = notation
    if pattern.fullmatch(field):
        return (field.replace(thousands, "") if thousands else field).replace(decimal, ".")
    if path is not None and NUMBER.fullmatch(field):
        raise ValueError(f"{path}: {field!r} is not a number with decimal={decimal!r} and thousands={thousands or None!r}")
    return field


# --- from fields to numbers -------------------------------------------------------------------------------


def _table(columns: list[Any], names: list[str], target: Any, path: PathLike, delimiter: str) -> Table:
    """Return the table of columns, each an array of numbers or a list of texts."""
    chosen = _column(target, names, path)
    features = [i for i in range(len(names)) if i != chosen]
    x = np.empty((len(columns[0]), len(features)))
    for place, i in enumerate(features):
        x[:, place] = _feature(columns[i], names[i], path, delimiter)
        if i == 0 and names[0] in ("", "Unnamed: 0") and _counts_rows(x[:, place]):
            raise ValueError(
                f"{path}: the first column has no name and numbers the rows, like the index of a frame or of R: it is not a "
                f"feature, so write the file without it, to_csv(path, index=False), or pass usecols=range(1, {len(names)})"
            )
    y, classes = (None, None) if chosen is None else _target(columns[chosen], names[chosen], path, delimiter)
    return Table(x, y, [names[i] for i in features], classes)


def _counts_rows(column: np.ndarray) -> bool:
    """Return whether a column has the numbers from 0 or 1 on."""
    return len(column) > 1 and column[0] in (0.0, 1.0) and np.array_equal(column, column[0] + np.arange(len(column)))


def _feature(column: Any, name: str, path: PathLike, delimiter: str) -> np.ndarray:
    """Return a column as floats."""
    numbers = _numbers(column, name, path)
    if numbers is None:
        if all(text.lower() in ("true", "false") for text in column):
            return np.array([text.lower() == "true" for text in column], float)
        row, text = next((row, text) for row, text in enumerate(column, start=1) if not _is_number(text))
        raise ValueError(
            f"{path}: row {row} of the data has {text!r} in column {name!r}: {_advice(text, delimiter)}"
            f"only the target may have words; make it the target, replace its words by numbers, or {LEAVE_OUT}"
        )
    floats = numbers.astype(float)
    if numbers.dtype.kind != "f":
        for row, (exact, rounded) in enumerate(zip(numbers.tolist(), floats.tolist(), strict=True), start=1):
            if exact != rounded:
                raise ValueError(
                    f"{path}: row {row} of the data has the integer {exact} in column {name!r}, which a float would round to "
                    f"{rounded:.0f}: write it with a point if that is exact enough, or {LEAVE_OUT}"
                )
    return floats


def _target(column: Any, name: str, path: PathLike, delimiter: str) -> tuple[np.ndarray, list[str] | None]:
    """Return a column of whole numbers or floats, or class numbers with the names of the classes."""
    y = _numbers(column, name, path)
    if y is None:
        words = [text for text in column if not _is_number(text)]
        for advice in {_advice(text, delimiter) for text in words}:
            if advice and all(_advice(text, delimiter) for text in words):
                raise ValueError(f"{path}: column {name!r} has {words[0]!r}, which is not a class: {advice.removesuffix('; ')}")
        if set(map(str.lower, column)) <= {"true", "false"}:
            column = [text.title() for text in column]
        found, numbers = np.unique(column, return_inverse=True)
        return numbers.astype(np.int64), found.tolist()
    if y.dtype.kind == "O":
        if any(not -(2**63) <= number < 2**63 for number in y):
            raise ValueError(f"{path}: column {name!r} has integers of more than 64 bits: write them with a point for floats")
        return y.astype(np.int64), None
    if (y == np.rint(y)).all() and (abs(y) < 2.0**63).all():
        return y.astype(np.int64), None
    return y, None


def _numbers(column: Any, name: str, path: PathLike) -> np.ndarray | None:
    """Return a column as floats, or as Python's integers if all are whole; None if it has words."""
    if isinstance(column, np.ndarray):
        absent = np.flatnonzero(np.isnan(column)) if column.dtype.kind == "f" else np.zeros(0, int)
    else:
        absent = np.flatnonzero([text.lower() in ABSENT for text in column])
    if len(absent):
        what = f"row {absent[0] + 1} of the data has no value in column {name!r}"
        raise ValueError(f"{path}: {what}: drop the row, fill it in, or {LEAVE_OUT}")
    if isinstance(column, np.ndarray):
        return column.astype(object) if column.dtype.kind in "iu" else column.astype(float)
    if all(INTEGER.fullmatch(text) for text in column):
        return np.array([int(text) for text in column], object)
    if not all(map(_is_number, column)):
        return None
    for row, text in enumerate(column, start=1):
        if INTEGER.fullmatch(text) and int(text) != float(text) or np.isinf(float(text)) and not INFINITE.fullmatch(text):
            raise ValueError(
                f"{path}: row {row} of the data has {text} in column {name!r}, which a float would round to {float(text):.0f}: "
                f"write fewer digits, or {LEAVE_OUT}"
            )
    return np.array([float(text) for text in column])


def _is_number(text: str) -> bool:
    return bool(NUMBER.fullmatch(text) or INFINITE.fullmatch(text))


def _advice(text: str, delimiter: str) -> str:
    """Return what to do about a text that is neither a number nor a word; "" for a word."""
    for other in ";\t":
        if other in text and other != delimiter:
            return f"if {other!r} is between the fields, pass delimiter={other!r}; "
    return next((f"{advice}; " for pattern, advice in UNPLAIN if pattern.fullmatch(text)), "")
