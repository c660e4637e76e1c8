import { Topology } from "../topology/types";
import { diagram } from "./diagram";
import { findings } from "./findings";
import { ReviewSettings } from "./findings/finding";
import { losses } from "./losses";
import { purposes } from "./purposes";
import type { Review } from "./types";
import { listed } from "../core/words";

export { reviewMarkdown, summary, tellingLosses } from "./markdown";
export { reviewSettings } from "./settings";
export { type Review, reviewSchema } from "./types";

/** How bad each weakness is, by its id. */
export const severitiesOf = ({
  findings: found,
}: Review): Readonly<Record<string, Review["findings"][number]["severity"]>> =>
  Object.fromEntries(found.map(({ id, severity }) => [id, severity]));

function balancing(topology: Topology, settings: ReviewSettings): string {
  const standby = topology.hosts.filter((host) => host.standby === true).map(({ name }) => name);
  const sentence =
    standby.length === 0
      ? "every web server takes requests at the same time"
      : `the first web server takes all requests, and ${listed(standby)} ${standby.length === 1 ? "waits" : "wait"} until it is lost`;
  return `Balancing is ${settings.balancing}: ${sentence}.`;
}

/** What each element of a topology is for, what stops when it is lost, and what is weak. Pure: the same input gives the same review. */
export function review(topology: Topology, settings: ReviewSettings): Review {
  return {
    topology: settings.topology,
    balancing: balancing(topology, settings),
    elements: purposes(topology),
    losses: losses(topology, settings.durability),
    findings: findings(topology, settings),
    diagram: diagram(topology, settings.https),
  };
}
