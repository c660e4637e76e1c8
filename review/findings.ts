import { hostsWith, Topology } from "../topology/types";
import { Element, elementsOf, isPrimary, replicasOf } from "./graph";
import { Durability, reached, Service, stoppage, stopsAsClause } from "./reach";
import { list } from "./words";

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

const planned = " (not built yet: planned)";

const hostsOf = (elements: readonly Element[]): string => [...new Set(elements.map(({ host }) => host))].join(", ");

function labelOf(topology: Topology, element: Element): string {
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

interface Only {
  readonly id: string;
  /** What the host is the only one of. */
  readonly only: string;
  readonly remedy: string;
  readonly available: boolean;
}

const second = (key: string, roles: string): string =>
  `set webinfra:${key} to 2 or more, or give a second host of webinfra:hosts the ${roles}`;

/** What to call a single point of failure, and what removes it. Undefined for roles that no request needs. */
function onlyOne(topology: Topology, element: Element, stops: readonly Service[]): Only | undefined {
  const pair = topology.spread === "own" ? "roles webServer and appServer" : undefined;
  switch (element.role) {
    case "loadBalancer":
      return {
        id: "spof-load-balancer",
        only: "load balancer",
        remedy: `the preset high-availability, with two balancers and an address that moves between them${planned}`,
        available: false,
      };
    case "webServer":
      return {
        id: "spof-web-server",
        only: stops.includes("static") ? "web server" : "web server that has an application to send to",
        remedy: second("web", pair ?? "role webServer"),
        available: true,
      };
    case "appServer": {
      const besideNginx = hostsWith(topology, "appServer").some((host) => host.roles.includes("webServer"));
      return {
        id: "spof-app-server",
        only: "application server that gets requests",
        remedy: second(besideNginx ? "web" : "appServers", pair ?? "role appServer"),
        available: true,
      };
    }
    case "database": {
      const candidate = replicasOf(topology)[0];
      if (candidate === undefined) {
        return {
          id: "spof-database",
          only: "database",
          remedy: "set webinfra:replicas to 1 or more, or give a second host of webinfra:hosts the role database",
          available: true,
        };
      }
      return isPrimary(topology, element)
        ? {
            id: "spof-database-primary",
            only: "database that takes writes",
            remedy: `by hand, \`webinfra database promote ${candidate.host}\` lets writes go on; by itself, the preset high-availability${planned}`,
            available: false,
          }
        : {
            id: "spof-database-replica",
            only: "replica that can confirm writes",
            remedy: "set webinfra:replicas to 2 or more, or webinfra:mysql.durability to prefer",
            available: true,
          };
    }
    case "monitor":
      return undefined;
  }
}

/** What taking each element out of the topology shows. */
function fromReach(topology: Topology, settings: ReviewSettings): Finding[] {
  const elements = elementsOf(topology);
  const stopped = stoppage(topology, settings.durability);
  const points = elements.flatMap((element) => {
    const stops = stopped([element]);
    const only = stops.length > 0 ? onlyOne(topology, element, stops) : undefined;
    return only ? [{ element, stops, ...only }] : [];
  });
  const findings = points.map(({ id, element, stops, only, remedy, available }): Finding => ({
    id,
    severity: stops.includes("reads") ? "critical" : "high",
    subject: element.host,
    what: `${element.host} is the only ${only}: when it is lost, ${stopsAsClause(stops)}.`,
    remedy,
    available,
  }));

  const shared = topology.hosts.flatMap(({ name }) => {
    const critical = points.filter(({ element }) => element.host === name).map(({ element }) => element);
    const beside = elements.filter((one) => one.host === name && one.role !== "monitor" && !critical.includes(one));
    return critical.length > 0 && beside.length > 0 ? [{ name, critical, beside }] : [];
  });
  if (shared.length > 0) {
    const label = (element: Element) => labelOf(topology, element);
    findings.push({
      id: "single-point-shares-host",
      severity: "medium",
      subject: shared.map(({ name }) => name).join(", "),
      what:
        shared
          .map(({ name, critical, beside }) => `${name} is ${list([...critical, ...beside].map(label))} in one`)
          .join("; ") + ": one lost machine takes all of them, and they share its memory and processors.",
      remedy: "the preset dedicated-databases (webinfra:topology), or a host of its own in webinfra:hosts",
      available: true,
    });
  }

  const live = reached(topology, elements);
  const idle = elements.filter(
    ({ host, role }) => role !== "monitor" && !live.some((one) => one.host === host && one.role === role),
  );
  if (idle.length > 0) {
    findings.push({
      id: "unreachable-element",
      severity: "low",
      subject: hostsOf(idle),
      what: `No request ever comes to ${list(idle.map((one) => `the ${labelOf(topology, one)} on ${one.host}`))}.`,
      remedy: "take the role away in webinfra:hosts, or give the host the role that would send to it",
      available: true,
    });
  }
  return findings;
}

/** What there is one of, or too few. */
function fromCounts(topology: Topology, settings: ReviewSettings): Finding[] {
  const findings: Finding[] = [];
  const balancers = elementsOf(topology).filter(({ role }) => role === "loadBalancer");
  if (balancers.length > 1 && !settings.movingAddress) {
    findings.push({
      id: "no-moving-address",
      severity: "high",
      subject: hostsOf(balancers),
      what: "Each balancer has its own address: users of one that is lost are cut off until they are sent to another.",
      remedy: `an address that moves between balancers, in the preset high-availability${planned}`,
      available: false,
    });
  }
  const databases = elementsOf(topology).filter(({ role }) => role === "database");
  if (databases.length === 1) {
    findings.push({
      id: "single-copy-of-data",
      severity: settings.backups ? "high" : "critical",
      subject: hostsOf(databases),
      what: "The data is on one machine: with its disk, everything is lost that no backup has.",
      remedy: "set webinfra:replicas to 1 or more, or give a second host of webinfra:hosts the role database",
      available: true,
    });
  }
  if (databases.length === 2) {
    findings.push({
      id: "one-copy-after-a-loss",
      severity: "low",
      subject: hostsOf(databases),
      what: "When one of the two databases is lost, the data is on one machine until the other is back.",
      remedy: "set webinfra:replicas to 2 or more, or give a third host of webinfra:hosts the role database",
      available: true,
    });
  }
  if (databases.length > 1 && settings.durability === "prefer") {
    findings.push({
      id: "write-on-one-machine",
      severity: "medium",
      subject: topology.initialPrimary,
      what: "While no replica answers within a second, writes are acknowledged that only the primary has, and are lost with it.",
      remedy: "set webinfra:mysql.durability to require, with webinfra:replicas of 2 or more",
      available: true,
    });
  }
  if (settings.singleNat) {
    findings.push({
      id: "single-nat-gateway",
      severity: "low",
      subject: "site",
      what: "One NAT gateway serves all zones: while its zone is gone, new hosts elsewhere cannot install their packages. Those that run need it for nothing.",
      remedy: "set webinfra:aws.nat to per-zone",
      available: true,
    });
  }
  const standby = topology.hosts.filter((host) => host.standby === true).map(({ name }) => name);
  if (standby.length > 0) {
    findings.push({
      id: "standby-idle",
      severity: "low",
      subject: standby.join(", "),
      what: `${list(standby)} only ${standby.length === 1 ? "stands" : "stand"} by: one web server carries all requests, and when it is lost they fail until the health check has noticed.`,
      remedy: "set webinfra:balancing to active-active",
      available: true,
    });
  }
  return findings;
}

/** What the site does without. */
function fromSettings(topology: Topology, settings: ReviewSettings): Finding[] {
  const missing: readonly (readonly [keyof ReviewSettings, Finding["severity"], string, string, string])[] = [
    [
      "firewall",
      "high",
      "no-firewall",
      "No firewall: every port that a program opens on a host can be reached by whoever reaches the host.",
      "a firewall on each host for the ports of its roles",
    ],
    [
      "https",
      "high",
      "no-https",
      topology.terminatesTls
        ? "No HTTPS that browsers trust: Nginx ends TLS with a certificate of the site's own authority, and plain HTTP is answered as well."
        : "No HTTPS: what users send and read can be seen and changed on its way.",
      "HTTPS alone, with a certificate for webinfra:domain that browsers trust",
    ],
    [
      "backups",
      "high",
      "no-backups",
      "No backups: a replica repeats a deletion or a mistake at once, and nothing can bring the data back.",
      "backups of the database",
    ],
    [
      "monitoring",
      "high",
      "no-monitoring",
      "No monitoring: failures, load and full disks are seen only when users complain.",
      "monitoring of all hosts",
    ],
    ["alertReceiver", "medium", "no-alert-receiver", "Nobody is told when something fails.", "a receiver for alerts"],
    [
      "offsiteCopies",
      "medium",
      "no-offsite-copies",
      "No copy of the data is kept elsewhere: what destroys the place destroys all of it.",
      "copies of the backups in another place",
    ],
  ];
  return missing
    .filter(([key]) => settings[key] === false)
    .map(([, severity, id, what, remedy]) => ({
      id,
      severity,
      subject: "site",
      what,
      remedy: `${remedy}${planned}`,
      available: false,
    }));
}

/** Every weakness, the worst first and then by id. */
export function findings(topology: Topology, settings: ReviewSettings): Finding[] {
  const rank = ({ severity }: Finding) => severities.indexOf(severity);
  return [
    ...fromReach(topology, settings),
    ...fromCounts(topology, settings),
    ...fromSettings(topology, settings),
  ].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
}
