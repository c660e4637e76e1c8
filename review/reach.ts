import { Topology } from "../topology/types";
import { connectionsOf, Element, elementsOf, isPrimary } from "./graph";

/**
 * What users get from a site, the most basic first: `static` files, the `page` (the application answers, if only that the database is away), `reads`
 * and `writes` of data. Each needs all before it.
 */
export const services = ["static", "page", "reads", "writes"] as const;
export type Service = (typeof services)[number];

/** Which services work. */
export type Reach = Readonly<Record<Service, boolean>>;

/** How MySQL confirms a write: see `mysql.durability` in the configuration. */
export type Durability = "prefer" | "require";

const keyOf = ({ host, role }: Element): string => `${host} ${role}`;

type Graph = ReadonlyMap<string, readonly string[]>;

/** Who is called by whom, on the way of a request. */
function graphOf(topology: Topology): Graph {
  const graph = new Map<string, string[]>();
  for (const { from, to, kind } of connectionsOf(topology)) {
    if (kind === "replication") {
      continue;
    }
    const key = from === "users" ? "users" : keyOf(from);
    const called = graph.get(key) ?? [];
    called.push(keyOf(to));
    graph.set(key, called);
  }
  return graph;
}

/** The keys of the elements that users' requests come to while these are alive. */
function reachedIn(graph: Graph, isAlive: (key: string) => boolean): ReadonlySet<string> {
  const seen = new Set<string>();
  const ahead = ["users"];
  for (let key = ahead.pop(); key !== undefined; key = ahead.pop()) {
    for (const to of graph.get(key) ?? []) {
      if (seen.has(to) || !isAlive(to)) {
        continue;
      }
      seen.add(to);
      ahead.push(to);
    }
  }
  return seen;
}

/** The elements that users' requests come to while only these are alive. */
export function reached(topology: Topology, alive: readonly Element[]): readonly Element[] {
  const living = new Set(alive.map(keyOf));
  const seen = reachedIn(graphOf(topology), (key) => living.has(key));
  return elementsOf(topology).filter((element) => seen.has(keyOf(element)));
}

function reachOf(topology: Topology, live: readonly Element[], durability: Durability): Reach {
  const databases = live.filter(({ role }) => role === "database");
  const primary = databases.some((element) => isPrimary(topology, element));
  return {
    static: live.some(({ role }) => role === "webServer"),
    page: live.some(({ role }) => role === "appServer"),
    reads: databases.length > 0,
    writes: primary && (durability === "prefer" || databases.length > 1),
  };
}

/**
 * What works while only these elements are alive, once the health checks have noticed. The primary stays who it is: another takes over only when
 * somebody promotes it. With durability `require` a write also waits for a replica.
 */
export const reach = (topology: Topology, alive: readonly Element[], durability: Durability): Reach =>
  reachOf(topology, reached(topology, alive), durability);

/** Tells of elements that are lost which services of the whole site stop. Looks at the topology once, for all that are asked about. */
export function stoppage(topology: Topology, durability: Durability): (lost: readonly Element[]) => readonly Service[] {
  const graph = graphOf(topology);
  const elements = elementsOf(topology).map((element) => ({ element, key: keyOf(element) }));
  const without = (gone: ReadonlySet<string>): Reach => {
    const seen = reachedIn(graph, (key) => !gone.has(key));
    const live = elements.filter(({ key }) => seen.has(key)).map(({ element }) => element);
    return reachOf(topology, live, durability);
  };
  const before = without(new Set());
  return (lost) => {
    const after = without(new Set(lost.map(keyOf)));
    return services.filter((service) => before[service] && !after[service]);
  };
}

const widest = (stops: readonly Service[]): Service | undefined => services.find((service) => stops.includes(service));

const words: Readonly<Record<Service, string>> = {
  static: "all traffic",
  page: "the page",
  reads: "reads and writes",
  writes: "writes",
};

/** What stops, in words: `all traffic`, `the page`, `reads and writes`, `writes` or `nothing`. */
export function stopsInWords(stops: readonly Service[]): string {
  const service = widest(stops);
  return service === undefined ? "nothing" : words[service];
}

const clauses: Readonly<Record<Service, string>> = {
  static: "all traffic stops",
  page: "no page is served, only static files",
  reads: "reads and writes stop",
  writes: "writes stop",
};

/** What stops, as the end of a sentence. */
export function stopsAsClause(stops: readonly Service[]): string {
  const service = widest(stops);
  return service === undefined ? "nothing stops" : clauses[service];
}
