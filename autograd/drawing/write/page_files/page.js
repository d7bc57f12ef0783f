// Connects the model, the view and the player with keys and buttons.

class Page {
  constructor() {
    this.model = new Model(DATA);
    this.playback = new Playback(this.model);
    this.hits = [];
    this.hit = -1;
    this.timer = null;
    this.view = new View(this.model, byId("canvas"), {
      point: (item) => this.showItem(item),
      select: (node) => this.select(node),
      toggle: (group) => this.toggle(group),
    });
    this.links = { go: (node) => this.go(node), toggle: (group) => this.toggle(group) };
    this.fill();
    this.listen();
    this.draw();
    this.view.fit();
    if (this.narrow()) this.turnView(() => this.view.turnIfLarger());
    const readable = this.narrow() ? 0.3 : 0.12; // at a smaller scale nothing can be read
    if (this.view.at.scale < readable) this.view.show(this.model.root, true);
    this.showNode(this.model.nodes.get(this.model.root) ?? this.model.inOrder.at(-1));
    document.documentElement.dataset.ready = "true";
  }

  /** Fill in what does not change while the page is open. */
  fill() {
    const { model, playback } = this;
    byId("title").textContent = model.title || "Graph";
    byId("panel-about").replaceChildren(...aboutDetails(model));
    const names = model.inOrder
      .filter((node) => node.title || node.names.length)
      .slice(0, 500)
      .map((node) => model.shortLabel(node));
    byId("names").replaceChildren(...[...new Set(names)].map((name) => html("option", { value: name })));
    byId("questions").replaceChildren(
      ...Object.entries(QUESTIONS).map(([kind, { text }]) =>
        html("button", { type: "button", id: `ask-${kind}`, onclick: () => this.ask(kind) }, text),
      ),
    );
    byId("slider").max = playback.last;
    const seam = playback.seedIndex;
    byId("seam").hidden = seam < 0;
    byId("seam").style.setProperty("--at", seam / playback.last);
    byId("player").hidden = playback.last < 2 || model.isNetwork;
    byId("tab-leaves").hidden = !model.inOrder.some((node) => node.role === "leaf" || node.role === "unreached");
  }

  draw(anchor = null) {
    this.view.draw(anchor);
    this.view.markAgain();
    this.showStep();
    this.legend();
    this.note();
  }

  /** Show what is left out, and how to get a better drawing. */
  note() {
    const plain = this.view.layout.plain ? "drawn in plain columns: close scopes to see frames" : "";
    const text = [this.model.note, plain].filter(Boolean).join("; ");
    byId("note").textContent = text;
    byId("note").hidden = !text;
  }

  legend() {
    byId("legend").replaceChildren(...legendParts(this.model, this.view.colours, this.view.range));
  }

  // --- nodes and scopes --------------------------------------------------------------------------------

  showItem(item) {
    if (!item.scope) return this.showNode(item.node);
    this.shown = null;
    byId("panel-node").replaceChildren(...scopeDetails(this.model, item, this.links));
    byId("panel-node").dataset.name = item.node.name;
  }

  showNode(node) {
    if (!node) return;
    this.shown = node;
    const sum = this.playback.resting ? null : (this.playback.state().sums.get(node.name) ?? null);
    byId("panel-node").replaceChildren(...nodeDetails(this.model, node, this.links, sum));
    byId("panel-node").dataset.name = node.name;
  }

  select(node) {
    this.view.select(node.name);
    this.showNode(node);
    byId("asked").value = this.model.shortLabel(node);
    this.asked = node;
    if (this.narrow() && byId("tab-ask").ariaSelected !== "true") this.openTab("node");
  }

  /** Select a node from a text: open the scopes that hide it, and bring it into view. */
  go(node) {
    if (this.model.reveal(node.name)) this.draw(`node:${this.model.root}`);
    this.select(node);
    this.view.show(node.name);
  }

  toggle(group) {
    this.model.toggle(group);
    this.draw(`group:${group}`);
    const item = this.view.items.get(`group:${group}`);
    if (item) this.showItem(item);
    this.say(`${groupTitle(this.model.groups.get(group))} is ${item ? "closed" : "open"}`);
  }

  // --- search ----------------------------------------------------------------------------------------------

  search() {
    this.hits = this.model.find(byId("query").value);
    this.hit = -1;
    this.view.mark(
      "hit",
      this.hits.map((node) => node.name),
    );
    this.view.mark("hit-now");
    const found = byId("query").value.trim() ? (this.hits.length ? `${this.hits.length} found` : "none found") : "";
    byId("hits").textContent = found;
  }

  nextHit(by) {
    if (!this.hits.length) return;
    this.hit = this.hit < 0 && by < 0 ? this.hits.length - 1 : (this.hit + by + this.hits.length) % this.hits.length;
    const node = this.hits[this.hit];
    const opened = this.model.reveal(node.name);
    if (opened) this.draw();
    this.view.mark(
      "hit",
      this.hits.map((one) => one.name),
    );
    this.view.mark("hit-now", [node.name]);
    this.view.select(node.name);
    this.showNode(node);
    this.asked = node;
    byId("asked").value = this.model.shortLabel(node);
    this.view.show(node.name, true);
    byId("hits").textContent = `${this.hit + 1} of ${this.hits.length}`;
  }

  clear() {
    byId("query").value = "";
    this.search();
    for (const kind of ["path", "culprit", "asked"]) this.view.mark(kind);
    byId("canvas").classList.remove("answering");
    byId("answer").replaceChildren();
  }

  // --- questions ---------------------------------------------------------------------------------------------

  ask(kind) {
    const text = byId("asked").value;
    const known = this.asked && this.model.shortLabel(this.asked) === text ? this.asked : this.model.find(text)[0];
    if (!known) {
      const words = text
        ? `There is no node named "${text}" in this picture.`
        : "Select a node first: click it, or type its name above.";
      return byId("answer").replaceChildren(html("p", {}, words));
    }
    this.asked = known;
    const answer = answerOf(kind, this.model, known);
    const culprits = answer.culprits.map((name) => this.model.nodes.get(name));
    const opened = [known, ...culprits].map((node) => this.model.reveal(node.name)).some(Boolean);
    if (opened) this.draw();
    this.view.mark("path", answer.nodes, answer.edges);
    this.view.mark("culprit", answer.culprits);
    this.view.mark("asked", [known.name]);
    byId("canvas").classList.add("answering");
    this.showNode(known);
    if (culprits.length) this.view.show(culprits[0].name);
    const links = culprits.slice(0, 8).map((node) => nodeLink(this.model, node, this.links));
    byId("answer").replaceChildren(
      html("h3", {}, `${this.model.shortLabel(known)}: ${QUESTIONS[kind].text}`),
      ...answer.sentences.map((sentence) => html("p", {}, sentence)),
      links.length ? html("p", { class: "near" }, html("span", { class: "quiet" }, "where: "), ...links) : "",
      html("button", { type: "button", class: "small", onclick: () => this.clear() }, "Clear the marks"),
    );
    byId("answer").scrollIntoView({ block: "nearest" }); // on a phone it is below the questions
    byId("answer").dataset.culprits = answer.culprits.join(" ");
    byId("answer").dataset.path = answer.nodes.join(" ");
  }

  // --- the player -----------------------------------------------------------------------------------------------

  moveTo(index) {
    const { playback } = this;
    playback.resting = false;
    playback.index = Math.min(Math.max(index, 0), playback.last);
    this.showStep();
    if (byId("panel").dataset.tab !== "leaves") this.openTab("step"); // the gradients can be watched as well
    if (playback.step.node) this.view.show(playback.step.node.name);
    this.showNode(playback.step.node ?? this.shown);
  }

  stepBy(by) {
    this.pause();
    this.moveTo(this.playback.resting ? (by > 0 ? 0 : this.playback.last) : this.playback.index + by);
  }

  play() {
    const { playback } = this;
    this.moveTo(playback.resting || playback.index === playback.last ? 0 : playback.index);
    showPlaying(true);
    this.tick();
  }

  tick() {
    const slower = { backward: 2000, seed: 1600, start: 900 };
    const wait = (slower[this.playback.step.kind] ?? 900) / Number(byId("speed").value);
    this.timer = setTimeout(() => {
      this.moveTo(this.playback.index + 1);
      if (this.playback.index === this.playback.last) this.pause();
      else this.tick();
    }, wait);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    showPlaying(false);
  }

  showStep() {
    const { model, playback, view } = this;
    const state = playback.state();
    view.showState(playback, state);
    const { heading, parts } = stepDetails(model, playback, state, this.links);
    byId("panel-step").replaceChildren(html("h2", {}, heading), ...parts);
    if (byId("panel").dataset.tab === "leaves") this.showLeaves();
    byId("slider").value = playback.index;
    const phase = playback.resting ? "" : heading;
    byId("now").textContent = playback.resting
      ? plural(playback.last + 1, "step")
      : `${playback.index + 1} / ${playback.last + 1}`;
    byId("slider").setAttribute(
      "aria-valuetext",
      `step ${playback.index + 1} of ${playback.last + 1}: ${spokenStep(model, state, phase)}`,
    );
    Object.assign(byId("player").dataset, {
      step: playback.index,
      kind: playback.resting ? "rest" : state.step.kind,
      node: state.step.node?.name ?? "",
    });
    if (!playback.resting && (!this.timer || Number(byId("speed").value) <= 1))
      this.say(spokenStep(model, state, phase));
  }

  showLeaves() {
    byId("panel-leaves").replaceChildren(leafTable(this.model, this.playback.state(), this.links));
  }

  say(text) {
    byId("live").textContent = text;
  }

  // --- tabs, theme, buttons and keys --------------------------------------------------------------------------

  narrow() {
    return matchMedia("(max-width: 820px)").matches;
  }

  openTab(name) {
    for (const tab of byId("tabs").children) {
      const chosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
      const panel = byId(tab.getAttribute("aria-controls"));
      panel.hidden = !chosen && panel.id !== "panel-node";
    }
    byId("panel").dataset.tab = name;
    if (name === "leaves") this.showLeaves();
  }

  toggleColours() {
    this.view.colours = this.view.colours === "roles" ? "gradients" : "roles";
    byId("colours").setAttribute("aria-pressed", this.view.colours === "gradients");
    this.view.paint();
    this.legend();
  }

  turnView(turn) {
    turn();
    this.view.markAgain();
    this.showStep();
  }

  listen() {
    const moves = {
      first: () => this.jump(0),
      back: () => this.stepBy(-1),
      play: () => this.playOrPause(),
      next: () => this.stepBy(1),
      last: () => this.jump(this.playback.last),
    };
    onClick({
      ...moves,
      "zoom-in": () => this.view.zoomBy(ZOOM.step),
      "zoom-out": () => this.view.zoomBy(1 / ZOOM.step),
      fit: () => this.view.fit(),
      colours: () => this.toggleColours(),
      turn: () => this.turnView(() => this.view.turn()),
    });
    onKeys({
      "/": () => byId("query").focus(),
      "+": () => this.view.zoomBy(ZOOM.step),
      "=": () => this.view.zoomBy(ZOOM.step),
      "-": () => this.view.zoomBy(1 / ZOOM.step),
      0: () => this.view.fit(),
      f: () => this.view.fit(),
      c: () => this.toggleColours(),
      r: () => this.turnView(() => this.view.turn()),
      d: () => byId("theme").click(),
      Escape: () => this.clear(),
      ...(byId("player").hidden ? {} : playerKeys(moves)),
    });
    startTheme();
    byId("slider").addEventListener("input", (event) => this.jump(Number(event.target.value)));
    byId("query").addEventListener("input", () => this.search());
    byId("search").addEventListener("submit", (event) => event.preventDefault());
    byId("query").addEventListener("keydown", (event) => this.searchKey(event));
    byId("asked").addEventListener("input", () => (this.asked = null));
    byId("tabs").addEventListener(
      "click",
      (event) => event.target.role === "tab" && this.openTab(event.target.id.slice("tab-".length)),
    );
    byId("tabs").addEventListener("keydown", (event) => this.tabKey(event));
    let width = byId("canvas").clientWidth; // a phone that hides its bars changes the height, which needs no new fit
    new ResizeObserver(() => {
      if (byId("canvas").clientWidth !== width) this.view.fit();
      width = byId("canvas").clientWidth;
    }).observe(byId("canvas"));
    this.openTab("step");
    this.pause();
  }

  jump(index) {
    this.pause();
    this.moveTo(index);
  }

  playOrPause() {
    if (this.timer) this.pause();
    else this.play();
  }

  searchKey(event) {
    if (event.key === "Enter") this.nextHit(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      this.clear();
      byId("canvas").focus({ preventScroll: true });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  tabKey(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const tabs = [...byId("tabs").children].filter((tab) => tab.offsetParent !== null);
    const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
    next.focus();
    this.openTab(next.id.slice("tab-".length));
    event.stopPropagation();
    event.preventDefault();
  }
}

/** One sentence about a step, for screen readers. */
function spokenStep(model, state, heading) {
  const { step, additions } = state;
  if (!step.node) return heading;
  if (step.kind !== "backward") {
    const value = step.kind === "forward" && step.node.data ? ` is ${shortSummary(step.node.data)}` : "";
    return `${heading}: ${model.label(step.node)}${value}`;
  }
  const sums = additions.map(({ edge, after }) => {
    const now = after.summary ? `, now ${shortSummary(after.summary)}` : "";
    return `${model.shortLabel(model.nodes.get(edge.source))} gets ${shortSummary(edge.flow)}${now}`;
  });
  return `${heading}: ${model.label(step.node)}. ${sums.join("; ")}`;
}

new Page();
