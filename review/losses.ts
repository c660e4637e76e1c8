import { RoleName, Topology } from "../topology/types";
import { Element, elementsOf, isPrimary, replicasOf } from "./graph";
import { Durability, Service, stoppage, stopsInWords } from "./reach";
import { listed } from "../core/words";

/** What happens when a host, or one role on it, is lost. */
export interface Loss {
  readonly host: string;
  /** Null: the whole host. */
  readonly role: RoleName | null;
  readonly stops: Service[];
  /** The same in words; see {@link stopsInWords}. */
  readonly inWords: string;
  /** What goes on, and how the rest comes back. */
  readonly then: string;
}

const others = (topology: Topology, { host, role }: Element): readonly string[] =>
  topology.hosts.filter((other) => other.name !== host && other.roles.includes(role)).map(({ name }) => name);

function thenDatabase(topology: Topology, element: Element, stops: readonly Service[]): string {
  const replicas = replicasOf(topology)
    .map(({ host }) => host)
    .filter((host) => host !== element.host);
  const lastCopy = others(topology, element).length === 1 ? "; the data is then on one machine alone" : "";
  if (isPrimary(topology, element)) {
    const candidate = replicas[0];
    return candidate === undefined
      ? "no other machine has the data"
      : `reads go on from ${listed(replicas)}; writes return when it is back or with \`webinfra database promote ${candidate}\`${lastCopy}`;
  }
  if (stops.includes("writes")) {
    return `writes wait for a replica to confirm them${lastCopy}`;
  }
  return `reads go to ${replicas.length > 0 ? listed(replicas) : "the primary"}${lastCopy}`;
}

function thenRole(topology: Topology, element: Element, stops: readonly Service[]): string {
  const rest = others(topology, element);
  switch (element.role) {
    case "loadBalancer":
      return rest.length === 0
        ? "no other machine takes requests until it is back"
        : `${listed(rest)} ${rest.length === 1 ? "takes" : "take"} requests at ${rest.length === 1 ? "its own address" : "their own addresses"}`;
    case "webServer": {
      if (rest.length === 0) {
        return "no other web server takes requests until it is back";
      }
      const standby = topology.hosts.filter((host) => host.standby === true).map(({ name }) => name);
      if (standby.includes(element.host)) {
        return "it only stood by";
      }
      const active = rest.filter((name) => !standby.includes(name));
      return active.length > 0
        ? `the balancer sends to ${listed(active)}`
        : `${listed(rest)} takes over, and hands back`;
    }
    case "appServer":
      if (stops.length > 0) {
        return "Nginx still serves static files, and answers that the page is away";
      }
      return topology.spread === "tier"
        ? `the web servers send to the application on ${listed(rest)}`
        : `its web server is left out, and the application on ${listed(rest)} serves`;
    case "database":
      return thenDatabase(topology, element, stops);
    case "monitor":
      return "the site serves on, and nobody is told what fails";
  }
}

/** Whether this is an application server whose Nginx is lost with it. */
const withItsNginx = ({ role }: Element, lost: readonly Element[]): boolean =>
  role === "appServer" && lost.some((other) => other.role === "webServer");

/** What stops for every host and for every role on it, found by taking it out of the topology. */
export function losses(topology: Topology, durability: Durability): Loss[] {
  const elements = elementsOf(topology);
  const stopped = stoppage(topology, durability);
  const loss = (host: string, role: RoleName | null, lost: readonly Element[]): Loss => {
    const stops = [...stopped(lost)];
    const then = lost
      .map((element) => ({ element, stops: stopped([element]) }))
      // Where Nginx and its own application are lost together, the balancer's choice of another is all there is to say.
      .filter(({ element, stops }) => !withItsNginx(element, lost) || topology.spread === "tier" || stops.length > 0)
      .map(({ element, stops }) => thenRole(topology, element, stops));
    return { host, role, stops, inWords: stopsInWords(stops), then: [...new Set(then)].join("; ") };
  };
  return topology.hosts.flatMap(({ name }) => {
    const here = elements.filter(({ host }) => host === name);
    return [loss(name, null, here), ...here.map((element) => loss(name, element.role, [element]))];
  });
}
