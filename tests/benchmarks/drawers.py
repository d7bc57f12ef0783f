"""Compare drawings of the same graphs by valuegrad, micrograd's draw_dot, torchviz, torchview and torchvista.

    python -m tests.benchmarks.drawers --environments FOLDER

This creates an environment for PyTorch with its three tools and one for micrograd in FOLDER, which the next run uses
again, draws every graph with every tool in a separate process, and prints a Markdown table of the pictures' sizes.
The README has another table, of what the tools can do, written by hand from their documentation and source.

All tools draw through the executable `dot`, on PATH or from graphviz-pure, except torchvista: it draws in a browser,
with Graphviz compiled to WebAssembly, and needs `chromium` on PATH. The time is from the finished model or loss to the
SVG file, without the start of the browser; torchview and torchvista include the forward pass, which they run. Each tool
draws the whole graph with names: torchviz gets the names of the parameters, torchview and torchvista open all modules.
valuegrad and micrograd draw neuron by neuron, the others layer by layer, as users do. valuegrad folds copies, and draws
some graphs a second time without folding.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

HERE = Path(__file__).resolve()
START_LIMIT = 30.0  # seconds to import a library and run its model
#: The packages of each environment.
ENVIRONMENTS = {
    "torch": ("torch", "numpy", "graphviz", "torchviz", "torchview", "torchvista", "playwright"),
    "micrograd": ("micrograd", "graphviz"),
}
#: The environment of each tool.
TOOLS = {
    "valuegrad": "",
    "unfolded": "",
    "micrograd": "micrograd",
    "torchviz": "torch",
    "torchview": "torch",
    "torchvista": "torch",
}
SCALAR, ARRAY = ("valuegrad", "micrograd"), ("valuegrad", "torchviz", "torchview", "torchvista")
#: The title of each graph, and the tools that draw it.
GRAPHS = {
    "neuron": ("a neuron of two inputs", ("valuegrad", "micrograd", "torchviz", "torchview", "torchvista")),
    "scores 3": ("2-16-16-1 network, scalars, sum of its scores of 3 samples", ("valuegrad", "unfolded", "micrograd")),
    "moons 1": ("the same, hinge loss with weight decay, 1 sample", SCALAR),
    "moons 3": ("the same, 3 samples", ("valuegrad", "unfolded", "micrograd")),
    "moons 100": ("the same, 100 samples", SCALAR),
    "moons": ("the same in arrays, 100 samples", ARRAY),
    "digits": ("digits network 64-32-10, arrays, cross entropy", ARRAY),
    "lstm": ("LSTM, arrays, 20 time steps", ARRAY),
}


class Row(NamedTuple):
    """A picture: nodes drawn, seconds, width and height in points, names of parameters in it, and parameters."""

    nodes: int
    seconds: float
    width: float
    height: float
    named: int
    parameters: int


# --- in the process of a tool: each of these makes a graph, and returns what draws it and the names of the parameters ----------

Made = tuple[Callable[[Path], None], list[str]]


def valuegrad(graph: str) -> Made:
    from autograd import draw

    value, names = ours(graph)
    value.backward()
    return lambda path: saved(draw(value), path), names


def unfolded(graph: str) -> Made:
    from autograd import draw

    value, names = ours(graph)
    value.backward()
    return lambda path: saved(draw(value, fold=False, max_nodes=1_000_000), path), names


def saved(drawing: Any, path: Path) -> None:
    """Write a Drawing as an SVG file. Print its number of nodes first, in case the layout takes too long."""
    print(json.dumps(len(drawing.nodes)), file=ANSWERS, flush=True)
    if drawing.save(path) != path:
        sys.exit(f"no picture, only text: the layout of {len(drawing.nodes):,} nodes was stopped")


def ours(graph: str) -> tuple[Any, list[str]]:
    """Return the loss of a model of valuegrad, and the names of its parameters."""
    import numpy as np

    import nn
    from autograd import sigmoid, tanh

    if graph == "neuron":
        neuron = nn.Neuron(2, rng=1)
        return neuron([0.5, -1.0]), [name for name, _ in neuron.named_parameters()]
    if graph not in ("moons", "digits", "lstm"):
        network = nn.MLP(2, [16, 16, 1], rng=1)
        points, labels = moons(int(graph.split()[1]))
        if graph.startswith("scores"):
            return added([network(point) for point in points]), [name for name, _ in network.named_parameters()]
        losses = [(1.0 - label * network(point)).relu() for point, label in zip(points, labels, strict=True)]
        decay = 1e-4 * added([p * p for p in network.parameters()])
        return added(losses) / len(losses) + decay, [name for name, _ in network.named_parameters()]
    rng = np.random.default_rng(1)
    if graph == "moons":
        model = nn.Sequential(nn.Linear(2, 16, rng=1), nn.ReLU(), nn.Linear(16, 16, rng=2), nn.ReLU(), nn.Linear(16, 1, rng=3))
        points, labels = map(np.array, moons(100))
        loss = (1.0 - labels * model(points)[:, 0]).relu().mean() + 1e-4 * added([(p * p).sum() for p in model.parameters()])
        return loss, [name for name, _ in model.named_parameters()]
    if graph == "digits":
        model = nn.Sequential(nn.Linear(64, 32, rng=1), nn.ReLU(), nn.Linear(32, 10, rng=2))
        return nn.cross_entropy(model(rng.normal(size=(32, 64))), np.arange(32) % 10), [
            name for name, _ in model.named_parameters()
        ]

    class LSTM(nn.Module):
        def __init__(self) -> None:
            self.gates, self.predict = nn.Linear(24, 64, rng=1), nn.Linear(16, 8, rng=2)

        def forward(self, inputs: Any) -> Any:
            hidden = cell = np.zeros((4, 16))
            for step in inputs:
                i, f, g, o = np.split(self.gates(np.concatenate([step, hidden], 1)), 4, 1)
                cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
                hidden = sigmoid(o) * tanh(cell)
            return (self.predict(hidden) ** 2.0).mean()

    lstm = LSTM()
    return lstm(rng.normal(size=(20, 4, 8))), [name for name, _ in lstm.named_parameters()]


def micrograd(graph: str) -> Made:
    from micrograd.nn import MLP, Neuron

    model = Neuron(2) if graph == "neuron" else MLP(2, [16, 16, 1])
    if graph == "neuron":
        loss = model([0.5, -1.0])
    else:
        points, labels = moons(int(graph.split()[1]))
        scores = [model(point) for point in points]
        losses = [(1 - label * score).relu() for label, score in zip(labels, scores, strict=True)]
        decay = 1e-4 * added([p * p for p in model.parameters()])
        loss = added(scores) if graph.startswith("scores") else added(losses) * (1.0 / len(losses)) + decay
    loss.backward()
    return lambda path: laid_out(draw_dot(loss), path), [f"parameter {i}" for i in range(len(model.parameters()))]


def draw_dot(root: Any) -> Any:
    """Draw a graph as micrograd's notebook trace_graph.ipynb does, by Andrej Karpathy (MIT licence)."""
    from graphviz import Digraph

    nodes, edges = set(), set()

    def build(v: Any) -> None:
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    dot = Digraph(format="svg", graph_attr={"rankdir": "LR"})
    for n in nodes:
        dot.node(name=str(id(n)), label=f"{{ data {n.data:.4f} | grad {n.grad:.4f} }}", shape="record")
        if n._op:
            dot.node(name=str(id(n)) + n._op, label=n._op)
            dot.edge(str(id(n)) + n._op, str(id(n)))
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def torch_model(graph: str) -> tuple[Any, tuple[Any, ...]]:
    """Return a PyTorch module whose output is the loss, and its inputs."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Neuron(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w0, self.w1, self.b = (nn.Parameter(torch.tensor(number)) for number in (0.7, -0.4, 0.1))

        def forward(self, x0: Any, x1: Any) -> Any:
            return torch.relu(self.b + self.w0 * x0 + self.w1 * x1)

    class Moons(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))

        def forward(self, points: Any, labels: Any) -> Any:
            decay = 1e-4 * added([(p * p).sum() for p in self.model.parameters()])
            return torch.relu(1.0 - labels * self.model(points)[:, 0]).mean() + decay

    class Digits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

        def forward(self, images: Any, digits: Any) -> Any:
            return functional.cross_entropy(self.model(images), digits)

    class LSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gates, self.predict = nn.Linear(24, 64), nn.Linear(16, 8)

        def forward(self, inputs: Any) -> Any:
            hidden = cell = torch.zeros(4, 16)
            for step in inputs:
                i, f, g, o = self.gates(torch.cat([step, hidden], 1)).chunk(4, 1)
                cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
                hidden = torch.sigmoid(o) * torch.tanh(cell)
            return (self.predict(hidden) ** 2.0).mean()

    torch.manual_seed(1)
    if graph == "neuron":
        return Neuron(), (torch.tensor(0.5), torch.tensor(-1.0))
    if graph == "moons":
        return Moons(), tuple(torch.tensor(item) for item in moons(100))
    if graph == "digits":
        return Digits(), (torch.randn(32, 64), torch.arange(32) % 10)
    return LSTM(), (torch.randn(20, 4, 8),)


def torchviz(graph: str) -> Made:
    from torchviz import make_dot

    model, inputs = torch_model(graph)
    names = dict(model.named_parameters())
    loss = model(*inputs)
    loss.backward()
    return lambda path: laid_out(make_dot(loss, params=names), path), list(names)


def torchview(graph: str) -> Made:
    from torchview import draw_graph

    model, inputs = torch_model(graph)
    settings: dict[str, Any] = {"depth": 99, "expand_nested": True, "hide_module_functions": False, "device": "cpu"}

    def drawn(path: Path) -> None:
        laid_out(draw_graph(model, input_data=inputs, **settings).visual_graph, path)

    return drawn, [name for name, _ in model.named_parameters()]


def torchvista(graph: str) -> Made:
    import torchvista.render
    from playwright.sync_api import sync_playwright

    model, inputs = torch_model(graph)
    model.eval()
    pages: list[str] = []
    torchvista.render.display = lambda html: pages.append(html.data)  # shown in a notebook
    browser = sync_playwright().start().chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = browser.new_page()

    def drawn(path: Path) -> None:
        open_modules: dict[str, Any] = {"collapse_modules_after_depth": 99, "show_module_attr_names": True}
        torchvista.trace_model(model, inputs, export_format="svg", **open_modules)
        html = path.with_suffix(".html")
        html.write_text(f"<!doctype html><meta charset=utf-8>{pages[-1]}", encoding="utf-8")
        page.goto(html.as_uri())
        with page.expect_download() as download:
            page.click("[id^=svg-save-button]")
        download.value.save_as(path)

    return drawn, [name for name, _ in model.named_parameters()]


def moons(samples: int) -> tuple[list[list[float]], list[float]]:
    """Return points of two half moons and their labels."""
    import math

    angles = [math.pi * (i // 2 + 0.5) / ((samples + 1) // 2) for i in range(samples)]
    points = [[1.0 - math.cos(a), 0.5 - math.sin(a)] if i % 2 else [math.cos(a), math.sin(a)] for i, a in enumerate(angles)]
    return points, [1.0 if i % 2 else -1.0 for i in range(samples)]


def added(items: list[Any]) -> Any:
    """Add from left to right, without an initial zero."""
    total = items[0]
    for item in items[1:]:
        total = total + item
    return total


def laid_out(digraph: Any, path: Path) -> None:
    """Write a graph of the graphviz package as an SVG file. Print its number of nodes first, in case that takes too long."""
    print(json.dumps(sum("->" not in line and "\t" in line for line in digraph.body)), file=ANSWERS, flush=True)
    path.write_bytes(digraph.pipe("svg"))


def measured(svg: str, names: Sequence[str], seconds: float) -> Row:
    """Measure a picture."""
    box = re.search(r'<svg[^>]*?width="([\d.]+)(?:pt)?"[^>]*?height="([\d.]+)(?:pt)?"', svg, re.DOTALL)
    assert box is not None, svg[:300]
    nodes = len(re.findall(r'class="node\b', svg))
    words = set(re.findall(r"[\w.]+", svg))  # also in tooltips and comments, where a search in the file finds them
    named = sum(name in words for name in names)
    return Row(nodes, seconds, float(box[1]), float(box[2]), named, len(names))


ANSWERS = sys.stdout


def run(tool: str, graph: str, folder: Path) -> None:
    """In the process of a tool, print its version, perhaps the number of nodes, and the Row, one a line."""
    global ANSWERS
    ANSWERS, sys.stdout = sys.stdout, sys.stderr  # keeps what a library prints out of the answers
    sys.setrecursionlimit(100_000)  # draw_dot is recursive
    print(json.dumps(importlib.metadata.version("valuegrad" if tool == "unfolded" else tool)), file=ANSWERS, flush=True)
    makers = {
        "valuegrad": valuegrad,
        "unfolded": unfolded,
        "micrograd": micrograd,
        "torchviz": torchviz,
        "torchview": torchview,
        "torchvista": torchvista,
    }
    draw, names = makers[tool](graph)
    path = folder / "picture.svg"
    start = perf_counter()
    draw(path)
    seconds = perf_counter() - start
    print(json.dumps(measured(path.read_text(encoding="utf-8"), names, seconds)), file=ANSWERS, flush=True)


# --- in the main process: environments, processes, the tables ------------------------------------------------------------------


def environment(name: str, folder: Path) -> str:
    """Return the Python of an environment; create the environment if it is missing."""
    if not name:
        return sys.executable
    python = folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [item.partition("==")[0] for item in ENVIRONMENTS[name]]
    found = [str(python), "-c", f"import importlib.metadata as m; [m.version(item) for item in {wanted!r}]"]
    if not python.exists() or subprocess.run(found, capture_output=True).returncode:
        print(f"installing {' '.join(ENVIRONMENTS[name])} into {folder / name}", file=sys.stderr, flush=True)
        venv.create(folder / name, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *ENVIRONMENTS[name]], check=True)
    return str(python)


def with_dot(folder: Path) -> str:
    """Return the version of the `dot` on PATH; if there is none, put graphviz-pure there under that name."""
    if shutil.which("dot") is None:
        pure = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts")) or shutil.which("graphviz-pure")
        if pure is None:
            sys.exit("there is no dot on PATH and no graphviz-pure: pip install 'valuegrad[draw]', or install Graphviz")
        (folder / "bin").mkdir(exist_ok=True)
        shutil.copy(pure, folder / "bin" / "dot")
        os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    version = subprocess.run(["dot", "-V"], capture_output=True, text=True)
    return (version.stderr or version.stdout).strip()


def drawing(tool: str, graph: str, python: str, limit: float, show: Path | None) -> tuple[str, Any]:
    """Return the version of a tool, and the Row of a picture; if it took too long, the number of nodes or None; or the error."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if not TOOLS[tool]:
        variables["PYTHONPATH"] = str(HERE.parents[2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HERE, folder / "drawers.py")
        command = [python, "drawers.py", "--run", tool, graph, name]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        process = subprocess.Popen(command, cwd=folder, env=variables, start_new_session=True, **pipes)
        try:
            text, errors = process.communicate(timeout=limit + START_LIMIT)
            if process.returncode:
                version = json.loads(text.partition("\n")[0] or '"?"')
                return version, errors.strip().rpartition("\n")[2][:200]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the dot that it started
            text, _ = process.communicate()
        version, *lines = map(json.loads, text.split("\n")[:-1])
        if lines and isinstance(lines[-1], list):
            row = Row(*lines[-1])
            if show is not None:
                shutil.copy(folder / "picture.svg", show / f"{tool} {graph}.svg".replace(" ", "_"))
            return version, row if row.seconds <= limit else row.nodes
        return version, lines[-1] if lines else None


def pictures(graphs: Sequence[str], tools: Sequence[str], pythons: dict[str, str], options: Any) -> list[str]:
    """Return the lines of the table."""
    lines = [
        "| graph | tool | nodes drawn | seconds to SVG | size in points | parameter names in it |",
        "|---|---|---|---|---|---|",
    ]
    for graph in graphs:
        title, able = GRAPHS[graph]
        for tool in (tool for tool in able if tool in tools):
            results = []
            for _ in range(options.rounds):
                version, result = drawing(tool, graph, pythons[tool], options.limit, options.pictures)
                results.append(result)
                if not isinstance(result, Row):
                    break
            print(f"{graph}, {tool}: {results[-1]}", file=sys.stderr, flush=True)
            ours = {"valuegrad": "**valuegrad**", "unfolded": "**valuegrad** `fold=False`"}
            name = ours.get(tool, f"{tool} {version}")
            lines.append(f"| {title} | {name} | {cells(results, options.limit)} |")
            title = ""
    return lines


def cells(results: list[Any], limit: float) -> str:
    """Format the nodes, seconds, size and names of several runs of the same drawing."""
    last = results[-1]
    if isinstance(last, str):
        return f"{last.replace('|', '/')} | – | – | –"
    if not isinstance(last, Row):
        return f"{'?' if last is None else format(last, ',')} | > {limit:g} | – | –"
    seconds = median(row.seconds for row in results)
    size = f"{last.width:,.0f} x {last.height:,.0f}"
    return f"{last.nodes:,} | {seconds:.{3 if seconds < 0.1 else 2}f} | {size} | {last.named} of {last.parameters}"


def processor() -> str:
    """Return the name of the processor if the system tells it."""
    try:
        return next(line.partition(": ")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    from tests.benchmarks.tables import write_table

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.drawers", description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=Path, help="folder of the virtual environments (default: a temporary one)")
    parser.add_argument("--only", nargs="+", choices=TOOLS, default=list(TOOLS), help="tools to run (default: all)")
    parser.add_argument("--graphs", nargs="+", choices=GRAPHS, default=list(GRAPHS), help="graphs to draw (default: all)")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for a picture (default: 120)")
    parser.add_argument("--rounds", type=int, default=3, help="pictures of which the median time is taken (default: 3)")
    parser.add_argument("--pictures", type=Path, help="folder to keep the pictures in")
    parser.add_argument("--write", action="store_true", help="write the table to the README beside this file")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.environments or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        pythons = {tool: environment(TOOLS[tool], folder) for tool in options.only}
        print(f"{processor()}, Python {platform.python_version()}; pictures by {with_dot(Path(temporary))}.\n")
        lines = pictures(options.graphs, options.only, pythons, options)
        print("\n".join(lines))
    write_table("drawers", lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main()
