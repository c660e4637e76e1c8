import { numbered } from "../numbered";
import { Counts, Topology } from "../types";

/** A balancer; web servers with Nginx, app server and files; a MySQL primary and its replicas on hosts of their own. */
export function dedicatedDatabases({ web, replicas }: Counts): Topology {
  return {
    hosts: [
      ...numbered("lb", 1, ["loadBalancer"]),
      ...numbered("web", web, ["webServer", "appServer"]),
      ...numbered("db", 1 + replicas, ["database"]),
    ],
    spread: "own",
    terminatesTls: false,
    initialPrimary: "db-1",
  };
}
