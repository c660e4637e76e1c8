/** What a host does. A host may have several roles. */
export const roleNames = ["loadBalancer", "webServer", "appServer", "database", "monitor"] as const;
export type RoleName = (typeof roleNames)[number];
