import { hostsWith } from "../../topology/types";
import { rotation } from "../access-log";
import { frozenServers, startFrozenServers } from "../frozen";
import { balancerStatsPort, webPort, webTlsPort } from "../../core/ports";
import { fileText, render } from "../template";
import { HostView, ProxyPlace, Role, RoleParts } from "../types";
import { startingStep, startUnits } from "../units";
import { unavailable } from "../unavailable";

/** What claims the site's public address, where the platform has one. */
function claim({ publicAddress, secrets }: HostView): Pick<RoleParts, "packages" | "files" | "steps"> {
  if (publicAddress === undefined) return { packages: [], files: [], steps: [] };
  const token = { path: "/etc/webinfra/secrets/address-token", content: secrets.addressToken, mode: "0600" } as const;
  return {
    packages: publicAddress.type === "aws" ? ["awscli"] : [],
    files: [
      { path: "/etc/webinfra/address.json", content: `${JSON.stringify(publicAddress)}\n`, mode: "0644" },
      {
        path: "/etc/systemd/system/webinfra-address.service",
        content: fileText(__dirname, "address.service"),
        mode: "0644",
      },
      ...(publicAddress.type === "digitalocean" ? [{ ...token, secret: true }] : []),
    ],
    steps: [
      {
        name: "70-address",
        script: startingStep("webinfra-address.service"),
      },
    ],
  };
}

/** Where HAProxy has its configuration and its runtime socket. */
export const balancer: ProxyPlace = { config: "/etc/haproxy/haproxy.cfg", socket: "/run/haproxy/admin.sock" };

/** HAProxy in front of the web servers whose page can be served. */
export const loadBalancer: Role = (view) => {
  const { topology, config } = view;
  const standby = hostsWith(topology, "webServer").some((host) => host.standby === true);
  const claims = claim(view);
  return {
    packages: ["haproxy", ...claims.packages],
    files: [
      {
        path: balancer.config,
        content: render(__dirname, "haproxy.cfg.njk", {
          networkCidr: view.networkCidr,
          statsPort: balancerStatsPort,
          webPort,
          webTlsPort: topology.terminatesTls ? webTlsPort : false,
          standby,
          domain: config.domain,
          algorithm: config.algorithm,
          // The key only has to be the same on every balancer: the cookie names a server, it grants nothing.
          // With a passive server no cookie: it would keep visitors there after the active one is back.
          stickyKey: config.sticky && !standby ? config.domain : false,
        }),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/haproxy.service.d/webinfra.conf",
        content: fileText(__dirname, "haproxy.conf"),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-access-log.socket",
        content: fileText(__dirname, "access-log.socket"),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-access-log@.service",
        content: fileText(__dirname, "access-log@.service"),
        mode: "0644",
      },
      // Visitors' addresses are not for everybody on the host.
      { path: "/etc/tmpfiles.d/webinfra-haproxy.conf", content: "d /var/log/haproxy 0750 haproxy adm\n", mode: "0644" },
      ...rotation("webinfra-haproxy", "/var/log/haproxy/access.log", ["su haproxy adm", "nocreate"]),
      unavailable(),
      ...frozenServers(),
      ...claims.files,
    ],
    steps: [
      {
        name: "50-haproxy",
        script: [
          "#!/bin/sh",
          "set -e",
          `(set -a && . /etc/webinfra/machine.env && exec /usr/sbin/haproxy -c -q -f ${balancer.config})`,
          startFrozenServers,
          "systemd-tmpfiles --create /etc/tmpfiles.d/webinfra-haproxy.conf",
          "systemctl --quiet --no-reload enable --now webinfra-access-log.socket",
          startUnits("haproxy.service"),
          "",
        ].join("\n"),
      },
      ...claims.steps,
    ],
    ports: [
      { port: 80, from: "world", description: "users' HTTP" },
      ...(topology.terminatesTls
        ? [{ port: 443, from: "world", description: "users' HTTPS, passed on to Nginx" } as const]
        : []),
      { port: balancerStatsPort, from: ["monitor"], description: "HAProxy metrics and statistics" },
    ],
  };
};
