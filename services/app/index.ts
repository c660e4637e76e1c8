import { appProxyPort, appTierPort, databasePort, databaseReadPort } from "../../core/ports";
import { Secret } from "../../core/secret";
import { defineService } from "../define";
import { appPassword, authority, databaseName, databaseServerName } from "../mysql/site";
import { enableServices, plainFile } from "../parts/units";
import { render } from "../template";
import type { HostVariable } from "./environment";

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

/** The values of the variables that a host's definition sets. */
const hostValues = ({
  host,
  password,
}: Pick<AppView, "host" | "password">): Readonly<Record<HostVariable, string>> => ({
  HOST: "127.0.0.1",
  SERVER_NAME: host,
  DATABASE_WRITE_HOST: "127.0.0.1",
  DATABASE_WRITE_PORT: String(databasePort),
  DATABASE_WRITE_USER: "app",
  DATABASE_WRITE_PASSWORD: password,
  DATABASE_WRITE_NAME: databaseName,
  DATABASE_WRITE_CA: "/etc/webinfra/tls/ca.pem",
  DATABASE_WRITE_SERVER_NAME: databaseServerName,
  DATABASE_READ_HOST: "127.0.0.1",
  DATABASE_READ_PORT: String(databaseReadPort),
  DATABASE_READ_USER: "app",
  DATABASE_READ_PASSWORD: password,
  DATABASE_READ_NAME: databaseName,
  DATABASE_READ_CA: "/etc/webinfra/tls/ca.pem",
  DATABASE_READ_SERVER_NAME: databaseServerName,
});

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
        content: Object.entries(hostValues({ host, password }))
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
