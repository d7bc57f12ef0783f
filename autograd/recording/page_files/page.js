// The page of a recorded training: charts over time, and a slider that replays it. Plain JavaScript, no network.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const find = (id) => document.getElementById(id);
const COLOURS = 6, DASHES = ["", "7 3", "2 3"];
const finite = (x) => typeof x === "number";  // None is null, NaN and infinities are strings
const onStep = [];  // what is called with the index of the record to show
const onResize = [];  // what is drawn anew when the width or the theme changes
let now = steps.length - 1;
let timer = null;

// --- small helpers ---

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "text", "g", "rect"].includes(tag);
  const item = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) item.setAttribute(name, value);
  item.append(...children);
  return item;
}

function short(x) {
  if (x === null || x === undefined) return "–";
  if (!finite(x)) return { nan: "NaN", inf: "∞", "-inf": "−∞" }[x];
  const size = Math.abs(x);
  const text = x === 0 ? "0" : size >= 1e4 || size < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
  return text.replace(/-/g, "−").replace("e+", "e");
}

const percent = (x) => (finite(x) ? (x > 0 && x < 0.001 ? "<0.1" : x < 1 && x >= 0.995 ? ">99" : (100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0)) + " %" : "–");
const plural = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
const colour = (k) => `var(--s${k % COLOURS})`;
const dash = (k) => DASHES[Math.floor(k / COLOURS) % DASHES.length];

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}

/** The record nearest to a step. */
function nearest(step) {
  let best = 0;
  steps.forEach((s, i) => { if (Math.abs(s - step) < Math.abs(steps[best] - step)) best = i; });
  return best;
}

/** Round numbers between low and high: powers of ten on a logarithmic axis, whose numbers are exponents. */
function ticks(low, high, most, log) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  let width = [1, 2, 5, 10].map((k) => k * power).find((w) => w >= raw);
  if (log) width = Math.max(1, Math.ceil(width));
  const found = [];
  for (let t = Math.ceil(low / width) * width; t <= high + 1e-9 * width; t += width) found.push(Math.abs(t) < 1e-9 * width ? 0 : t);
  return found;
}

// --- charts over time ---

const LEFT = 52, RIGHT = 8;
const first = () => steps[0], span = () => Math.max(1, steps[steps.length - 1] - steps[0]);

/** Clicking and dragging on a chart moves the slider; a line shows where it stands. */
function followPointer(chart) {
  const cursor = make("div", { class: "cursor" });
  chart.append(cursor);
  const go = (event) => {
    const box = chart.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    show(nearest(first() + share * span()));
  };
  chart.addEventListener("pointerdown", (event) => { pause(); go(event); });
  chart.addEventListener("pointermove", (event) => { if (event.buttons & 1) go(event); });
  const place = () => {
    const share = (steps[now] - first()) / span();
    cursor.style.left = `calc(${LEFT}px + (100% - ${LEFT + RIGHT}px) * ${share})`;
  };
  onStep.push(place);
}

/** A line for each series {name, y}; at most one logarithmic axis, and a dashed rule at one height. */
function curves(title, hint, series, { log = false, rule = null } = {}) {
  const box = make("section", {}, make("h2", {}, title));
  const chart = make("div", { class: "chart" });
  box.append(chart);
  const flat = (x) => (!finite(x) || (log && x <= 0) ? null : log ? Math.log10(x) : x);
  const lines = series.map(({ y }) => y.map(flat));
  const known = lines.flat().filter((x) => x !== null);
  const spread = known.length < 20 ? known : log ? withoutExtremes(known) : known.filter((x) => x <= robustTop(known));
  let low = spread.reduce((a, b) => Math.min(a, b), Infinity), high = spread.reduce((a, b) => Math.max(a, b), -Infinity);
  if (rule !== null) { low = Math.min(low, Math.log10(rule) - 0.5); high = Math.max(high, Math.log10(rule) + 0.5); }
  if (!(high > low)) { low = finite(low) && isFinite(low) ? low - 0.5 : 0; high = low + 1; }
  const room = 0.04 * (high - low);
  low -= room; high += room;
  const paths = [];
  let pressed = new Set();

  function draw() {
    const width = chart.clientWidth, height = 210, bottom = 22, top = 8;
    const x = (step) => LEFT + ((step - first()) / span()) * (width - LEFT - RIGHT);
    const y = (value) => Math.min(height - bottom + 4, Math.max(top - 4, top + ((high - value) / (high - low)) * (height - top - bottom)));
    const svg = make("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${series.map((s) => s.name).join(", ")}` });
    for (const t of ticks(low, high, 5, log)) {
      svg.append(make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(t), y2: y(t) }));
      svg.append(make("text", { x: LEFT - 6, y: y(t) + 4, "text-anchor": "end" }, log ? power(t) : short(t)));
    }
    for (const t of ticks(first(), first() + span(), Math.max(2, width / 110), true)) {
      svg.append(make("text", { x: x(t), y: height - 5, "text-anchor": "middle" }, t.toLocaleString("en")));
    }
    if (rule !== null) svg.append(make("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: y(Math.log10(rule)), y2: y(Math.log10(rule)) }));
    paths.length = 0;
    lines.forEach((line, k) => {
      const path = make("path", { class: "curve", d: pathOf(line, x, y), "stroke-dasharray": dash(k), style: `stroke: ${colour(k)}` });
      paths.push(path);
      svg.append(path);
      svg.append(make("path", { class: "lost", d: crosses(series[k].y, x, top + 4) }));
    });
    chart.querySelector("svg")?.remove();
    chart.prepend(svg);
    emphasise(null);
  }

  function emphasise(hovered) {
    const chosen = hovered !== null ? new Set([hovered]) : pressed;
    paths.forEach((path, k) => path.classList.toggle("dim", chosen.size > 0 && !chosen.has(k)));
  }

  const legend = make("div", { class: "legend" });
  series.forEach(({ name, y }, k) => {
    const value = make("b");
    const swatch = make("svg", { viewBox: "0 0 22 6", "aria-hidden": "true" }, make("path", { class: "curve", d: "M0 3H22", "stroke-dasharray": dash(k), style: `stroke: ${colour(k)}; stroke-width: 3` }));
    const button = make("button", { type: "button", "aria-pressed": "false", title: "Show this line only" }, swatch, make("span", {}, name), value);
    button.addEventListener("click", () => {
      const on = !pressed.delete(k);
      if (on) pressed.add(k);
      button.setAttribute("aria-pressed", on);
      emphasise(null);
    });
    button.addEventListener("pointerenter", () => emphasise(k));
    button.addEventListener("pointerleave", () => emphasise(null));
    onStep.push((i) => { value.textContent = short(y[i]); });
    legend.append(button);
  });
  box.append(legend);
  if (hint) box.append(make("p", { class: "hint" }, hint));
  followPointer(chart);
  onResize.push(draw);
  return box;
}

/** 10 to a power, in the digits that stand high. */
const power = (t) => "10" + String(t).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** What a linear axis must show: a curve that runs away at the end would flatten all that came before. */
function robustTop(known) {
  const middle = quantile(known, 0.5), usual = quantile(known, 0.9);
  return usual + 20 * Math.max(1e-12, Math.abs(usual - middle));
}

/** On a logarithmic axis: two decades beyond nearly all of the numbers. What is farther runs along the edge. */
function withoutExtremes(known) {
  const low = quantile(known, 0.06) - 2, high = quantile(known, 0.9) + 2;
  return known.filter((x) => x >= low && x <= high);
}

function pathOf(line, x, y) {
  let path = "", pen = false;
  line.forEach((value, i) => {
    if (value === null) { pen = false; return; }
    const alone = !pen && (i + 1 === line.length || line[i + 1] === null);  // a dot of round caps needs a length
    path += `${pen ? "L" : "M"}${x(steps[i]).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h1.5" : ""}`;
    pen = true;
  });
  return path;
}

/** A cross at the top for each run of NaN or infinities: at its start. */
function crosses(y, x, top) {
  return y.map((value, i) => (typeof value === "string" && typeof y[i - 1] !== "string" ? `M${x(steps[i]) - 4} ${top - 4}l8 8m0 -8l-8 8` : "")).join("");
}

// --- histograms ---

/** The value below which a share of the numbers of one record is. */
function quantileOfBins(track, i, share) {
  const counts = track.counts[i], total = counts.reduce((a, b) => a + b, 0);
  let seen = 0;
  for (let k = 0; k < counts.length; k++) {
    seen += counts[k];
    if (seen >= share * total) return track.low[i] + ((k + (share > 0.5 ? 1 : 0)) / counts.length) * (track.high[i] - track.low[i]);
  }
  return track.high[i];
}

/** The range of a heat map: where nearly all numbers of nearly all records are; a run that diverges leaves it. */
function rangeOf(track) {
  const known = steps.map((_, i) => i).filter((i) => finite(track.low[i]) && finite(track.high[i]));
  if (!known.length) return [-1, 1];
  const lows = known.map((i) => quantileOfBins(track, i, 0.01)), highs = known.map((i) => quantileOfBins(track, i, 0.99));
  const bottom = quantile(lows, 0.5), top = quantile(highs, 0.5), most = 3 * (top - bottom);
  let low = most ? Math.max(quantile(lows, 0.04), bottom - most) : quantile(lows, 0.04);
  let high = most ? Math.min(quantile(highs, 0.96), top + most) : quantile(highs, 0.96);
  if (!(high > low)) { const half = Math.abs(low) / 2 || 1e-3; low -= half; high += half; }
  const room = 0.05 * (high - low);
  return [low - room, high + room];
}

/** Time to the right, numbers upwards, their density as colour. */
function heat(track, name, kind) {
  const chart = make("div", { class: "chart" });
  const canvas = make("canvas", { role: "img", "aria-label": `${kind} of ${name} over time` });
  chart.append(canvas);
  const [low, high] = rangeOf(track);
  const index = (share) => nearest(first() + share * span());

  onResize.push(() => {
    const scale = window.devicePixelRatio || 1, width = chart.clientWidth, height = 104;
    const style = getComputedStyle(document.documentElement);
    canvas.width = width * scale; canvas.height = height * scale; canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    const w = Math.max(1, Math.round((width - LEFT - RIGHT) * scale)), h = Math.round(height * scale);
    const image = pen.createImageData(w, h);
    const [r, g, b] = kind === "values" ? rgb(style.getPropertyValue("--accent")) : rgb("#e69f00");
    const bad = rgb(style.getPropertyValue("--bad"));
    for (let px = 0; px < w; px++) {
      const i = index(w > 1 ? px / (w - 1) : 0);
      const broken = track.nan[i] + track.inf[i] > 0;
      const rows = density(track, i, (value) => ((high - value) / (high - low)) * (h - 1), h);
      for (let py = 0; py < h; py++) {
        const c = broken ? bad : [r, g, b];
        image.data.set([c[0], c[1], c[2], Math.max(broken ? 90 : 0, 255 * Math.sqrt(rows[py]))], 4 * (py * w + px));
      }
    }
    pen.putImageData(image, Math.round(LEFT * scale), 0);
    pen.scale(scale, scale);
    pen.fillStyle = style.getPropertyValue("--soft");
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "right";
    pen.fillText(short(high), LEFT - 6, 10);
    pen.fillText(short(low), LEFT - 6, height - 1);
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.strokeRect(LEFT + 0.5, 0.5, width - LEFT - RIGHT - 1, height - 1);
    const zero = (high / (high - low)) * height;
    if (zero > 18 && zero < height - 16) {
      pen.fillText("0", LEFT - 6, zero + 4);
      pen.setLineDash([2, 3]);
      pen.beginPath(); pen.moveTo(LEFT, zero); pen.lineTo(width - RIGHT, zero); pen.stroke();
    }
  });
  followPointer(chart);
  return chart;
}

/** How dense the numbers of one record are in each row of pixels, from 0 to 1; a bin takes one row at least. */
function density(track, i, y, h) {
  const rows = new Float32Array(h), counts = track.counts[i], most = Math.max(1, ...counts);
  if (!finite(track.low[i]) || !finite(track.high[i])) return rows;
  const width = (track.high[i] - track.low[i]) / counts.length;
  counts.forEach((count, k) => {
    if (!count) return;
    const top = Math.max(0, Math.round(y(track.low[i] + (k + 1) * width))), bottom = Math.max(top + 1, Math.round(y(track.low[i] + k * width)));
    for (let row = top; row < Math.min(h, bottom); row++) rows[row] = Math.max(rows[row], count / most);
  });
  return rows;
}

function rgb(text) {
  const hex = text.trim().slice(1);
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** The outline of a histogram as a path. */
function outline(counts, width, height) {
  const most = Math.max(1, ...counts), step = width / counts.length;
  return counts.map((c, k) => (c ? `M${(k * step).toFixed(1)} ${height}v${(-height * c / most).toFixed(1)}h${(step * 0.92).toFixed(1)}V${height}z` : "")).join("");
}

/** The histogram of the record on show, with its own range. */
function bars(track, name, kind) {
  const width = 150, height = 84;
  const path = make("path", { class: "bars" });
  const low = make("span"), high = make("span");
  const zero = make("line", { class: "rule", y1: 0, y2: height });
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Histogram of the ${kind} of ${name}` }, path, make("line", { class: "grid", x1: 0, x2: width, y1: height, y2: height }), zero);
  onStep.push((i) => {
    const single = finite(track.low[i]) && track.low[i] === track.high[i];
    const counts = single ? track.counts[i].map((_, k) => (k === Math.floor(track.counts[i].length / 2) ? track.counts[i][0] : 0)) : track.counts[i];
    path.setAttribute("d", finite(track.low[i]) ? outline(counts, width, height) : "");
    low.textContent = single ? `all ${short(track.low[i])}` : finite(track.low[i]) ? short(track.low[i]) : "no finite numbers";
    high.textContent = single || !finite(track.low[i]) ? "" : short(track.high[i]);
    const share = -track.low[i] / (track.high[i] - track.low[i]);
    const shown = share > 0 && share < 1;
    zero.setAttribute("visibility", shown ? "visible" : "hidden");
    if (shown) { zero.setAttribute("x1", share * width); zero.setAttribute("x2", share * width); }
  });
  return make("div", { class: "histogram" }, svg, make("div", {}, low, high));
}

function kindOf(parameter, kind) {
  const track = parameter[kind];
  const text = make("p");
  onStep.push((i) => {
    const parts = [`mean ${short(track.mean[i])}`, `std ${short(track.std[i])}`, `largest ${short(track.largest[i])}`, `zeros ${percent(track.zeros[i])}`];
    if (track.nan[i]) parts.push(`NaN ${track.nan[i].toLocaleString("en")}`);
    if (track.inf[i]) parts.push(`∞ ${track.inf[i].toLocaleString("en")}`);
    if (kind === "values") parts.push(`update/weight ${short(track.update[i])}`);
    text.replaceChildren(make("b", {}, kind === "values" ? "Values  " : "Gradients  "), parts.join(" · "));
  });
  return make("div", { class: `kind ${kind}` }, text, heat(track, parameter.name, kind), bars(track, parameter.name, kind));
}

function card(parameter) {
  const count = parameter.shape.reduce((a, b) => a * b, 1);
  const what = parameter.scalars ? plural(count, "scalar") : `(${parameter.shape.join(", ")})`;
  const sampled = count > data.sample ? `, histograms of ${data.sample} of them` : "";
  return make("article", {}, make("header", {}, make("h3", {}, parameter.name), make("span", {}, what + sampled)), kindOf(parameter, "values"), kindOf(parameter, "gradients"));
}

// --- activations ---

function activationTable() {
  if (!data.activations.length) { find("activations").hidden = true; return; }
  const has = (name) => data.activations.some((track) => track[name]);
  const names = ["module", "result of", "at step", "mean", "std", "zeros", ...(has("saturated") ? ["saturated"] : []), ...(has("silent") ? ["silent"] : []), "NaN or ∞", "histogram"];
  const table = find("activations").querySelector("table");
  table.append(make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))));
  const body = make("tbody");
  table.append(body);
  for (const track of data.activations) {
    const path = make("path", { class: "bars" });
    const title = make("title", {});
    const cells = Object.fromEntries(names.map((name) => [name, make("td")]));
    cells.module.textContent = track.name;
    cells["result of"].textContent = track.op;
    cells.histogram.append(make("svg", { viewBox: "0 0 130 30", role: "img", "aria-label": `Histogram of the activations of ${track.name}` }, path));
    body.append(make("tr", {}, ...names.map((name) => cells[name])));
    onStep.push((i) => {
      let at = -1;
      while (at + 1 < track.step.length && track.step[at + 1] <= steps[i]) at++;
      const bad = at < 0 ? 0 : track.nan[at] + track.inf[at];
      const alarm = (name, on) => { if (cells[name]) cells[name].className = on ? "alarm" : ""; };
      const set = (name, text) => { if (cells[name]) cells[name].textContent = text; };
      set("at step", at < 0 ? "not yet" : track.step[at].toLocaleString("en"));
      set("mean", short(track.mean[at])); set("std", short(track.std[at])); set("zeros", percent(track.zeros[at]));
      set("saturated", percent(track.saturated?.[at])); set("silent", percent(track.silent?.[at]));
      set("NaN or ∞", bad.toLocaleString("en"));
      alarm("NaN or ∞", bad > 0); alarm("silent", track.silent?.[at] >= 0.5); alarm("saturated", track.saturated?.[at] >= 0.5);
      path.setAttribute("d", at < 0 || !finite(track.low[at]) ? "" : outline(track.counts[at], 130, 30));
      title.textContent = at < 0 ? "" : `from ${short(track.low[at])} to ${short(track.high[at])}`;
      path.replaceChildren(title);
    });
  }
}

// --- the player ---

function show(index) {
  now = Math.min(steps.length - 1, Math.max(0, index));
  const text = `step ${steps[now].toLocaleString("en")} of ${(data.total - 1).toLocaleString("en")}` + (data.loss[now] === null ? "" : ` · loss ${short(data.loss[now])}`);
  find("slider").value = now;
  find("slider").setAttribute("aria-valuetext", text);
  find("now").textContent = text;
  for (const update of onStep) update(now);
}

function pause() {
  clearInterval(timer);
  timer = null;
  playButton("M4 2v12l10-6z", "Play");
}

function playButton(path, name) {
  find("play").querySelector("path").setAttribute("d", path);
  find("play").setAttribute("aria-label", name);
}

/** The whole run in about ten seconds, whatever its length. */
function play() {
  if (timer !== null) return pause();
  if (now === steps.length - 1) show(0);
  const start = performance.now(), from = now, pace = Math.max(10, Math.min(400, 10000 / steps.length));
  timer = setInterval(() => {
    show(from + Math.floor((performance.now() - start) / pace));
    if (now === steps.length - 1) pause();
  }, Math.max(33, pace));
  playButton("M3 2h4v12H3zM9 2h4v12H9z", "Pause");
}

const moves = { first: () => show(0), back: () => show(now - 1), next: () => show(now + 1), last: () => show(steps.length - 1) };
const keys = { Home: moves.first, ArrowLeft: moves.back, ArrowRight: moves.next, End: moves.last, PageUp: () => show(now - 10), PageDown: () => show(now + 10) };

function listen() {
  for (const [id, move] of Object.entries(moves)) find(id).addEventListener("click", () => { pause(); move(); });
  find("play").addEventListener("click", play);
  find("slider").max = steps.length - 1;
  find("slider").addEventListener("input", (event) => { pause(); show(Number(event.target.value)); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.target.closest?.(".wide, .legend, button");
    if (event.key === " " && !inside) { event.preventDefault(); play(); }
    const scrolls = ["PageUp", "PageDown"].includes(event.key) && event.target !== find("slider");
    if (keys[event.key] && !scrolls && !event.target.closest?.(".wide")) { event.preventDefault(); pause(); keys[event.key](); }
  });
  find("theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true));
  let width = window.innerWidth;
  window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; redraw(); } });
}

const redraw = () => onResize.forEach((draw) => draw());

// --- the theme, and what outlives a reload ---

/** Some browsers refuse storage to files: then nothing is kept. */
function stored(name, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(`valuegrad recorder ${name}`, value);
    return sessionStorage.getItem(`valuegrad recorder ${name}`);
  } catch { return null; }
}

function theme(name, chosen) {
  document.documentElement.dataset.theme = name;
  find("theme").textContent = name === "dark" ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", name === "dark" ? "Light colours" : "Dark colours");
  if (chosen) { stored("theme", name); redraw(); }
}

function startTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  theme(stored("theme") ?? (dark.matches ? "dark" : "light"), false);
  dark.addEventListener("change", () => { if (stored("theme") === null) { theme(dark.matches ? "dark" : "light", false); redraw(); } });
}

/** While training goes on: read the file again, at the same place if the slider was not at the newest step. */
function startReloading() {
  if (data.reload === null) return;
  setInterval(() => {
    if (timer !== null) return;
    stored("step", now === steps.length - 1 ? "newest" : steps[now]);
    location.reload();
  }, 1000 * Math.max(0.5, data.reload));
}

// --- the page ---

function notes() {
  const list = make("ul");
  for (const note of data.notes) {
    const go = make("button", { type: "button" }, `go to step ${note.step.toLocaleString("en")}`);
    go.addEventListener("click", () => { pause(); show(nearest(note.step)); });
    list.append(make("li", { class: note.kind }, make("span", {}, note.text), go));
  }
  if (!data.notes.length) list.append(make("li", { class: "fine" }, `Nothing stands out: no NaN, no gradient that is zero, vanishes or explodes${idleUnits()}.`));
  find("notes").append(list);
}

/** What is to be said of units that are idle in a record where nothing stands out. */
function idleUnits() {
  const tracks = data.activations;
  if (!tracks.length) return "; activations were not recorded";
  const shares = (name, what) => tracks.filter((track) => track[name]?.at(-1) > 0).map((track) => `${percent(track[name].at(-1))} of the ${what} of ${track.name} ${name}`);
  const idle = [...shares("silent", "units"), ...shares("saturated", "results")];
  return idle.length ? `; no layer with half of its units dead or saturated (at the end ${idle.join(", ")})` : ", no dead or saturated unit";
}

function facts() {
  const count = data.parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  const every = data.every === 1 ? "every one" : `one in ${data.every.toLocaleString("en")}`;
  const parts = [plural(data.total, "step"), `${every} recorded`];
  if (steps.length < data.recorded) parts.push(`${plural(steps.length, "record")} of ${data.recorded.toLocaleString("en")} shown`);
  parts.push(plural(count, "parameter"));
  if (data.reload !== null) parts.push(`training goes on, this page reloads every ${short(data.reload)} s`);
  find("facts").textContent = parts.join(" · ");
}

function build() {
  const box = find("curves"), numbers = data.loss.filter(finite);
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity), high = numbers.reduce((a, b) => Math.max(a, b), 0);
  const log = low > 0 && high / low > 50;
  if (data.loss.some((x) => x !== null)) box.append(curves(log ? "Loss, logarithmic" : "Loss", "What backward() was called on, before the update of that step.", [{ name: "loss", y: data.loss }], { log }));
  for (const [name, y] of Object.entries(data.metrics)) box.append(curves(name, "", [{ name, y }]));
  const each = (pick) => data.parameters.map((p) => ({ name: p.name, y: pick(p) }));
  box.append(curves("Update-to-weight ratio", "The rms of the change in one step, divided by the rms of the values. About 10⁻³ (dashed) is healthy: much more is restless, much less hardly learns.", each((p) => p.values.update), { log: true, rule: 1e-3 }));
  box.append(curves("Size of the gradients", "Their rms, on a logarithmic axis. Lines that fall apart over the layers vanish or explode.", each((p) => p.gradients.rms), { log: true }));
  activationTable();
  find("parameters").append(...data.parameters.map(card));
}

startTheme();
facts();
notes();
build();
listen();
redraw();
const kept = stored("step");  // of the page before it reloaded itself
stored("step", "newest");
show(kept === null || kept === "newest" ? steps.length - 1 : nearest(Number(kept)));
startReloading();
