import { roleWords, Topology } from "../topology/types";
import { Connection, ConnectionKind, connectionsOf, Element, elementsOf, isPrimary } from "./graph";

/** Above this many arrows between two groups they are drawn through one point, or nobody could follow them. */
const arrowsAtMost = 12;

/** Text in a Mermaid string: quotes and what Mermaid reads as an entity or as HTML are written as entities. */
export const mermaidText = (text: string): string =>
  text.replace(/[#"<>&]/g, (character) => `#${String(character.charCodeAt(0))};`);

function shape(topology: Topology, element: Element): string {
  switch (element.role) {
    case "loadBalancer":
      return '["HAProxy<br/>load balancer"]';
    case "webServer":
      return '["Nginx<br/>web server"]';
    case "appServer":
      return '["application<br/>server"]';
    case "database":
      return `[("MySQL<br/>${isPrimary(topology, element) ? "primary" : "replica"}")]`;
    case "monitor":
      return '["monitor"]';
  }
}

const arrows: Readonly<Record<Exclude<ConnectionKind, "readsElse">, (label: string) => string>> = {
  request: (label) => (label ? `-->|"${label}"|` : "-->"),
  standby: () => '-.->|"when the active one is gone"|',
  reads: () => '-->|"reads"|',
  writes: () => '-->|"writes"|',
  replication: () => '-.->|"replication"|',
};

/**
 * A Mermaid flowchart of the topology: users, hosts as boxes with their elements, and who calls whom on a good day.
 * Identifiers are made from positions, because a host may have a name that Mermaid keeps for itself, such as `end`.
 */
export function diagram(topology: Topology, https: boolean): string {
  const number = new Map(topology.hosts.map(({ name }, index) => [name, index + 1]));
  const hostId = (host: string): string => `h${String(number.get(host) ?? 0)}`;
  const id = (end: Connection["from"]): string =>
    end === "users" ? "users" : `${hostId(end.host)}_${roleWords[end.role]}`;

  const usersWay = https ? "HTTPS" : topology.terminatesTls ? "HTTP and HTTPS" : "HTTP";

  const boxes = topology.hosts.flatMap(({ name }) => {
    const here = elementsOf(topology).filter(({ host }) => host === name);
    const reader = here.find(({ role }) => role === "appServer") ?? here.find(({ role }) => role === "webServer");
    return [
      `  subgraph ${hostId(name)}["${mermaidText(name)}"]`,
      ...here.map((element) => `    ${id(element)}${shape(topology, element)}`),
      ...(reader
        ? [`    ${hostId(name)}_files[/"application<br/>files"/]`, `    ${id(reader)} --- ${hostId(name)}_files`]
        : []),
      "  end",
    ];
  });

  // One group for each pair of roles and kind: that is what an arrow through one point can stand for.
  const groups = Map.groupBy(
    connectionsOf(topology),
    ({ from, kind }) => `${from === "users" ? from : from.role}_${kind}`,
  );
  const lines = [...groups].flatMap(([key, connections]) => {
    const [first] = connections;
    if (first === undefined || first.kind === "readsElse") {
      return [];
    }
    const arrow = arrows[first.kind](first.from === "users" ? usersWay : "");
    const from = [...new Set(connections.map((one) => id(one.from)))];
    const to = [...new Set(connections.map((one) => id(one.to)))];
    const whole = connections.length === from.length * to.length;
    if (whole && from.length > 1 && to.length > 1 && connections.length > arrowsAtMost) {
      const point = `via_${key}`;
      return [
        `  ${point}(( ))`,
        ...from.map((one) => `  ${one} --- ${point}`),
        ...to.map((one) => `  ${point} ${arrow} ${one}`),
      ];
    }
    return connections.map((one) => `  ${id(one.from)} ${arrow} ${id(one.to)}`);
  });

  const watches = elementsOf(topology)
    .filter(({ role }) => role === "monitor")
    .flatMap((monitor) =>
      topology.hosts
        .filter(({ name }) => name !== monitor.host)
        .map(({ name }) => `  ${id(monitor)} -.->|"watches"| ${hostId(name)}`),
    );
  return ["flowchart TB", '  users(["Users"])', ...boxes, ...lines, ...watches, ""].join("\n");
}
