// How a node looks: its size, its texts, its badges and colours, as SVG.

const FONT = getComputedStyle(document.body).fontFamily;
const TEXT = { title: 13, cell: 12, row: 18, band: 26, side: 10, gap: 12, longest: 280 };
const NEURON = 19;
const BADGES = {
  nan: ["NaN", "bad", "There is a NaN here"],
  inf: ["∞", "bad", "There is an infinite number here"],
  "zero gradient": ["g = 0", "warn", "The gradient is exactly zero"],
  "exploding gradient": ["g ↑", "warn", "The gradient is very large"],
  "vanishing gradient": ["g ↓", "warn", "The gradient is very small"],
  dead: ["dead", "warn", "Units here are zero for all samples"],
  unreached: ["unreached", "warn", "This parameter never reached the output"],
  added: ["+ added", "added", "Only in the second graph"],
  removed: ["− removed", "removed", "Only in the first graph"],
  changed: ["≠ changed", "changed", "Different in the two graphs"],
};

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

function textWidth(text, size, weight = 400) {
  const key = `${weight} ${size} ${text}`;
  if (!widths.has(key)) {
    pen.font = `${weight} ${size}px ${FONT}`;
    widths.set(key, pen.measureText(text).width);
  }
  return widths.get(key);
}

/** The beginning of a text that fits, and an ellipsis. */
function fitted(text, size, weight, width) {
  if (textWidth(text, size, weight) <= width) return text;
  const letters = [...text];
  while (letters.length > 1 && textWidth(`${letters.join("")}…`, size, weight) > width) letters.pop();
  return `${letters.join("")}…`;
}

const groupTitle = (group) =>
  `${group.title || group.name}${group.count > 1 ? ` ×${group.count.toLocaleString("en")}` : ""}`;
const groupTitleWidth = (group) =>
  textWidth(`▾ ${groupTitle(group)}${group.kind ? ` · ${group.kind}` : ""}`, 12, 600) + 16;

/** Everything about an item that does not change while it is shown. */
function faceOf(item) {
  const { node, scope } = item;
  if (node.role === "neuron") return neuronFace(node);
  const small = node.role === "constant" || node.role === "cut";
  const title = scope
    ? `▸ ${scope.title || scope.name}`
    : node.title || (node.rows.length ? "" : node.op || node.names[0] || node.role);
  const count = node.count > 1 ? `×${node.count.toLocaleString("en")}` : "";
  const weight = small ? 400 : 600;
  const shown = fitted(title, TEXT.title, weight, TEXT.longest);
  const badges = badgesOf(node);
  const rows = compactRows(node).map((row) => row.map((cell) => fitted(cell, TEXT.cell, 400, TEXT.longest)));
  const columns = columnsOf(rows);
  const single = rows.filter((row) => row.length === 1).map((row) => textWidth(row[0], TEXT.cell));
  const top = textWidth(shown, TEXT.title, weight) + (count ? textWidth(count, TEXT.title, 600) + 8 : 0);
  const table = columns.reduce((sum, width) => sum + width + TEXT.gap, -TEXT.gap);
  const width = Math.ceil(Math.max(top, table, ...single, small ? 14 : 44) + 2 * TEXT.side);
  const band = shown || count ? (small ? 24 : TEXT.band) : 6;
  const height = band + (rows.length ? rows.length * TEXT.row + 8 : 0);
  // From afar only the title is drawn, as large as the node allows.
  const name = title || rows[0]?.join(" ") || "";
  const far = Math.min(34, (TEXT.title * (width - 12)) / Math.max(textWidth(name, TEXT.title, 600), 1), height - 8);
  return {
    title: shown,
    count,
    rows,
    columns,
    badges,
    band,
    width,
    height,
    small,
    far: far > TEXT.title || !shown ? [name, round(far)] : [shown, TEXT.title],
  };
}

function neuronFace(node) {
  const label = fitted(node.title || node.names[0] || "", 12, 600, 96);
  const size = Math.max(2 * NEURON, textWidth(label, 12, 600) + 14);
  return {
    title: label,
    rows: [],
    columns: [],
    badges: badgesOf(node),
    width: size,
    height: 2 * NEURON,
    count: "",
    band: 0,
    round: true,
  };
}

/** The rows of a node, with a gradient if the player has one. Arrays show mean and norm: the panel has the rest. */
function compactRows(node) {
  const header = node.rows.find((row) => row[0] === "");
  const kept = header ? header.map((_, i) => i).filter((i) => i === 0 || ["mean", "norm"].includes(header[i])) : [];
  const rows = node.rows.map((row) => (header && row.length === header.length ? kept.map((i) => row[i]) : row));
  if (!node.cotangent || node.role === "scope" || rows.some((row) => row[0] === "grad")) return rows;
  const cells = header ? kept.length - 1 : 1;
  return [...rows, ["grad", ...Array(cells).fill("·")]];
}

/** The widths of the cells of rows with several cells. */
function columnsOf(rows) {
  const widths = [];
  for (const row of rows.filter((row) => row.length > 1)) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textWidth(cell, TEXT.cell));
  }
  return widths;
}

function badgesOf(node) {
  return node.marks.map((mark) => {
    const [text, kind, words] = BADGES[mark] ?? [mark, "warn", mark];
    return { mark, text, kind, words, width: textWidth(text, 11, 600) + 10 };
  });
}

/** The SVG of a node, around its centre. */
function nodeElement(item, place, isOutput) {
  const { node, scope, face } = item;
  const { width, height } = place;
  const element = svg("g", {
    class: "node",
    id: scope ? `scope-${node.name}` : `node-${node.name}`,
    transform: `translate(${round(place.x)} ${round(place.y)})`,
    "data-key": item.key,
    "data-marks": node.marks.join(" "),
    "data-name": node.name,
    "data-role": isOutput && !scope ? "output" : node.role,
    tabindex: "-1",
    role: "button",
    "aria-label": spokenName(node, scope),
  });
  if (scope) element.setAttribute("aria-expanded", "false");
  if (node.role === "neuron" && isColour(node.op))
    element.setAttribute("style", `--ground: ${node.op}; --stroke: ${node.op}; --ink: #fff`);
  element.append(
    ...(node.count > 1 || scope?.count > 1 ? [svg("rect", shape(face, 4, 4, width, height, "behind"))] : []),
  );
  element.append(svg("rect", shape(face, 0, 0, width, height, "box")));
  if (face.round) element.append(svg("text", { class: "title", y: 4.5, "text-anchor": "middle" }, face.title));
  else element.append(...titleOf(face, width, height), ...cellsOf(face, width, height));
  if (face.far?.[0])
    element.append(
      svg(
        "text",
        {
          class: "far-title",
          y: round(face.far[1] * 0.36),
          "text-anchor": "middle",
          style: `font-size:${face.far[1]}px`,
        },
        face.far[0],
      ),
    );
  element.append(svg("rect", shape(face, 0, 0, width, height, "halo")), ...badgeElements(face, width, height));
  return element;
}

function shape(face, dx, dy, width, height, name) {
  const grow = name === "halo" ? 3 : 0;
  return {
    class: name,
    x: round(dx - width / 2 - grow),
    y: round(dy - height / 2 - grow),
    width: round(width + 2 * grow),
    height: round(height + 2 * grow),
    ...(face.round ? { rx: NEURON + grow } : {}), // other corners come from the styles
  };
}

function titleOf(face, width, height) {
  const [left, top] = [-width / 2, -height / 2];
  const parts = [];
  if (face.rows.length && face.title)
    parts.push(svg("path", { class: "rule", d: `M${round(left)} ${round(top + face.band)}h${round(width)}` }));
  const y = round(top + (face.rows.length ? face.band : height) / 2 + 4.5);
  const alone = !face.rows.length && !face.count;
  parts.push(
    svg(
      "text",
      { class: "title", x: alone ? 0 : round(left + TEXT.side), y, ...(alone ? { "text-anchor": "middle" } : {}) },
      face.title,
    ),
  );
  if (face.count)
    parts.push(svg("text", { class: "count", x: round(width / 2 - TEXT.side), y, "text-anchor": "end" }, face.count));
  return parts;
}

function cellsOf(face, width, height) {
  const left = -width / 2 + TEXT.side;
  const right = width / 2 - TEXT.side;
  return face.rows.flatMap((row, r) => {
    const y = round(-height / 2 + face.band + 4 + r * TEXT.row + 13);
    if (row.length === 1) return [svg("text", { class: "cell label", x: round(left), y, "data-row": r }, row[0])];
    const end = right;
    const ends = face.columns.map((_, i) => face.columns.slice(i + 1).reduce((at, w) => at - w - TEXT.gap, end));
    return row.map((cell, i) => {
      const first = i === 0;
      const at = { x: round(first ? left : ends[i]), y, "text-anchor": first ? "start" : "end" };
      return svg(
        "text",
        { class: first || row[0] === "" ? "cell label" : "cell", ...at, "data-row": row[0], "data-column": i },
        cell,
      );
    });
  });
}

function badgeElements(face, width, height) {
  let right = width / 2 + 6;
  return face.badges.map((badge) => {
    const element = svg("g", {
      class: `badge ${badge.kind}`,
      "data-mark": badge.mark,
      transform: `translate(${round(right - badge.width)} ${round(-height / 2 - 13)})`,
    });
    element.append(svg("title", {}, badge.words), svg("rect", { width: round(badge.width), height: 16, rx: 8 }));
    element.append(svg("text", { x: round(badge.width / 2), y: 12, "text-anchor": "middle" }, badge.text));
    right -= badge.width + 3;
    return element;
  });
}

/** The text of a node for screen readers. */
function spokenName(node, scope) {
  if (scope) return `closed scope ${groupTitle(scope)}, ${node.rows.flat().join(", ")}. Press Enter to open it.`;
  const parts = [node.title || node.names[0] || node.op || "unnamed", node.role];
  if (node.count * node.parts > 1) parts.push(`represents ${node.count * node.parts} nodes`);
  for (const [what, numbers] of [
    ["value", node.data],
    ["gradient", node.grad ?? node.cotangent],
  ]) {
    if (numbers) parts.push(`${what} ${shortSummary(numbers)}`);
  }
  return [...parts, ...node.marks].join(", ");
}

// --- colours by the size of the gradient -------------------------------------------------------------

// RAMP is the colour scale of the pictures, a constant from Python: the larger a gradient, the darker, in both themes.

function rampColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const [low, high] = [RAMP[Math.floor(at)], RAMP[Math.ceil(at)]];
  return low.map((channel, i) => Math.round(channel + (high[i] - channel) * (at - Math.floor(at))));
}

/** Black or white, whichever is easier to read on a colour. */
function inkOn(colour) {
  const [r, g, b] = colour.map((channel) =>
    channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

/** The gradient that colours a node: that in its table, or before a backward pass that of the pass to be played. */
const shownGradient = (node) => node.grad ?? node.cotangent;

/** The powers of ten between which the sizes of the gradients lie. */
function gradientRange(model) {
  const sizes = model.inOrder
    .map((node) => rms(shownGradient(node)))
    .filter((size) => size > 0 && Number.isFinite(size));
  if (!sizes.length) return null;
  const low = Math.log10(Math.min(...sizes));
  const high = Math.log10(Math.max(...sizes));
  return { low: Math.min(low, high - 1), high }; // never shorter than a factor of ten
}

/** {fill, ink} of a node in the colours of gradients, or the name of a special case, or null. */
function gradientColour(numbers, range) {
  if (!numbers || !range) return null;
  if (isBad(numbers)) return "bad";
  if (isZero(numbers)) return "zero";
  const colour = rampColour((Math.log10(rms(numbers)) - range.low) / (range.high - range.low));
  return { fill: `rgb(${colour.join(" ")})`, ink: inkOn(colour) };
}
