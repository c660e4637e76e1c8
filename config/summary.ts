import { Config } from "./schema";

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
