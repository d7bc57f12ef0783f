"""read_csv(): exact numbers, names, notations, encodings and quotes, with pandas and without it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import extras


@pytest.fixture(params=["with pandas", "without pandas"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the file of a test; each test runs twice."""
    if request.param == "without pandas":
        hide_pandas(monkeypatch)
    return tmp_path / "table.csv"


def hide_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    real = extras.import_module

    def without(name: str) -> Any:
        if name.startswith("pandas"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name)

    monkeypatch.setattr(extras, "import_module", without)


def read(path: Path, content: str | bytes, *args: Any, **named: Any) -> Any:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return nn.read_csv(path, *args, **named)


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "right"),
    [
        (["9007199254740993", "3"], [2**53 + 1, 3]),
        (["-9223372036854775808", "9223372036854775807"], [-(2**63), 2**63 - 1]),
        (["1.0", "2e3"], [1, 2000]),
        (["007", "+1"], [7, 1]),
        (["1e30", "2"], [1e30, 2.0]),
        (["0.1", "2"], [0.1, 2.0]),
        (["inf", "-Infinity"], [np.inf, -np.inf]),
        (["9007199254740992", "0.5"], [2.0**53, 0.5]),
    ],
)
def test_numbers_are_what_is_written(path: Path, numbers: list[str], right: list[Any]) -> None:
    table = read(path, "a,y\n" + "".join(f"{i},{number}\n" for i, number in enumerate(numbers)), target="y")
    assert table.y.tolist() == right and table.classes is None and table.x[:, 0].tolist() == [0.0, 1.0]
    assert table.y.dtype == (np.int64 if isinstance(right[0], int) else np.float64)
    quoted = read(path, "a,y\n" + "".join(f'{i},"{number}"\n' for i, number in enumerate(numbers)), target="y")
    assert quoted.y.tolist() == right and quoted.y.dtype == table.y.dtype


@pytest.mark.parametrize(
    ("text", "target", "error"),
    [
        (
            "a,y\n1,2\n9007199254740993,1\n",
            "y",
            "row 2 of the data has the integer 9007199254740993 in column 'a', which a float",
        ),
        (
            "a,y\n1,9007199254740993\n2,0.5\n",
            "y",
            "row 1 of the data has 9007199254740993 in column 'y', which a float would round",
        ),
        ("a,y\n1,100000000000000000000\n", "y", "column 'y' has integers of more than 64 bits"),
        ("a,y\n1e400,1\n", "y", "row 1 of the data has 1e400 in column 'a', which a float would round to inf"),
        ("a,y\n1_2,1\n", "y", "row 1 of the data has '1_2' in column 'a': only the target may have words"),
        ("a,y\n0x10,1\n", "y", "has '0x10' in column 'a'"),
        ("a,y\n\u0661,1\n", "y", "in column 'a': only the target may have words"),
        ('a,y\n"1,234",1\n', "y", "has '1,234' in column 'a': pass thousands=','"),
        ('a,y\n1,"1,234"\n2,"2,345"\n', "y", "column 'y' has '1,234', which is not a class: pass thousands=','"),
        ('a,y\n1,"1,5"\n2,"2,5"\n', "y", "column 'y' has '1,5', which is not a class: pass decimal=','"),
        ("a,y\n1,3%\n2,4%\n", "y", "column 'y' has '3%', which is not a class: remove the unit"),
        ("a,y\n1,2020-01-31\n2,2020-02-01\n", "y", "column 'y' has '2020-01-31', which is not a class: replace dates by numbers"),
        ("a,y\n1,#N/A\n", None, "row 1 of the data has no value in column 'y'"),
    ],
)
def test_other_notations_of_numbers_raise_an_error(path: Path, text: str, target: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        read(path, text, target)


def test_words_that_look_like_numbers_are_words(path: Path) -> None:
    table = read(path, "a,code\n1,1_2\n2,12\n3,1_2\n", target="code")
    assert table.y.tolist() == [1, 0, 1] and table.classes == ["12", "1_2"]


def test_true_and_false(path: Path) -> None:
    table = read(path, "a,b\nTrue,1\nFALSE,2\n")
    assert table.x.tolist() == [[1.0, 1.0], [0.0, 2.0]]
    table = read(path, "a,b\n1,true\n2,False\n", target="b")
    assert table.y.tolist() == [1, 0] and table.classes == ["False", "True"]


def test_other_notations(path: Path) -> None:
    assert read(path, "a;b\n1,5;2\n-3;4\n", delimiter=";", decimal=",").x.tolist() == [[1.5, 2.0], [-3.0, 4.0]]
    table = read(path, "a;b\n1.234.567,5;2\n3;1.000\n", delimiter=";", decimal=",", thousands=".")
    assert table.x.tolist() == [[1234567.5, 2.0], [3.0, 1000.0]]
    assert read(path, 'a,b\n"1,234",5\n', thousands=",").x.tolist() == [[1234.0, 5.0]]
    with pytest.raises(ValueError, match="'1.5' is not a number with decimal=',' and thousands=None"):
        read(path, "a;b\n1.5;2\n3,5;4\n", delimiter=";", decimal=",")
    with pytest.raises(ValueError, match="decimal=',' and thousands=',' must be different"):
        read(path, "a;b\n1;2\n", delimiter=";", decimal=",", thousands=",")
    with pytest.raises(ValueError, match="has '1,2' in column 'a'"):  # no group of three
        read(path, "a;b\n1,2;2\n", delimiter=";", thousands=",")


# --- names -----------------------------------------------------------------------------------------------


def test_names_that_are_numbers(path: Path) -> None:
    table = read(path, "2019,2020,y\n5.5,6.5,0\n7.5,8.5,1\n", target=2)
    assert table.names == ["2019", "2020"] and table.y.tolist() == [0, 1] and table.classes is None
    words = "2019,2020,y\n5.5,6.5,cat\n7.5,8.5,dog\n"
    assert read(path, words, target="y").classes == ["cat", "dog"]
    assert read(path, words, target=2, header=True).names == ["2019", "2020"]
    assert read(path, words, target=2, header=False).classes == ["cat", "dog", "y"]
    with pytest.raises(ValueError, match="the first row, 2019, 2020, y, may have names or data: pass header=True or header=Fal"):
        read(path, words, target=2)
    table = read(path, "5.1,3.5,setosa\n4.9,3.0,setosa\n6,3,virginica\n", target=2)  # a class that occurs again
    assert table.names == ["0", "1"] and table.y.tolist() == [0, 0, 1]
    assert read(path, "2019,2020\n3,4\n", target="2019").names == ["2020"]
    with pytest.raises(ValueError, match="the first row, 1, 2, 3, may have names or data"):
        read(path, "1,2,3\n3,4,5\n", target="2")
    assert read(path, "1,2,3\n3,4,5\n", target="2", header=False).y.tolist() == [3, 5]


def test_names_that_occur_twice(path: Path) -> None:
    for target in ("a", None):
        with pytest.raises(ValueError, match="the column name 'a' occurs twice: rename one"):
            read(path, "a,b,a\n1,2,3\n", target=target)


@pytest.mark.parametrize("target", [True, 1.5, None, "c", -3])
def test_targets(path: Path, target: Any) -> None:
    if target is None:
        assert read(path, "a,b\n1,2\n").y is None
    else:
        with pytest.raises(ValueError, match=f"the target {target!r} is not one of the 2 columns: a, b"):
            read(path, "a,b\n1,2\n", target=target)


# --- fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b;y\n1;2;0\n3;4;1\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("1 2\n3 4\n", " "),
        ("1,5;2,5;0\n3,5;4,5;1\n", ";"),
    ],
)
def test_another_delimiter_is_named(path: Path, text: str, delimiter: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(path, text, target=-1)
    assert f"by the delimiter ',', but every row has {delimiter!r}: pass delimiter={delimiter!r}" in str(caught.value)
    if "1,5" not in text:
        assert len(read(path, text, target=-1, delimiter=delimiter).x) in (1, 2)


def test_delimiters(path: Path) -> None:
    assert read(path, "1   2\n 3\t4\n", delimiter=r"\s+").x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert read(path, "city\nNew York\nSan Remo\n", target="city").classes == ["New York", "San Remo"]
    for delimiter in ("", "ab", '"', "\n", 3):
        with pytest.raises(ValueError, match=r"a delimiter must be one character, or r'\\s\+' for white space"):
            read(path, "a,b\n1,2\n", delimiter=delimiter)


def test_quotes(path: Path) -> None:
    assert read(path, 'a,b\n1,"x\n\ny"\n2,"say ""z"""\n', target="b").classes == ['say "z"', "x\n\ny"]
    assert read(path, 'a,b\n1, "x, y"\n\n2,z\n', target="b").classes == ["x, y", "z"]
    assert read(path, '"a","b"\n"1","2"\n').x.tolist() == [[1.0, 2.0]]
    for text in ('a,b\n1,"x\n2,z\n', 'a,b\n1,"2",3\n', 'a,b\n1,"2"\n3\n'):
        with pytest.raises(ValueError, match=r"table\.csv"):
            read(path, text, target="b")


def test_blank_lines_spaces_and_wide_tables(path: Path) -> None:
    assert read(path, "a,b\n\n 1 , 2\n   \n3,4\n\n").x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    table = read(path, ",".join(f"c{i}" for i in range(3000)) + "\n" + ",".join(map(str, range(3000))) + "\n", target="c2999")
    assert table.x.shape == (1, 2999) and table.y.tolist() == [2999]
    with pytest.raises(ValueError, match="has 1 names for 2 columns: # units: comment='#' leaves comments out, for pandas"):
        read(path, "# units\na,b\n1,2\n")
    with pytest.raises(ValueError, match="the number of columns changed from 2 to 3 at row 2"):
        read(path, "a,b\n1,2\n3,4,5\n")


# --- bytes -----------------------------------------------------------------------------------------------


def test_encodings(path: Path) -> None:
    latin = "name,b\ncaf\u00e9,2\nx,3\n".encode("latin-1")
    with pytest.raises(
        ValueError, match=r"table\.csv is not in the encoding utf-8 .*: pass the encoding .*'latin-1' or 'cp1252'"
    ):
        read(path, latin, target="name")
    assert read(path, latin, target="name", encoding="latin-1").classes == ["caf\u00e9", "x"]
    for encoding in ("utf-16", "utf-32", "utf-8-sig", "utf-8"):
        assert read(path, "name,b\ncaf\u00e9,2\nx,3\n".encode(encoding), target="name").classes == ["caf\u00e9", "x"]
    with pytest.raises(ValueError, match=r"zero bytes, so it is not text in utf-8: pass another encoding=, such as 'utf-16'"):
        read(path, "a,b\n1,2\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match="there is no encoding 'nope': pass one of Python's"):
        read(path, "a,b\n1,2\n", encoding="nope")
    assert read(path, "a,b\r1,2\r").x.tolist() == [[1.0, 2.0]]


def test_compressed_files_and_archives(path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")
    assert read(path, packed).x.tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="is a damaged gzip file"):
        read(path, packed[:-6])
    for beginning, what in ((b"PK\x03\x04", "a zip archive or an Excel workbook"), (b"BZh9", "compressed by bzip2: unpack it")):
        with pytest.raises(ValueError, match=what):
            read(path, beginning + b"1234")


# --- with pandas and without -----------------------------------------------------------------------------


def test_options_of_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    table = read(path, "# units\na,b,y\n1,2,cat\n3,4,dog # sic\n", target="y", comment="#")
    assert table.x.tolist() == [[1.0, 2.0], [3.0, 4.0]] and table.classes == ["cat", "dog"]
    assert read(path, "title\na,b\n1,2\n", skiprows=1, usecols=[1]).names == ["b"]
    with pytest.raises(TypeError, match="read_csv.. takes delimiter=, header= and further options of pandas, but not sep="):
        read(path, "a;b\n1;2\n", sep=";")
    hide_pandas(monkeypatch)
    with pytest.raises(ImportError, match=r"read_csv\(comment=\) needs pandas .*: pip install 'valuegrad\[nn\]'"):
        read(path, "# units\na,b\n1,2\n", comment="#")
    with pytest.raises(ImportError, match=r"quotes between white space, .* pip install 'valuegrad\[nn\]'"):
        read(path, '"a" "b"\n1 2\n', delimiter=r"\s+")
    with pytest.raises(ValueError, match=r"in line 2: correct the quotes, or let pandas try, pip install 'valuegrad\[nn\]'"):
        read(path, 'a,b\n1,"x"y\n', target="b")


def test_columns_are_left_out_by_the_names_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, text = tmp_path / "people.csv", 'name,age,height,healthy\nann,30,1.5,yes\n"bob, jr",40,,no\n'
    with pytest.raises(ValueError, match=r"'ann' in column 'name'.*or leave the column out: usecols=\[...\] takes the names"):
        read(path, text, target="healthy")
    with pytest.raises(ValueError, match=r"no value in column 'height': drop the row, fill it in, or leave the column out: use"):
        read(path, text, target="healthy", usecols=["age", "height", "healthy"])
    for wanted in (["healthy", "age"], ("age", "healthy"), np.array(["age", "healthy"])):
        table = read(path, text, target="healthy", usecols=wanted)
        assert table.x.tolist() == [[30.0], [40.0]] and table.names == ["age"] and table.classes == ["no", "yes"]
    assert read(path, "# sic\n" + text, usecols="age", comment="#").names == ["age"]
    assert read(path, "a;b\nx 1.5;2,5\n", delimiter=";", decimal=",", usecols=["b"]).x.tolist() == [[2.5]]
    assert read(path, "1,2\n3,4\n", usecols=["1"]).x.tolist() == [[2.0], [4.0]]
    hide_pandas(monkeypatch)
    assert read(path, text, usecols=["age"]).x.tolist() == [[30.0], [40.0]]
    for wanted, text_of_error in (
        (["age"], "usecols leaves the target out: add 'healthy' to it"),
        (["old", "healthy"], "'old' of usecols is not one of the 4 columns: name, age, height, healthy"),
    ):
        with pytest.raises(ValueError, match=text_of_error):
            read(path, text, target="healthy", usecols=wanted)
    for wrong, text_of_error in (([1, "age"], "all names or all numbers of columns"), (1, "must be a list of names or numbers")):
        with pytest.raises(TypeError, match=text_of_error):
            read(path, text, usecols=wrong)


@pytest.mark.parametrize(
    "content", [",a,y\n0,1.5,2\n1,3.5,4\n", "Unnamed: 0,a,y\n0,1.5,2\n1,3.5,4\n", '"","a","y"\n"1",1.5,2\n"2",3.5,4\n']
)
def test_a_column_that_numbers_the_rows_is_no_feature(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    with pytest.raises(ValueError, match=r"first column has no name and numbers the rows.*usecols=range\(1, 3\)"):
        read(path, content, target="y")
    table = read(path, content, target="y", usecols=range(1, 3))
    assert table.names == ["a"]
    assert table.x.tolist() == [[1.5], [3.5]]
    assert read(path, ",a\n5,1\n3,2\n").x.tolist() == [[5.0, 1.0], [3.0, 2.0]]


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_read_csv(tmp_path: Path) -> None:
    path = csv(tmp_path, '\ufeffwidth, height,kind\r\n1,2.5,cat\r\n\r\n3,-4e1,"dog, big"\r\n5,6,cat\r\n')
    x, y, names, classes = nn.read_csv(path, target="kind")
    assert x.tolist() == [[1.0, 2.5], [3.0, -40.0], [5.0, 6.0]]
    assert y is not None and y.tolist() == [0, 1, 0] and y.dtype == np.int64
    assert names == ["width", "height"] and classes == ["cat", "dog, big"]


def test_columns_without_names(tmp_path: Path) -> None:
    table = nn.read_csv(csv(tmp_path, "1,2,0.5\n3,4,1\n"), target=-1)
    assert table.x.tolist() == [[1.0, 2.0], [3.0, 4.0]] and table.names == ["0", "1"]
    assert table.y is not None and table.y.tolist() == [0.5, 1.0]
    table = nn.read_csv(csv(tmp_path, "2000;2001\n3;4\n"), header=True, delimiter=";")
    assert table.names == ["2000", "2001"] and table.y is None and table.x.tolist() == [[3.0, 4.0]]


def test_many_classes(tmp_path: Path) -> None:
    """Class numbers with more digits than their names have letters."""
    table = nn.read_csv(csv(tmp_path, "".join(f"{i},{chr(97 + i)}\n" for i in range(26))), target=1, header=False)
    assert table.y is not None and table.y.tolist() == list(range(26))


@pytest.mark.parametrize("empty", ["", "NA", "nan", "?"])
@pytest.mark.parametrize("target", [None, "b", "a"])
def test_missing_values(tmp_path: Path, empty: str, target: str | None) -> None:
    with pytest.raises(ValueError, match=r"table\.csv: row 2 of the data has no value in column 'b'"):
        nn.read_csv(csv(tmp_path, f"a,b\n1,2\n3,{empty}\n"), target)


@pytest.mark.parametrize(
    ("text", "target", "error"),
    [
        ("a,b\n1,2\n3,red\n", "a", "row 2 of the data has 'red' in column 'b': only the target may have words"),
        ("a,b\n1,2\n3\n", None, "the number of columns changed from 2 to 1 at row 2"),
        ("a,b\n1,2,3\n", None, "has 2 names for 3 columns: a, b"),
        ("a,b\n1,2\n", "c", "the target 'c' is not one of the 2 columns: a, b"),
        ("a,b\n1,2\n", 2, "the target 2 is not one of the 2 columns"),
        ("a,a\n1,2\n", "a", "the column name 'a' occurs twice: rename one"),
        ("", None, "has no rows of data"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, text: str, target: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        nn.read_csv(csv(tmp_path, text), target)
