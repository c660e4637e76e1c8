import { Topology } from "../types";
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

/** The elements that users' requests come to while only these are alive. */
export function reached(topology: Topology, alive: readonly Element[]): readonly Element[] {
  const living = new Set(alive.map(keyOf));
  const connections = connectionsOf(topology).filter(({ kind, to }) => kind !== "replication" && living.has(keyOf(to)));
  const from = Map.groupBy(connections, (one) => (one.from === "users" ? "users" : keyOf(one.from)));
  const seen = new Set<string>();
  const queue = ["users"];
  for (let key = queue.shift(); key !== undefined; key = queue.shift()) {
    const next = (from.get(key) ?? []).map(({ to }) => keyOf(to)).filter((to) => !seen.has(to));
    for (const to of next) seen.add(to);
    queue.push(...next);
  }
  return elementsOf(topology).filter((element) => seen.has(keyOf(element)));
}

/**
 * What works while only these elements are alive, once the health checks have noticed. The primary stays who it is: another takes over only when
 * somebody promotes it. With durability `require` a write also waits for a replica.
 */
export function reach(topology: Topology, alive: readonly Element[], durability: Durability): Reach {
  const live = reached(topology, alive);
  const databases = live.filter(({ role }) => role === "database");
  const primary = databases.some((element) => isPrimary(topology, element));
  return {
    static: live.some(({ role }) => role === "webServer"),
    page: live.some(({ role }) => role === "appServer"),
    reads: databases.length > 0,
    writes: primary && (durability === "prefer" || databases.length > 1),
  };
}

/** The services that the whole site has and that stop when these elements are lost. */
export function stopped(topology: Topology, lost: readonly Element[], durability: Durability): readonly Service[] {
  const gone = new Set(lost.map(keyOf));
  const all = elementsOf(topology);
  const before = reach(topology, all, durability);
  const after = reach(
    topology,
    all.filter((element) => !gone.has(keyOf(element))),
    durability,
  );
  return services.filter((service) => before[service] && !after[service]);
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
