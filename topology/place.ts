import { ConfigError } from "../core/config-error";
import { dnsLabel } from "../core/schema";
import { dedicatedDatabases } from "./presets/dedicated-databases";
import { primaryReplicaPair } from "./presets/primary-replica-pair";
import { replicaPerWeb } from "./presets/replica-per-web";
import { splitTiers } from "./presets/split-tiers";
import { PlacementSettings, presetNames } from "./schema";
import { Counts, hostsWith, RoleName, roleNames, Topology, TopologyHost } from "./types";

/** What of a stack's configuration decides about its hosts. */
interface PlacementConfig extends PlacementSettings {
  readonly mysql: { readonly durability: "prefer" | "require" };
}

const presets: Readonly<Record<(typeof presetNames)[number], (counts: Counts) => Topology>> = {
  "dedicated-databases": dedicatedDatabases,
  "primary-replica-pair": primaryReplicaPair,
  "split-tiers": splitTiers,
  "replica-per-web": replicaPerWeb,
};

/** A stack's own list of hosts. Nginx forwards to the application beside it where each stands beside the other, else to all application servers. */
function custom(hosts: readonly TopologyHost[], primary: string | undefined): Topology {
  const alone = hosts.every((host) => host.roles.includes("webServer") === host.roles.includes("appServer"));
  return {
    hosts,
    spread: alone ? "own" : "tier",
    terminatesTls: false,
    initialPrimary: primary ?? hosts.find((host) => host.roles.includes("database"))?.name ?? "",
  };
}

/** Why a placement makes no sense, one line a reason; empty when it does. */
export function placementProblems(topology: Topology): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  topology.hosts.forEach((host, index) => {
    const key = `webinfra:hosts.${String(index)}`;
    if (!dnsLabel.test(host.name)) {
      problems.push(`${key}.name is "${host.name}": should be a DNS label (a-z, 0-9 and -, at most 24), such as web-1`);
    }
    if (seen.has(host.name)) {
      problems.push(`${key}.name is "${host.name}": another host has that name`);
    }
    seen.add(host.name);
    if (host.roles.length === 0) {
      problems.push(`${key}.roles is []: should hold at least one of ${roleNames.join(", ")}`);
    }
    for (const role of new Set(host.roles)) {
      if (host.roles.filter((other) => other === role).length > 1) {
        problems.push(`${key}.roles holds ${role} twice`);
      }
    }
  });
  const has = (role: RoleName) => topology.hosts.some((host) => host.roles.includes(role));
  const needs = (role: RoleName, other: RoleName, why: string) => {
    if (has(role) && !has(other)) {
      problems.push(`webinfra:hosts have the role ${role} but none has ${other}: ${why}`);
    }
  };
  if (!has("loadBalancer")) {
    problems.push("webinfra:hosts: no host has the role loadBalancer: users would reach nothing");
  }
  needs("loadBalancer", "webServer", "the balancer would have nothing to send requests to");
  needs("webServer", "appServer", "Nginx would have nothing to forward requests to");
  needs("appServer", "database", "the application keeps its data there");
  const primary = topology.hosts.find((host) => host.name === topology.initialPrimary);
  if (has("database") && !primary?.roles.includes("database")) {
    const right = hostsWith(topology, "database").map((host) => host.name);
    problems.push(
      `webinfra:primary is "${topology.initialPrimary}": the replicas would have no primary: should be a host with the role database (${right.join(", ")})`,
    );
  }
  return problems;
}

/** Active-passive: the first web server takes all requests, the others stand by. */
function withStandby(topology: Topology): Topology {
  const active = hostsWith(topology, "webServer")[0]?.name;
  return {
    ...topology,
    hosts: topology.hosts.map((host) =>
      host.roles.includes("webServer") && host.name !== active ? { ...host, standby: true } : host,
    ),
  };
}

/**
 * The hosts of a stack.
 * @throws ConfigError when the placement makes no sense
 */
export function place(config: PlacementConfig): Topology {
  const topology =
    config.topology === "custom"
      ? custom(config.hosts ?? [], config.primary)
      : presets[config.topology]({ web: config.web, app: config.appServers, replicas: config.replicas });
  const problems = [...placementProblems(topology)];
  const replicas = hostsWith(topology, "database").length - 1;
  if (config.mysql.durability === "require" && replicas < 2) {
    problems.push(
      `webinfra:mysql.durability is "require": needs at least two replicas, or the loss of one stops all writes: ` +
        `have two or more (there is room for ${String(Math.max(0, replicas))}), or set it to "prefer"`,
    );
  }
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return config.balancing === "active-passive" ? withStandby(topology) : topology;
}
