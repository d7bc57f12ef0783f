"""Hold the structure of the code: imports go one way, the table is complete, the core stays small."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from pathlib import Path

import autograd
import nn
from autograd.op import Op
from autograd.ops import table
from tests.benchmarks.house import circles, lines_of_code, modules

ROOT = Path(autograd.__file__).parent.parent

#: The steps from a graph to a picture, a module each.
STEPS = [
    "graph", "similarity", "folding", "folded_graph", "sources", "node_texts", "rule_texts", "gradients", "marks", "compose",
    "budget",
]  # fmt: skip
#: A module may import from those before it in this list, and inside its own package.
ORDER = [
    "autograd.web",
    "autograd.value_set", "autograd.op", "autograd.ops.define", "autograd.ops", "autograd.graph", "autograd.scope_stack",
    "autograd.scopes", "autograd.stale", "autograd.hooks", "autograd.backward", "autograd.source", "autograd.numpy",
    "autograd.value",
    "autograd.transforms.trees", "autograd.transforms.call", "autograd.transforms",
    "autograd.compiler.program", "autograd.compiler.blockwise", "autograd.compiler.vectors", "autograd.compiler.passes",
    "autograd.compiler",
    "autograd.verify.progress", "autograd.verify.report", "autograd.verify.subjects", "autograd.verify.measure",
    "autograd.verify.explain", "autograd.verify.points", "autograd.verify.check", "autograd.verify",
    "autograd.drawing.palette", "autograd.drawing.picture", *(f"autograd.drawing.read.{step}" for step in STEPS),
    "autograd.drawing.read", "autograd.drawing.write.text", "autograd.drawing.write.dot", "autograd.drawing.write",
    "autograd.drawing.compare", "autograd.drawing.failure", "autograd.drawing.drawings", "autograd.drawing",
    "autograd.recording", "autograd", "autograd.__main__",
    "nn.source", "nn.extras", "nn.arrays", "nn.seeds", "nn.module", "nn.init", "nn.layers", "nn.containers",
    "nn.reductions", "nn.losses", "nn.storage", "nn.pytorch", "nn.training", "nn", "nn.estimators", "demos",
]  # fmt: skip


def room(module: str) -> str:
    """Return the entry of ORDER that a module belongs to."""
    return max((entry for entry in ORDER if module == entry or module.startswith(entry + ".")), key=len)


def imports(path: Path) -> list[str]:
    """Return the modules of this project that a file imports, from-imports of names included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            parts = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [part for part in parts if is_module(part)]
            found += submodules if len(submodules) == len(parts) else [node.module or "", *submodules]
    return [name for name in found if name.split(".")[0] in ("autograd", "nn", "demos")]


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def module_files() -> list[tuple[str, Path]]:
    return list(modules("autograd", "nn", "demos").items())


def test_imports_go_one_way() -> None:
    for module, path in module_files():
        for name in imports(path):
            here, there = room(module), room(name)
            assert ORDER.index(there) <= ORDER.index(here), f"{module} imports {name}, which is above it"
            if name.split(".")[0] != module.split(".")[0]:
                assert name in (
                    "autograd",
                    "nn",
                    "autograd.ops",
                    "autograd.compiler",
                    "autograd.verify",
                    "autograd.web",
                    "nn.init",
                    "nn.estimators",
                ), f"{module} imports {name}: only public names"


def test_no_modules_import_each_other() -> None:
    files = dict(module_files())
    below = {module: {name for name in imports(path) if name in files and name != module} for module, path in files.items()}
    assert not circles(below)


def test_only_the_drawing_knows_graphviz() -> None:
    for module, path in module_files():
        if not module.startswith("autograd.drawing"):
            assert "import graphviz" not in path.read_text(encoding="utf-8"), module


def test_reading_a_graph_and_writing_a_picture_share_the_picture_alone() -> None:
    for module, path in module_files():
        here = next((room for room in ("read", "write") if module.startswith(f"autograd.drawing.{room}.")), None)
        there = {name.split(".")[2] for name in imports(path) if name.startswith("autograd.drawing.")}
        assert here is None or there <= {here, "picture", "palette"}, module


def test_no_module_bears_the_name_of_a_public_function() -> None:
    for package in (autograd, nn):
        modules = {info.name for info in pkgutil.iter_modules(package.__path__)}
        assert not modules & set(package.__all__)


def test_the_table_is_read_from_the_modules() -> None:
    found = {}
    for info in pkgutil.iter_modules(importlib.import_module("autograd.ops").__path__, "autograd.ops."):
        found.update({op.name: op for op in vars(importlib.import_module(info.name)).values() if isinstance(op, Op)})
    assert found == table()
    assert len({op.name for op in found.values()}) == len(found)
    for name, op in found.items():
        assert op.rules, name
        assert op.__doc__, f"{name} has no docstring"


def test_an_operation_names_the_module_that_defines_it() -> None:
    """Pickles, the support table and NumPy's dispatch read it."""
    for name in {op.__module__ for op in table().values()}:
        module = sys.modules[name]
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        names |= {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}
        for op in table().values():
            assert op.__module__ != name or any(vars(module).get(word) is op for word in names), op.name


def test_every_file_says_what_it_is_for() -> None:
    for module, path in module_files():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), module


def test_the_engine_fits_on_a_few_screens() -> None:
    """The core is the graph, scopes, the chain rule and Value, without the op table, NumPy's protocol, transforms and drawing."""
    core = [ROOT / "autograd" / f"{name}.py" for name in ("__init__", "graph", "scopes", "backward", "value")]
    assert sum(map(lines_of_code, core)) <= 600
