import { databasePort, databaseReadPort } from "../../core/ports";
import { render } from "../template";
import { enableServices } from "../base";
import { Role } from "../types";
import { hostName } from "../../topology/types";

/** Name that the databases' certificates carry and that clients verify. */
export const databaseServerName = hostName("db");
/** Name of the application's database. */
export const databaseName = "site";

/** One `NAME="value"` line for systemd, which reads C-like escapes inside double quotes. */
export const environmentLine = (name: string, value: string): string =>
  `${name}="${value.replace(/[\\"]/g, (character) => `\\${character}`)}"`;

/** The application: its release, the unit that runs it, and its environment. */
export const appServer: Role = (view) => {
  const { app } = view.config;
  const database = (kind: "WRITE" | "READ", port: number): readonly (readonly [string, string])[] => [
    [`DATABASE_${kind}_HOST`, "127.0.0.1"],
    [`DATABASE_${kind}_PORT`, String(port)],
    [`DATABASE_${kind}_USER`, "app"],
    [`DATABASE_${kind}_PASSWORD`, view.secrets.appPassword],
    [`DATABASE_${kind}_NAME`, databaseName],
    [`DATABASE_${kind}_CA`, "/etc/webinfra/tls/ca.pem"],
    [`DATABASE_${kind}_SERVER_NAME`, databaseServerName],
  ];
  const variables: readonly (readonly [string, string])[] = [
    ["HOST", "127.0.0.1"],
    ["SERVER_NAME", view.host.name],
    ...database("WRITE", databasePort),
    ...database("READ", databaseReadPort),
    ...Object.entries(app.environment),
    ...app.secrets.map((name) => [name, view.secrets.app[name] ?? ""] as const),
  ];
  const port = (colour: string, value: number) =>
    ({ path: `/etc/webinfra/app-${colour}.env`, content: `PORT=${String(value)}\n`, mode: "0644" }) as const;
  return {
    packages: app.packages,
    files: [
      {
        path: "/etc/webinfra/app.env",
        content: variables.map(([name, value]) => `${environmentLine(name, value)}\n`).join(""),
        mode: "0600",
        secret: true,
      },
      port("blue", app.port),
      port("green", app.port + 1),
      { path: "/etc/webinfra/tls/ca.pem", content: view.secrets.caCertificate, mode: "0644" },
      {
        path: "/etc/systemd/system/webinfra-app@.service",
        content: render(__dirname, "app@.service.njk", { start: app.start }),
        mode: "0644",
      },
    ],
    steps: app.packages.length === 0 ? [] : [enableServices("34-app-services", app.packages)],
    ports: [],
  };
};
