// The fixed questions about a node. Each answer has sentences, the nodes and edges on the path, and the culprits:
// the operations that are the cause.

const QUESTIONS = {
  zero: { text: "Why is this gradient zero?", answer: whyZero },
  bad: { text: "Why is it NaN or infinite?", answer: whyBad },
  influence: { text: "What does it influence?", answer: influenceOf },
};

const gradientNumbers = (node) => node.cotangent ?? node.grad;

function answerOf(kind, model, node) {
  return { nodes: [node.name], edges: [], culprits: [], ...QUESTIONS[kind].answer(model, node) };
}

// --- why is the gradient zero? -------------------------------------------------------------------------------

function whyZero(model, node) {
  const label = model.shortLabel(node);
  const excuse = noGradient(model, node);
  if (excuse) return { sentences: [excuse] };
  const numbers = gradientNumbers(node);
  if (!isZero(numbers)) {
    const some = numbers.zeros ? ` ${numbers.zeros} of its ${numbers.size} numbers are zero.` : "";
    return { sentences: [`The gradient of ${label} is not zero: it is ${shortSummary(numbers)}.${some}`] };
  }
  const walk = walkToOutput(
    model,
    node,
    (edge) => isZero(edge.flow) || !edge.flow,
    (target) => isZero(target.cotangent),
  );
  if (walk.cancelled.length) {
    const [at, flows] = walk.cancelled[0];
    const terms = flows.map((edge) => shortSummary(edge.flow)).join(" and ");
    return {
      ...walk,
      culprits: [at.name],
      sentences: [`The gradient of ${model.shortLabel(at)} cancels: its terms ${terms} add up to exactly zero.`],
    };
  }
  if (!walk.ends.length)
    return {
      ...walk,
      sentences: [`The backward pass itself starts with a zero, so the gradient of ${label} is zero.`],
    };
  const [first, ...rest] = walk.ends;
  const others = listed(rest.map((end) => model.label(model.nodes.get(end.target))));
  const ways = `${plural(rest.length, "other path")} to the output also ${rest.length === 1 ? "ends" : "end"} in zero`;
  const target = model.nodes.get(first.target);
  return {
    ...walk,
    culprits: walk.ends.map((edge) => edge.target),
    sentences: [
      `It becomes zero at ${model.label(target)}: ${zeroReason(model, first)}`,
      ...farWords(model, node, first),
      ...(rest.length ? [`${ways}: ${others}.`] : []),
    ],
  };
}

/** Why a node has no gradient that could be zero, or "". */
function noGradient(model, node) {
  const label = model.shortLabel(node);
  if (node.role === "constant") return `${label} is a constant: plain data, for which no gradient is computed.`;
  if (node.role === "frozen") return `${label} is frozen (requires_grad=False), so no gradient is added to it.`;
  if (node.role === "unreached")
    return [
      `${label} never reached the output: no path leads from it to ${model.outputWords}, so its gradient stays zero.`,
      "Check that it is used in the forward pass.",
    ].join(" ");
  if (!model.hasCotangents && !model.differentiated) return noBackward(model);
  if (!gradientNumbers(node))
    return `No gradient reached ${label}: no path leads from it to the output, or only through steps without a slope.`;
  return "";
}

/**
 * Walk from a node along its uses toward the output. `follows(edge)` tells whether an edge is on the path, and
 * `continues(target)` whether the path goes on from its target; if not, the edge is an end.
 */
function walkToOutput(model, node, follows, continues) {
  const names = new Set([node.name]);
  const edges = new Set();
  const ends = [];
  const cancelled = [];
  const waiting = [node];
  while (waiting.length) {
    const at = waiting.pop();
    const uses = model.outgoing.get(at.name).filter((edge) => model.nodes.get(edge.target).cotangent);
    const onPath = uses.filter(follows);
    if (uses.length > onPath.length) cancelled.push([at, uses.filter((edge) => !follows(edge))]);
    for (const edge of onPath) {
      edges.add(edge.id);
      const target = model.nodes.get(edge.target);
      if (!continues(target)) ends.push(edge);
      else if (!names.has(target.name)) waiting.push(target);
      names.add(target.name);
    }
  }
  const order = (edge) => model.nodes.get(edge.target).order;
  ends.sort((a, b) => order(b) - order(a)); // the first in the backward order
  return { nodes: [...names], edges: [...edges], ends, cancelled };
}

/** Why zero flows back along an edge although its target has a gradient. */
function zeroReason(model, edge) {
  const [source, target] = [model.nodes.get(edge.source), model.nodes.get(edge.target)];
  const input = source.data;
  const name = model.shortLabel(source);
  const inputWords =
    input?.values?.length === 1
      ? `its input ${name} is ${short(input.values[0])}`
      : input
        ? `its inputs lie between ${short(input.minimum)} and ${short(input.maximum)}`
        : "of its input";
  if (!edge.flow) return `${target.op} passes no gradient to ${name}.`;
  if (edge.local && !isZero(edge.local))
    return [
      `the incoming gradient ${shortSummary(target.cotangent)} times the local derivative ${shortSummary(edge.local)}`,
      "is zero: it is too small for a floating-point number, or each factor is zero where the other is not.",
    ].join(" ");
  const negative = input?.maximum <= 0;
  const other = model.nodes.get(model.incoming.get(target.name).find((one) => one.slot !== edge.slot)?.source);
  if (["mul", "matmul", "dot"].includes(target.op) && isZero(other?.data))
    return `it is multiplied by ${model.shortLabel(other)}, which is 0, so the local derivative is 0.`;
  if (KINKED.includes(target.op))
    return `the local derivative of ${target.op} is 0 here because ${inputWords}${negative ? ", not above 0" : ""}.`;
  if (CHOOSING.includes(target.op)) {
    const both = other?.data ? ` (${shortSummary(input)} against ${shortSummary(other.data)})` : "";
    return `${target.op} did not choose ${name}${both}, so nothing flows back to it.`;
  }
  if (FLAT.includes(target.op))
    return `${target.op} is flat there, ${inputWords}: its local derivative is 0 in floating point.`;
  if (STEPS.includes(target.op)) return `${target.op} is a step function: its slope is 0 everywhere.`;
  const op = target.op || "the operation";
  return edge.local
    ? `the local derivative of ${op} is 0 here, ${inputWords}.`
    : `${op} gets ${shortSummary(target.cotangent)} and passes zero back to ${name}.`;
}

const KINKED = ["relu", "relu6", "leaky_relu", "abs"];
const CHOOSING = ["maximum", "minimum", "fmax", "fmin", "where", "max", "min", "amax", "amin", "clip", "getitem"];
const FLAT = ["tanh", "sigmoid", "exp", "erf", "softmax", "softplus"];
const STEPS = ["floor", "ceil", "sign", "round", "rint", "trunc"];

function farWords(model, node, edge) {
  if (edge.source === node.name) return [];
  const source = model.label(model.nodes.get(edge.source));
  return [`${source} gets a zero from there and passes it on to ${model.shortLabel(node)}.`];
}

// --- why is it NaN or infinite? --------------------------------------------------------------------------------

function whyBad(model, node) {
  if (isBad(node.data)) return whyBadData(model, node);
  if (isBad(gradientNumbers(node))) return whyBadGradient(model, node);
  const elsewhere = model.inOrder.find((one) => isBad(one.data));
  const back = [...model.inOrder].reverse().find((one) => isBad(one.cotangent));
  const hint = elsewhere
    ? ` The first bad value of the forward pass is at ${model.label(elsewhere)}.`
    : back
      ? ` The first bad gradient of the backward pass is at ${model.label(back)}.`
      : " Nothing in this picture is.";
  return {
    sentences: [`Neither the data nor the gradient of ${model.shortLabel(node)} is NaN or infinite.${hint}`],
    culprits: [elsewhere ?? back].filter(Boolean).map((one) => one.name),
  };
}

/** Bad data: the first operation with a bad result from good operands. */
function whyBadData(model, node) {
  const names = new Set([node.name]);
  const edges = [];
  const waiting = [node];
  while (waiting.length) {
    for (const edge of model.incoming.get(waiting.pop().name)) {
      const source = model.nodes.get(edge.source);
      if (!isBad(source.data)) continue;
      edges.push(edge.id);
      if (!names.has(source.name)) waiting.push(source);
      names.add(source.name);
    }
  }
  const first = model.inOrder.find((one) => names.has(one.name));
  const operands = model.incoming.get(first.name).map((edge) => model.nodes.get(edge.source));
  const given = operands.map((one) => `${model.shortLabel(one)} = ${shortSummary(one.data)}`);
  const computed = `${first.op} gives ${shortSummary(first.data)} for ${listed(given)}`;
  const words = !operands.length
    ? `${model.label(first)} was given as ${shortSummary(first.data)}: the bad number comes from outside the graph.`
    : `The first bad value of the forward pass is at ${model.label(first)}: ${computed}.`;
  const path =
    first === node
      ? []
      : [`From there it goes on to ${model.shortLabel(node)}, through ${plural(names.size, "node")}.`];
  return { sentences: [words, ...path], nodes: [...names], edges, culprits: [first.name] };
}

/** A bad gradient: the first operation of the backward pass that turned a good one into a bad one. */
function whyBadGradient(model, node) {
  const walk = walkToOutput(
    model,
    node,
    (edge) => isBad(edge.flow),
    (target) => isBad(target.cotangent),
  );
  const first = walk.ends[0];
  if (!first) {
    const [at, flows] = walk.cancelled[0] ?? [node, []];
    const arriving = listed(flows.map((edge) => shortSummary(edge.flow))) || shortSummary(gradientNumbers(at));
    return {
      ...walk,
      culprits: [at.name],
      sentences: [`The gradient that arrives at ${model.label(at)} is not finite: ${arriving}.`],
    };
  }
  const [source, target] = [model.nodes.get(first.source), model.nodes.get(first.target)];
  const operand = `${model.shortLabel(source)} is ${shortSummary(source.data)}`;
  const [incoming, flow] = [target.cotangent, first.flow].map(shortSummary);
  const sentences = [
    `The first operation of the backward pass that makes it so is ${model.label(target)}:`,
    `it gets ${incoming} and passes ${flow} back.`,
    first.local ? `Its local derivative is ${shortSummary(first.local)}, where ${operand}.` : `There, ${operand}.`,
  ];
  return {
    ...walk,
    culprits: [target.name],
    sentences: [
      sentences.join(" "),
      ...(isBad(target.data) ? [`Its value is bad as well (${shortSummary(target.data)}).`] : []),
      ...farWords(model, node, first).map((words) => words.replace("a zero", "it")),
    ],
  };
}

// --- what does it influence? -------------------------------------------------------------------------------------

function influenceOf(model, node) {
  const names = new Set([node.name]);
  const edges = [];
  const waiting = [node];
  while (waiting.length) {
    for (const edge of model.outgoing.get(waiting.pop().name)) {
      edges.push(edge.id);
      if (!names.has(edge.target)) waiting.push(model.nodes.get(edge.target));
      names.add(edge.target);
    }
  }
  const reached = [...names].filter((name) => name !== node.name).map((name) => model.nodes.get(name));
  const label = model.shortLabel(node);
  const isOutput = model.roots.includes(node.name);
  const met = model.roots.filter((name) => name !== node.name && names.has(name)).map((name) => model.nodes.get(name));
  if (!reached.length)
    return {
      sentences: [
        isOutput
          ? `${label} is the output: nothing is computed from it.`
          : `Nothing in this picture is computed from ${label}: it never reached ${model.outputWords}.`,
      ],
    };
  const count = reached.reduce((sum, one) => sum + one.count * one.parts, 0);
  const groups = [...new Set(reached.map((one) => one.group).filter((name) => name && name !== node.group))].map(
    (name) => groupTitle(model.groups.get(name) ?? { name, count: 1 }),
  );
  const sentences = [`${label} influences ${plural(count, "node")}${outputsWords(model, met)}.`];
  if (groups.length) sentences.push(`The path leads through ${listed(groups)}.`);
  const numbers = gradientNumbers(node);
  const slope = numbers?.values?.length === 1 ? numbers.values[0] : null;
  if (slope !== null && met.length && model.roots.length === 1 && isOne(model.seedOf(met[0])) && Number.isFinite(slope))
    sentences.push(
      `Its gradient is ${short(slope)}: a small change of ${label} changes the output by ${short(slope)} times that.`,
    );
  return { sentences, nodes: [...names], edges, culprits: [] };
}

const isOne = (summary) => summary?.values?.length === 1 && summary.values[0] === 1;

/** Which outputs are among the nodes that are influenced. */
function outputsWords(model, met) {
  if (model.roots.length === 1) return met.length ? ", the output among them" : ", but not the output";
  if (!met.length) return ", but none of the outputs";
  const outputs = met.length === 1 ? "output" : "outputs";
  return `, the ${outputs} ${listed(met.map((one) => model.shortLabel(one)))} among them`;
}

function listed(texts) {
  const shown = texts.length > 6 ? [...texts.slice(0, 6), `${texts.length - 6} more`] : texts;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
