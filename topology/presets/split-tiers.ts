import { numbered } from "../numbered";
import { Counts, Topology } from "../types";

/** A balancer; Nginx and the application on separate servers, so that one changes without the other; a MySQL primary and its replicas. */
export function splitTiers({ web, app, replicas }: Counts): Topology {
  return {
    hosts: [
      ...numbered("lb", 1, ["loadBalancer"]),
      ...numbered("web", web, ["webServer"]),
      ...numbered("app", app, ["appServer"]),
      ...numbered("db", 1 + replicas, ["database"]),
    ],
    spread: "tier",
    terminatesTls: false,
    initialPrimary: "db-1",
  };
}
