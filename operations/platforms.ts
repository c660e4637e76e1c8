/** Which platforms there are for operations: one has its machines on this machine, the others are clouds. */
import { type PlatformName, platformNames } from "../platforms/schema";

/** The platform whose machines are on this machine; what a stack is taken to be on when nothing says. */
export const localPlatform: PlatformName = "incus";

/** Whether a platform's machines are on this machine, where operations reach them. */
export function isLocal(platform: string): boolean {
  return platform === localPlatform;
}

/** Whether a platform is one of the clouds. */
export function isCloud(platform: string): boolean {
  return !isLocal(platform) && platformNames.some((name) => name === platform);
}
