// The drawing: SVG of the model, zoom and pan, the selection, and the highlights of the player and the questions.

const ZOOM = { least: 0.02, most: 4, step: 1.25 };

class View {
  /** `on` has the callbacks: point(node), select(node, item), toggle(group). */
  constructor(model, canvas, on) {
    Object.assign(this, {
      model,
      canvas,
      on,
      direction: document.querySelector("main").dataset.direction,
    });
    this.world = svg("g", { class: "world" });
    this.canvas.append(this.world);
    this.at = { x: 0, y: 0, scale: 1 };
    this.marked = new Map(); // key of an item -> the kinds of highlights on it
    this.colours = "roles";
    this.range = gradientRange(model);
    this.listen();
  }

  // --- drawing ---------------------------------------------------------------------------------------

  /** Lay out and draw the visible items; the one with the key `anchor` stays in its place on the screen. */
  draw(anchor = null) {
    const before = anchor && this.layout ? this.screenPlace(anchor) : null;
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    this.visible = this.model.visible();
    for (const item of this.visible.items) item.face = faceOf(item);
    const sizes = new Map(this.visible.items.map(({ key, face }) => [key, { width: face.width, height: face.height }]));
    this.layout = layoutOf(this.visible, sizes, this.direction, this.model.isNetwork);
    this.items = new Map(this.visible.items.map((item) => [item.key, item]));
    this.canvas.classList.toggle("network", this.model.isNetwork);
    this.world.replaceChildren(this.groupLayer(), this.edgeLayer(), this.nodeLayer(), svg("g", { class: "pills" }));
    this.elements = new Map(
      [...this.world.querySelectorAll("[data-key]")].map((element) => [element.dataset.key, element]),
    );
    this.cells = new Map(); // of the rows of numbers that the player writes
    for (const [key, element] of this.elements) this.cells.set(key, numberCells(element));
    this.reachable = null;
    this.paint();
    this.roam();
    const after = before && this.screenPlace(this.standingFor(anchor));
    if (after) this.panBy(before.x - after.x, before.y - after.y);
    if (focused) this.elements.get(this.standingFor(focused))?.focus({ preventScroll: true });
  }

  groupLayer() {
    const layer = svg("g", { class: "groups" });
    for (const { group, left, top, right, bottom } of this.layout.groups) {
      const element = svg("g", { class: "group", "data-name": group.name, id: `group-${group.name}` });
      element.append(
        svg("rect", {
          class: "frame",
          x: round(left),
          y: round(top),
          width: round(right - left),
          height: round(bottom - top),
        }),
      );
      const title = svg("g", {
        class: "group-title",
        "data-key": `group:${group.name}`,
        tabindex: "-1",
        role: "button",
        "aria-expanded": "true",
        "aria-label": `open scope ${groupTitle(group)}. Press Enter to close it.`,
        transform: `translate(${round(left)} ${round(top)})`,
      });
      title.append(
        svg("rect", { class: "hit", width: round(Math.min(groupTitleWidth(group), right - left)), height: 24 }),
      );
      const text = svg("text", { x: 9, y: 16 }, `▾ ${groupTitle(group)}`);
      if (group.kind) text.append(svg("tspan", { class: "quiet" }, ` · ${group.kind}`));
      title.append(text);
      element.append(title);
      layer.append(element);
    }
    return layer;
  }

  edgeLayer() {
    const layer = svg("g", { class: "edges" });
    const ports = portsOf(this.layout.edges);
    const labels = [];
    this.paths = new Map(); // id of an edge of the model -> its path
    for (const edge of this.layout.edges) {
      if (!this.layout.items.has(edge.source) || !this.layout.items.has(edge.target)) continue;
      const marks = edge.edges.flatMap((one) => one.marks);
      const element = svg("path", {
        class: "edge",
        d: pathOf(edge, this.layout, this.direction, ports.get(edge)),
        "marker-end": "url(#arrow)",
        "data-source": edge.source.replace(/^\w+:/, ""),
        "data-target": edge.target.replace(/^\w+:/, ""),
      });
      for (const mark of ["added", "removed"]) if (marks.includes(mark)) element.classList.add(mark);
      if (isReturning(edge, this.layout, this.direction)) element.classList.add("returning");
      const { strength } = edge.edges[0];
      if (strength !== null) {
        element.classList.add(strength < 0 ? "negative" : "positive");
        element.style.strokeWidth = `${0.6 + 3.4 * Math.min(Math.abs(strength), 1)}px`;
      }
      element.append(svg("title", {}, this.edgeWords(edge)));
      layer.append(element);
      for (const one of edge.edges) this.paths.set(one.id, element);
      if (edge.edges[0].label) labels.push(edgeLabel(element, edge.edges[0].label, edge.slot));
    }
    if (labels.length <= 100) layer.append(...labels);
    return layer;
  }

  edgeWords(edge) {
    const [first] = edge.edges;
    const name = (key) => this.items.get(key)?.node.title || key.replace(/^\w+:/, "");
    const lines = [`${name(edge.source)} → ${name(edge.target)}`];
    const count = edge.edges.reduce((sum, one) => sum + one.count, 0);
    if (count > 1) lines.push(`represents ${count.toLocaleString("en")} edges`);
    if (first.label) lines.push(first.label);
    if (edge.edges.length === 1 && first.local) lines.push(`local derivative: ${shortSummary(first.local)}`);
    if (edge.edges.length === 1 && first.flow) lines.push(`gradient that flows back: ${shortSummary(first.flow)}`);
    return lines.join("\n");
  }

  nodeLayer() {
    const layer = svg("g", { class: "nodes" });
    for (const item of this.visible.items) {
      const element = nodeElement(item, this.layout.items.get(item.key), this.model.isOutput(item.node));
      layer.append(element);
    }
    if (this.model.isNetwork) this.colourLayers(layer);
    return layer;
  }

  /** The layers of a network: red, purple and green, where the picture gives no colours. */
  colourLayers(layer) {
    const sources = new Set(this.layout.edges.map((edge) => edge.source));
    const targets = new Set(this.layout.edges.map((edge) => edge.target));
    for (const element of layer.children) {
      const { key } = element.dataset;
      element.dataset.layer = !targets.has(key) ? "input" : !sources.has(key) ? "output" : "hidden";
    }
  }

  /** Fill the nodes by role, or by the size of their gradients. */
  paint() {
    for (const [key, element] of this.elements) {
      const item = this.items.get(key);
      if (!item) continue;
      const colour = this.colours === "gradients" ? gradientColour(this.gradientOf(item), this.range) : null;
      element.dataset.gradient = typeof colour === "string" ? colour : colour ? "size" : "none";
      element.style.setProperty("--fill", colour?.fill ?? "");
      element.style.setProperty("--text", colour?.ink ?? "");
    }
    this.canvas.dataset.colours = this.colours;
  }

  /** The gradient of a node; of a closed group, the largest of those inside. */
  gradientOf(item) {
    if (!item.scope) return shownGradient(item.node);
    return (
      this.model
        .members(item.scope.name)
        .map(shownGradient)
        .filter(Boolean)
        .sort((a, b) => rms(b) - rms(a))[0] ?? null
    );
  }

  // --- places on the screen ----------------------------------------------------------------------------

  /** The key that is drawn for a key now: the node itself, a closed group around it, or the box of a group. */
  standingFor(key) {
    if (this.elements.has(key)) return key;
    const [kind, ...rest] = key.split(":");
    const name = rest.join(":");
    if (kind === "node") return this.model.standIn(name);
    return `group:${this.model.closedAround(name) || name}`;
  }

  elementOf(name) {
    return this.elements.get(this.model.standIn(name));
  }

  screenPlace(key) {
    const item = this.layout.items.get(key);
    const box = this.layout.groups.find((box) => `group:${box.group.name}` === key);
    if (!item && !box) return null;
    const x = item ? item.x - item.width / 2 : box.left;
    const y = item ? item.y - item.height / 2 : box.top;
    return { x: this.at.x + x * this.at.scale, y: this.at.y + y * this.at.scale };
  }

  place() {
    const { x, y, scale } = this.at;
    this.world.setAttribute("transform", `translate(${round(x)} ${round(y)}) scale(${scale})`);
    this.canvas.dataset.zoom = scale.toFixed(3);
    this.canvas.classList.toggle("far", scale < 0.55 && !this.model.isNetwork);
  }

  panBy(x, y) {
    this.at.x += x;
    this.at.y += y;
    this.place();
  }

  zoomBy(factor, centre = { x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 }) {
    const scale = Math.min(Math.max(this.at.scale * factor, ZOOM.least), ZOOM.most);
    const ratio = scale / this.at.scale;
    this.at = { x: centre.x - (centre.x - this.at.x) * ratio, y: centre.y - (centre.y - this.at.y) * ratio, scale };
    this.place();
  }

  fit() {
    const { left, top, width, height } = this.layout;
    const space = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    const edge = Math.min(32, space.width * 0.04);
    const above = this.model.note || this.layout.plain ? 48 : edge + 8;
    const below = 62; // the note, and the legend and buttons
    const scale = Math.min((space.width - 2 * edge) / width, (space.height - above - below) / height, 1.5);
    this.at.scale = Math.max(scale, ZOOM.least);
    this.at.x = (space.width - width * this.at.scale) / 2 - left * this.at.scale;
    this.at.y = above + (space.height - above - below - height * this.at.scale) / 2 - top * this.at.scale;
    this.place();
  }

  /** Turn the drawing if that makes it clearly larger: for phones, which are higher than wide. */
  turnIfLarger() {
    const { scale } = this.at;
    if (scale > 0.6) return;
    this.turn();
    if (this.at.scale < 1.25 * scale) this.turn();
  }

  turn() {
    this.direction = this.direction === "LR" ? "BT" : "LR";
    document.querySelector("main").dataset.direction = this.direction;
    this.draw();
    this.fit();
  }

  /** Bring a node into the middle if it is not well inside, and near enough to be read. */
  show(name, always = false) {
    const place = this.layout.items.get(this.model.standIn(name));
    if (!place) return;
    if (this.at.scale < 0.5) this.zoomBy(0.85 / this.at.scale);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const x = this.at.x + place.x * this.at.scale;
    const y = this.at.y + place.y * this.at.scale;
    const inside = x > width * 0.2 && x < width * 0.8 && y > height * 0.2 && y < height * 0.8;
    if (always || !inside) this.panBy(width / 2 - x, height / 2 - y);
  }

  // --- highlights ----------------------------------------------------------------------------------------

  select(name) {
    this.selected = name;
    for (const element of this.world.querySelectorAll(".selected")) element.classList.remove("selected");
    const element = name && this.elementOf(name);
    if (!element) return;
    element.classList.add("selected");
    this.roam(element);
  }

  /** Mark nodes (by name) and edges (by id) with a class, and clear its earlier marks. */
  mark(kind, names = [], edges = []) {
    for (const element of this.world.querySelectorAll(`.${kind}`)) element.classList.remove(kind);
    for (const name of names) this.elementOf(name)?.classList.add(kind);
    for (const id of edges) this.paths.get(id)?.classList.add(kind);
    this.marked.set(kind, [names, edges]);
  }

  /** After a new layout: the same marks on the new elements. */
  markAgain() {
    for (const [kind, [names, edges]] of [...this.marked]) this.mark(kind, names, edges);
    this.select(this.selected);
  }

  /** Show a state of the player: the values computed so far, the gradients that have arrived, the current step. */
  showState(playback, state) {
    const passing = !playback.resting;
    this.canvas.classList.toggle("playing", passing);
    for (const [key, element] of this.elements) {
      const item = this.items.get(key);
      if (!item) continue;
      setState(element, this.stateOf(item, playback, state));
      if (item.scope) continue;
      this.writeGradient(element, item.node, state.sums.get(item.node.name) ?? null, passing);
      const isWaiting = passing && isComputed(item.node) && !state.computed.has(item.node.name);
      rewrite(this.cells.get(key).data, isWaiting ? () => "·" : null);
    }
    const { step } = state;
    const edges = step.kind === "forward" ? this.model.incoming.get(step.node.name) : (step.edges ?? []);
    this.mark("current", passing && step.node ? [step.node.name] : []);
    this.mark("giving", [], passing && step.kind === "forward" ? edges.map((edge) => edge.id) : []);
    this.mark("flowing", [], passing && step.kind === "backward" ? edges.map((edge) => edge.id) : []);
    this.mark("receiving", passing && step.kind === "backward" ? edges.map((edge) => edge.source) : []);
    this.showPills(passing ? state.additions : []);
  }

  stateOf(item, playback, state) {
    if (playback.resting) return "rest";
    const states = item.scope ? this.model.members(item.scope.name) : [item.node];
    if (states.some((node) => node === state.step.node)) return state.step.kind === "seed" ? "seed" : "current";
    const sums = states.map((node) => state.sums.get(node.name)).filter(Boolean);
    if (sums.length && sums.every((sum) => sum.complete)) return "complete";
    if (sums.length) return "partial";
    return states.some((node) => isComputed(node) && !state.computed.has(node.name)) ? "waiting" : "computed";
  }

  /** Write the row "grad" of a node: the sum so far while the player is active, or as it was drawn. */
  writeGradient(element, node, sum, passing) {
    const values = sum?.values ? exactValues(sum.values) : null;
    if (values === null) element.removeAttribute("data-grad");
    else if (element.getAttribute("data-grad") !== values) element.setAttribute("data-grad", values);
    rewrite(this.cells.get(element.dataset.key).grad, passing ? (column) => gradientCell(column, sum, node) : null);
  }

  /** Show under each operand of the current step the term that is added to its gradient. */
  showPills(additions) {
    const layer = this.world.querySelector(".pills");
    layer.replaceChildren();
    const stacked = new Map();
    for (const { edge } of additions) {
      const place = this.layout.items.get(this.model.standIn(edge.source));
      if (this.model.standIn(edge.source) === this.model.standIn(edge.target)) continue;
      const { values, norm } = edge.flow;
      const text = `+= ${values?.length === 1 ? short(values[0]) : `norm ${short(norm)}`}`;
      const before = stacked.get(place) ?? 0; // two uses by one operation
      stacked.set(place, before + 1);
      const x = place.x;
      const y = place.y + place.height / 2 + 8 + 22 * before;
      const width = textWidth(text, 12, 600) + 14;
      const pill = svg("g", { class: "pill", transform: `translate(${round(x - width / 2)} ${round(y - 10)})` });
      pill.append(
        svg("rect", { width: round(width), height: 20, rx: 10 }),
        svg("text", { x: round(width / 2), y: 14, "text-anchor": "middle" }, text),
      );
      layer.append(pill);
    }
  }

  // --- pointer, wheel and keys ---------------------------------------------------------------------------

  listen() {
    const { canvas } = this;
    const pointers = new Map();
    let moved = 0;
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const size = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
        this.zoomBy(Math.exp(-size * (event.ctrlKey ? 0.01 : 0.0016)), this.local(event));
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      if (!pointers.size) moved = 0;
      pointers.set(event.pointerId, this.local(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const before = pointers.get(event.pointerId);
      const now = this.local(event);
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (moved > 4 && !canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, now);
      if (pointers.size === 1) this.panBy(now.x - before.x, now.y - before.y);
      else this.pinch(before, now, [...pointers.entries()].find(([id]) => id !== event.pointerId)[1]);
    });
    for (const ending of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(ending, (event) => pointers.delete(event.pointerId));
    }
    canvas.addEventListener("pointerleave", (event) => moved <= 4 && pointers.delete(event.pointerId));
    canvas.addEventListener("click", (event) => moved <= 4 && this.activate(event.target.closest("[data-key]")));
    canvas.addEventListener(
      "pointerover",
      (event) => event.pointerType === "mouse" && !pointers.size && this.point(event.target),
    );
    canvas.addEventListener("focusin", (event) => this.focusOn(event.target));
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  local(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  pinch(before, now, other) {
    const distance = (a, b) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
    this.zoomBy(distance(now, other) / distance(before, other), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    this.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  point(target) {
    const item = this.items.get(target.closest(".node")?.dataset.key);
    if (item) this.on.point(item);
  }

  focusOn(target) {
    const element = target.closest("[data-key]");
    if (!element?.matches(":focus-visible")) return;
    this.roam(element);
    const box = element.getBoundingClientRect();
    const around = this.canvas.getBoundingClientRect();
    const outside =
      box.left < around.left || box.right > around.right || box.top < around.top || box.bottom > around.bottom;
    if (outside)
      this.panBy(
        (around.left + around.right - box.left - box.right) / 2,
        (around.top + around.bottom - box.top - box.bottom) / 2,
      );
    this.point(element);
  }

  /** One element can be reached by Tab; arrows lead to the others. */
  roam(element = null) {
    const at =
      element ??
      (this.selected && this.elementOf(this.selected)) ??
      this.elements.get(this.model.nodes.size ? this.model.standIn(this.firstName()) : "");
    this.reachable?.setAttribute("tabindex", "-1");
    at?.setAttribute("tabindex", "0");
    this.reachable = at;
  }

  firstName() {
    return this.model.nodes.has(this.model.root) ? this.model.root : this.model.inOrder[0].name;
  }

  activate(element) {
    if (!element) return;
    const item = this.items.get(element.dataset.key);
    if (item && !item.scope) this.on.select(item.node);
    else this.on.toggle(element.dataset.key.slice("group:".length));
  }

  press(event) {
    const element = event.target.closest("[data-key]");
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const isScope = element && (!this.items.has(element.dataset.key) || this.items.get(element.dataset.key).scope);
    if (direction && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (element && !event.shiftKey) this.neighbour(element, direction)?.focus();
      else this.panBy(-60 * direction[0], -60 * direction[1]);
    } else if (element && (event.key === "Enter" || (event.key === " " && isScope))) this.activate(element);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The nearest element in a direction. */
  neighbour(element, [dx, dy]) {
    const centre = (box) => ({ x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 });
    const from = centre(element.getBoundingClientRect());
    const cost = (other) => {
      const to = centre(other.getBoundingClientRect());
      const along = (to.x - from.x) * dx + (to.y - from.y) * dy;
      const across = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
      return along > 2 ? along + 2 * across : Infinity;
    };
    const others = [...this.elements.values()].filter((other) => other !== element && cost(other) < Infinity);
    return others.length ? others.reduce((best, other) => (cost(other) < cost(best) ? other : best)) : null;
  }
}

/** A label on an edge, on the paper's colour so that the line does not cross it. */
function edgeLabel(path, text, slot) {
  // Labels of neighbouring operands are at different distances along their lines, so that they do not overlap.
  const { x, y } = path.getPointAtLength(path.getTotalLength() * [0.25, 0.48, 0.71][slot % 3]);
  return svg("text", { class: "edge-label", x: round(x), y: round(y + 4), "text-anchor": "middle" }, text);
}

/** The cells of the rows "data" and "grad", with the texts they were drawn with. */
function numberCells(element) {
  const row = (name) =>
    [...element.querySelectorAll(`[data-row="${name}"]:not([data-column="0"])`)].map((cell) => ({
      cell,
      text: cell.textContent,
      column: Number(cell.dataset.column),
      now: cell.textContent,
    }));
  return { data: row("data"), grad: row("grad") };
}

/** Write other texts into the cells of a row, or with null those they were drawn with. */
function rewrite(row, text) {
  for (const entry of row) {
    const wanted = text ? text(entry.column) : entry.text;
    if (entry.now !== wanted) entry.cell.textContent = entry.now = wanted; // most stay as they are
  }
}

function setState(element, state) {
  if (element.dataset.state !== state) element.dataset.state = state;
}

/** Four decimals, as in the tables of the nodes. */
function fixed(number) {
  if (!Number.isFinite(number)) return exact(number);
  const size = Math.abs(number);
  return size === 0 || (size >= 1e-3 && size < 1e6) ? (number + 0).toFixed(4) : number.toExponential(3);
}

/** A cell of the row "grad" while the player is active. */
function gradientCell(column, sum, node) {
  if (!sum) return "·";
  const { summary } = sum;
  if (!summary) return "…";
  const header = compactRows(node).find((row) => row[0] === "") ?? ["", "mean"];
  const field = { min: "minimum", mean: "mean", max: "maximum", norm: "norm" }[header[column]];
  return field ? fixed(summary[field]) : "…";
}
