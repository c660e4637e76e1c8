import { numbered } from "../numbered";
import { Counts, RoleName, Topology } from "../types";

/**
 * A balancer, and servers that each hold everything: Nginx, application, files and MySQL, the primary on the first and replicas on the next. Nginx
 * terminates TLS and spreads over the application servers of all of them.
 */
export function primaryReplicaPair({ web, replicas }: Counts): Topology {
  const servers = numbered("server", Math.max(web, 1 + replicas), []);
  const rolesOf = (index: number): readonly RoleName[] => [
    ...(index < web ? (["webServer", "appServer"] as const) : []),
    ...(index <= replicas ? (["database"] as const) : []),
  ];
  return {
    hosts: [
      ...numbered("lb", 1, ["loadBalancer"]),
      ...servers.map((server, index) => ({ ...server, roles: rolesOf(index) })),
    ],
    spread: "tier",
    terminatesTls: true,
    initialPrimary: "server-1",
  };
}
