import { concurrencyOf } from "../../config/schema";
import { frozenServers, startFrozenServers } from "../frozen";
import { agentPort, appProxyPort, appTierPort } from "../../core/ports";
import { fileText, render } from "../template";
import { ProxyPlace, Role } from "../types";
import { startUnits } from "../units";
import { unavailable } from "../unavailable";

/** Where it has its configuration and its runtime socket. */
export const proxy: ProxyPlace = { config: "/etc/webinfra/proxy.cfg", socket: "/run/webinfra-proxy/admin.sock" };

/**
 * On every host with a web or app role: the way to the databases (`127.0.0.1:3306` writes, `:3307` reads) and to the application; and the unit that
 * makes the host leave its callers before it stops.
 */
export const localProxy: Role = (view) => {
  const { host, topology, config } = view;
  const tier = topology.spread === "tier";
  const runsApp = host.roles.includes("appServer");
  return {
    packages: ["haproxy", "socat"],
    files: [
      {
        path: proxy.config,
        content: render(__dirname, "proxy.cfg.njk", {
          agentPort,
          app: {
            port: config.app.port,
            healthPath: config.app.healthPath,
            domain: config.domain,
            concurrency: concurrencyOf(config.app),
          },
          runsApp,
          web: host.roles.includes("webServer") ? { proxyPort: appProxyPort, tierPort: appTierPort, tier } : false,
          tierPort: runsApp && tier ? appTierPort : false,
          ownDatabase: host.roles.includes("database"),
        }),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-proxy.service",
        content: fileText(__dirname, "proxy.service"),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-drain.service",
        content: fileText(__dirname, "drain.service"),
        mode: "0644",
      },
      { path: "/etc/webinfra/checked.lua", content: fileText(__dirname, "checked.lua"), mode: "0644" },
      unavailable(),
      ...frozenServers(),
    ],
    steps: [
      {
        name: "50-local-proxy",
        script: [
          "#!/bin/sh",
          "set -e",
          "mkdir -p /var/lib/webinfra",
          // Which release each of the two runs; the runtime API changes a line, but makes none.
          "[ -s /var/lib/webinfra/releases.map ] || printf 'blue none\\ngreen none\\n' >/var/lib/webinfra/releases.map",
          ...(host.roles.includes("loadBalancer")
            ? []
            : ["systemctl --quiet --no-reload disable --now haproxy.service"]),
          startFrozenServers,
          startUnits("webinfra-proxy.service", "webinfra-drain.service"),
          "",
        ].join("\n"),
      },
    ],
    ports:
      runsApp && tier
        ? [{ port: appTierPort, from: ["webServer"], description: "application behind other hosts' Nginx" }]
        : [],
  };
};
