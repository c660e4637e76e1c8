import { reviewSettings } from "../review";
import { hostsWith, Topology } from "../topology/types";
import { Config } from "../config/schema";
import { sizeOf } from "../platforms/schema";

/**
 * Plain facts of a stack, the inputs of its `webinfra:index:WebInfrastructure` component: what policies are checked against. A type alias, because
 * resource inputs need an index signature.
 */
export type SiteSummary = {
  readonly platform: Config["platform"];
  readonly stack: string;
  readonly topology: Config["topology"];
  readonly production: boolean;
  readonly balancers: number;
  readonly webServers: number;
  readonly databases: number;
  /** What webinfra cannot do yet is false for every stack. */
  readonly https: boolean;
  readonly backups: boolean;
  readonly monitoring: boolean;
  readonly alertReceiver: boolean;
  /** Region of the platform; null on incus. */
  readonly region: string | null;
  /** Instance types or Droplet sizes in use, each once, sorted; empty on incus. */
  readonly sizes: readonly string[];
  /** Estimate in US dollars a month; null on incus, and where a size has no price. */
  readonly monthlyUsd: number | null;
  /** `webinfra:policy` as it stands in the configuration. */
  readonly policy: Config["policy"];
};

/** Region and sizes of a platform that has them. */
function placement(config: Config, topology: Topology): Pick<SiteSummary, "region" | "sizes"> {
  const used = (sizes: Config["aws"]["instanceTypes"]) =>
    [...new Set(topology.hosts.map((host) => sizeOf(host.roles, sizes)))].sort();
  switch (config.platform) {
    case "incus":
      return { region: null, sizes: [] };
    case "aws":
      return { region: config.aws.region, sizes: used(config.aws.instanceTypes) };
    case "digitalocean":
      return { region: config.digitalocean.region, sizes: used(config.digitalocean.sizes) };
  }
}

/** The facts of a stack. `monthlyUsd` is its estimate, null where there is none. */
export function summarize(stack: string, config: Config, topology: Topology, monthlyUsd: number | null): SiteSummary {
  const { https, backups, monitoring, alertReceiver } = reviewSettings(config, topology);
  return {
    platform: config.platform,
    stack,
    topology: config.topology,
    production: config.production,
    balancers: hostsWith(topology, "loadBalancer").length,
    webServers: hostsWith(topology, "webServer").length,
    databases: hostsWith(topology, "database").length,
    https,
    backups,
    monitoring,
    alertReceiver,
    ...placement(config, topology),
    monthlyUsd,
    policy: config.policy,
  };
}
