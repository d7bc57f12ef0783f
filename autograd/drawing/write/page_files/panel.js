// The texts beside the drawing: the step of the player, the numbers of a node, the gradients, the notes.
// All text goes through textContent: nothing of a picture becomes HTML.

/** A button with the name of a node, which selects it. */
function nodeLink(model, node, on) {
  return html(
    "button",
    { class: "link", type: "button", "data-name": node.name, onclick: () => on.go(node) },
    model.shortLabel(node),
  );
}

// --- the numbers of a node -----------------------------------------------------------------------------

const NUMBER_ROWS = [
  ["value", (s) => (s.values?.length === 1 ? exact(s.values[0]) : null)],
  ["min", (s) => (s.size > 1 ? short(s.minimum) : null)],
  ["mean", (s) => (s.size > 1 ? short(s.mean) : null)],
  ["max", (s) => (s.size > 1 ? short(s.maximum) : null)],
  ["norm", (s) => (s.size > 1 ? short(s.norm) : null)],
  ["numbers", (s) => (s.size !== 1 ? s.size.toLocaleString("en") : null)],
  ["zeros", (s) => (s.size > 1 || s.zeros ? String(s.zeros) : null)],
  ["NaN or inf", (s) => (s.bad ? String(s.bad) : null)],
  ["all", (s) => (s.values?.length > 1 ? s.values.map(short).join("  ") : null)],
];

function nodeDetails(model, node, on, sum = null) {
  const parts = [
    html(
      "h3",
      {},
      model.label(node),
      node.count > 1 ? html("span", { class: "tag" }, `×${node.count.toLocaleString("en")}`) : null,
    ),
  ];
  if (node.marks.length) {
    const badges = node.marks.map((mark) =>
      html("li", { class: `mark ${BADGES[mark]?.[1] ?? "warn"}` }, BADGES[mark]?.[2] ?? mark),
    );
    parts.push(html("ul", { class: "marks" }, ...badges));
  }
  for (const note of node.notes) parts.push(html("p", { class: "note" }, note));
  parts.push(numbersTable(node, sum), factsList(model, node));
  if (node.source) parts.push(html("pre", { class: "source" }, node.source));
  if (node.words) parts.push(html("p", {}, html("strong", {}, "Backward: "), node.words));
  return [...parts, ...nearList(model, node, on), ...scopesList(model, node, on)];
}

function numbersTable(node, sum) {
  const same = node.grad && node.cotangent && exactSummary(node.grad) === exactSummary(node.cotangent);
  const columns = [
    ["data", node.data],
    ["gradient", node.grad],
    ["this pass", same ? null : node.cotangent],
  ].filter(([, numbers]) => numbers);
  if (columns.length === 2 && !node.grad) columns[1][0] = "gradient";
  const known = columns;
  if (!known.length) return html("p", { class: "quiet" }, "No numbers are known.");
  const table = html(
    "table",
    { class: "numbers" },
    html("thead", {}, html("tr", {}, html("td"), ...known.map(([what]) => html("th", { scope: "col" }, what)))),
  );
  const body = html("tbody");
  for (const [what, text] of NUMBER_ROWS) {
    const cells = known.map(([, numbers]) => text(numbers));
    if (cells.every((cell) => cell === null)) continue;
    body.append(
      html(
        "tr",
        {},
        html("th", { scope: "row" }, what),
        ...cells.map((cell, i) => html("td", { "data-of": known[i][0], "data-row": what }, cell ?? "")),
      ),
    );
  }
  table.append(body);
  const arrived =
    sum &&
    (sum.summary ? `Player: ${usesWords(sum)}, so far ${exactSummary(sum.summary)}.` : `Player: ${usesWords(sum)}.`);
  return html(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "numbers" },
    table,
    arrived ? html("p", { class: "player-sum" }, arrived) : null,
  );
}

const ROLE_WORDS = {
  leaf: "leaf: a parameter or input that gets a gradient",
  frozen: "frozen: requires_grad is False",
  constant: "constant: plain data, never differentiated",
  computed: "computed",
  failed: "failed: the operation raised an error",
  unreached: "a parameter that never reached the output",
  neuron: "neuron",
  cut: "represents nodes that are left out",
  scope: "closed scope",
};

function factsList(model, node) {
  const shape =
    node.shape === null
      ? ""
      : node.shape.length
        ? `(${node.shape.join(", ")}${node.shape.length === 1 ? "," : ""})`
        : "() one number";
  const names = node.names.filter((name) => name !== node.title);
  const facts = [
    ["role", model.isOutput(node) ? "output" : (ROLE_WORDS[node.role] ?? node.role)],
    ["operation", isColour(node.op) ? "" : node.op],
    ["shape", [shape, node.dtype].filter(Boolean).join(" ")],
    ["represents", node.count * node.parts > 1 ? plural(node.count * node.parts, "node") : ""],
    [
      "names",
      names.slice(0, 8).join(", ") + (names.length > 8 ? `, … (${names.length.toLocaleString("en")} names)` : ""),
    ],
    ["computed in", node.place],
    ["line", node.line],
  ];
  return html(
    "dl",
    { class: "facts" },
    ...facts.filter(([, text]) => text).flatMap(([what, text]) => [html("dt", {}, what), html("dd", {}, text)]),
  );
}

/** The operands and uses of a node, as buttons: the way through the graph without a mouse. */
function nearList(model, node, on) {
  const list = (title, nodes) => {
    const known = [...new Set(nodes)];
    if (!known.length) return [];
    const more = known.length > 12 ? [html("span", { class: "quiet" }, ` and ${known.length - 12} more`)] : [];
    return [
      html(
        "p",
        { class: "near" },
        html("span", { class: "quiet" }, `${title} `),
        ...known.slice(0, 12).map((one) => nodeLink(model, one, on)),
        ...more,
      ),
    ];
  };
  const sources = model.incoming.get(node.name).map((edge) => model.nodes.get(edge.source));
  const targets = model.outgoing.get(node.name).map((edge) => model.nodes.get(edge.target));
  return [...list("computed from", sources), ...list("used by", targets)];
}

/** The open scopes around a node, as buttons that close them. */
function scopesList(model, node, on) {
  const open = [...model.around(node.group)].filter((name) => !model.closedAround(name)).reverse();
  if (!open.length) return [];
  const buttons = open.map((name) =>
    html(
      "button",
      { class: "link", type: "button", title: "Close this scope", onclick: () => on.toggle(name) },
      `▾ ${groupTitle(model.groups.get(name))}`,
    ),
  );
  return [html("p", { class: "near" }, html("span", { class: "quiet" }, "close scope "), ...buttons)];
}

function scopeDetails(model, item, on) {
  const { scope, node } = item;
  const members = model.members(scope.name);
  const list = members
    .slice(0, 30)
    .map((member) => html("li", {}, nodeLink(model, member, on), member.count > 1 ? ` ×${member.count}` : ""));
  return [
    html("h3", {}, groupTitle(scope)),
    html("p", { class: "quiet" }, [scope.kind, ...node.rows.flat()].filter(Boolean).join(", ")),
    html("button", { type: "button", onclick: () => on.toggle(scope.name) }, "Open this scope"),
    html("p", {}, `Inside${members.length > 30 ? `, the first 30 of ${members.length}` : ""}:`),
    html("ul", { class: "plain" }, ...list),
  ];
}

// --- the step of the player ----------------------------------------------------------------------------

/** {heading, parts, spoken} for a state of the player. */
function stepDetails(model, playback, state, on) {
  const { step } = state;
  if (playback.resting) return restDetails(model, state, on);
  if (step.kind === "start") return startDetails(model);
  if (step.kind === "forward") return forwardDetails(model, step, on);
  if (step.kind === "seed") return seedDetails(model, step, on);
  if (step.kind === "backward") return backwardDetails(model, state, on);
  return endDetails(model, state, on);
}

const NO_BACKWARD = [
  "This picture has no backward pass: its output is not a number computed from Values that require a gradient.",
  'Draw a loss, for instance draw(loss).save("graph.html"), to see the gradients flow back.',
].join(" ");

function noBackward(model) {
  const failed = model.inOrder.find((node) => node.role === "failed");
  if (failed) return `The forward pass stopped at ${model.label(failed)}, so there is no backward pass.`;
  if (model.inOrder.some((node) => node.marks.some((mark) => ["added", "removed", "changed"].includes(mark))))
    return "This picture compares two graphs, so there is no backward pass to play.";
  const reason = model.notes.find((note) => note.startsWith("gradients on edges are not"));
  return reason ? `There is no backward pass to play: ${reason}.` : NO_BACKWARD;
}

function restDetails(model, state, on) {
  const notes = model.notes.map((note) => html("p", { class: "note" }, note));
  if (model.isNetwork)
    return { heading: "Neurons and connections", parts: [html("p", {}, "Select a neuron for its numbers."), ...notes] };
  const end = model.roots.length > 1 ? "outputs" : "output";
  const words = model.hasCotangents
    ? [
        `Press Play, or . for one step: first every operation computes its value, from the inputs to the ${end}.`,
        `Then the gradient starts at the ${end} and flows back, one operation at a time.`,
      ].join(" ")
    : "Press Play, or . for one step, to see every operation compute its value.";
  return {
    heading: "Play the graph",
    parts: [
      ...notes,
      html("p", {}, words),
      model.hasCotangents ? leafTable(model, state, on) : html("p", { class: "note" }, noBackward(model)),
    ],
  };
}

function startDetails(model) {
  const given = model.inOrder.filter((node) => ["leaf", "frozen", "constant"].includes(node.role));
  const count = given.reduce((sum, node) => sum + node.count, 0);
  const words = `The forward pass begins with ${plural(count, "given value")}: leaves and constants.`;
  return { heading: "Start", parts: [html("p", {}, `${words} Nothing is computed yet.`)] };
}

function forwardDetails(model, { node }, on) {
  const operands = model.incoming.get(node.name);
  const parts = [where(model, node, on)];
  if (operands.length) {
    const rows = operands.map((edge) => {
      const source = model.nodes.get(edge.source);
      return html(
        "tr",
        {},
        html("th", { scope: "row" }, nodeLink(model, source, on)),
        html("td", {}, shortSummary(source.data)),
      );
    });
    parts.push(html("table", { class: "numbers" }, html("caption", {}, "operands"), html("tbody", {}, ...rows)));
  }
  const failed = node.role === "failed";
  parts.push(
    html(
      "p",
      { class: failed ? "result bad" : "result" },
      failed ? "This operation raised an error." : `= ${node.data ? exactSummary(node.data) : "not known"}`,
    ),
  );
  for (const note of node.notes) parts.push(html("p", { class: "note" }, note));
  return { heading: "Forward", node, parts };
}

function where(model, node, on) {
  const hidden = model.closedAround(node.group);
  const inside = hidden
    ? html(
        "button",
        { type: "button", class: "small", onclick: () => on.toggle(hidden) },
        `open ${groupTitle(model.groups.get(hidden))}`,
      )
    : null;
  const count = node.count > 1 ? html("span", { class: "tag" }, `×${node.count.toLocaleString("en")}`) : null;
  return html(
    "p",
    { class: "op" },
    nodeLink(model, node, on),
    node.title.includes(" = ") ? ` ${node.title.slice(node.title.indexOf("="))} ` : " ",
    count,
    inside,
  );
}

function seedDetails(model, { node }, on) {
  const seed = model.seedOf(node);
  const words = !isOne(seed)
    ? `The backward pass starts with the seed ${exactSummary(seed)}.`
    : model.roots.length > 1
      ? "This is one of several outputs, and the gradient of an output with respect to itself is 1."
      : "The gradient of the output with respect to itself is 1. From here the chain rule goes back.";
  return {
    heading: "Seed",
    node,
    parts: [
      html("p", { class: "op" }, nodeLink(model, node, on), ".grad = ", html("strong", {}, exactSummary(seed))),
      html("p", {}, words),
    ],
  };
}

function backwardDetails(model, state, on) {
  const { node } = state.step;
  const sum = state.sums.get(node.name);
  const incoming = sum?.summary ?? node.cotangent;
  const parts = [where(model, node, on)];
  if (node.words) parts.push(html("p", { class: "words" }, node.words));
  parts.push(
    html(
      "p",
      { class: "incoming" },
      "incoming gradient g = ",
      html("strong", { title: exactSummary(incoming) }, exactSummary(incoming)),
      ` (${usesWords(sum)})`,
    ),
  );
  parts.push(...state.additions.map((addition) => additionCard(model, node, incoming, addition, on)));
  if (!state.additions.length)
    parts.push(
      html(
        "p",
        { class: "quiet" },
        "None of its operands takes a gradient: they are constants or frozen, or the operation has no slope.",
      ),
    );
  return { heading: "Backward", node, parts };
}

function usesWords(sum) {
  if (!sum) return "of the whole pass";
  if (!sum.complete) return `${sum.arrived} of ${sum.uses} uses have arrived`;
  return sum.uses === 1 ? "its one use has arrived" : `all ${sum.uses} uses have arrived`;
}

/** One operand: the rule, incoming times local gradient, and the += into its own gradient. */
function additionCard(model, node, incoming, { edge, before, after }, on) {
  const source = model.nodes.get(edge.source);
  const rule = node.rules[edge.slot];
  const product = edge.local
    ? html(
        "p",
        { class: "product" },
        part("incoming", shortSummary(incoming)),
        sign("×"),
        part("local", shortSummary(edge.local)),
        sign("="),
        part("flows back", shortSummary(edge.flow)),
      )
    : html("p", { class: "product" }, part("flows back", shortSummary(edge.flow)));
  const total = after.values
    ? exactValues(after.values)
    : after.summary
      ? shortSummary(after.summary)
      : "summed outside of this picture";
  const old = before ? (before.values ? exactValues(before.values) : "…") : "0";
  const sumLine = html(
    "p",
    { class: "sum" },
    nodeLink(model, source, on),
    ".grad: ",
    html("span", { class: "old" }, old),
    ` += ${shortSummary(edge.flow)} → `,
    html("strong", { class: "new" }, total),
  );
  const count = edge.count > 1 ? ` (${plural(edge.count, "edge")} drawn as one)` : "";
  return html(
    "div",
    { class: "addition", "data-source": source.name },
    html(
      "p",
      { class: "into" },
      "into ",
      html("strong", {}, model.shortLabel(source)),
      count,
      rule ? html("code", {}, rule) : null,
    ),
    product,
    sumLine,
    html(
      "p",
      { class: after.complete ? "arrived complete" : "arrived" },
      after.complete ? `complete: ${usesWords(after)}` : usesWords(after),
    ),
  );
}

const sign = (text) => html("span", { class: "sign" }, text);
const part = (what, text) => html("span", { class: "part" }, html("small", {}, what), html("b", {}, text));

function endDetails(model, state, on) {
  if (!model.hasCotangents)
    return { heading: "The forward pass is complete", parts: [html("p", { class: "note" }, noBackward(model))] };
  const parts = [
    html("p", {}, "Every gradient is complete. backward() adds those of the leaves to their .grad:"),
    leafTable(model, state, on),
  ];
  return { heading: "Complete", parts };
}

/** The gradients of the leaves: the exact sums, where the numbers are few. */
function leafTable(model, state, on) {
  const leaves = model.inOrder.filter((node) => node.role === "leaf" || node.role === "unreached");
  if (!leaves.length) return html("p", { class: "quiet" }, "There are no leaves that take a gradient.");
  const rows = leaves.map((node) => {
    const sum = state.sums.get(node.name);
    const known =
      node.role === "unreached"
        ? null
        : sum
          ? sum.summary
          : state.step.kind === "end"
            ? (node.cotangent ?? node.grad)
            : null;
    const text =
      node.role === "unreached"
        ? "never reached"
        : known
          ? known.size === 1
            ? exactSummary(known)
            : shortSummary(known)
          : sum
            ? "…"
            : "·";
    const arrived = sum ? (sum.complete ? "complete" : `${sum.arrived} of ${sum.uses}`) : "";
    return html(
      "tr",
      {
        "data-name": node.name,
        "data-grad": sum?.values ? exactValues(sum.values) : known?.values ? exactValues(known.values) : null,
      },
      html("th", { scope: "row" }, nodeLink(model, node, on), node.count > 1 ? ` ×${node.count}` : ""),
      html("td", { title: known ? exactSummary(known) : null }, text),
      html("td", { class: "quiet" }, arrived),
    );
  });
  const head = html(
    "thead",
    {},
    html(
      "tr",
      {},
      html("th", { scope: "col" }, "leaf"),
      html("th", { scope: "col" }, "gradient"),
      html("th", { scope: "col" }, "uses"),
    ),
  );
  return html(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "gradients of the leaves" },
    html("table", { class: "leaves numbers" }, head, html("tbody", {}, ...rows)),
  );
}

// --- about the picture -----------------------------------------------------------------------------------

const KEYS = [
  ["Space", "play or pause"],
  [". or →", "one step on"],
  [", or ←", "one step back"],
  ["Home, End", "first and last step"],
  ["/", "search"],
  ["Enter, Shift+Enter", "in the search: next and previous hit"],
  ["Tab, then arrows", "into the graph, and from node to node"],
  ["Enter", "on a node: all its numbers; on a scope: open or close it"],
  ["Shift + arrows", "in the graph: move the view"],
  ["+ −", "zoom"],
  ["0 or f", "fit to the screen"],
  ["c", "colours: roles or gradients"],
  ["r", "turn: left to right, or bottom to top"],
  ["d", "dark or light"],
  ["Esc", "clear search and marks"],
];

function aboutDetails(model) {
  const parts = [];
  if (model.note) parts.push(html("p", { class: "note" }, model.note));
  for (const note of model.notes) parts.push(html("p", { class: "note" }, note));
  const size = [
    model.total ? plural(model.total, "node") : "",
    model.edgesTotal ? plural(model.edgesTotal, "edge") : "",
  ]
    .filter(Boolean)
    .join(", ");
  if (size) parts.push(html("p", {}, `The whole graph: ${size}.`));
  if (model.legend.length) {
    parts.push(
      html("h3", {}, "Colours"),
      html(
        "ul",
        { class: "plain" },
        ...model.legend.map(([colour, meaning]) => html("li", {}, swatch(colour), meaning)),
      ),
    );
  }
  parts.push(
    html("h3", {}, "Keys"),
    html(
      "dl",
      { class: "facts keys" },
      ...KEYS.flatMap(([key, words]) => [html("dt", {}, html("kbd", {}, key)), html("dd", {}, words)]),
    ),
  );
  return parts;
}

function swatch(colour) {
  const element = html("span", { class: "swatch", "aria-hidden": "true" });
  element.style.background = colour;
  return element;
}

/** The legend of the colours of nodes, under the drawing. */
function legendParts(model, colours, range) {
  if (colours === "gradients") {
    if (!range) return [html("span", {}, "No gradients are known.")];
    const stops = RAMP.map((colour) => `rgb(${colour.join(" ")})`).join(", ");
    const bar = html("span", {
      class: "ramp",
      role: "img",
      "aria-label": "from pale yellow, small, to dark blue, large",
    });
    bar.style.background = `linear-gradient(to right, ${stops})`;
    return [
      html("span", {}, "size of a gradient (rms)"),
      html("span", { class: "number" }, short(10 ** range.low)),
      bar,
      html("span", { class: "number" }, short(10 ** range.high)),
      html("span", { class: "chip zero" }, "zero"),
      html("span", { class: "chip bad" }, "NaN, inf"),
    ];
  }
  if (model.isNetwork || model.legend.length)
    return model.legend.map(([colour, meaning]) => html("span", {}, swatch(colour), meaning));
  const present = new Set(model.inOrder.map((node) => (model.isOutput(node) ? "output" : node.role)));
  const shown = [
    ["leaf", "leaf"],
    ["frozen", "frozen"],
    ["constant", "constant"],
    ["computed", "computed"],
    ["output", "output"],
    ["failed", "failed"],
    ["unreached", "unreached"],
    ["cut", "left out"],
  ];
  return shown
    .filter(([role]) => present.has(role))
    .map(([role, words]) => html("span", { class: `chip ${role}` }, words));
}
