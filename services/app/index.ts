import { appProxyPort, appTierPort, databasePort, databaseReadPort } from "../../core/ports";
import { Secret } from "../../core/secret";
import { defineService } from "../define";
import { appPassword, authority, databaseName, databaseServerName } from "../mysql/site";
import { enableServices, plainFile } from "../parts/units";
import { render } from "../template";

/** One `NAME="value"` line for systemd, which reads C-like escapes inside double quotes. */
const environmentLine = (name: string, value: string): string =>
  `${name}="${value.replace(/[\\"]/g, (character) => `\\${character}`)}"\n`;

/** A value that the stack gives its application. */
const given = (name: string): Secret => ({ kind: "given", name });

interface AppView {
  readonly host: string;
  readonly start: string;
  readonly packages: readonly string[];
  /** Ports of the two that take turns. */
  readonly ports: { readonly blue: number; readonly green: number };
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

/** The application: the unit that runs its release. Its environment is the host's to give, and in the host's settings the stack's. */
export const app = defineService<AppView>({
  name: "app",
  describe: ({ topology, settings }) => ({
    health: [
      { name: "the application", port: topology.spread === "tier" ? appTierPort : appProxyPort, path: "/-/app" },
    ],
    secrets: [appPassword, authority],
    sealed: settings.app.secrets.map(given),
  }),
  install: ({ settings }) => ({ packages: settings.app.packages }),
  settings: ({ settings: { app: own } }) => ({ application: { environment: { ...own.environment } } }),
  seal: ({ settings: { app: own } }, text) => ({
    environment: Object.fromEntries(own.secrets.map((name) => [name, text(given(name))])),
  }),
  view: ({ host, settings: { app: settings } }, text) => ({
    host: host.name,
    start: settings.start,
    packages: settings.packages,
    ports: { blue: settings.port, green: settings.port + 1 },
    password: text(appPassword),
    caCertificate: text(authority),
  }),
  render: ({ host, start, packages, ports, password, caCertificate }) => ({
    files: [
      {
        path: "/etc/webinfra/app.env",
        content: [
          ["HOST", "127.0.0.1"] as const,
          ["SERVER_NAME", host] as const,
          ...database("WRITE", databasePort, password),
          ...database("READ", databaseReadPort, password),
        ]
          // A password that the stack gives may hold any character.
          .map(([name, value]) => environmentLine(name, value))
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
