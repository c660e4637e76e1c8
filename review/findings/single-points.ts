import { hostsWith, Topology } from "../../topology/types";
import { Element, isPrimary, replicasOf } from "../graph";
import { Service, stoppage, stopsAsClause } from "../reach";
import { listed } from "../../core/words";
import { Finding, labelOf, planned, Rule } from "./finding";

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

/** Hosts without which requests fail, and what else is lost with them: what taking each element out of the topology shows. */
export const singlePoints: Rule = ({ topology, settings, elements }) => {
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
          .map(({ name, critical, beside }) => `${name} is ${listed([...critical, ...beside].map(label))} in one`)
          .join("; ") + ": one lost machine takes all of them, and they share its memory and processors.",
      remedy: "the preset dedicated-databases (webinfra:topology), or a host of its own in webinfra:hosts",
      available: true,
    });
  }

  return findings;
};
