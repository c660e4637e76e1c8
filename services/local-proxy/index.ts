import { agentPort, appProxyPort, appTierPort } from "../../core/ports";
import { concurrencyOf } from "../app/schema";
import { ProxyFiles } from "../contract";
import { defineService } from "../define";
import { frozenServers, startFrozenServers } from "../parts/frozen";
import { unavailable } from "../parts/unavailable";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";
import { fileText, render } from "../template";

/** Where it has its configuration and its runtime socket. */
export const proxy: ProxyFiles = {
  config: "/etc/webinfra/proxy.cfg",
  socket: "/run/webinfra-proxy/admin.sock",
};

interface LocalProxyView {
  readonly appProxyPort: number;
  readonly appTierPort: number;
  readonly app: {
    readonly healthPath: string;
    /** Requests at once, and event streams. */
    readonly concurrency: number;
    readonly streams: number;
    /** Ports of the two that take turns. */
    readonly port: number;
    readonly nextPort: number;
  };
  /** The host runs Nginx. */
  readonly nginx: boolean;
  /** Where Nginx finds the application: here, or on all application servers. */
  readonly toTier: boolean;
  readonly nginxBackend: "app" | "app_tier";
  /** The host runs the application. */
  readonly runsApp: boolean;
  /** The application here also answers other hosts' Nginx. */
  readonly ofTier: boolean;
  /** A database stands on the host itself. */
  readonly ownDatabase: boolean;
  /** How databases are checked. HAProxy gives a server that it is told of while it runs no default, so each says all. */
  readonly primaryChecks: string;
  readonly replicaChecks: string;
  /** What replicas on other hosts are to this one. */
  readonly otherReplicas: string;
  /** The host has no balancer, whose package's own unit is switched off then. */
  readonly aloneWithHaproxy: boolean;
}

const asksAgent = `check port ${String(agentPort)} inter 800ms fastinter 200ms rise 1 fall 2 on-marked-down shutdown-sessions`;

/**
 * On every host with a web or app role: the way to the databases (`127.0.0.1:3306` writes, `:3307` reads) and to the application; and the unit that
 * makes the host leave its callers before it stops.
 */
export const localProxy = defineService<LocalProxyView>({
  name: "local-proxy",
  describe: ({ roles, topology }) => ({
    ports:
      roles.includes("appServer") && topology.spread === "tier"
        ? [
            {
              port: appTierPort,
              protocol: "tcp",
              from: ["webServer"],
              description: "application behind other hosts' Nginx",
            },
          ]
        : [],
    watches: [{ kind: "proxy", ...proxy }],
  }),
  install: () => ({ packages: ["haproxy", "socat"] }),
  view: ({ roles, topology, settings: { app } }) => {
    const tier = topology.spread === "tier";
    const runsApp = roles.includes("appServer");
    const ownDatabase = roles.includes("database");
    return {
      appProxyPort,
      appTierPort,
      app: {
        healthPath: app.healthPath,
        concurrency: concurrencyOf(app),
        streams: 16 * concurrencyOf(app),
        port: app.port,
        nextPort: app.port + 1,
      },
      nginx: roles.includes("webServer"),
      toTier: tier,
      nginxBackend: tier ? "app_tier" : "app",
      runsApp,
      ofTier: runsApp && tier,
      ownDatabase,
      // Who becomes the primary is waited for; a replica that comes back is not, for others answer until then.
      primaryChecks: `${asksAgent} downinter 500ms`,
      replicaChecks: `${asksAgent} downinter 2s`,
      otherReplicas: ownDatabase ? "backup" : "on-marked-up shutdown-backup-sessions",
      aloneWithHaproxy: !roles.includes("loadBalancer"),
    };
  },
  render: (view) => ({
    files: [
      plainFile(proxy.config, render(__dirname, "proxy.cfg.liquid", view)),
      unitFile("webinfra-proxy.service", __dirname, "proxy.service"),
      unitFile("webinfra-drain.service", __dirname, "drain.service"),
      plainFile("/etc/webinfra/checked.lua", fileText(__dirname, "checked.lua")),
      unavailable(),
      ...frozenServers(),
    ],
    steps: [
      {
        phase: "connect",
        name: "local-proxy",
        doing: "starting its local proxy",
        script: shell(
          "mkdir -p /var/lib/webinfra",
          // Which release each of the two runs; the runtime API changes a line, but makes none.
          "[ -s /var/lib/webinfra/releases.map ] || printf 'blue none\\ngreen none\\n' >/var/lib/webinfra/releases.map",
          ...(view.aloneWithHaproxy ? ["systemctl --quiet --no-reload disable --now haproxy.service"] : []),
          startFrozenServers,
          startUnits("webinfra-proxy.service", "webinfra-drain.service"),
        ),
      },
    ],
  }),
});
