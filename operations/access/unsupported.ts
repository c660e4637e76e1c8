/** A site that operations cannot reach yet: its hosts are on a cloud, behind addresses and a bucket that only the cloud knows. */
import { UnsupportedPlatformError } from "../errors";
import type { SiteAccess, SiteAddress } from "./types";

/** @param operation as the user calls it, such as `status` */
export function unsupportedAccess({ stack, platform }: SiteAddress, operation: string): SiteAccess {
  const unsupported = (): UnsupportedPlatformError => new UnsupportedPlatformError(operation, stack, platform);
  const refuse = (): Promise<never> => Promise.reject(unsupported());
  return {
    stack,
    machines: refuse,
    state: refuse,
    command: () => {
      throw unsupported();
    },
    connect: () => {
      throw unsupported();
    },
    channel: { primary: refuse, movePrimary: refuse, hint: refuse },
    releases: { pointer: refuse, move: refuse, packages: refuse, add: refuse, remove: refuse },
  };
}
