import { RoleName, Topology } from "../topology/types";

/** A role on a host: what can be lost on its own. */
export interface Element {
  readonly host: string;
  readonly role: RoleName;
}

/**
 * What goes from one end of a connection to the other. `request` and `standby` carry users' requests, the second only when the active web server is
 * gone; `reads` go where they go on a good day, `readsElse` where they go when that is lost.
 */
export type ConnectionKind = "request" | "standby" | "reads" | "readsElse" | "writes" | "replication";

export interface Connection {
  /** Users, or the element that calls. */
  readonly from: Element | "users";
  readonly to: Element;
  readonly kind: ConnectionKind;
}

/** Every role on every host, in the order of the topology. */
export const elementsOf = (topology: Topology): readonly Element[] =>
  topology.hosts.flatMap(({ name, roles }) => [...new Set(roles)].map((role) => ({ host: name, role })));

const withRole = (topology: Topology, role: RoleName): readonly Element[] =>
  elementsOf(topology).filter((element) => element.role === role);

export const isPrimary = (topology: Topology, { host, role }: Element): boolean =>
  role === "database" && host === topology.initialPrimary;

export const replicasOf = (topology: Topology): readonly Element[] =>
  withRole(topology, "database").filter((element) => !isPrimary(topology, element));

/** Reads go to the replica beside the application, else to any replica, else to the primary (roles/local-proxy). */
function readsOf(app: Element, databases: readonly Element[], replicas: readonly Element[]): readonly Connection[] {
  const beside = replicas.filter((replica) => replica.host === app.host);
  const first = beside.length > 0 ? beside : replicas.length > 0 ? replicas : databases;
  return databases.map((to) => ({
    from: app,
    to,
    kind: first.some(({ host }) => host === to.host) ? "reads" : "readsElse",
  }));
}

/** Who calls whom: users → balancers → web servers → application servers → databases, and the primary its replicas. */
export function connectionsOf(topology: Topology): readonly Connection[] {
  const standby = new Set(topology.hosts.filter((host) => host.standby === true).map((host) => host.name));
  const balancers = withRole(topology, "loadBalancer");
  const webServers = withRole(topology, "webServer");
  const appServers = withRole(topology, "appServer");
  const databases = withRole(topology, "database");
  const [primary, replicas] = [databases.filter((element) => isPrimary(topology, element)), replicasOf(topology)];
  return [
    ...balancers.map((to): Connection => ({ from: "users", to, kind: "request" })),
    ...balancers.flatMap((from) =>
      webServers.map((to): Connection => ({ from, to, kind: standby.has(to.host) ? "standby" : "request" })),
    ),
    ...webServers.flatMap((from) =>
      appServers
        .filter((to) => topology.spread === "tier" || to.host === from.host)
        .map((to): Connection => ({ from, to, kind: "request" })),
    ),
    ...appServers.flatMap((from) => primary.map((to): Connection => ({ from, to, kind: "writes" }))),
    ...appServers.flatMap((from) => readsOf(from, databases, replicas)),
    ...primary.flatMap((from) => replicas.map((to): Connection => ({ from, to, kind: "replication" }))),
  ];
}
