import type { Chain } from './collect-hops.ts';
import type { End, Talk } from './collect-talks.ts';
import type { Graph } from './graph.ts';

/** Edges that a person can still follow. */
const MOST_EDGES = 60;

/** The newest chains of hops: hosts, and the sessions between them, each once. */
export function hopGraph(chains: readonly Chain[]): { readonly graph: Graph; readonly shown: number } {
  const nodes = new Map<string, Graph['nodes'][number]>();
  const edges = new Map<string, Graph['edges'][number]>();
  let shown = 0;
  for (const chain of chains) {
    if (edges.size >= MOST_EDGES) break;
    shown += 1;
    for (const [at, hop] of chain.hops.entries()) {
      const isOrigin = at === 0;
      addNode(nodes, hop.from, isOrigin ? 'origin' : 'host');
      addNode(nodes, hop.via, 'host');
      addNode(nodes, hop.to, 'target');
      if (isOrigin) addEdge(edges, hop.from, hop.via, hop.service);
      const user = hop.user === '' ? '' : `${hop.user}: `;
      addEdge(edges, hop.via, hop.to, `${user}${hop.process || hop.service}`);
    }
  }
  return { graph: { nodes: [...nodes.values()], edges: [...edges.values()] }, shown };
}

function addNode(nodes: Map<string, Graph['nodes'][number]>, name: string, kind: string): void {
  const known = nodes.get(name);
  // A host that others go through is no mere target.
  if (!known || known.kind === 'target') nodes.set(name, { id: name, lines: [name], kind });
}

function addEdge(edges: Map<string, Graph['edges'][number]>, from: string, to: string, label: string): void {
  const key = JSON.stringify([from, to, label]);
  const width = Math.min(5, (edges.get(key)?.width ?? 0.75) + 0.5);
  edges.set(key, { from, to, label, width });
}

/** Talks whose ends are drawn, those with most connections. */
const MOST_TALKS = 30;

/** Programs of hosts and whom they talk to. */
export function talkGraph(talks: readonly Talk[]): Graph {
  const chosen = talks.slice(0, MOST_TALKS);
  const nodes = new Map<string, Graph['nodes'][number]>();
  const busiest = Math.max(1, ...chosen.map(({ connections }) => connections));
  const edges = chosen.map((talk) => {
    const from = nodeOf(talk.from, 'from');
    const to = nodeOf(talk.to, 'to');
    nodes.set(from.id, from);
    nodes.set(to.id, to);
    const width = 1 + (4 * Math.log1p(talk.connections)) / Math.log1p(busiest);
    return { from: from.id, to: to.id, label: talk.service, width };
  });
  return { nodes: [...nodes.values()], edges };
}

function nodeOf({ hid, host, process }: End, side: string): Graph['nodes'][number] {
  const lines = hid === undefined ? [host] : [process || '(unknown program)', host];
  return {
    id: JSON.stringify([side, hid ?? host, process]),
    lines,
    kind: hid === undefined ? 'address' : 'host',
  };
}
