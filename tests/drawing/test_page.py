"""The page that plays the backward pass: the contents of its file, and how it works in a browser.

The tests marked `browser` open the file from disk in a headless Chromium with the network off. They press keys and
read texts and attributes; none looks at positions.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, scope
from autograd.drawing.drawings import draw
from autograd.drawing.palette import channels, gradient_colour
from autograd.drawing.picture import MARKS, ROLES, Edge, Group, Node, Picture, Summary
from autograd.drawing.write.page import FILES, SCRIPTS, page_of
from autograd.ops import maximum

HOSTILE = '</script><script>window.hacked = 1</script><!-- <img src=x onerror="window.hacked = 1"> {{script}} \ud800'


class Elements(HTMLParser):
    """The elements of a page: (tag, attributes), and the text of the script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.scripts += [""] if tag == "script" else []

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data


def picture_in(page: str) -> Any:
    return json.loads(Elements(page).scripts[0])


def product_and_sum() -> tuple[Value, Value, Value]:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + a
    c.label = "c"
    return a, b, c


def hostile_picture() -> Picture:
    texts: dict[str, Any] = {"title": HOSTILE, "names": (HOSTILE,), "notes": (HOSTILE,), "source": HOSTILE, "line": HOSTILE}
    nodes = (
        Node(
            "n0",
            "computed",
            op=HOSTILE,
            words=HOSTILE,
            order=1,
            group=HOSTILE,
            data=Summary.of(1.0),
            rows=((HOSTILE, HOSTILE),),
            **texts,
        ),
        Node("n1", "leaf", place=HOSTILE, **texts),
    )
    groups = (Group(HOSTILE, HOSTILE, kind=HOSTILE),)
    return Picture(
        nodes, (Edge("n1", "n0", label=HOSTILE),), groups, total=2, title=HOSTILE, notes=(HOSTILE,), legend=(("red", HOSTILE),)
    )


# --- the file ---------------------------------------------------------------------------------------


def test_the_page_loads_nothing() -> None:
    page = page_of(draw(product_and_sum()[2]).picture)
    elements = Elements(page)
    loading = [value for _, attrs in elements.found for name, value in attrs.items() if name in ("src", "href", "srcset", "data")]
    assert loading == ["data:,"]  # an empty icon, so that no browser asks for one
    assert not [tag for tag, _ in elements.found if tag in ("iframe", "object", "embed", "base", "img")]
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(|sourceMappingURL|WebSocket", page)
    policy = next(attrs["content"] for _, attrs in elements.found if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and "default-src 'none'" in policy


def test_addresses_in_the_page_are_names_only() -> None:
    page = page_of(Picture((), ()))
    assert set(re.findall(r"https?://[\w./]+", page)) == {"http://www.w3.org/2000/svg", "https://github.com/dagrejs/dagre"}


def test_every_script_and_the_licence_are_in_the_page() -> None:
    page = page_of(Picture((), ()))
    assert all((FILES / name).read_text(encoding="utf-8") in page for name in SCRIPTS)
    assert "Copyright (c) 2012-2014 Chris Pettitt" in page and "Permission is hereby granted" in page
    assert "<noscript>" in page and "{{" not in page.replace((FILES / "dagre.min.js").read_text(encoding="utf-8"), "")


def test_300_nodes_take_less_than_a_megabyte() -> None:
    loss = nn.MLP(2, [8, 8, 1])([Value(0.1), Value(0.3)]) ** 2
    loss.backward()
    picture = draw(loss, max_nodes=1000, fold=False).picture
    assert len(picture.nodes) >= 300
    assert len(page_of(picture).encode()) < 1_000_000


def test_the_picture_in_the_page_is_the_picture() -> None:
    picture = draw(product_and_sum()[2]).picture
    assert picture_in(page_of(picture)) == json.loads(json.dumps(picture.to_json()))


def test_numbers_that_json_does_not_have() -> None:
    numbers = (math.nan, math.inf, -math.inf, -0.0)
    read = picture_in(page_of(Picture((Node("n0", "leaf", data=Summary.of(numbers)),), ())))["nodes"][0]["data"]
    assert read["values"] == ["NaN", "Infinity", "-Infinity", -0.0]
    assert math.copysign(1.0, read["values"][3]) == -1.0


def test_texts_cannot_become_elements() -> None:
    page = page_of(hostile_picture())
    plain = page_of(Picture((), ()))
    assert [tag for tag, _ in Elements(page).found] == [tag for tag, _ in Elements(plain).found]
    assert picture_in(page)["nodes"][0]["title"] == HOSTILE
    page.encode("utf-8")


def test_the_page_knows_every_role_and_mark() -> None:
    page = page_of(Picture((), ()))
    badges, roles = (page.partition(f"const {name} = {{")[2].partition("};")[0] for name in ("BADGES", "ROLE_WORDS"))
    assert set(re.findall(r'^  "?([\w ]+)"?:', badges, re.M)) == set(MARKS)
    assert set(re.findall(r"^  (\w+):", roles, re.M)) == set(ROLES)


def test_the_direction_is_in_the_page() -> None:
    assert 'data-direction="BT"' in page_of(Picture((), ()), "BT")


def test_the_same_picture_gives_the_same_bytes() -> None:
    picture = draw(product_and_sum()[2]).picture
    assert page_of(picture) == page_of(picture)


# --- in a browser --------------------------------------------------------------------------------------


Opened = Callable[..., Any]


@pytest.fixture
def opened(open_page: Callable[..., Any]) -> Opened:
    def open_picture(picture: Picture, direction: str = "LR", **options: Any) -> Any:
        return open_page(page_of(picture, direction), **options)

    return open_picture


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def player(page: Any) -> dict[str, str]:
    found: dict[str, str] = page.evaluate("({...document.getElementById('player').dataset})")
    return found


def shown_gradients(page: Any) -> dict[str, str]:
    """Return the table of the leaves at the last step: label -> the number as it is shown."""
    rows = page.eval_on_selector_all(
        "#panel-step .leaves tbody tr",
        "rows => rows.map(row => [row.querySelector('th').textContent, row.querySelector('td').textContent])",
    )
    return dict(rows)


def to_the_end(page: Any) -> list[dict[str, str]]:
    """Return every state of the player from the first step to the last."""
    press(page, "Home")
    states = [player(page)]
    for _ in range(int(page.get_attribute("#slider", "max"))):
        press(page, ".")
        states.append(player(page))
    return states


def node_with(picture: Picture, **wanted: Any) -> Node:
    return next(node for node in picture.nodes if all(getattr(node, name) == value for name, value in wanted.items()))


@pytest.mark.browser
def test_playing_c_is_a_b_plus_a_ends_with_the_gradients_of_backward(opened: Opened) -> None:
    a, b, c = product_and_sum()
    picture = draw(c).picture
    c.backward()
    page = opened(picture)
    states = to_the_end(page)
    assert [state["kind"] for state in states] == ["start", "forward", "forward", "seed", "backward", "backward", "end"]
    assert [state["node"] for state in states if state["kind"] == "backward"] == ["n0", node_with(picture, op="mul").name]
    assert shown_gradients(page) == {"a": repr(a.grad), "b": repr(b.grad)}
    assert "-2.0" in page.inner_text("#panel-step") and "2.0" in page.inner_text("#panel-step")
    for value, label in ((a, "a"), (b, "b")):
        assert page.get_attribute(f"#node-{node_with(picture, title=label).name}", "data-grad") == repr(value.grad)
        assert page.get_attribute(f"#node-{node_with(picture, title=label).name}", "data-state") == "complete"


@pytest.mark.browser
def test_every_sum_of_a_larger_graph_is_that_of_backward_bit_for_bit(opened: Opened) -> None:
    model = nn.MLP(2, [3, 1], rng=np.random.default_rng(3))
    x, y = Value(0.1, label="x"), Value(-0.7, label="y")
    loss = (model([x, y]) - 1.0 / 3.0) ** 2 + (model([y, x]).tanh() * x / 7.0).exp()
    picture = draw(loss, fold=False, max_nodes=1000).picture
    loss.backward()
    page = opened(picture)
    press(page, "End")
    parameters = {name: value.grad for name, value in model.named_parameters()}
    wanted = {**{name.removeprefix("MLP."): grad for name, grad in parameters.items()}, "x": x.grad, "y": y.grad}
    found = {name.removeprefix("MLP."): float(text) for name, text in shown_gradients(page).items()}
    assert found == wanted


@pytest.mark.browser
def test_a_backward_step_shows_rule_local_derivative_product_and_sum(opened: Opened) -> None:
    a, b, c = product_and_sum()
    picture = draw(c).picture
    page = opened(picture)
    press(page, "End", ",")  # the last step of the backward pass: d = a * b
    step = page.inner_text("#panel-step")
    product = node_with(picture, op="mul")
    assert product.words in step and "incoming gradient g = 1.0" in step
    into_a = page.locator(f'#panel-step [data-source="{node_with(picture, title="a").name}"]').inner_text()
    assert product.rules[0] in into_a
    assert re.search(r"incoming\s+1\s+×\s+local\s+−3\s+=\s+flows back\s+−3", into_a)
    assert re.search(r"\.grad: 1\.0 \+= −3 → -2\.0", into_a)
    assert "all 2 uses have arrived" in into_a
    assert page.locator(".edge.flowing").count() == 2
    press(page, ",")  # the addition: one of the two uses of a
    assert "1 of 2 uses" in page.inner_text(f'#panel-step [data-source="{node_with(picture, title="a").name}"]')
    assert page.get_attribute(f"#node-{node_with(picture, title='a').name}", "data-state") == "partial"


@pytest.mark.browser
def test_steps_back_restore_what_was_shown(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture)
    look = """[document.querySelector("#panel-step").innerText,
        [...document.querySelectorAll(".node")].map((n) => n.dataset.state + n.dataset.grad + n.textContent).join()]"""
    press(page, "Home")
    states = [page.evaluate(look)]
    last = int(page.get_attribute("#slider", "max"))
    for _ in range(last):
        press(page, ".")
        states.append(page.evaluate(look))
    assert len({str(state) for state in states}) == last + 1
    for state in reversed(states[:-1]):
        press(page, ",")
        assert page.evaluate(look) == state


@pytest.mark.browser
def test_the_slider_and_the_buttons_move_the_player(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture)
    page.fill("#slider", "3")
    assert player(page)["kind"] == "seed"
    for button, step in (("#next", "4"), ("#back", "3"), ("#last", "6"), ("#first", "0")):
        page.click(button)
        assert player(page)["step"] == step
    page.select_option("#speed", "16")
    page.click("#play")
    assert player(page)["state"] == "playing"
    page.wait_for_selector("#player[data-step='6'][data-state=paused]")


@pytest.mark.browser
def test_space_plays_and_pauses(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture)
    press(page, " ")
    assert player(page)["state"] == "playing"
    press(page, " ")
    assert player(page)["state"] == "paused" and player(page)["kind"] != "rest"


@pytest.mark.browser
def test_several_outputs_begin_with_a_seed_each_and_add_up_to_the_gradients_of_their_sum(opened: Opened) -> None:
    x = Value(3.0, label="x")
    hidden = x * x
    picture = draw({"hidden": hidden, "loss": hidden * 2.0, "other": x * 5.0}).picture
    page = opened(picture)
    states = to_the_end(page)
    assert [state["kind"] for state in states].count("seed") == 3
    assert page.locator('.node[data-role="output"]').count() == 3
    assert shown_gradients(page) == {"x": "23.0"}  # d(h + 2 h + 5 x) / dx
    found = picture.find("hidden")[0]
    assert page.get_attribute(f"#node-{found.name}", "data-grad") == "3.0"  # its own seed, and the cotangent of the loss
    assert page.get_attribute(f"#node-{found.name}", "data-state") == "complete"


@pytest.mark.browser
def test_a_picture_without_a_backward_pass_plays_forward_and_says_so(opened: Opened) -> None:
    nodes = (
        Node("n0", "computed", "y = x + 1", op="add", order=1, data=Summary.of(3.0)),
        Node("n1", "leaf", "x", data=Summary.of(2.0)),
    )
    page = opened(Picture(nodes, (Edge("n1", "n0"),), total=2))
    assert "no backward pass" in page.inner_text("#panel-step")
    assert {state["kind"] for state in to_the_end(page)} == {"start", "forward", "end"}
    assert "no backward pass" in page.inner_text("#panel-step")


@pytest.mark.browser
def test_the_page_says_why_there_is_no_backward_pass(opened: Opened) -> None:
    w = Value(2.0, label="w")
    stale = w * w
    w.data = 3.0
    for picture, words in (
        (draw(stale).picture, "gradients on edges are not shown, as the backward pass raised ValueError"),
        (draw(w * 2.0).compare(draw((w * 2.0).exp())).picture, "This picture compares two graphs"),
    ):
        page = opened(picture)
        text = page.inner_text("#panel-step")
        assert words in text
        assert "not a number that was computed" not in text


@pytest.mark.browser
def test_folded_nodes_show_summaries_and_no_sums(opened: Opened) -> None:
    model = nn.MLP(2, [4, 1])
    loss = sum((model([Value(0.1 * i), Value(0.3)]) ** 2 for i in range(8)), Value(0.0))
    picture = draw(loss, fold=True, max_nodes=40).picture
    folded = next(node for node in picture.nodes if node.role == "leaf" and node.count > 1)
    page = opened(picture)
    to_the_end(page)
    assert page.locator(f'[id="node-{folded.name}"]').get_attribute("data-grad") is None
    assert f"×{folded.count}" in page.locator(f'[id="node-{folded.name}"]').text_content()


@pytest.mark.browser
def test_hovering_and_focus_show_all_numbers(opened: Opened) -> None:
    a, _, c = product_and_sum()
    c.backward()
    picture = draw(c).picture
    page = opened(picture)
    name = node_with(picture, title="a").name
    page.hover(f"#node-{name}")
    assert page.get_attribute("#panel-node", "data-name") == name
    text = page.inner_text("#panel-node")
    assert all(part in text for part in ("leaf", "float64", repr(a.data), repr(a.grad)))
    page.focus("#canvas")
    press(page, "Tab")  # into the graph
    assert page.get_attribute("#panel-node", "data-name") == "n0"
    press(page, "ArrowLeft")
    assert page.get_attribute("#panel-node", "data-name") != "n0"


# --- scopes and search -------------------------------------------------------------------------------------


def with_scopes() -> Picture:
    x = Value(0.5, label="x")
    with scope("outer"):
        with scope("inner"):
            h = (x * 3.0).tanh()
            h.label = "hidden"
        out = h + 1.0
    return draw(out, depth=0).picture


@pytest.mark.browser
def test_scopes_open_and_close_by_click_and_by_key(opened: Opened) -> None:
    picture = with_scopes()
    outer = next(group.name for group in picture.groups if not group.parent)
    page = opened(picture)
    closed, title = f'.node[id="scope-{outer}"]', f'.group[id="group-{outer}"] > .group-title'
    before = page.locator(".node").count()
    page.click(closed)
    assert page.locator(closed).count() == 0 and page.locator(".node").count() > before
    page.click(title)
    assert page.locator(closed).count() == 1 and page.locator(".node").count() == before
    page.focus(closed)
    press(page, "Enter")
    assert page.locator(closed).count() == 0
    page.focus(title)
    press(page, " ")
    assert page.locator(closed).count() == 1 and player(page)["state"] == "paused"


@pytest.mark.browser
def test_the_search_opens_the_scopes_that_hide_a_hit(opened: Opened) -> None:
    picture = with_scopes()
    name = next(node.name for node in picture.nodes if "hidden" in node.names)
    page = opened(picture)
    assert page.locator(f"#node-{name}").count() == 0
    press(page, "/")
    page.keyboard.type("hidden")
    assert "found" in page.inner_text("#hits") and page.locator(".node.hit").count() == 1  # the closed scope
    press(page, "Enter")
    assert "hit-now" in page.get_attribute(f"#node-{name}", "class")
    assert page.get_attribute("#panel-node", "data-name") == name
    press(page, "Escape")
    assert page.locator(".hit").count() == 0 and page.input_value("#query") == ""


@pytest.mark.browser
def test_the_search_goes_from_hit_to_hit(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture)
    press(page, "/")
    page.keyboard.type("a")
    total = int(page.inner_text("#hits").split()[0])
    seen = []
    for _ in range(total):
        press(page, "Enter")
        seen.append(page.get_attribute("#panel-node", "data-name"))
    assert len(set(seen)) == total and page.inner_text("#hits") == f"{total} of {total}"
    press(page, "Shift+Enter")
    assert page.inner_text("#hits") == f"{total - 1} of {total}"
    page.fill("#query", "no such thing")
    assert page.inner_text("#hits") == "none found"


@pytest.mark.browser
def test_zoom_pan_and_turn(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture)
    look = "[document.querySelector('#canvas').dataset.zoom, document.querySelector('.world').getAttribute('transform')]"
    at = page.evaluate(look)
    for keys in (("+",), ("-", "-"), ("0",)):
        press(page, *keys)
        now = page.evaluate(look)
        assert (now[0] > at[0]) if keys[0] == "+" else (now[0] < at[0]) if keys[0] == "-" else now == at
    page.click("#zoom-in")
    assert page.evaluate(look)[0] > at[0]
    page.focus("#canvas")
    zoomed = page.evaluate(look)
    press(page, "ArrowLeft")
    assert page.evaluate(look)[0] == zoomed[0] and page.evaluate(look)[1] != zoomed[1] and player(page)["kind"] == "rest"
    page.mouse.move(300, 300)
    page.mouse.wheel(0, -300)
    assert page.evaluate(look)[0] > zoomed[0]
    press(page, "f")
    press(page, "r")
    assert page.get_attribute("main", "data-direction") == "BT"


# --- questions -------------------------------------------------------------------------------------------------


def asked(page: Any, kind: str, name: str) -> tuple[str, list[str]]:
    page.click("#tab-ask")
    page.fill("#asked", name)
    page.click(f"#ask-{kind}")
    culprits = page.get_attribute("#answer", "data-culprits")
    return page.inner_text("#answer"), culprits.split() if culprits else []


@pytest.mark.browser
def test_why_is_the_gradient_zero_names_the_dead_relu(opened: Opened) -> None:
    w, x = Value(-1.2, label="w"), Value(1.0, label="x")
    h = (w * x).relu()
    out = h * 5.0 + x
    out.backward()
    picture = draw(out).picture
    page = opened(picture)
    text, culprits = asked(page, "zero", "w")
    relu = node_with(picture, op="relu").name
    assert culprits == [relu] and "local derivative of relu is 0 here" in text and "−1.2" in text
    assert "culprit" in page.get_attribute(f"#node-{relu}", "class") and page.locator(".edge.path").count() == 2
    text, _ = asked(page, "zero", "x")
    assert "not zero" in text
    press(page, "Escape")
    assert page.locator(".path, .culprit").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize(
    ("make", "op", "words"),
    [
        (lambda w: w * 0.0 + 1.0, "mul", "multiplied by 0"),
        (lambda w: maximum(w, Value(3.0)), "maximum", "did not choose w"),
        (lambda w: (w * 1000.0).tanh(), "tanh", "flat"),
        (lambda w: w - w, None, "cancels"),
    ],
)
def test_other_reasons_for_a_zero(opened: Opened, make: Callable[[Value], Value], op: str | None, words: str) -> None:
    out = make(Value(2.0, label="w"))
    out.backward()
    picture = draw(out).picture
    text, culprits = asked(opened(picture), "zero", "w")
    assert words in text
    assert culprits == [node_with(picture, **({"op": op} if op else {"title": "w"})).name]


@pytest.mark.browser
def test_zero_for_nodes_without_a_gradient(opened: Opened) -> None:
    w, frozen, lost = Value(2.0, label="w"), Value(1.0, label="ice", requires_grad=False), Value(1.0, label="lost")
    picture = draw(w * frozen, parameters={"w": w, "lost": lost}).picture
    page = opened(picture)
    assert "frozen" in asked(page, "zero", "ice")[0]
    assert "never reached the output" in asked(page, "zero", "lost")[0]
    assert "no node named" in asked(page, "zero", "nobody")[0]


@pytest.mark.browser
def test_why_is_it_nan_names_the_first_operation(opened: Opened) -> None:
    x = Value(-1.0, label="x")
    with np.errstate(all="ignore"):
        out = (x.log() + 2.0) * 3.0
        out.label = "out"
        picture = draw(out).picture
    page = opened(picture)
    text, culprits = asked(page, "bad", "out")
    assert culprits == [node_with(picture, op="log").name] and "first bad value" in text and "−1" in text
    assert page.locator(".badge.bad").count() >= 1


@pytest.mark.browser
def test_why_is_the_gradient_infinite_names_the_first_operation_backward(opened: Opened) -> None:
    x = Value(0.0, label="x")
    with np.errstate(all="ignore"):
        out = (x * 2.0).sqrt() + 1.0
        out.backward()
        picture = draw(out).picture
    text, culprits = asked(opened(picture), "bad", "x")
    assert culprits == [node_with(picture, op="sqrt").name] and "passes ∞ back" in text


@pytest.mark.browser
def test_what_does_a_parameter_influence(opened: Opened) -> None:
    a, b, c = product_and_sum()
    with scope("tail"):
        out = c * 2.0
    picture = draw(out).picture
    page = opened(picture)
    text, _ = asked(page, "influence", "b")
    assert "influences 3 nodes, the output among them" in text and "tail" in text
    path = page.get_attribute("#answer", "data-path").split()
    assert node_with(picture, title="a").name not in path and "n0" in path and len(path) == 4


# --- looks, keyboard, narrow screens -----------------------------------------------------------------------------

CONTRAST = """
() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = "#000"; pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    const box = element.closest(".node, .badge, .pill")?.querySelector("rect:not(.behind)");
    if (element instanceof SVGElement && box) {
      const own = element.closest(".badge")?.querySelector("rect") ?? box;
      if (rgb(getComputedStyle(own).fill)[3] === 255) return rgb(getComputedStyle(own).fill);
    }
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const shown = [...document.querySelectorAll("body *")].filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) && element.checkVisibility?.() &&
    !element.closest("noscript, script, style, datalist, defs, title, option, .unseen"));
  return shown.map((element) => {
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(element instanceof SVGElement ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [ratio, `${element.tagName} ${element.getAttribute("class")} ${element.textContent}`];
  }).filter(([ratio]) => ratio < 4.5);
}
"""


def of_all_kinds() -> Picture:
    """One node of each role, with marks, in an open and a closed group."""
    one = Summary.of(1.0)
    roles = ("leaf", "frozen", "constant", "failed", "unreached", "cut", "computed")
    rows = (("(2,) float64",), ("", "min", "mean", "max", "norm"), ("data", "1", "1", "1", "1"), ("grad", "1", "1", "1", "1"))
    marks = ("nan", "zero gradient", "added", "removed", "changed", "dead", "exploding gradient")
    out = Node("n0", "computed", "out = sum", op="add", order=20, data=one, cotangent=one, group="open", words="It adds.")
    nodes = [replace(out, notes=("A note.",))]
    for i, (role, mark) in enumerate(zip(roles, marks, strict=True)):
        group = "closed" if i > 5 else "open" if i > 2 else ""
        node = Node(f"n{i + 1}", role, f"{role} {i}", data=one, cotangent=one, marks=(mark,), rows=rows, order=i)
        nodes.append(replace(node, count=1 + i % 2 * 15, group=group))
    edges = tuple(
        Edge(f"n{i}", "n0", i - 1, turn=i, flow=one, local=one, label="0.5", strength=0.5 - i % 2) for i in range(1, len(nodes))
    )
    groups = (Group("open", "layers.0", count=4, kind="Layer"), Group("closed", "layers.1", collapsed=True, nodes=1))
    return Picture(
        tuple(nodes), edges, groups, 60, title="All kinds", notes=("A note on the picture.",), legend=(("#0072b2", "leaf"),)
    )


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_enough_contrast(opened: Opened, theme: str) -> None:
    page = opened(of_all_kinds(), color_scheme=theme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (theme == "light")
    for keys in ((), ("c",), ("c", "End", ","), ("Home", ".")):
        press(page, *keys)
        assert page.evaluate(CONTRAST) == []
    for tab in ("ask", "leaves", "about"):
        page.click(f"#tab-{tab}")
        assert page.evaluate(CONTRAST) == []
    asked(page, "influence", "leaf 0")
    page.hover("#node-n1")
    press(page, "Escape")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.browser
def test_the_theme_can_be_changed(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture, color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.get_attribute("html", "data-theme") == "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    press(page, "d")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


@pytest.mark.browser
@pytest.mark.parametrize("make", [of_all_kinds, lambda: draw(product_and_sum()[2]).picture, with_scopes])
def test_a_phone_needs_no_scrolling_to_the_side(opened: Opened, make: Callable[[], Picture]) -> None:
    page = opened(make(), width=360, height=700, has_touch=True)
    outside = """[...document.querySelectorAll("header *, #player *, #tabs *, #zoom *")].filter((element) => {
        const box = element.getBoundingClientRect();
        return element.checkVisibility() && !element.closest(".unseen") && (box.left < -0.5 || box.right > innerWidth + 0.5);
    }).map((element) => element.id || element.outerHTML)"""
    for tab in ("step", "node", "ask", "leaves", "about"):
        page.click(f"#tab-{tab}")
        press(page, ".")
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(outside) == []
        assert page.evaluate(f"(p => p.scrollWidth <= p.clientWidth + 1)(document.querySelector('#panel-{tab}'))")


@pytest.mark.browser
def test_a_tap_shows_the_numbers_of_a_node(opened: Opened) -> None:
    picture = draw(product_and_sum()[2]).picture
    page = opened(picture, width=390, height=844, has_touch=True)
    name = node_with(picture, title="a").name
    page.tap(f"#node-{name}")
    assert page.is_visible("#panel-node") and page.get_attribute("#panel-node", "data-name") == name


@pytest.mark.browser
def test_everything_can_be_done_with_the_keyboard(opened: Opened) -> None:
    page = opened(with_scopes())
    reached = set()
    for _ in range(60):
        press(page, "Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"query", "colours", "turn", "theme", "canvas", "zoom-in", "tab-step", "play", "slider", "speed"} <= reached
    page.focus("#tab-step")
    press(page, "ArrowRight")
    assert page.get_attribute("#tab-ask", "aria-selected") == "true"
    page.focus("#asked")
    page.keyboard.type("x")
    press(page, "Tab", "Tab", "Tab", "Enter")
    assert "influences" in page.inner_text("#answer")
    assert page.get_attribute("#live", "aria-live") == "polite"


@pytest.mark.browser
def test_reduced_motion_switches_animations_off(opened: Opened) -> None:
    page = opened(draw(product_and_sum()[2]).picture, reduced_motion="reduce")
    press(page, "End", ",")
    assert page.evaluate("getComputedStyle(document.querySelector('.edge.flowing')).animationName") == "none"


@pytest.mark.browser
def test_colours_by_gradient_have_a_legend(opened: Opened) -> None:
    _, _, c = product_and_sum()
    page = opened(draw(c * 0.001).picture)
    page.click("#colours")
    assert page.get_attribute("#colours", "aria-pressed") == "true" and page.locator("#legend .ramp").count() == 1
    fills = page.eval_on_selector_all(".node[data-gradient=size] .box", "boxes => boxes.map(box => getComputedStyle(box).fill)")
    assert len(set(fills)) > 1
    assert page.get_attribute("#legend .ramp", "aria-label") == "from pale yellow, small, to dark blue, large"
    press(page, "c")
    assert page.locator("#legend .ramp").count() == 0 and page.locator("#legend .chip").count() >= 3


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_gradient_has_the_same_colour_in_the_picture_and_on_the_page(opened: Opened, scheme: str) -> None:
    x = Value([1.0, -2.0], label="x")
    loss = ((x * 1e-3).exp() * 50.0).sum() ** 2
    loss.backward()
    picture = draw(loss).picture
    page = opened(picture, color_scheme=scheme)
    page.click("#colours")
    sizes = {node.name: node.grad.rms for node in picture.nodes if node.grad is not None and node.role != "constant"}
    assert len(sizes) >= 5
    low, high = min(sizes.values()), max(sizes.values())
    lightness = {}
    for name, size in sizes.items():
        fill = page.eval_on_selector(f"#node-{name} .box", "box => getComputedStyle(box).fill")
        found = [int(number) for number in re.findall(r"\d+", fill)]
        assert np.abs(np.subtract(found, channels(gradient_colour(size, low, high)))).max() <= 1, (name, fill)
        lightness[name] = float(np.dot(found, [0.3, 0.59, 0.11]))
    order = sorted(sizes, key=lambda name: sizes[name])
    assert all(lightness[a] >= lightness[b] - 1.0 for a, b in zip(order, order[1:], strict=False))  # the larger, the darker


@pytest.mark.browser
def test_hostile_texts_are_shown_as_text(opened: Opened) -> None:
    page = opened(hostile_picture())
    press(page, ".", ".")
    page.click("#tab-about")
    page.click("#tab-ask")
    page.fill("#asked", HOSTILE.encode("utf-8", "replace").decode())
    page.click("#ask-zero")
    assert page.evaluate("window.hacked") is None and page.locator("img").count() == 0
    assert "</script>" in page.inner_text("#title")


@pytest.mark.browser
@pytest.mark.parametrize("picture", [Picture((), ()), Picture((Node("n0", "leaf", data=Summary.of(1.0)),), (), total=1)])
def test_pictures_with_hardly_anything(opened: Opened, picture: Picture) -> None:
    page = opened(picture)
    press(page, ".", "Home", "0", "c", "r")
    assert page.locator(".node").count() == len(picture.nodes)


@pytest.mark.browser
def test_networks_failures_and_loops_are_drawn(opened: Opened) -> None:
    neurons = tuple(Node(f"n{i}", "neuron", f"x{i}", order=i) for i in range(4))
    weights = tuple(Edge(f"n{i}", "n3", i, label=f"{i}.5", strength=i - 1.0) for i in range(3))
    page = opened(Picture(neurons, weights, root="n3"))
    assert page.locator(".node[data-layer=input]").count() == 3 and page.locator(".edge.negative").count() == 1
    failed = Picture(
        (Node("n0", "failed", "a @ b", op="matmul", order=1, notes=("shapes (2,) and (3,)",)), Node("n1", "leaf", "a")),
        (Edge("n1", "n0"),),
    )
    page = opened(failed)
    press(page, "Home", ".")
    assert "shapes (2,) and (3,)" in page.inner_text("#panel-step")
    one = Summary.of(1.0)
    h, z = (Node(name, "computed", title, count=6, op="mul", cotangent=one) for name, title in (("n0", "h"), ("n1", "z")))
    ends = (("n1", "n0", 0), ("n0", "n1", 0), ("n0", "n0", 1))
    page = opened(Picture((replace(h, order=2), z), tuple(Edge(*end, flow=one, count=5) for end in ends)))
    to_the_end(page)
    assert page.locator(".edge").count() == 3 and page.locator(".edge.returning").count() == 1


@pytest.mark.browser
@pytest.mark.slow
def test_1500_nodes_stay_responsive(opened: Opened) -> None:
    model = nn.MLP(2, [10, 10, 1])
    loss = sum((model([Value(0.1 * i), Value(0.3)]) ** 2 for i in range(3)), Value(0.0))
    page = opened(draw(loss, fold=False, depth=9, max_nodes=3000).picture)
    assert page.locator(".node").count() > 1000
    assert "plain columns" in page.inner_text("#note") and page.locator(".frame").count() == 0
    took = page.evaluate("""(() => {
        const start = performance.now();
        for (let i = 0; i < 5; i++) document.querySelector("#back").click();
        return performance.now() - start;
    })()""")
    assert took < 6000
    press(page, "/")
    page.keyboard.type("relu")
    press(page, "Enter")
    page.click("#panel-node button[title='Close this scope'] >> nth=0")
    assert page.locator(".node").count() < 1000 and page.locator('.node[data-role="scope"]').count() == 1
