// Shared by all pages: the data, elements, the theme, keys and the player. Nothing here knows what is shown.

const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const plural = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

// --- elements ----------------------------------------------------------------------------------------

/** An HTML element with attributes and children. Texts become text; null, undefined and "" are left out. */
function html(tag, attributes = {}, ...children) {
  return withParts(document.createElement(tag), attributes, children);
}

/** The same for an element of a drawing. */
function svg(tag, attributes = {}, ...children) {
  return withParts(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function withParts(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// --- the theme -----------------------------------------------------------------------------------------

/** Read or write a text that outlives a reload. Browsers that refuse storage to files keep nothing. */
function kept(name, text) {
  try {
    if (text !== undefined) sessionStorage.setItem(`valuegrad ${name}`, text);
    return sessionStorage.getItem(`valuegrad ${name}`);
  } catch {
    return null;
  }
}

const { documentElement } = document;

/** Use the theme that the reader chose, or else that of the system. `redraw` is called after each change. */
function startTheme(redraw = () => {}) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = kept("theme");
  const use = () => {
    documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  };
  use();
  system.addEventListener("change", () => {
    use();
    redraw();
  });
  byId("theme").addEventListener("click", () => {
    chosen = documentElement.dataset.theme === "dark" ? "light" : "dark";
    kept("theme", chosen);
    use();
    redraw();
  });
}

/** Red, green and blue of a colour that the styles name, in the current theme. */
function colourOf(name) {
  const probe = html("i", { style: `color: var(--${name})` });
  document.body.append(probe);
  const [red, green, blue] = getComputedStyle(probe)
    .color.match(/[\d.]+/g)
    .map(Number);
  probe.remove();
  return [red, green, blue];
}

// --- keys and the player -------------------------------------------------------------------------------

/** Call the action of a key, unless the focused element uses that key. `own` selects more elements that use keys. */
function onKeys(actions, own = "") {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return;
    if (usesKey(event.target, event.key) || (own && event.target.closest(own))) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function usesKey(element, key) {
  if (element.matches("select, textarea, input:not([type=range], [type=checkbox], [type=radio])")) return true;
  if (key === " ") return element.matches("button, [role=tab], [type=checkbox], [type=radio]");
  return element.matches("input") && /^(Arrow|Home|End|Page)/.test(key);
}

function onClick(actions) {
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
}

/** The keys of a player with the buttons first, back, play, next and last. */
function playerKeys({ first, back, play, next, last }) {
  return { " ": play, ".": next, ",": back, ArrowRight: next, ArrowLeft: back, Home: first, End: last };
}

/** Show on the button, and tell the styles, whether the player is playing. */
function showPlaying(playing) {
  byId("player").dataset.state = playing ? "playing" : "paused";
  byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
}
