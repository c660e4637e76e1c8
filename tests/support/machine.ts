/** Containers beside a site's own. */
import { IncusClient } from "../../provider/incus";

/** Makes and starts a container of the base image. It does not bear a stack's label: it is no host of one. */
export async function startMachine(
  name: string,
  network: string,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = new IncusClient();
  await client.change("POST", "/1.0/instances", {
    name,
    source: { type: "image", alias: "webinfra-debian-13" },
    profiles: [],
    config,
    devices: {
      root: { type: "disk", path: "/", pool: "webinfra" },
      eth0: { type: "nic", name: "eth0", network },
    },
  });
  await client.change("PUT", `/1.0/instances/${name}/state`, { action: "start" });
}
