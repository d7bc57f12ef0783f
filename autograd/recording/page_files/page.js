// The page of a recorded training: charts over time, and a slider that replays it.

const { steps } = DATA;
const COLOURS = 6;
const DASHES = ["", "7 3", "2 3"];
const finite = (x) => typeof x === "number"; // None is null, NaN and infinities are strings
const onStep = []; // called with the index of the record to show
const onResize = []; // what to draw again when the width or the theme changes
let now = steps.length - 1;
let timer = null;

// --- small helpers ---

function short(x) {
  if (x === null || x === undefined) return "–";
  if (!finite(x)) return { NaN: "NaN", Infinity: "∞", "-Infinity": "−∞" }[x];
  const size = Math.abs(x);
  const text = x === 0 ? "0" : size >= 1e4 || size < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
  return text.replace(/-/g, "−").replace("e+", "e");
}

const percent = (x) =>
  finite(x)
    ? `${x > 0 && x < 0.001 ? "<0.1" : x < 1 && x >= 0.995 ? ">99" : (100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0)} %`
    : "–";
const colour = (k) => `var(--s${k % COLOURS})`;
const dash = (k) => DASHES[Math.floor(k / COLOURS) % DASHES.length];

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}

/** The record nearest to a step. */
function nearest(step) {
  let best = 0;
  steps.forEach((s, i) => {
    if (Math.abs(s - step) < Math.abs(steps[best] - step)) best = i;
  });
  return best;
}

/** Round numbers between low and high: powers of ten on a logarithmic axis, whose numbers are exponents. */
function ticks(low, high, most, log) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  let width = [1, 2, 5, 10].map((k) => k * power).find((w) => w >= raw);
  if (log) width = Math.max(1, Math.ceil(width));
  const found = [];
  for (let t = Math.ceil(low / width) * width; t <= high + 1e-9 * width; t += width)
    found.push(Math.abs(t) < 1e-9 * width ? 0 : t);
  return found;
}

// --- charts over time ---

const LEFT = 52;
const RIGHT = 8;
const first = () => steps[0];
const span = () => Math.max(1, steps[steps.length - 1] - steps[0]);

/** Clicking and dragging on a chart moves the slider; a line shows its place. */
function followPointer(chart) {
  const cursor = html("div", { class: "cursor" });
  chart.append(cursor);
  const follow = (event) => {
    const box = chart.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    go(nearest(first() + share * span()));
  };
  chart.addEventListener("pointerdown", follow);
  chart.addEventListener("pointermove", (event) => event.buttons & 1 && follow(event));
  const place = () => {
    const share = (steps[now] - first()) / span();
    cursor.style.left = `calc(${LEFT}px + (100% - ${LEFT + RIGHT}px) * ${share})`;
  };
  onStep.push(place);
}

/** A line for each series {name, y}; at most one logarithmic axis, and a dashed rule at one height. */
function curves(title, hint, series, { log = false, rule = null } = {}) {
  const box = html("section", {}, html("h2", {}, title));
  const chart = html("div", { class: "chart" });
  box.append(chart);
  const flat = (x) => (!finite(x) || (log && x <= 0) ? null : log ? Math.log10(x) : x);
  const lines = series.map(({ y }) => y.map(flat));
  const known = lines.flat().filter((x) => x !== null);
  const spread = known.length < 20 ? known : log ? withoutExtremes(known) : known.filter((x) => x <= robustTop(known));
  let low = spread.reduce((a, b) => Math.min(a, b), Infinity);
  let high = spread.reduce((a, b) => Math.max(a, b), -Infinity);
  if (rule !== null) {
    low = Math.min(low, Math.log10(rule) - 0.5);
    high = Math.max(high, Math.log10(rule) + 0.5);
  }
  if (!(high > low)) {
    low = Number.isFinite(low) ? low - 0.5 : 0;
    high = low + 1;
  }
  const room = 0.04 * (high - low);
  low -= room;
  high += room;
  const paths = [];
  const pressed = new Set();

  function draw() {
    const width = chart.clientWidth;
    const height = 210;
    const bottom = 22;
    const top = 8;
    const x = (step) => LEFT + ((step - first()) / span()) * (width - LEFT - RIGHT);
    const y = (value) =>
      Math.min(height - bottom + 4, Math.max(top - 4, top + ((high - value) / (high - low)) * (height - top - bottom)));
    const drawing = svg("svg", {
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${title}: ${series.map((s) => s.name).join(", ")}`,
    });
    for (const t of ticks(low, high, 5, log)) {
      drawing.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(t), y2: y(t) }));
      drawing.append(svg("text", { x: LEFT - 6, y: y(t) + 4, "text-anchor": "end" }, log ? power(t) : short(t)));
    }
    for (const t of ticks(first(), first() + span(), Math.max(2, width / 110), true)) {
      drawing.append(svg("text", { x: x(t), y: height - 5, "text-anchor": "middle" }, t.toLocaleString("en")));
    }
    if (rule !== null)
      drawing.append(
        svg("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: y(Math.log10(rule)), y2: y(Math.log10(rule)) }),
      );
    paths.length = 0;
    lines.forEach((line, k) => {
      const path = svg("path", {
        class: "curve",
        d: pathOf(line, x, y),
        "stroke-dasharray": dash(k),
        style: `stroke: ${colour(k)}`,
      });
      paths.push(path);
      drawing.append(path);
      drawing.append(svg("path", { class: "lost", d: crosses(series[k].y, x, top + 4) }));
    });
    chart.querySelector("svg")?.remove();
    chart.prepend(drawing);
    emphasise(null);
  }

  function emphasise(hovered) {
    const chosen = hovered !== null ? new Set([hovered]) : pressed;
    for (const [k, path] of paths.entries()) path.classList.toggle("dim", chosen.size > 0 && !chosen.has(k));
  }

  const legend = html("div", { class: "legend" });
  series.forEach(({ name, y }, k) => {
    const value = html("b");
    const swatch = svg(
      "svg",
      { viewBox: "0 0 22 6", "aria-hidden": "true" },
      svg("path", {
        class: "curve",
        d: "M0 3H22",
        "stroke-dasharray": dash(k),
        style: `stroke: ${colour(k)}; stroke-width: 3`,
      }),
    );
    const button = html(
      "button",
      { type: "button", "aria-pressed": "false", title: "Show this line only" },
      swatch,
      html("span", {}, name),
      value,
    );
    button.addEventListener("click", () => {
      const on = !pressed.delete(k);
      if (on) pressed.add(k);
      button.setAttribute("aria-pressed", on);
      emphasise(null);
    });
    button.addEventListener("pointerenter", () => emphasise(k));
    button.addEventListener("pointerleave", () => emphasise(null));
    onStep.push((i) => {
      value.textContent = short(y[i]);
    });
    legend.append(button);
  });
  box.append(legend);
  if (hint) box.append(html("p", { class: "hint" }, hint));
  followPointer(chart);
  onResize.push(draw);
  return box;
}

/** A power of ten, with superscript digits. */
const power = (t) => `10${String(t).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]))}`;

/** The top of a linear axis: without it, a curve that diverges at the end would flatten all before. */
function robustTop(known) {
  const middle = quantile(known, 0.5);
  const usual = quantile(known, 0.9);
  return usual + 20 * Math.max(1e-12, Math.abs(usual - middle));
}

/** On a logarithmic axis: two decades beyond nearly all of the numbers. Points beyond are drawn at the edge. */
function withoutExtremes(known) {
  const low = quantile(known, 0.06) - 2;
  const high = quantile(known, 0.9) + 2;
  return known.filter((x) => x >= low && x <= high);
}

function pathOf(line, x, y) {
  let path = "";
  let pen = false;
  line.forEach((value, i) => {
    if (value === null) {
      pen = false;
      return;
    }
    const alone = !pen && (i + 1 === line.length || line[i + 1] === null); // a dot of round caps needs a length
    path += `${pen ? "L" : "M"}${x(steps[i]).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h1.5" : ""}`;
    pen = true;
  });
  return path;
}

/** A cross at the top for each run of NaN or infinities: at its start. */
function crosses(y, x, top) {
  return y
    .map((value, i) =>
      typeof value === "string" && typeof y[i - 1] !== "string" ? `M${x(steps[i]) - 4} ${top - 4}l8 8m0 -8l-8 8` : "",
    )
    .join("");
}

// --- histograms ---

/** The value below which a share of the numbers of one record lies. */
function quantileOfBins(track, i, share) {
  const counts = track.counts[i];
  const total = counts.reduce((a, b) => a + b, 0);
  let seen = 0;
  for (let k = 0; k < counts.length; k++) {
    seen += counts[k];
    if (seen >= share * total)
      return track.low[i] + ((k + (share > 0.5 ? 1 : 0)) / counts.length) * (track.high[i] - track.low[i]);
  }
  return track.high[i];
}

/** The range of a heat map: that of nearly all numbers of nearly all records; a run that diverges leaves it. */
function rangeOf(track) {
  const known = steps.map((_, i) => i).filter((i) => finite(track.low[i]) && finite(track.high[i]));
  if (!known.length) return [-1, 1];
  const lows = known.map((i) => quantileOfBins(track, i, 0.01));
  const highs = known.map((i) => quantileOfBins(track, i, 0.99));
  const bottom = quantile(lows, 0.5);
  const top = quantile(highs, 0.5);
  const most = 3 * (top - bottom);
  let low = most ? Math.max(quantile(lows, 0.04), bottom - most) : quantile(lows, 0.04);
  let high = most ? Math.min(quantile(highs, 0.96), top + most) : quantile(highs, 0.96);
  if (!(high > low)) {
    const half = Math.abs(low) / 2 || 1e-3;
    low -= half;
    high += half;
  }
  const room = 0.05 * (high - low);
  return [low - room, high + room];
}

/** Time to the right, numbers upwards, their density as colour. */
function heat(track, name, kind) {
  const chart = html("div", { class: "chart" });
  const canvas = html("canvas", { role: "img", "aria-label": `${kind} of ${name} over time` });
  chart.append(canvas);
  const [low, high] = rangeOf(track);
  const index = (share) => nearest(first() + share * span());

  onResize.push(() => {
    const scale = window.devicePixelRatio || 1;
    const width = chart.clientWidth;
    const height = 104;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    const w = Math.max(1, Math.round((width - LEFT - RIGHT) * scale));
    const h = Math.round(height * scale);
    const image = pen.createImageData(w, h);
    const [usual, bad] = [kind, "bad"].map(colourOf);
    for (let px = 0; px < w; px++) {
      const i = index(w > 1 ? px / (w - 1) : 0);
      const broken = track.nan[i] + track.inf[i] > 0;
      const rows = density(track, i, (value) => ((high - value) / (high - low)) * (h - 1), h);
      for (let py = 0; py < h; py++) {
        const c = broken ? bad : usual;
        image.data.set([c[0], c[1], c[2], Math.max(broken ? 90 : 0, 255 * Math.sqrt(rows[py]))], 4 * (py * w + px));
      }
    }
    pen.putImageData(image, Math.round(LEFT * scale), 0);
    pen.scale(scale, scale);
    pen.fillStyle = `rgb(${colourOf("quiet")})`;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "right";
    pen.fillText(short(high), LEFT - 6, 10);
    pen.fillText(short(low), LEFT - 6, height - 1);
    pen.strokeStyle = `rgb(${colourOf("line")})`;
    pen.strokeRect(LEFT + 0.5, 0.5, width - LEFT - RIGHT - 1, height - 1);
    const zero = (high / (high - low)) * height;
    if (zero > 18 && zero < height - 16) {
      pen.fillText("0", LEFT - 6, zero + 4);
      pen.setLineDash([2, 3]);
      pen.beginPath();
      pen.moveTo(LEFT, zero);
      pen.lineTo(width - RIGHT, zero);
      pen.stroke();
    }
  });
  followPointer(chart);
  return chart;
}

/** How dense the numbers of one record are in each row of pixels, from 0 to 1; a bin takes at least one row. */
function density(track, i, y, h) {
  const rows = new Float32Array(h);
  const counts = track.counts[i];
  const most = Math.max(1, ...counts);
  if (!finite(track.low[i]) || !finite(track.high[i])) return rows;
  const width = (track.high[i] - track.low[i]) / counts.length;
  counts.forEach((count, k) => {
    if (!count) return;
    const top = Math.max(0, Math.round(y(track.low[i] + (k + 1) * width)));
    const bottom = Math.max(top + 1, Math.round(y(track.low[i] + k * width)));
    for (let row = top; row < Math.min(h, bottom); row++) rows[row] = Math.max(rows[row], count / most);
  });
  return rows;
}

/** The outline of a histogram as a path. */
function outline(counts, width, height) {
  const most = Math.max(1, ...counts);
  const step = width / counts.length;
  const bar = (count, k) => {
    const [left, top, right] = [k * step, (-height * count) / most, step * 0.92].map((x) => x.toFixed(1));
    return `M${left} ${height}v${top}h${right}V${height}z`;
  };
  return counts.map((count, k) => (count ? bar(count, k) : "")).join("");
}

/** The histogram of the record on show, with its own range. */
function bars(track, name, kind) {
  const width = 150;
  const height = 84;
  const path = svg("path", { class: "bars" });
  const low = html("span");
  const high = html("span");
  const zero = svg("line", { class: "rule", y1: 0, y2: height });
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `Histogram of the ${kind} of ${name}`,
    },
    path,
    svg("line", { class: "grid", x1: 0, x2: width, y1: height, y2: height }),
    zero,
  );
  onStep.push((i) => {
    const single = finite(track.low[i]) && track.low[i] === track.high[i];
    const counts = single
      ? track.counts[i].map((_, k) => (k === Math.floor(track.counts[i].length / 2) ? track.counts[i][0] : 0))
      : track.counts[i];
    path.setAttribute("d", finite(track.low[i]) ? outline(counts, width, height) : "");
    low.textContent = single
      ? `all ${short(track.low[i])}`
      : finite(track.low[i])
        ? short(track.low[i])
        : "no finite numbers";
    high.textContent = single || !finite(track.low[i]) ? "" : short(track.high[i]);
    const share = -track.low[i] / (track.high[i] - track.low[i]);
    const shown = share > 0 && share < 1;
    zero.setAttribute("visibility", shown ? "visible" : "hidden");
    if (shown) {
      zero.setAttribute("x1", share * width);
      zero.setAttribute("x2", share * width);
    }
  });
  return html("div", { class: "histogram" }, drawing, html("div", {}, low, high));
}

function kindOf(parameter, kind) {
  const track = parameter[kind];
  const text = html("p");
  onStep.push((i) => {
    const parts = [
      `mean ${short(track.mean[i])}`,
      `std ${short(track.std[i])}`,
      `largest ${short(track.largest[i])}`,
      `zeros ${percent(track.zeros[i])}`,
    ];
    if (track.nan[i]) parts.push(`NaN ${track.nan[i].toLocaleString("en")}`);
    if (track.inf[i]) parts.push(`∞ ${track.inf[i].toLocaleString("en")}`);
    if (kind === "values") parts.push(`update/weight ${short(track.update[i])}`);
    text.replaceChildren(html("b", {}, kind === "values" ? "Values  " : "Gradients  "), parts.join(" · "));
  });
  return html(
    "div",
    { class: `kind ${kind}` },
    text,
    heat(track, parameter.name, kind),
    bars(track, parameter.name, kind),
  );
}

function card(parameter) {
  const count = parameter.shape.reduce((a, b) => a * b, 1);
  const what = parameter.scalars ? plural(count, "scalar") : `(${parameter.shape.join(", ")})`;
  const sampled = count > DATA.sample ? `, histograms of ${DATA.sample} of them` : "";
  return html(
    "article",
    {},
    html("div", { class: "head" }, html("h3", {}, parameter.name), html("span", {}, what + sampled)),
    kindOf(parameter, "values"),
    kindOf(parameter, "gradients"),
  );
}

// --- activations ---

function activationTable() {
  if (!DATA.activations.length) {
    byId("activations").hidden = true;
    return;
  }
  const has = (name) => DATA.activations.some((track) => track[name]);
  const names = [
    "module",
    "result of",
    "at step",
    "mean",
    "std",
    "zeros",
    ...(has("saturated") ? ["saturated"] : []),
    ...(has("silent") ? ["silent"] : []),
    "NaN or ∞",
    "histogram",
  ];
  const table = byId("activations").querySelector("table");
  table.append(html("thead", {}, html("tr", {}, ...names.map((name) => html("th", { scope: "col" }, name)))));
  const body = html("tbody");
  table.append(body);
  for (const track of DATA.activations) {
    const path = svg("path", { class: "bars" });
    const title = svg("title");
    const cells = Object.fromEntries(names.map((name) => [name, html("td")]));
    cells.module.textContent = track.name;
    cells["result of"].textContent = track.op;
    cells.histogram.append(
      svg(
        "svg",
        { viewBox: "0 0 130 30", role: "img", "aria-label": `Histogram of the activations of ${track.name}` },
        path,
      ),
    );
    body.append(html("tr", {}, ...names.map((name) => cells[name])));
    onStep.push((i) => {
      let at = -1;
      while (at + 1 < track.step.length && track.step[at + 1] <= steps[i]) at++;
      const bad = at < 0 ? 0 : track.nan[at] + track.inf[at];
      const alarm = (name, on) => {
        if (cells[name]) cells[name].className = on ? "alarm" : "";
      };
      const set = (name, text) => {
        if (cells[name]) cells[name].textContent = text;
      };
      set("at step", at < 0 ? "not yet" : track.step[at].toLocaleString("en"));
      set("mean", short(track.mean[at]));
      set("std", short(track.std[at]));
      set("zeros", percent(track.zeros[at]));
      set("saturated", percent(track.saturated?.[at]));
      set("silent", percent(track.silent?.[at]));
      set("NaN or ∞", bad.toLocaleString("en"));
      alarm("NaN or ∞", bad > 0);
      alarm("silent", track.silent?.[at] >= 0.5);
      alarm("saturated", track.saturated?.[at] >= 0.5);
      path.setAttribute("d", at < 0 || !finite(track.low[at]) ? "" : outline(track.counts[at], 130, 30));
      title.textContent = at < 0 ? "" : `from ${short(track.low[at])} to ${short(track.high[at])}`;
      path.replaceChildren(title);
    });
  }
}

// --- the player ---

function show(index) {
  now = Math.min(steps.length - 1, Math.max(0, index));
  const text =
    `step ${steps[now].toLocaleString("en")} of ${(DATA.total - 1).toLocaleString("en")}` +
    (DATA.loss[now] === null ? "" : ` · loss ${short(DATA.loss[now])}`);
  byId("slider").value = now;
  byId("slider").setAttribute("aria-valuetext", text);
  byId("now").textContent = text;
  for (const update of onStep) update(now);
}

function pause() {
  clearInterval(timer);
  timer = null;
  showPlaying(false);
}

/** Replay the run in about ten seconds, but at 10 to 400 ms a step. */
function play() {
  if (timer !== null) return pause();
  if (now === steps.length - 1) show(0);
  const start = performance.now();
  const from = now;
  const pace = Math.max(10, Math.min(400, 10000 / steps.length));
  timer = setInterval(
    () => {
      show(from + Math.floor((performance.now() - start) / pace));
      if (now === steps.length - 1) pause();
    },
    Math.max(33, pace),
  );
  showPlaying(true);
}

function go(index) {
  pause();
  show(index);
}

function listen() {
  const moves = {
    first: () => go(0),
    back: () => go(now - 1),
    play,
    next: () => go(now + 1),
    last: () => go(steps.length - 1),
  };
  onClick(moves);
  onKeys({ ...playerKeys(moves), d: () => byId("theme").click() }, ".wide");
  byId("slider").max = steps.length - 1;
  byId("slider").addEventListener("input", (event) => go(Number(event.target.value)));
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) redraw();
    width = window.innerWidth;
  });
}

function redraw() {
  for (const draw of onResize) draw();
}

/** During training: reload, and stay at the same step unless the slider was at the newest. */
function startReloading() {
  if (DATA.reload === null) return;
  setInterval(() => {
    if (timer !== null) return;
    kept("step", now === steps.length - 1 ? "newest" : steps[now]);
    location.reload();
  }, 1000 * Math.max(0.5, DATA.reload));
}

// --- the page ---

function notes() {
  const list = html("ul");
  for (const note of DATA.notes) {
    const onclick = () => go(nearest(note.step));
    const button = html("button", { type: "button", onclick }, `go to step ${note.step.toLocaleString("en")}`);
    list.append(html("li", { class: note.kind }, html("span", {}, note.text), button));
  }
  if (!DATA.notes.length)
    list.append(
      html(
        "li",
        { class: "fine" },
        `Nothing stands out: no NaN, no gradient that is zero, vanishes or explodes${idleUnits()}.`,
      ),
    );
  byId("notes").append(list);
}

/** Words on idle units, for a run without findings. */
function idleUnits() {
  const tracks = DATA.activations;
  if (!tracks.length) return "; activations were not recorded";
  const shares = (name, what) =>
    tracks
      .filter((track) => track[name]?.at(-1) > 0)
      .map((track) => `${percent(track[name].at(-1))} of the ${what} of ${track.name} ${name}`);
  const idle = [...shares("silent", "units"), ...shares("saturated", "results")];
  return idle.length
    ? `; no layer with half of its units dead or saturated (at the end ${idle.join(", ")})`
    : ", no dead or saturated unit";
}

function facts() {
  const count = DATA.parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  const every = DATA.every === 1 ? "every one" : `one in ${DATA.every.toLocaleString("en")}`;
  const parts = [plural(DATA.total, "step"), `${every} recorded`];
  if (steps.length < DATA.recorded)
    parts.push(`${plural(steps.length, "record")} of ${DATA.recorded.toLocaleString("en")} shown`);
  parts.push(plural(count, "parameter"));
  if (DATA.reload !== null) parts.push(`training continues, this page reloads every ${short(DATA.reload)} s`);
  byId("facts").textContent = parts.join(" · ");
}

function build() {
  const box = byId("curves");
  const numbers = DATA.loss.filter(finite);
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity);
  const high = numbers.reduce((a, b) => Math.max(a, b), 0);
  const log = low > 0 && high / low > 50;
  if (DATA.loss.some((x) => x !== null))
    box.append(
      curves(
        log ? "Loss, logarithmic" : "Loss",
        "The Value that backward() was called on, before the update of that step.",
        [{ name: "loss", y: DATA.loss }],
        { log },
      ),
    );
  for (const [name, y] of Object.entries(DATA.metrics)) box.append(curves(name, "", [{ name, y }]));
  const each = (pick) => DATA.parameters.map((p) => ({ name: p.name, y: pick(p) }));
  box.append(
    curves(
      "Update-to-weight ratio",
      "The rms of the change in one step, divided by the rms of the values. About 10⁻³ (dashed) is healthy.",
      each((p) => p.values.update),
      { log: true, rule: 1e-3 },
    ),
  );
  box.append(
    curves(
      "Size of the gradients",
      "Their rms, on a logarithmic axis. Lines that drift apart over the layers are gradients that vanish or explode.",
      each((p) => p.gradients.rms),
      { log: true },
    ),
  );
  activationTable();
  byId("parameters").append(...DATA.parameters.map(card));
}

startTheme(redraw);
facts();
notes();
build();
listen();
redraw();
const before = kept("step"); // of the page before it reloaded
kept("step", "newest");
show(before === null || before === "newest" ? steps.length - 1 : nearest(Number(before)));
startReloading();
document.documentElement.dataset.ready = "true";
