// The places of all items: by dagre, or in plain columns for networks and where dagre is too slow.

const DAGRE_NODES = 600; // dagre takes one to two seconds for as many, and far more for more
const DAGRE_EDGES = 1000;
const SPACE = { group: 14, title: 30, between: 26, ranks: 46, layers: 230, neurons: 44 };

/**
 * Places for the items of model.visible(): {items, groups, edges, straight, plain, left, top, width, height}, with
 * points for every edge. Where it is `plain`, the groups are not kept together, so they have no frames.
 */
function layoutOf(visible, sizes, direction, isNetwork) {
  const large = visible.items.length > DAGRE_NODES || visible.edges.length > DAGRE_EDGES;
  const found = large || isNetwork ? null : byDagre(visible, sizes, direction);
  const places = found ?? { ...columns(visible, sizes, direction, isNetwork), straight: true, plain: !isNetwork };
  const groups = places.plain ? [] : boxesOf(visible, places.items);
  const edges = visible.edges.map((edge, i) => ({ ...edge, points: places.points[i] ?? [] }));
  return { ...places, groups, edges, ...boundsOf(places.items, groups) };
}

/**
 * Of several orders with equally few crossings, dagre takes the last, which swaps operands needlessly: the order of the
 * operands is kept if it has no more crossings.
 */
function byDagre(visible, sizes, direction) {
  let best;
  try {
    best = dagreLayout(visible, sizes, direction, false);
  } catch {
    return null; // it fails on some large graphs with many groups
  }
  if (visible.edges.length > 100 || visible.groups.length) return best; // another order would tear groups apart
  const inOrder = dagreLayout(visible, sizes, direction, true);
  return crossings(inOrder.points) <= crossings(best.points) ? inOrder : best;
}

function crossings(paths) {
  const segments = paths.map((points) => points.slice(1).map((point, i) => [points[i], point]));
  const side = ([a, b], c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
  const cross = (s, t) => side(s, t[0]) * side(s, t[1]) < 0 && side(t, s[0]) * side(t, s[1]) < 0;
  let count = 0;
  for (const [i, one] of segments.entries()) {
    for (const other of segments.slice(i + 1)) {
      for (const s of one) for (const t of other) if (cross(s, t)) count++;
    }
  }
  return count;
}

function dagreLayout(visible, sizes, direction, keepOrder) {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: true });
  const few = visible.edges.length < 300;
  graph.setGraph({
    rankdir: direction,
    nodesep: SPACE.between,
    ranksep: SPACE.ranks,
    edgesep: few ? 18 : 6,
    ranker: few ? "network-simplex" : "longest-path",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  const used = new Set(visible.items.flatMap((item) => [...groupsAround(visible.groups, item.group)]));
  for (const group of visible.groups) if (used.has(group.name)) graph.setNode(`group:${group.name}`, {});
  for (const group of visible.groups)
    if (used.has(group.name) && used.has(group.parent)) graph.setParent(`group:${group.name}`, `group:${group.parent}`);
  for (const item of visible.items) {
    graph.setNode(item.key, { ...sizes.get(item.key) });
    if (used.has(item.group)) graph.setParent(item.key, `group:${item.group}`);
  }
  // Reverse the edges of folded loops that lead back; otherwise dagre reverses edges of its choice.
  const order = new Map(visible.items.map((item) => [item.key, item.order]));
  const turned = visible.edges.map((edge) => order.get(edge.source) > order.get(edge.target));
  const ends = visible.edges.map((edge, i) => (turned[i] ? [edge.target, edge.source] : [edge.source, edge.target]));
  for (const [i, [v, w]] of ends.entries()) graph.setEdge(v, w, {}, String(i));
  dagre.layout(graph, { disableOptimalOrderHeuristic: keepOrder });
  const items = new Map(
    visible.items.map((item) => {
      const { x, y, width, height } = graph.node(item.key);
      return [item.key, { x, y, width, height }];
    }),
  );
  const points = ends.map(([v, w], i) => {
    const found = graph.edge({ v, w, name: String(i) })?.points ?? [];
    return turned[i] ? [...found].reverse() : found;
  });
  return { items, points };
}

function* groupsAround(groups, name) {
  const byName = new Map(groups.map((group) => [group.name, group]));
  for (let at = name; byName.has(at); at = byName.get(at).parent) yield at;
}

/** Columns by the longest path from an input; items are sorted by the positions of their operands. */
function columns(visible, sizes, direction, isNetwork) {
  const ranks = ranksOf(visible);
  const layers = [];
  for (const item of visible.items) {
    const rank = ranks.get(item.key);
    layers[rank] ??= [];
    layers[rank].push(item);
  }
  if (!isNetwork) sortLayers(layers, visible);
  const between = isNetwork ? SPACE.neurons : SPACE.between;
  const across = direction === "LR" ? "height" : "width";
  const along = direction === "LR" ? "width" : "height";
  const items = new Map();
  let at = 0;
  for (const layer of layers.filter(Boolean)) {
    const extent = Math.max(...layer.map((item) => sizes.get(item.key)[along]));
    const total = layer.reduce((sum, item) => sum + sizes.get(item.key)[across] + between, -between);
    let beside = -total / 2;
    for (const item of layer) {
      const size = sizes.get(item.key);
      const centre = beside + size[across] / 2;
      beside += size[across] + between;
      items.set(
        item.key,
        direction === "LR" ? { x: at + extent / 2, y: centre, ...size } : { x: centre, y: -at - extent / 2, ...size },
      );
    }
    at += extent + (isNetwork ? SPACE.layers : SPACE.ranks * 1.5);
  }
  return { items, points: [] };
}

/** The longest path to each item along edges that lead forward; folded loops also have edges that lead back. */
function ranksOf(visible) {
  const order = new Map(visible.items.map((item) => [item.key, item.order]));
  const ranks = new Map(visible.items.map((item) => [item.key, 0]));
  const outgoing = groupedBy(visible.edges, (edge) => edge.source);
  for (const item of [...visible.items].sort((a, b) => a.order - b.order)) {
    for (const edge of outgoing.get(item.key) ?? []) {
      if (order.get(edge.target) <= item.order) continue;
      ranks.set(edge.target, Math.max(ranks.get(edge.target), ranks.get(item.key) + 1));
    }
  }
  // Place each input just before its first use, rather than all in the first column.
  for (const item of [...visible.items].sort((a, b) => b.order - a.order)) {
    const targets = (outgoing.get(item.key) ?? []).filter((edge) => order.get(edge.target) > item.order);
    if (targets.length) ranks.set(item.key, Math.min(...targets.map((edge) => ranks.get(edge.target))) - 1);
  }
  return ranks;
}

function sortLayers(layers, visible) {
  const incoming = groupedBy(visible.edges, (edge) => edge.target);
  const position = new Map();
  for (const layer of layers.filter(Boolean)) {
    const mean = (item) => {
      const known = (incoming.get(item.key) ?? [])
        .map((edge) => position.get(edge.source))
        .filter((at) => at !== undefined);
      return known.length ? known.reduce((sum, at) => sum + at, 0) / known.length : 0.5;
    };
    const keys = new Map(layer.map((item) => [item, mean(item)]));
    layer.sort((a, b) => keys.get(a) - keys.get(b));
    for (const [i, item] of layer.entries()) position.set(item.key, (i + 0.5) / layer.length);
  }
}

/** The boxes of open groups, around what is in them: the inner ones first, so that they are in the outer ones. */
function boxesOf(visible, items) {
  const byName = new Map(visible.groups.map((group) => [group.name, group]));
  const inside = new Map(visible.groups.map((group) => [group.name, []]));
  for (const item of visible.items)
    if (inside.has(item.group)) inside.get(item.group).push(rectangle(items.get(item.key)));
  const depth = (group) => [...groupsAround(visible.groups, group.name)].length;
  const boxes = new Map();
  for (const group of [...visible.groups].sort((a, b) => depth(b) - depth(a))) {
    const parts = inside.get(group.name);
    if (!parts.length) continue;
    const left = Math.min(...parts.map((part) => part.left)) - SPACE.group;
    const right = Math.max(...parts.map((part) => part.right), left + groupTitleWidth(group)) + SPACE.group;
    const top = Math.min(...parts.map((part) => part.top)) - SPACE.title;
    const bottom = Math.max(...parts.map((part) => part.bottom)) + SPACE.group;
    const box = { group, left, right, top, bottom };
    boxes.set(group.name, box);
    if (byName.has(group.parent)) inside.get(group.parent).push(box);
  }
  return [...boxes.values()].reverse(); // outer boxes are drawn first
}

function rectangle({ x, y, width, height }) {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

function boundsOf(items, groups) {
  const parts = [...[...items.values()].map(rectangle), ...groups];
  if (!parts.length) return { left: 0, top: 0, width: 1, height: 1 };
  const left = Math.min(...parts.map((part) => part.left));
  const top = Math.min(...parts.map((part) => part.top));
  return {
    left,
    top,
    width: Math.max(...parts.map((part) => part.right)) - left,
    height: Math.max(...parts.map((part) => part.bottom)) - top,
  };
}

// --- edges as curves ---------------------------------------------------------------------------------

/** The path of an edge from the side of one item to the side of another, by way of dagre's points. */
function pathOf(edge, layout, direction, ports) {
  const [from, to] = [layout.items.get(edge.source), layout.items.get(edge.target)];
  if (edge.source === edge.target) return loopPath(from);
  const flat = direction === "LR";
  const along = isReturning(edge, layout, direction) ? -1 : 1;
  const turned = ({ x, y }) => (flat ? { x: x * along, y } : { x: -y * along, y: x }); // as if it went to the right
  const back = (x, y) => (flat ? `${round(x * along)} ${round(y)}` : `${round(y)} ${round(-x * along)}`);
  const size = (place) =>
    flat ? { along: place.width / 2, across: place.height } : { along: place.height / 2, across: place.width };
  const start = turned(from);
  const end = turned(to);
  start.x += size(from).along;
  end.x -= size(to).along + 5; // the tip of the arrow
  start.y += layout.straight ? 0 : ports.out * Math.min(14, size(from).across * 0.5);
  end.y += layout.straight ? 0 : ports.into * Math.min(18, size(to).across * 0.6);
  const stops = layout.straight ? [] : stopsOf(edge.points.map(turned), layout, flat, along, start.x, end.x);
  let path = `M${back(start.x, start.y)}`;
  let at = start;
  if (layout.straight) return `${path}L${back(end.x, end.y)}`;
  for (const stop of [...stops, { left: end.x, right: end.x, y: end.y }]) {
    const middle = stop.left > at.x ? (at.x + stop.left) / 2 : at.x + 30;
    const before = stop.left > at.x ? middle : stop.left - 30;
    path += `C${back(middle, at.y)} ${back(before, stop.y)} ${back(stop.left, stop.y)}`;
    if (stop.right > stop.left) path += `L${back(stop.right, stop.y)}`;
    at = { x: stop.right, y: stop.y };
  }
  return path;
}

/** The columns of items that an edge crosses, straight through the gaps that dagre left there. */
function stopsOf(points, layout, flat, along, start, end) {
  layout.columns ??= columnWidths(layout, flat);
  return points
    .map((point) => ({ ...point, width: layout.columns.get(Math.round(point.x * along)) ?? 0 }))
    .filter((point) => point.width && point.x - point.width / 2 > start && point.x + point.width / 2 < end)
    .map((point) => ({ left: point.x - point.width / 2, right: point.x + point.width / 2, y: point.y }));
}

function columnWidths(layout, flat) {
  const widths = new Map();
  for (const place of layout.items.values()) {
    const at = Math.round(flat ? place.x : -place.y);
    widths.set(at, Math.max(widths.get(at) ?? 0, flat ? place.width : place.height));
  }
  return widths;
}

/** Whether an edge leads back, against the direction: the next step of a folded loop. */
function isReturning(edge, layout, direction) {
  const [from, to] = [layout.items.get(edge.source), layout.items.get(edge.target)];
  return direction === "LR" ? to.x < from.x : to.y > from.y;
}

function loopPath({ x, y, width, height }) {
  const [right, top] = [x + width / 2, y - height / 2];
  const stops = [
    [right + 40, y],
    [right, top - 40],
    [x, top - 5],
  ];
  return `M${round(right)} ${round(y)}C${stops.map((stop) => stop.map(round).join(" ")).join(" ")}`;
}

const round = (number) => Math.round(number * 10) / 10;

/** The place of each edge on the side of an item where it begins or ends, from -1 to 1: operands in their order. */
function portsOf(edges) {
  const ports = new Map(edges.map((edge) => [edge, { into: 0, out: 0 }]));
  const spread = (count, i) => (count < 2 ? 0 : (2 * (i + 0.5)) / count - 1);
  for (const group of groupedBy(edges, (edge) => edge.target).values()) {
    group.sort((a, b) => a.slot - b.slot);
    for (const [i, edge] of group.entries()) ports.get(edge).into = spread(group.length, i);
  }
  return ports;
}
