import { Placement, Port } from "../services/contract";
import { hostsWith, RoleName, roleNames } from "../topology/types";
import { describe } from ".";

/**
 * The ports that each role of a topology opens, and to whom: what firewalls let through, and nothing else. Roles that no host has are left out, also
 * among those that may come.
 */
export function rolePorts(site: Omit<Placement, "roles">): ReadonlyMap<RoleName, readonly Port[]> {
  const present = roleNames.filter((role) => hostsWith(site.topology, role).length > 0);
  const portsOf = (role: RoleName): readonly Port[] =>
    describe({ ...site, roles: [role] })
      .ports.map((port) =>
        port.from === "world" ? port : { ...port, from: port.from.filter((from) => present.includes(from)) },
      )
      .filter(({ from }) => from.length > 0);
  return new Map(present.map((role) => [role, portsOf(role)]));
}
