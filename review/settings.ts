import type { Config } from "../config/schema";
import type { ReviewSettings } from "./findings/finding";

/** The facts of a stack for its review. What webinfra cannot do yet is false for every stack. */
export function reviewSettings(
  config: Pick<Config, "platform" | "topology" | "balancing" | "mysql" | "aws">,
): ReviewSettings {
  return {
    topology: config.topology,
    balancing: config.balancing,
    durability: config.mysql.durability,
    // Balancers on a cloud take over the one address when nobody answers there.
    movingAddress: config.platform !== "incus",
    https: false,
    // Security groups and firewalls from the roles' ports; containers share one open bridge.
    firewall: config.platform !== "incus",
    singleNat: config.platform === "aws" && config.aws.vpc === undefined && config.aws.nat === "single",
    monitoring: false,
    alertReceiver: false,
    backups: false,
    offsiteCopies: false,
  };
}
