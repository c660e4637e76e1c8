/** Running a command on a host. */
import type { HostCommand, SiteAccess } from "./access/types";
import { machineOf } from "./machines";

/**
 * What carries a command out on a host as root.
 * @param host a host's name, such as `web-1`, or a machine's id
 * @throws HostError when there is no such host, or it does not run
 */
export async function commandOn(access: SiteAccess, host: string, argv: readonly string[]): Promise<HostCommand> {
  return access.command(machineOf(await access.machines(), access.stack, host), argv);
}
