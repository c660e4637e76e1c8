import { type RoleName, roleNames } from "../core/roles";

export { type RoleName, roleNames };

/** A machine to be: its name (a DNS label such as `web-1`) and the roles placed on it. */
export interface TopologyHost {
  readonly name: string;
  readonly roles: readonly RoleName[];
  /** A passive web server: balancers send to it only when no other one is left. */
  readonly standby?: boolean;
}

export interface Topology {
  readonly hosts: readonly TopologyHost[];
  /** Where Nginx forwards to: the application on its own host, or every application server. */
  readonly spread: "own" | "tier";
  /** True when Nginx terminates TLS, and balancers pass port 443 on to it as it comes. */
  readonly terminatesTls: boolean;
  /** Name of the database host that is primary when the site is first created; who is primary later stands in the channel. */
  readonly initialPrimary: string;
}

/** Internal names end in this zone; `.internal` is reserved for private use. */
export const zone = "webinfra.internal";

/** How many hosts a preset has of each kind. */
export interface Counts {
  readonly web: number;
  readonly app: number;
  readonly replicas: number;
}

/** The short word that stands for a role in host names. */
export const roleWords: Readonly<Record<RoleName, string>> = {
  loadBalancer: "lb",
  webServer: "web",
  appServer: "app",
  database: "db",
  monitor: "monitor",
};

export const hostName = (host: string): string => `${host}.${zone}`;

export const hostsWith = (topology: Topology, role: RoleName): readonly TopologyHost[] =>
  topology.hosts.filter((host) => host.roles.includes(role));
