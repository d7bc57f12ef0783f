// The steps of the two passes, and the state after each of them.
//
// The gradients are added up here, in the engine's order: nodes from the output down, and the operands of a node by
// their turn. JavaScript's numbers are the same doubles, so the sums of a scalar graph are those of .backward(), bit
// for bit.

/** Forward through the order, the seed, and back through the order. */
function stepsOf(model) {
  const forward = model.inOrder.filter(isComputed).map((node) => ({ kind: "forward", node }));
  const steps = [{ kind: "start" }, ...forward];
  if (!model.hasCotangents) return [...steps, { kind: "end" }];
  const outputs = model.roots.map((name) => model.nodes.get(name));
  steps.push(...outputs.filter((node) => model.seedOf(node)).map((node) => ({ kind: "seed", node })));
  for (const node of [...model.inOrder].reverse()) {
    const edges = model.incoming.get(node.name);
    if (!isComputed(node) || !node.cotangent || !edges.length) continue;
    const flowing = edges.filter((edge) => edge.flow).sort((a, b) => a.turn - b.turn);
    steps.push({ kind: "backward", node, edges: flowing });
  }
  return [...steps, { kind: "end" }];
}

class Playback {
  constructor(model) {
    this.model = model;
    this.steps = stepsOf(model);
    this.last = this.steps.length - 1;
    this.index = this.last;
    this.resting = true; // until the reader plays: everything is shown as it is
    this.uses = new Map();
    for (const edge of this.steps.flatMap((step) => step.edges ?? [])) {
      this.uses.set(edge.source, (this.uses.get(edge.source) ?? 0) + 1);
    }
  }

  get step() {
    return this.steps[this.index];
  }

  /** The index of the step with which the backward pass begins. */
  get seedIndex() {
    return this.steps.findIndex((step) => step.kind === "seed");
  }

  /** The state after step `index`. */
  state(index = this.index) {
    if (this.known?.index === index) return this.known;
    const state = { index, step: this.steps[index], computed: new Set(), sums: new Map(), additions: [] };
    for (const step of this.steps.slice(0, index + 1)) {
      state.additions = [];
      if (step.kind === "forward") state.computed.add(step.node.name);
      if (step.kind === "seed") state.sums.set(step.node.name, this.seed(step.node));
      for (const edge of step.edges ?? []) state.additions.push(this.add(state.sums, edge));
    }
    this.known = state;
    return state;
  }

  seed(node) {
    const summary = this.model.seedOf(node);
    const uses = this.model.roots.length > 1 ? 1 + (this.uses.get(node.name) ?? 0) : 1; // an output may lead to others
    return { values: summary.values, summary, arrived: 1, uses, complete: uses === 1 };
  }

  /** One `+=`: the flow along an edge is added to the gradient of the operand. */
  add(sums, edge) {
    const node = this.model.nodes.get(edge.source);
    const before = sums.get(edge.source) ?? null;
    const uses = this.uses.get(edge.source) + (this.model.seedOf(node) ? 1 : 0);
    const arrived = (before?.arrived ?? 0) + 1;
    const values = this.canAdd(node, edge, before, uses) ? sumOf(before?.values, edge.flow.values) : null;
    const complete = arrived === uses;
    const after = {
      values,
      arrived,
      uses,
      complete,
      get summary() {
        return values ? summarise(values) : complete ? node.cotangent : null;
      },
    };
    sums.set(edge.source, after);
    return { edge, before, after };
  }

  /** Whether all numbers and their order are known: not where nodes were folded, nor for large arrays. */
  canAdd(node, edge, before, uses) {
    if (node.count > 1 || edge.count > 1 || !edge.flow.values) return false;
    if (uses > 2 && this.model.outgoing.get(node.name).some((use) => this.model.nodes.get(use.target).parts > 1))
      return false;
    return !before || (before.values !== null && before.values.length === edge.flow.values.length);
  }
}

const sumOf = (before, flow) => (before ? before.map((value, i) => value + flow[i]) : [...flow]);
