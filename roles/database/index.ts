import { createHash } from "node:crypto";
import { bootstrapScript, fileText, render } from "../template";
import { agentPort } from "../../core/ports";
import { Role } from "../types";
import { databaseName } from "../app-server";
import { zone } from "../../topology/types";

/** MySQL's `server_id` (1 … 2³²−1): follows from the host's name alone, so that adding a host never renumbers another. */
export const serverId = (name: string): number =>
  (createHash("sha256").update(name).digest().readUInt32BE(0) % 4_294_967_294) + 1;

/** Milliseconds that `prefer` waits for a replica before a write is acknowledged on one machine. */
const preferTimeoutMs = 1000;
/** `require`: MySQL's largest value for the time-out, 49 days. */
const requireTimeoutMs = 4_294_967_295;

/** Connections that the application's account cannot take: for replicas, their clones and the host's own programs. */
const RESERVED_CONNECTIONS = 16;

/** MySQL's buffers from the memory it may plan with; MySQL itself would look at the whole machine, also inside a container. */
export function memoryPlan(memoryMiB: number): { bufferPoolMiB: number; redoLogMiB: number; maxConnections: number } {
  return {
    bufferPoolMiB: Math.max(64, Math.floor(memoryMiB / 4)),
    redoLogMiB: Math.max(64, Math.floor(memoryMiB / 8)),
    // 1 connection costs up to about 1 MiB of buffers at work.
    maxConnections: Math.max(50, Math.floor(memoryMiB / 4)),
  };
}

/** Deb822 fields for the options of one-line sources that users know. */
const optionField = (name: string): string =>
  name
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("-");

const settingText = (value: string | number | boolean): string =>
  typeof value === "boolean" ? (value ? "ON" : "OFF") : String(value);

/** MySQL, primary or replica as the pointer in the channel says. */
export const database: Role = (view) => {
  const { mysql } = view.config;
  const memory = memoryPlan(mysql.memoryMiB);
  const pins = mysql.source.pins.map(
    (pin) => `Package: ${pin.package}\nPin: release ${pin.release}\nPin-Priority: ${String(pin.priority)}\n`,
  );
  const settings = {
    name: view.host.name,
    zone,
    database: databaseName,
    needsReplica: mysql.durability === "require",
    agentPort,
  };
  const secret = (name: string, content: string) =>
    ({ path: `/etc/webinfra/secrets/${name}`, content, mode: "0600", secret: true }) as const;
  return {
    packages: [...mysql.source.packages, "python3-pymysql"],
    files: [
      {
        path: "/etc/mysql/mysql.conf.d/zz-webinfra.cnf",
        content: render(__dirname, "webinfra.cnf.njk", {
          serverId: serverId(view.host.name),
          name: view.host.name,
          semiSyncTimeoutMs: mysql.durability === "require" ? requireTimeoutMs : preferTimeoutMs,
          memory,
          maxUserConnections: Math.max(
            1,
            Number(mysql.settings["max_connections"] ?? memory.maxConnections) - RESERVED_CONNECTIONS,
          ),
          settings: Object.entries(mysql.settings).map(([name, value]) => ({ name, value: settingText(value) })),
        }),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/mysql.service.d/webinfra.conf",
        content: fileText(__dirname, "mysql.service.conf"),
        mode: "0644",
      },
      {
        path: "/etc/systemd/system/webinfra-database.service",
        content: fileText(__dirname, "database.service"),
        mode: "0644",
      },
      {
        path: "/etc/webinfra/database.json",
        content: `${JSON.stringify(settings)}\n`,
        mode: "0644",
      },
      ...(pins.length > 0
        ? [
            {
              path: "/etc/apt/preferences.d/webinfra-mysql",
              content: pins.join("\n"),
              mode: "0644",
              where: "both",
            } as const,
          ]
        : []),
      // The profile that comes with MySQL's packages allows /etc/mysql alone; containers have no AppArmor, cloud images do.
      { path: "/etc/apparmor.d/local/usr.sbin.mysqld", content: "/etc/webinfra/tls/** r,\n", mode: "0644" },
      { path: "/etc/webinfra/tls/ca.pem", content: view.secrets.caCertificate, mode: "0644" },
      { path: "/etc/webinfra/tls/server.pem", content: view.secrets.databaseCertificate, mode: "0644" },
      { path: "/usr/local/lib/webinfra/show-mysql-data", content: fileText(__dirname, "show-data.sh"), mode: "0755" },
      ...(view.dataDevice === undefined
        ? []
        : [
            {
              path: "/usr/local/lib/webinfra/mount-data",
              content: bootstrapScript("mount-data"),
              mode: "0755",
            } as const,
          ]),
      secret("server.key", view.secrets.databaseKey),
      secret("app-password", view.secrets.appPassword),
      secret("replication-password", view.secrets.replicationPassword),
    ],
    steps: [
      ...(view.dataDevice === undefined
        ? []
        : [
            {
              name: "18-mysql-volume",
              script: `#!/bin/sh\nexec /usr/local/lib/webinfra/mount-data ${view.dataDevice}\n`,
            },
          ]),
      { name: "20-mysql-data", script: fileText(__dirname, "prepare.sh") },
      {
        name: "25-mysql-source",
        script: render(__dirname, "apt-source.sh.njk", {
          source: mysql.source,
          options: Object.entries(mysql.source.options).map(([name, value]) => ({ field: optionField(name), value })),
        }),
        where: "both",
      },
      { name: "35-mysql-image", script: fileText(__dirname, "empty-image.sh"), where: "image" },
      { name: "60-mysql", script: fileText(__dirname, "start.sh") },
    ],
    ports: [{ port: 3306, from: ["webServer", "appServer", "database"], description: "MySQL over TLS" }],
  };
};
