import { balancerStatsPort, webPort, webTlsPort } from "../../core/ports";
import { hostsWith } from "../../topology/types";
import { ProxyFiles } from "../contract";
import { defineService } from "../define";
import { rotation } from "../parts/access-log";
import { frozenServers, startFrozenServers } from "../parts/frozen";
import { unavailable } from "../parts/unavailable";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";
import { render } from "../template";
import { BalancingSettings } from "./schema";

/** Where HAProxy has its configuration and its runtime socket. */
export const balancer: ProxyFiles = {
  config: "/etc/haproxy/haproxy.cfg",
  socket: "/run/haproxy/admin.sock",
};

/** Options of a server of each kind of backend. Each says all, because HAProxy gives a server that it is told of while it runs no default. */
interface ServerOptions {
  /** Whose page or files are checked. */
  readonly checked: string;
  /** Unchecked: when none answers its checks. */
  readonly any: string;
}

interface HaproxyView {
  readonly networkCidr: string;
  readonly statsPort: number;
  readonly webPort: number;
  readonly webTlsPort: number;
  /** Nginx terminates TLS. */
  readonly passesTls: boolean;
  /** A web server stands by. */
  readonly standby: boolean;
  readonly algorithm: BalancingSettings["algorithm"];
  /** Visitors of a server that goes are spread over the others, and nobody else moves. */
  readonly consistent: boolean;
  readonly sticky: boolean;
  /** Backends whose frozen servers are cut off (frozen.lua). */
  readonly watchedBackends: string;
  readonly http: ServerOptions;
  readonly tls: ServerOptions;
}

/** The way of what is no GET to its server: a connection of its own (see the frontend `www`). */
const own = "pool-conn-name var(txn.own)";
const checked = "check inter 800ms fastinter 200ms downinter 500ms fall 2 rise 2 slowstart 2s";
const few = "maxconn 32";

/** HAProxy in front of the web servers whose page can be served. */
export const haproxy = defineService<HaproxyView>({
  name: "haproxy",
  describe: ({ topology }) => ({
    ports: [
      { port: 80, protocol: "tcp", from: "world", description: "users' HTTP" },
      ...(topology.terminatesTls
        ? [{ port: 443, protocol: "tcp", from: "world", description: "users' HTTPS, passed on to Nginx" } as const]
        : []),
      { port: balancerStatsPort, protocol: "tcp", from: ["monitor"], description: "HAProxy metrics and statistics" },
    ],
    metrics: [{ port: balancerStatsPort, path: "/metrics" }],
    health: [{ name: "HAProxy", port: 80, path: "/-/balancer" }],
    watches: [{ kind: "proxy", ...balancer }],
  }),
  install: () => ({ packages: ["haproxy"] }),
  view: ({ topology, settings: { algorithm, sticky }, place }) => {
    const standby = hostsWith(topology, "webServer").some((host) => host.standby === true);
    const hashed = algorithm === "source" ? " hash-key addr-port" : "";
    return {
      networkCidr: place.networkCidr,
      statsPort: balancerStatsPort,
      webPort,
      webTlsPort,
      passesTls: topology.terminatesTls,
      standby,
      algorithm,
      consistent: algorithm === "source",
      // With a passive server no cookie: it would keep visitors there after the active one is back.
      sticky: sticky && !standby,
      watchedBackends: [
        "web",
        "in_turn",
        "web_static",
        ...(topology.terminatesTls ? ["web_tls", "web_tls_static"] : []),
      ].join(" "),
      http: { checked: `${checked} ${own}${hashed}`, any: `${few} ${own}${hashed}` },
      tls: {
        checked: `send-proxy-v2 port ${String(webPort)} ${checked}${hashed}`,
        any: `send-proxy-v2 ${few}${hashed}`,
      },
    };
  },
  render: (view) => ({
    files: [
      plainFile(balancer.config, render(__dirname, "haproxy.cfg.liquid", view)),
      unitFile("haproxy.service.d/webinfra.conf", __dirname, "haproxy.conf"),
      unitFile("webinfra-access-log.socket", __dirname, "access-log.socket"),
      unitFile("webinfra-access-log@.service", __dirname, "access-log@.service"),
      // Visitors' addresses are not for everybody on the host.
      plainFile("/etc/tmpfiles.d/webinfra-haproxy.conf", "d /var/log/haproxy 0750 haproxy adm\n"),
      ...rotation("webinfra-haproxy", "/var/log/haproxy/access.log", ["su haproxy adm", "nocreate"]),
      unavailable(),
      ...frozenServers(),
    ],
    steps: [
      {
        phase: "connect",
        name: "haproxy",
        doing: "starting HAProxy",
        script: shell(
          `(set -a && . /etc/webinfra/machine.env && exec /usr/sbin/haproxy -c -q -f ${balancer.config})`,
          startFrozenServers,
          "systemd-tmpfiles --create /etc/tmpfiles.d/webinfra-haproxy.conf",
          "systemctl --quiet --no-reload enable --now webinfra-access-log.socket",
          startUnits("haproxy.service"),
        ),
      },
    ],
  }),
});
