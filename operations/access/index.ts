/** The way to a site, by its platform. */
import { isLocal } from "../platforms";
import { incusAccess } from "./incus";
import type { SiteAccess, SiteAddress } from "./types";
import { unsupportedAccess } from "./unsupported";

/**
 * The access to a site. On a platform that operations do not know yet, each use of it throws UnsupportedPlatformError.
 * @param operation as the user calls it, such as `status`
 */
export function siteAccess(site: SiteAddress, operation: string): SiteAccess {
  return isLocal(site.platform) ? incusAccess(site) : unsupportedAccess(site, operation);
}
