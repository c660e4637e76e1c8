import { Topology } from "../../topology/types";
import { Element, isPrimary } from "../graph";
import { Durability } from "../reach";

/** Plain facts of a stack that its topology does not say. */
export interface ReviewSettings {
  /** Name of the preset, or `custom`. */
  readonly topology: string;
  readonly balancing: "active-active" | "active-passive";
  readonly durability: Durability;
  /** Another balancer takes over the address of one that is lost. */
  readonly movingAddress: boolean;
  /** Users are brought to HTTPS. */
  readonly https: boolean;
  /** Each host takes only the connections that its roles need. */
  readonly firewall: boolean;
  /** Ports that hosts open for each other alone, in order. */
  readonly privatePorts: readonly number[];
  /** Hosts of all zones reach the internet through one gateway in one of them. */
  readonly singleNat: boolean;
  readonly monitoring: boolean;
  /** Alerts have somebody who gets them. */
  readonly alertReceiver: boolean;
  readonly backups: boolean;
  /** Backups are kept away from the machines that they are of. */
  readonly offsiteCopies: boolean;
}

/** The worst first. */
export const severities = ["critical", "high", "medium", "low"] as const;

/** A weakness. */
export interface Finding {
  /** Stable, and at most once in a review. */
  readonly id: string;
  readonly severity: (typeof severities)[number];
  /** The hosts that it is about, or `site`. */
  readonly subject: string;
  readonly what: string;
  /** The setting, preset or command that removes it. */
  readonly remedy: string;
  /** Whether webinfra has that remedy today. */
  readonly available: boolean;
}

/** What a rule looks at. */
export interface Scene {
  readonly topology: Topology;
  readonly settings: ReviewSettings;
  /** Each role on each host. */
  readonly elements: readonly Element[];
}

/** Finds weaknesses of one kind. */
export type Rule = (scene: Scene) => readonly Finding[];

/** The end of a remedy that webinfra does not have yet. */
export const planned = " (not built yet: planned)";

export const hostsOf = (elements: readonly Element[]): string =>
  [...new Set(elements.map(({ host }) => host))].join(", ");

/** What a role on a host is called. */
export function labelOf(topology: Topology, element: Element): string {
  switch (element.role) {
    case "loadBalancer":
      return "load balancer";
    case "webServer":
      return "web server";
    case "appServer":
      return "application server";
    case "database":
      return isPrimary(topology, element) ? "database primary" : "database replica";
    case "monitor":
      return "monitor";
  }
}
