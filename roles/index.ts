import { appServer } from "./app-server";
import { base, HealthCheck } from "./base";
import { database } from "./database";
import { balancer, loadBalancer } from "./load-balancer";
import { localProxy, proxy } from "./local-proxy";
import { appProxyPort, appTierPort, webPort } from "../core/ports";
import { release } from "./release";
import { HostView, Role, RoleParts } from "./types";
import { webServer } from "./web-server";
import { RoleName } from "../topology/types";

const nothing: Role = () => ({ packages: [], files: [], steps: [], ports: [] });

const roles: Readonly<Record<RoleName, Role>> = { loadBalancer, webServer, appServer, database, monitor: nothing };

/** Addresses on the host itself that have to answer for it to be healthy. */
function healthChecks(view: HostView): readonly HealthCheck[] {
  const has = (role: RoleName) => view.host.roles.includes(role);
  const appPort = view.topology.spread === "tier" ? appTierPort : appProxyPort;
  return [
    ...(has("loadBalancer") ? [{ name: "HAProxy", port: 80, path: "/-/balancer" }] : []),
    ...(has("webServer") ? [{ name: "Nginx", port: webPort, path: "/-/web" }] : []),
    ...(has("appServer") ? [{ name: "the application", port: appPort, path: "/-/app" }] : []),
  ];
}

/** What each part of a host asks for, the common base first. */
export function partsOf(view: HostView): readonly RoleParts[] {
  const serves = view.host.roles.some((role) => role === "webServer" || role === "appServer");
  const nudges: Readonly<Record<string, string>> = serves
    ? { "pointers/release.json": "webinfra-release.service" }
    : {};
  const proxies = [...(view.host.roles.includes("loadBalancer") ? [balancer] : []), ...(serves ? [proxy] : [])];
  return [
    base(healthChecks(view), nudges, proxies),
    ...(serves ? [localProxy, release] : []),
    ...view.host.roles.map((role) => roles[role]),
  ].map((role) => role(view));
}
