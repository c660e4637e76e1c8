import type { Config } from "../config/schema";
import { platforms } from "../platforms";
import { rolePorts } from "../roles/ports";
import type { Topology } from "../topology/types";
import type { ReviewSettings } from "./findings/finding";

/** Ports that hosts open for each other alone, in order. */
function privatePorts(config: Config, topology: Topology): readonly number[] {
  const ports = rolePorts({ topology, settings: config, traits: platforms[config.platform].traits.hosts });
  const found = [...ports.values()].flat().filter(({ from }) => from !== "world");
  return [...new Set(found.map(({ port }) => port))].sort((a, b) => a - b);
}

/** The facts of a stack for its review. What webinfra cannot do yet is false for every stack. */
export function reviewSettings(config: Config, topology: Topology): ReviewSettings {
  return {
    topology: config.topology,
    balancing: config.balancing,
    durability: config.mysql.durability,
    // Balancers on a cloud take over the one address when nobody answers there.
    movingAddress: config.platform !== "incus",
    https: false,
    // Security groups and firewalls from the roles' ports; containers share one open bridge.
    firewall: config.platform !== "incus",
    privatePorts: privatePorts(config, topology),
    singleNat: config.platform === "aws" && config.aws.vpc === undefined && config.aws.nat === "single",
    monitoring: false,
    alertReceiver: false,
    backups: false,
    offsiteCopies: false,
  };
}
