import type { Config } from "../../config/schema";
import type { ReviewSettings } from "./findings";

/** The facts of a stack for its review. What webinfra cannot do yet is false for every stack. */
export function reviewSettings(config: Pick<Config, "topology" | "balancing" | "mysql">): ReviewSettings {
  return {
    topology: config.topology,
    balancing: config.balancing,
    durability: config.mysql.durability,
    movingAddress: false,
    https: false,
    firewall: false,
    monitoring: false,
    alertReceiver: false,
    backups: false,
    offsiteCopies: false,
  };
}
