// The picture: nodes, edges, groups, and which groups are closed.
// Nothing here touches the document.

/** JSON has no NaN and no infinities: they are strings, which Number() reads. */
function summaryOf(raw) {
  if (!raw) return null;
  const { values, ...numbers } = { ...DEFAULTS.Summary, ...raw };
  const summary = Object.fromEntries(Object.entries(numbers).map(([field, number]) => [field, Number(number)]));
  return { ...summary, values: values?.map(Number) };
}

// Fields at their defaults are left out of the JSON; DEFAULTS has them from the classes of picture.py.

function nodeOf(raw) {
  const numbers = Object.fromEntries(["data", "grad", "cotangent", "seed"].map((what) => [what, summaryOf(raw[what])]));
  return { ...DEFAULTS.Node, ...raw, ...numbers };
}

function edgeOf(raw, position) {
  const edge = { ...DEFAULTS.Edge, ...raw, id: `e${position}` };
  const strength = edge.strength === null ? null : Number(edge.strength);
  return { ...edge, strength, local: summaryOf(edge.local), flow: summaryOf(edge.flow) };
}

const isColour = (text) => /^#[0-9a-f]{6}$/i.test(text); // the operation of a neuron is the colour of its layer
const isComputed = (node) => !["leaf", "frozen", "constant", "unreached", "cut"].includes(node.role);
/** A map from keys to the items that have them, in their order. */
function groupedBy(items, keyOf) {
  const found = new Map();
  for (const item of items) {
    if (!found.has(keyOf(item))) found.set(keyOf(item), []);
    found.get(keyOf(item)).push(item);
  }
  return found;
}

class Model {
  constructor(raw) {
    const { nodes, edges, groups, outputs, edges_total, ...fields } = { ...DEFAULTS.Picture, ...raw };
    Object.assign(this, fields); // title, note, notes, legend, root, total, differentiated
    this.roots = outputs.length ? outputs : [this.root];
    this.edgesTotal = edges_total;
    this.nodes = new Map(nodes.map((node) => [node.name, nodeOf(node)]));
    this.groups = new Map(groups.map((group) => [group.name, { ...DEFAULTS.Group, ...group }]));
    this.edges = edges.map(edgeOf).filter((edge) => this.nodes.has(edge.source) && this.nodes.has(edge.target));
    this.closed = new Set([...this.groups.values()].filter((group) => group.collapsed).map((group) => group.name));
    this.incoming = new Map([...this.nodes.keys()].map((name) => [name, []]));
    this.outgoing = new Map([...this.nodes.keys()].map((name) => [name, []]));
    for (const edge of this.edges) {
      this.incoming.get(edge.target).push(edge);
      this.outgoing.get(edge.source).push(edge);
    }
    for (const edges of this.incoming.values()) edges.sort((a, b) => a.slot - b.slot);
    this.membersOf = new Map();
    this.inOrder = [...this.nodes.values()].sort((a, b) => a.order - b.order);
    this.hasCotangents = this.inOrder.some((node) => node.cotangent);
    this.isNetwork = this.inOrder.length > 0 && this.inOrder.every((node) => ["neuron", "cut"].includes(node.role));
  }

  isOutput(node) {
    return this.roots.includes(node.name) && node.role === "computed";
  }

  /** Words for the output or outputs in a sentence. */
  get outputWords() {
    return this.roots.length > 1 ? "any of the outputs" : this.label(this.nodes.get(this.root));
  }

  /** The seed of the backward pass at an output, or null. */
  seedOf(node) {
    return this.roots.length > 1 ? node.seed : node.name === this.root ? node.cotangent : null;
  }

  /** The name of a node in a sentence. */
  label(node) {
    return (
      node.title ||
      node.names[0] ||
      (isColour(node.op) ? "" : node.op) ||
      (node.data?.values?.length === 1 ? short(node.data.values[0]) : node.role)
    );
  }

  /** The short name of a node: the part of its title before the "=". */
  shortLabel(node) {
    const label = this.label(node);
    const [before] = label.split(" = ");
    return before.length > 32 ? `${before.slice(0, 31)}…` : before;
  }

  /** A group and the groups around it, the innermost first. */
  *around(group) {
    for (let name = group; this.groups.has(name); name = this.groups.get(name).parent) yield name;
  }

  /** The outermost closed group around a group, itself included, or "". */
  closedAround(group) {
    return [...this.around(group)].filter((name) => this.closed.has(name)).pop() ?? "";
  }

  /** The key of what is drawn for a node: its own, or that of the closed group that hides it. */
  standIn(name) {
    const group = this.closedAround(this.nodes.get(name).group);
    return group ? `group:${group}` : `node:${name}`;
  }

  toggle(group) {
    if (!this.closed.delete(group)) this.closed.add(group);
  }

  /** Open the groups that hide a node; return whether there were any. */
  reveal(name) {
    const hiding = [...this.around(this.nodes.get(name).group)].filter((group) => this.closed.has(group));
    for (const group of hiding) this.closed.delete(group);
    return hiding.length > 0;
  }

  members(group) {
    if (!this.membersOf.size) {
      for (const name of this.groups.keys()) this.membersOf.set(name, []);
      for (const node of this.inOrder) for (const name of this.around(node.group)) this.membersOf.get(name).push(node);
    }
    return this.membersOf.get(group) ?? [];
  }

  /** The items to draw: every closed group is one, and edges with the same ends are one. */
  visible() {
    const items = new Map();
    for (const node of this.inOrder) {
      const key = this.standIn(node.name);
      const group = this.groups.get(key.slice("group:".length));
      if (key === `node:${node.name}`) items.set(key, { key, node, group: node.group, order: node.order });
      else if (!items.has(key))
        items.set(key, { key, node: this.scopeNode(group), scope: group, group: group.parent, order: node.order });
      items.get(key).order = node.order;
    }
    const edges = new Map();
    for (const edge of this.edges) {
      const [source, target] = [this.standIn(edge.source), this.standIn(edge.target)];
      if (source === target && edge.source !== edge.target) continue;
      const key = JSON.stringify([source, target, target === `node:${edge.target}` ? edge.slot : -1]);
      if (!edges.has(key)) edges.set(key, { source, target, slot: edge.slot, edges: [] });
      edges.get(key).edges.push(edge);
    }
    const groups = [...this.groups.values()].filter((group) => !this.closedAround(group.name));
    return { items: this.operandsFirst(items, [...edges.values()]), edges: [...edges.values()], groups };
  }

  /** The items in depth-first order from the output, so that operands are drawn in their order. */
  operandsFirst(items, edges) {
    const incoming = groupedBy(edges, (edge) => edge.target);
    const found = new Set();
    const waiting = this.nodes.has(this.root)
      ? this.roots.map((name) => this.standIn(name)).reverse()
      : [...items.keys()].slice(0, 1);
    while (waiting.length) {
      const key = waiting.pop();
      if (found.has(key)) continue;
      found.add(key);
      waiting.push(...(incoming.get(key) ?? []).sort((a, b) => b.slot - a.slot).map((edge) => edge.source));
    }
    return [...new Set([...found, ...items.keys()])].filter((key) => items.has(key)).map((key) => items.get(key));
  }

  /** The node that represents a closed group. */
  scopeNode(group) {
    const members = this.members(group.name);
    const nodes = plural(group.nodes || members.reduce((sum, node) => sum + node.count, 0), "node");
    const rows = group.parameters ? [[nodes], [plural(group.parameters, "parameter")]] : [[nodes]];
    const marks = [...new Set(members.flatMap((node) => node.marks))];
    return nodeOf({
      name: group.name,
      role: "scope",
      title: group.title,
      count: group.count,
      rows,
      marks,
      names: [group.kind],
    });
  }

  /** The nodes with this text in a name, title or operation, exact names first. */
  find(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return [];
    const texts = (node) => [node.title, ...node.names].map((item) => item.toLowerCase());
    const exact = this.inOrder.filter((node) => texts(node).includes(wanted));
    const near = this.inOrder.filter((node) =>
      [...texts(node), node.op.toLowerCase()].some((item) => item.includes(wanted)),
    );
    const inside = this.inOrder.filter((node) => node.group.toLowerCase().includes(wanted));
    return [...new Set([...exact, ...near, ...inside])];
  }
}

// --- numbers as text -------------------------------------------------------------------------------

/** The shortest digits that read back as the same number, as Python writes them. */
function exact(number) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  if (Object.is(number, -0)) return "-0.0";
  const [digits, power] = number.toExponential().split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

/** Four significant digits, or powers of ten where plain digits would be long; a real minus sign. */
function short(number) {
  if (!Number.isFinite(number)) return exact(number).replace("inf", "∞").replace("-", "−");
  const size = Math.abs(number);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  const text = plain ? String(Number(number.toPrecision(4))) : number.toExponential(2);
  return text.replaceAll("-", "−");
}

/** A number, a few numbers, or a summary of many. */
function shortSummary(summary) {
  if (!summary) return "not known";
  if (summary.values?.length === 1) return short(summary.values[0]);
  if (summary.values && summary.values.length <= 4) return `[${summary.values.map(short).join(", ")}]`;
  if (!summary.size) return "no numbers";
  if (summary.minimum === summary.maximum) return `all ${short(summary.minimum)}`;
  return `${short(summary.minimum)} … ${short(summary.maximum)}, norm ${short(summary.norm)}`;
}

const exactValues = (values) => (values.length === 1 ? exact(values[0]) : `[${values.map(exact).join(", ")}]`);
const exactSummary = (summary) => (summary?.values?.length ? exactValues(summary.values) : shortSummary(summary));
const isZero = (summary) => Boolean(summary) && summary.size > 0 && summary.zeros === summary.size;
const isBad = (summary) => Boolean(summary) && summary.bad > 0;
const rms = (summary) => (summary?.size ? summary.norm / Math.sqrt(summary.size) : 0);

/** The summary of numbers that were computed here. */
function summarise(values) {
  const norm = Math.hypot(...values);
  return {
    size: values.length,
    minimum: Math.min(...values),
    maximum: Math.max(...values),
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    norm,
    zeros: values.filter((value) => value === 0).length,
    bad: values.filter((value) => !Number.isFinite(value)).length,
    values,
  };
}
