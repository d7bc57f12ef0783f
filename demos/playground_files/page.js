// The playground shows one recorded run at one epoch. Nothing here computes a network.

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const LETTERS = ["x", "h", "k"]; // of the neurons in the input and in the hidden layers
const NAMES = {
  moons: "Moons",
  circles: "Circles",
  xor: "XOR",
  spirals: "Spirals",
  relu: "ReLU",
  tanh: "tanh",
  sigmoid: "sigmoid",
};
const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int32: Int32Array };
const unpacked = new Map(); // decompressed runs, by name

const choice = { data: "spirals", activation: "tanh", network: "8-8" };
let run = null; // the run that is shown
let epoch = DATA.epochs;
let chosen = null; // { layer, unit } for a neuron; with { from } for the weight that comes from there; null for none
let probe = null; // column and row of the probe on the plane
let timer = null;

// --- small helpers ---

const number = (x, digits) => (Object.is(Math.round(x * 10 ** digits), -0) ? 0 : x).toFixed(digits).replace("-", "−");
const signed = (x) => number(x, 3);
const percent = (share) => `${number(100 * share, 1)} %`;
const sign = (x) => (x < 0 ? "orange" : "blue");
const choiceKey = () => `${choice.data} ${choice.activation} ${choice.network}`;

const colours = {};
function readColours() {
  for (const name of ["blue", "orange", "zero", "ink", "paper", "rim"]) colours[name] = colourOf(name);
}
const css = (name, alpha = 1) => `rgb(${colours[name].join(" ")} / ${alpha})`;

// --- the recorded runs ---

async function unpack({ type, bytes }) {
  const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new ARRAYS[type](await new Response(stream).arrayBuffer());
}

/** A run with its arrays, and the places of its parameters for each layer, from the first hidden one on. */
async function load(name) {
  if (!unpacked.has(name)) {
    const [dataset, activation, network] = name.split(" ");
    const recorded = DATA.runs[name];
    const sizes = DATA.networks[network];
    const arrays = await Promise.all(
      ["parameters", "neurons", "output", "wrong"].map((part) => unpack(recorded[part])),
    );
    const layers = [];
    let place = 0;
    for (let k = 1; k < sizes.length; k++) {
      layers.push({ weights: place, biases: place + sizes[k] * sizes[k - 1] });
      place += sizes[k] * (sizes[k - 1] + 1);
    }
    const [parameters, neurons, output, wrong] = arrays;
    unpacked.set(name, {
      ...recorded,
      name,
      dataset,
      activation,
      sizes,
      layers,
      count: place,
      parameters,
      neurons,
      output,
      wrong,
    });
  }
  return unpacked.get(name);
}

const outputLayer = () => run.sizes.length - 1;
const parameterAt = (place, at) => run.parameters[at * run.count + place] / 1000;
const weight = (layer, unit, from, at = epoch) =>
  parameterAt(run.layers[layer - 1].weights + unit * run.sizes[layer - 1] + from, at);
const bias = (layer, unit, at = epoch) => parameterAt(run.layers[layer - 1].biases + unit, at);

function nameOf(layer, unit) {
  return layer === outputLayer() ? "y" : LETTERS[layer] + SUBSCRIPTS[unit + 1];
}

/** The picture of a neuron: whole numbers, and the value of one unit. */
function picture(layer, unit) {
  if (layer === 0) return inputPictures[unit];
  if (layer === outputLayer()) {
    const size = DATA.sides.output ** 2;
    return {
      side: DATA.sides.output,
      pixels: run.output.subarray(epoch * size, (epoch + 1) * size),
      share: run.output_scales[epoch] / 127,
    };
  }
  const hidden = run.sizes.slice(1, -1);
  const size = DATA.sides.neurons ** 2;
  const before = hidden.slice(0, layer - 1).reduce((a, b) => a + b, 0) + unit;
  const start = (epoch * hidden.reduce((a, b) => a + b) + before) * size;
  const scale = run.neuron_scales[before];
  return { side: DATA.sides.neurons, pixels: run.neurons.subarray(start, start + size), share: 1 / 31, scale };
}

const inputPictures = [(k) => k % 20, (k) => 19 - Math.floor(k / 20)].map((place) => ({
  side: 20,
  share: 2 / 19,
  scale: DATA.edge,
  pixels: Float32Array.from({ length: 400 }, (_, k) => place(k) - 9.5),
}));

// --- painting ---

const sheet = html("canvas");

/** Paint a picture over a whole canvas: its outermost points lie on the edges. */
function paint(canvas, { side, pixels, share }, strength = 1) {
  const { blue, orange, zero } = colours;
  sheet.width = sheet.height = side;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(side, side);
  for (let k = 0; k < pixels.length; k++) {
    const value = Math.max(-1, Math.min(1, pixels[k] * share));
    const much = Math.abs(value) * strength;
    const end = value < 0 ? orange : blue;
    for (let part = 0; part < 3; part++) image.data[4 * k + part] = zero[part] + (end[part] - zero[part]) * much;
    image.data[4 * k + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(sheet, 0.5, 0.5, side - 1, side - 1, 0, 0, canvas.width, canvas.height);
}

/**
 * The line where the output is undecided, as pairs of points from 0 to 1. It is found from scores, not from
 * probabilities, because scores are nearly linear between points.
 */
function boundary({ side, pixels, share }) {
  const lines = [];
  const score = (place) => Math.atanh(Math.max(-0.995, Math.min(0.995, (pixels[place] || 0.01) * share)));
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const corners = [
        [column, row],
        [column + 1, row],
        [column + 1, row + 1],
        [column, row + 1],
      ];
      const values = corners.map(([x, y]) => score(y * side + x));
      const crossings = [];
      for (let k = 0; k < 4; k++) {
        const other = (k + 1) % 4;
        if (values[k] < 0 === values[other] < 0) continue;
        const along = values[k] / (values[k] - values[other]);
        crossings.push(
          [0, 1].map((axis) => (corners[k][axis] + along * (corners[other][axis] - corners[k][axis])) / (side - 1)),
        );
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) lines.push([crossings[k], crossings[k + 1]]);
    }
  }
  return lines;
}

/** Paint points on a plane; `wrong` says which are outlined. */
function paintPoints(pen, points, size, radius, { square = false, wrong = () => false } = {}) {
  const at = (x) => ((x + DATA.edge) / (2 * DATA.edge)) * size;
  points.forEach(([x, y, label], k) => {
    pen.beginPath();
    if (square) pen.rect(at(x) - 0.86 * radius, at(-y) - 0.86 * radius, 1.72 * radius, 1.72 * radius);
    else pen.arc(at(x), at(-y), radius, 0, 7);
    pen.fillStyle = css(label ? "blue" : "orange");
    pen.fill();
    pen.lineWidth = wrong(k) ? 0.55 * radius : 0.3 * radius;
    pen.strokeStyle = css(wrong(k) ? "ink" : "rim");
    pen.stroke();
  });
}

/** Give a canvas as many pixels as it has on the screen. */
function sharpen(canvas) {
  const size = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  if (canvas.width !== size || canvas.height !== size) canvas.width = canvas.height = size;
  return size;
}

function showPlane() {
  const canvas = byId("field");
  const size = sharpen(canvas);
  const pen = canvas.getContext("2d");
  const output = picture(outputLayer(), 0);
  const points = DATA.data[run.dataset];
  paint(canvas, output, 0.62);
  pen.lineCap = "round";
  for (const [colour, width] of [
    ["paper", 0.013],
    ["ink", 0.0065],
  ]) {
    pen.strokeStyle = css(colour, colour === "paper" ? 0.7 : 1);
    pen.lineWidth = width * size;
    pen.beginPath();
    for (const [[a, b], [c, d]] of boundary(output)) {
      pen.moveTo(a * size, b * size);
      pen.lineTo(c * size, d * size);
    }
    pen.stroke();
  }
  const all = points.train.length + points.test.length;
  const start = epoch * all;
  const radius = 0.0105 * size;
  paintPoints(pen, points.train, size, radius, { wrong: (k) => run.wrong[start + k] === 1 });
  if (byId("show-test").checked) {
    paintPoints(pen, points.test, size, radius, {
      square: true,
      wrong: (k) => run.wrong[start + points.train.length + k] === 1,
    });
  }
  canvas.setAttribute(
    "aria-label",
    `The plane with ${all} points; a line separates predicted orange from blue. Arrow keys move a probe.`,
  );
  showProbe(output, pen, size);
}

/** Show the prediction at the probe, and a cross there. */
function showProbe(output, pen, size) {
  if (probe === null) {
    byId("probe").textContent = "Click a place for its prediction. On the line: 50 to 50.";
    return;
  }
  const { column, row } = probe;
  const last = output.side - 1;
  const share = (output.pixels[row * output.side + column] * output.share + 1) / 2;
  const place = [column, last - row].map((k) => number(((2 * k) / last - 1) * DATA.edge, 2)).join(", ");
  byId("probe").textContent = `At (${place}) it predicts blue with probability ${number(share, 2)}.`;
  const x = (column / last) * size;
  const y = (row / last) * size;
  const arm = 0.025 * size;
  for (const [colour, width] of [
    ["paper", 0.012],
    ["ink", 0.005],
  ]) {
    pen.strokeStyle = css(colour);
    pen.lineWidth = width * size;
    pen.beginPath();
    pen.moveTo(x - arm, y);
    pen.lineTo(x + arm, y);
    pen.moveTo(x, y - arm);
    pen.lineTo(x, y + arm);
    pen.stroke();
  }
}

// --- the network ---

let drawn = { neurons: [], weights: [] }; // the drawn parts of the network, updated at every epoch

function layOut() {
  const box = byId("network");
  const width = box.clientWidth;
  const small = width < 400;
  const count = run.sizes.length;
  const row = small ? 42 : Math.max(46, Math.min(80, (innerHeight - 394) / 8));
  const side = small ? 33 : Math.round(0.8 * row);
  const head = 42;
  const height = head + 8 * row;
  const margin = side / 2 + (small ? 7 : 14);
  const x = (layer) => margin + (layer / (count - 1)) * (width - 2 * margin);
  const y = (layer, unit) =>
    head + (8 * row) / 2 + (unit - (run.sizes[layer] - 1) / 2) * (run.sizes[layer] < 5 ? 1.35 : 1) * row;
  box.replaceChildren();
  box.style.height = `${height}px`;
  const lines = svg("g");
  const reaches = svg("g");
  const halo = svg("path", { class: "halo" });
  box.append(svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, halo, lines, reaches));
  drawn = { neurons: [], weights: [], halo };
  run.sizes.forEach((size, layer) => {
    const words =
      layer === 0
        ? ["inputs"]
        : layer === count - 1
          ? ["output", "sigmoid"]
          : [(small ? "layer" : "hidden layer") + (count > 3 ? ` ${layer}` : ""), NAMES[run.activation]];
    const column = html("div", { class: "column", style: `left: ${x(layer)}px` });
    for (const [k, word] of words.entries()) column.append(...(k ? [html("br")] : []), word);
    box.append(column);
    for (let unit = 0; unit < size; unit++) {
      const name = nameOf(layer, unit);
      const canvas = html("canvas", { "aria-hidden": "true", width: 2 * side, height: 2 * side });
      const [left, top] = [x(layer) - side / 2, y(layer, unit) - side / 2];
      const place = `left: ${left}px; top: ${top}px; width: ${side}px; height: ${side}px`;
      const button = html(
        "button",
        { type: "button", class: "neuron", style: place, "data-name": name, "aria-label": `Neuron ${name}` },
        canvas,
        html("span", { "aria-hidden": "true" }, name),
      );
      button.addEventListener("click", () => choose({ layer, unit }));
      box.append(button);
      drawn.neurons.push({ layer, unit, canvas, button });
      for (let from = 0; layer > 0 && from < run.sizes[layer - 1]; from++) {
        const [a, b, c, d] = [x(layer - 1) + side / 2, y(layer - 1, from), x(layer) - side / 2, y(layer, unit)];
        const bend = 0.45 * (c - a);
        const curve = `M${a} ${b}C${a + bend} ${b} ${c - bend} ${d} ${c} ${d}`;
        const line = svg("path", { class: "weight", d: curve });
        const reach = svg("path", { class: "reach", d: curve, "data-weight": `${nameOf(layer - 1, from)} ${name}` });
        reach.addEventListener("click", () => choose({ layer, unit, from }));
        lines.append(line);
        reaches.append(reach);
        drawn.weights.push({ layer, unit, from, line, curve });
      }
    }
  });
}

function showNetwork() {
  for (const { layer, unit, canvas, button } of drawn.neurons) {
    paint(canvas, picture(layer, unit));
    button.setAttribute(
      "aria-pressed",
      chosen !== null && chosen.from === undefined && chosen.layer === layer && chosen.unit === unit,
    );
  }
  drawn.halo.setAttribute("d", "");
  for (const { layer, unit, from, line, curve } of drawn.weights) {
    const value = weight(layer, unit, from);
    const width = Math.min(9, 0.5 + 1.6 * Math.abs(value));
    line.setAttribute("class", `weight ${sign(value)} ${touches(layer, unit, from) ? "" : "faded"}`);
    line.setAttribute("stroke-width", width.toFixed(2));
    if (chosen !== null && chosen.layer === layer && chosen.unit === unit && chosen.from === from) {
      drawn.halo.setAttribute("d", curve);
      drawn.halo.setAttribute("stroke-width", (width + 4).toFixed(2));
    }
  }
}

/** Whether a weight belongs to the selection; without a selection all do. */
function touches(layer, unit, from) {
  if (chosen === null) return true;
  if (chosen.from !== undefined) return chosen.layer === layer && chosen.unit === unit && chosen.from === from;
  return (chosen.layer === layer && chosen.unit === unit) || (chosen.layer === layer - 1 && chosen.unit === from);
}

function choose(what) {
  const same =
    what !== null && chosen !== null && ["layer", "unit", "from"].every((part) => what[part] === chosen[part]);
  chosen = same ? null : what;
  showNetwork();
  showChosen();
  byId("live").textContent = chosen === null ? "" : byId("title-chosen").textContent;
}

// --- curves over the epochs ---

/** Draw curves {class, y} over the epochs; a click or a drag goes to that epoch. */
function chart(box, label, curves, height, { least = Infinity } = {}) {
  const width = box.clientWidth;
  const left = 34;
  const right = 8;
  const top = 8;
  const foot = 20;
  const all = curves.flatMap(({ y }) => y);
  const low = Math.min(least, ...all);
  const high = Math.max(...all, low + 0.1);
  const room = 0.05 * (high - low);
  const base = least === Infinity ? low - room : least;
  const x = (at) => left + (at / DATA.epochs) * (width - left - right);
  const y = (value) => top + ((high + room - value) / (high + room - base)) * (height - top - foot);
  const drawing = svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const raw = (high - base) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw);
  for (let k = Math.ceil(base / step); k * step <= high + room; k++) {
    drawing.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(k * step), y2: y(k * step) }));
    drawing.append(
      svg(
        "text",
        { x: left - 6, y: y(k * step) + 4, "text-anchor": "end" },
        number(k * step, step < 0.1 ? 2 : step < 1 ? 1 : 0),
      ),
    );
  }
  const every = Math.max(1, [1, 2, 5, 10, 20, 50, 100].find((k) => DATA.epochs / k <= width / 50) ?? 200);
  for (let at = 0; at <= DATA.epochs; at += every)
    drawing.append(svg("text", { x: x(at), y: height - 4, "text-anchor": "middle" }, at));
  for (const curve of curves) {
    drawing.append(
      svg("path", {
        class: `curve ${curve.class}`,
        d: curve.y.map((value, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join(""),
      }),
    );
  }
  drawing.append(svg("line", { class: "cursor", x1: x(epoch), x2: x(epoch), y1: top, y2: height - foot }));
  for (const curve of curves)
    drawing.append(svg("circle", { class: "here", cx: x(epoch), cy: y(curve.y[epoch]), r: 3.2 }));
  box.replaceChildren(drawing);
  box.onpointerdown = box.onpointermove = (event) => {
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    pause();
    show(
      Math.round(((event.clientX - box.getBoundingClientRect().left - left) / (width - left - right)) * DATA.epochs),
    );
  };
}

function showCourse() {
  byId("epoch").textContent = epoch;
  for (const part of ["train", "test"]) {
    byId(`${part}-accuracy`).textContent = percent(run[`${part}_accuracy`][epoch]);
    byId(`${part}-loss`).textContent = number(run[`${part}_loss`][epoch], 3);
  }
  byId("baseline").textContent = `A straight line reaches ${percent(DATA.data[run.dataset].line)} held out.`;
  chart(
    byId("loss"),
    "Training and held-out loss over the epochs",
    [
      { class: "held", y: run.test_loss },
      { class: "", y: run.train_loss },
    ],
    112,
    { least: 0 },
  );
}

// --- the selection ---

const epochs = Array.from({ length: DATA.epochs + 1 }, (_, at) => at);

/** A row with a name, a bar and a number; a button if there is an action. */
function row(name, value, largest, action) {
  const bar = html("i", { class: sign(value), style: `width: ${(50 * Math.abs(value)) / largest}%` });
  const parts = [
    html("span", { class: "name" }, name),
    html("span", { class: "bar", "aria-hidden": "true" }, bar),
    html("span", { class: "number" }, signed(value)),
  ];
  const item = action ? html("button", { type: "button" }, ...parts) : html("div", { class: "row" }, ...parts);
  if (action) item.addEventListener("click", action);
  return html("li", {}, item);
}

/** Show the selection again, and keep the keyboard focus. */
function showChosen() {
  const box = byId("chosen");
  const focused = [...box.querySelectorAll("button")].indexOf(document.activeElement);
  box.replaceChildren();
  fillChosen(box, byId("title-chosen"));
  const buttons = box.querySelectorAll("button");
  if (focused >= 0) (buttons[focused] ?? buttons[0])?.focus();
}

function fillChosen(box, title) {
  if (chosen === null) {
    title.textContent = "Neurons and weights";
    const count = DATA.data[run.dataset].train.length;
    box.append(html("p", {}, "Click a neuron or a line of the network for its numbers."));
    box.append(
      html(
        "p",
        { class: "quiet" },
        `Recorded while valuegrad trained on ${count} points (${DATA.training}). An epoch uses each of them once.`,
      ),
    );
    box.append(
      html(
        "p",
        { class: "quiet" },
        "Keys: Space plays, ← and → step, Home and End jump to the ends, Escape deselects, ",
        "d switches dark and light. On the plane, the arrow keys move the probe.",
      ),
    );
    return;
  }
  const { layer, unit, from } = chosen;
  const name = nameOf(layer, unit);
  const close = html("button", { type: "button", id: "close" }, "Close");
  close.addEventListener("click", () => {
    choose(null);
    drawn.neurons.find((neuron) => neuron.layer === layer && neuron.unit === unit).button.focus();
  });
  box.append(close);
  if (from !== undefined) {
    const before = nameOf(layer - 1, from);
    const value = weight(layer, unit, from);
    title.textContent = `Weight from ${before} to ${name}`;
    box.append(html("p", { class: "big", id: "value" }, signed(value)));
    box.append(
      html(
        "p",
        { class: "quiet" },
        `${before} enters ${name} ${signed(value)} times${value < 0 ? ", which lowers it" : ""}. Over the epochs:`,
      ),
    );
    const course = html("div", { class: "chart" });
    box.append(course);
    chart(
      course,
      `The weight from ${before} to ${name} over the epochs`,
      [{ class: sign(value), y: epochs.map((at) => weight(layer, unit, from, at)) }],
      150,
    );
    const whole = html("button", { type: "button" }, `All of ${name}`);
    whole.addEventListener("click", () => choose({ layer, unit }));
    box.append(html("p", { class: "below" }, whole));
    return;
  }
  title.textContent =
    layer === 0
      ? `Input ${name}`
      : layer === outputLayer()
        ? `Output ${name}`
        : `Neuron ${name}, ${NAMES[run.activation]}`;
  const enlarged = html("canvas", { role: "img", "aria-label": `The picture of ${name} with the training points` });
  const words = html("div");
  const seen = picture(layer, unit);
  box.append(html("div", { class: "top" }, enlarged, words));
  paintEnlarged(enlarged, seen);
  if (layer === 0) {
    words.append(
      html(
        "p",
        { class: "quiet" },
        unit === 0
          ? "The first number of a point: how far right it lies."
          : "The second number of a point: how high it lies.",
      ),
    );
    return;
  }
  words.append(html("p", {}, `${name} = ${formula(layer, unit)}`));
  words.append(html("p", { class: "quiet", id: "range" }, rangeOf(layer, seen)));
  const froms = Array.from({ length: run.sizes[layer - 1] }, (_, k) => k);
  const largest = Math.max(Math.abs(bias(layer, unit)), ...froms.map((k) => Math.abs(weight(layer, unit, k))), 1e-3);
  const rows = froms.map((k) =>
    row(`from ${nameOf(layer - 1, k)}`, weight(layer, unit, k), largest, () => choose({ layer, unit, from: k })),
  );
  box.append(html("ul", { class: "rows" }, ...rows, row("bias", bias(layer, unit), largest)));
  box.append(
    html(
      "h3",
      {},
      "Over the epochs",
      html(
        "span",
        { class: "keys" },
        html(
          "span",
          {},
          svg(
            "svg",
            { viewBox: "0 0 22 6", "aria-hidden": "true" },
            svg("path", { class: "curve bias", d: "M0 3h22" }),
          ),
          "bias",
        ),
      ),
    ),
  );
  const course = html("div", { class: "chart" });
  box.append(course);
  const curves = froms.map((k) => ({
    class: `thin ${sign(weight(layer, unit, k))}`,
    y: epochs.map((at) => weight(layer, unit, k, at)),
  }));
  chart(
    course,
    `The weights and the bias of ${name} over the epochs`,
    [...curves, { class: "bias", y: epochs.map((at) => bias(layer, unit, at)) }],
    130,
  );
}

/** The formula of a neuron, with its numbers if they are few. */
function formula(layer, unit) {
  const squash = layer === outputLayer() ? "sigmoid" : NAMES[run.activation];
  if (run.sizes[layer - 1] > 2) return `${squash}(weighted sum + bias)`;
  const term = (x) => `${x < 0 ? "−" : "+"} ${number(Math.abs(x), 2)}`;
  const first = number(weight(layer, unit, 0), 2);
  return `${squash}(${first} x₁ ${term(weight(layer, unit, 1))} x₂ ${term(bias(layer, unit))})`;
}

function paintEnlarged(canvas, seen) {
  const size = sharpen(canvas);
  paint(canvas, seen, 0.8);
  paintPoints(canvas.getContext("2d"), DATA.data[run.dataset].train, size, 0.013 * size);
}

/** The range of a neuron over the plane, in words. */
function rangeOf(layer, { pixels, share, scale }) {
  const low = pixels.reduce((a, b) => Math.min(a, b), Infinity) * share;
  const high = pixels.reduce((a, b) => Math.max(a, b), -Infinity) * share;
  if (layer === outputLayer())
    return `On this plane from ${number((low + 1) / 2, 2)} to ${number((high + 1) / 2, 2)}: the probability of blue.`;
  if (low === 0 && high === 0) return "Silent: it is 0 on the whole plane.";
  return `On this plane from about ${number(low * scale, 1)} to ${number(high * scale, 1)}.`;
}

// --- which run, which epoch ---

function show(at) {
  epoch = Math.max(0, Math.min(DATA.epochs, at));
  byId("slider").value = epoch;
  byId("slider").setAttribute("aria-valuetext", `epoch ${epoch} of ${DATA.epochs}`);
  byId("now").textContent = `${epoch} / ${DATA.epochs}`;
  byId("player").dataset.epoch = epoch;
  showPlane();
  showNetwork();
  showCourse();
  showChosen();
}

/** Show the chosen run, unless another was chosen while it was decompressed. */
async function showChoice() {
  const loaded = await load(choiceKey());
  if (loaded.name !== choiceKey()) return;
  if (run?.sizes !== loaded.sizes) chosen = null;
  run = loaded;
  layOut();
  show(epoch);
  byId("player").dataset.run = run.name;
  if (timer === null) say();
}

function say() {
  const accuracy = percent(run.test_accuracy[epoch]);
  byId("live").textContent =
    `${NAMES[run.dataset]}, ${NAMES[run.activation]}, epoch ${epoch}: held-out accuracy ${accuracy}`;
}

function redraw() {
  readColours();
  thumbnails();
  layOut();
  show(epoch);
}

// --- the player ---

function play() {
  if (epoch === DATA.epochs) show(0);
  clearInterval(timer);
  timer = setInterval(
    () => {
      show(epoch + 1);
      if (epoch === DATA.epochs) pause();
    },
    1000 / Number(byId("speed").value),
  );
  showPlaying(true);
}

function pause() {
  if (timer === null) return;
  clearInterval(timer);
  timer = null;
  showPlaying(false);
  say();
}

function go(at) {
  pause();
  show(at);
  say();
}

const moves = {
  first: () => go(0),
  back: () => go(epoch - 1),
  play: () => (timer === null ? play() : pause()),
  next: () => go(epoch + 1),
  last: () => go(DATA.epochs),
};
onClick(moves);
onKeys({ ...playerKeys(moves), d: () => byId("theme").click(), Escape: () => choose(null) });

byId("slider").max = DATA.epochs;
byId("slider").addEventListener("input", () => {
  pause();
  show(Number(byId("slider").value));
});
byId("slider").addEventListener("change", say);
byId("speed").addEventListener("change", () => {
  if (timer !== null) play();
});
byId("show-test").addEventListener("change", showPlane);

byId("field").addEventListener("pointerdown", (event) => {
  const box = byId("field").getBoundingClientRect();
  const last = DATA.sides.output - 1;
  probe = {
    column: Math.round(((event.clientX - box.left) / box.width) * last),
    row: Math.round(((event.clientY - box.top) / box.height) * last),
  };
  showPlane();
});
byId("field").addEventListener("keydown", (event) => {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const last = DATA.sides.output - 1;
  if (!move) return;
  event.preventDefault();
  event.stopPropagation();
  const inside = (k) => Math.max(0, Math.min(last, k));
  const { column, row } = probe ?? { column: last >> 1, row: last >> 1 };
  probe = { column: inside(column + move[0]), row: inside(row + move[1]) };
  showPlane();
});

// --- the choices ---

function choices(part, options, labelOf) {
  for (const option of options) {
    const input = html("input", { type: "radio", name: part, value: option });
    input.checked = option === choice[part];
    input.addEventListener("change", () => {
      choice[part] = option;
      showChoice();
    });
    byId(`choose-${part}`).append(html("label", {}, input, ...labelOf(option)));
  }
}

function thumbnails() {
  for (const canvas of document.querySelectorAll("canvas[data-points]")) {
    canvas.width = canvas.height = 68;
    paintPoints(canvas.getContext("2d"), DATA.data[canvas.dataset.points].train, 68, 2.2);
  }
}

choices("data", Object.keys(DATA.data), (name) => [
  html("canvas", { "data-points": name, "aria-hidden": "true" }),
  NAMES[name],
]);
choices("activation", DATA.activations, (name) => [NAMES[name]]);
choices("network", Object.keys(DATA.networks), (name) => [name.replace("-", " + ")]);

async function start() {
  if (!globalThis.DecompressionStream) {
    document.body.prepend(html("p", { class: "noscript" }, "This page needs a browser of 2023 or later."));
    return;
  }
  startTheme(redraw);
  showPlaying(false);
  readColours();
  thumbnails();
  await showChoice();
  addEventListener("resize", redraw);
  document.documentElement.dataset.ready = "true";
}
start();
