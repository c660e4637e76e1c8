import { appProxyPort, appTierPort, databasePort, databaseReadPort } from "../../core/ports";
import { Secret } from "../../core/secret";
import { defineService } from "../define";
import { appPassword, authority, databaseName, databaseServerName } from "../mysql/site";
import { enableServices, plainFile } from "../parts/units";
import { render } from "../template";

/** One `NAME="value"` line for systemd, which reads C-like escapes inside double quotes. */
export const environmentLine = (name: string, value: string): string =>
  `${name}="${value.replace(/[\\"]/g, (character) => `\\${character}`)}"`;

/** A value that the stack gives its application. */
const given = (name: string): Secret => ({ kind: "given", name });

interface AppView {
  readonly host: string;
  readonly start: string;
  readonly packages: readonly string[];
  /** Ports of the two that take turns. */
  readonly ports: { readonly blue: number; readonly green: number };
  /** Variables of the stack's own, secrets among them. */
  readonly environment: readonly (readonly [string, string])[];
  readonly password: string;
  readonly caCertificate: string;
}

/** The variables with which the application reaches its database. */
const database = (kind: "WRITE" | "READ", port: number, password: string): readonly (readonly [string, string])[] => [
  [`DATABASE_${kind}_HOST`, "127.0.0.1"],
  [`DATABASE_${kind}_PORT`, String(port)],
  [`DATABASE_${kind}_USER`, "app"],
  [`DATABASE_${kind}_PASSWORD`, password],
  [`DATABASE_${kind}_NAME`, databaseName],
  [`DATABASE_${kind}_CA`, "/etc/webinfra/tls/ca.pem"],
  [`DATABASE_${kind}_SERVER_NAME`, databaseServerName],
];

/** The application: the unit that runs its release, and its environment. */
export const app = defineService<AppView>({
  name: "app",
  describe: ({ topology, settings }) => ({
    health: [
      { name: "the application", port: topology.spread === "tier" ? appTierPort : appProxyPort, path: "/-/app" },
    ],
    secrets: [appPassword, authority, ...settings.app.secrets.map(given)],
  }),
  install: ({ settings }) => ({ packages: settings.app.packages }),
  view: ({ host, settings: { app: settings } }, text) => ({
    host: host.name,
    start: settings.start,
    packages: settings.packages,
    ports: { blue: settings.port, green: settings.port + 1 },
    environment: [
      ...Object.entries(settings.environment),
      ...settings.secrets.map((name) => [name, text(given(name))] as const),
    ],
    password: text(appPassword),
    caCertificate: text(authority),
  }),
  render: ({ host, start, packages, ports, environment, password, caCertificate }) => ({
    files: [
      {
        path: "/etc/webinfra/app.env",
        content: [
          ["HOST", "127.0.0.1"] as const,
          ["SERVER_NAME", host] as const,
          ...database("WRITE", databasePort, password),
          ...database("READ", databaseReadPort, password),
          ...environment,
        ]
          .map(([name, value]) => `${environmentLine(name, value)}\n`)
          .join(""),
        mode: "0600",
        secret: true,
      },
      ...Object.entries(ports).map(([colour, port]) =>
        plainFile(`/etc/webinfra/app-${colour}.env`, `PORT=${String(port)}\n`),
      ),
      plainFile("/etc/webinfra/tls/ca.pem", caCertificate),
      plainFile("/etc/systemd/system/webinfra-app@.service", render(__dirname, "app@.service.liquid", { start })),
    ],
    steps:
      packages.length === 0
        ? []
        : [
            {
              phase: "settle",
              name: "app-services",
              doing: "starting the services of the application's packages",
              script: enableServices(packages),
            },
          ],
  }),
});
