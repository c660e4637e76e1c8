import { Config } from "../config/schema";
import { hostsWith, RoleName, roleNames, Topology } from "../topology/types";
import { partsOf } from ".";
import { HostSecrets, Port } from "./types";

const noSecrets: HostSecrets = {
  appPassword: "",
  replicationPassword: "",
  caCertificate: "",
  databaseCertificate: "",
  databaseKey: "",
  webCertificate: "",
  webKey: "",
  addressToken: "",
  app: {},
};

/**
 * The TCP ports that each role of a topology opens, and to whom: what firewalls let through, and nothing else. Roles that no host has are left out, also
 * among those that may come.
 */
export function rolePorts(topology: Topology, config: Config): ReadonlyMap<RoleName, readonly Port[]> {
  const present = roleNames.filter((role) => hostsWith(topology, role).length > 0);
  const portsOf = (role: RoleName): readonly Port[] =>
    partsOf({
      host: { name: role.toLowerCase(), roles: [role] },
      topology,
      config: { ...config, app: { ...config.app, secrets: [] } },
      networkCidr: "0.0.0.0/32",
      channel: { type: "directory", path: "/" },
      secretsThrough: "user-data",
      secrets: noSecrets,
      secretsSha256: "",
      kit: "",
    })
      .flatMap(({ ports }) => ports)
      .map((port) =>
        port.from === "world" ? port : { ...port, from: port.from.filter((from) => present.includes(from)) },
      )
      .filter(({ from }) => from.length > 0);
  return new Map(present.map((role) => [role, portsOf(role)]));
}
