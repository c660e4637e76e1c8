import { numbered } from "../numbered";
import { Counts, Topology } from "../types";

/**
 * A balancer; web servers that each hold Nginx, application, files and a MySQL replica; the primary on a host of its own. Replicas beyond the number of
 * web servers stand on hosts of their own.
 */
export function replicaPerWeb({ web, replicas }: Counts): Topology {
  return {
    hosts: [
      ...numbered("lb", 1, ["loadBalancer"]),
      ...numbered("web", web, ["webServer", "appServer", "database"]),
      ...numbered("db", 1 + Math.max(0, replicas - web), ["database"]),
    ],
    spread: "own",
    terminatesTls: false,
    initialPrimary: "db-1",
  };
}
