import { createHash } from "node:crypto";
import { agentPort, databasePort } from "../../core/ports";
import { Installation } from "../contract";
import { defineService } from "../define";
import { command, plainFile, scriptPath, unitFile } from "../parts/units";
import { fileText, render } from "../template";
import { zone } from "../../topology/types";
import { MysqlSettings, mysqlSeries } from "./schema";
import { appPassword, authority, databaseCertificate, databaseName, replicationPassword } from "./site";

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

/** Where the data stands on every host. */
const dataFolder = "/var/lib/mysql";

/** Deb822 fields for the options of one-line sources that users know. */
const optionField = (name: string): string =>
  name
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("-");

const settingText = (value: string | number | boolean): string =>
  typeof value === "boolean" ? (value ? "ON" : "OFF") : String(value);

/** The APT source of the packages, and which of them may be taken. */
function packageSource({ source }: MysqlSettings): Installation {
  const pins = source.pins.map(
    (pin) => `Package: ${pin.package}\nPin: release ${pin.release}\nPin-Priority: ${String(pin.priority)}\n`,
  );
  return {
    packages: [...source.packages, "python3-pymysql"],
    both: {
      files: pins.length > 0 ? [plainFile("/etc/apt/preferences.d/webinfra-mysql", pins.join("\n"))] : [],
      steps: [
        {
          phase: "sources",
          name: "mysql-source",
          doing: "adding the source of MySQL's packages",
          script: render(__dirname, "apt-source.sh.liquid", {
            mirror: source.uri === "mirror",
            uri: source.uri,
            keyUrl: source.keyUrl,
            suite: source.suite,
            components: source.components.join(" "),
            options: Object.entries(source.options).map(([name, value]) => ({ field: optionField(name), value })),
          }),
        },
      ],
    },
    image: {
      steps: [
        {
          phase: "settle",
          name: "mysql-image",
          doing: "removing MySQL's first data",
          script: fileText(__dirname, "empty-image.sh"),
        },
      ],
    },
  };
}

/** The variables that may change while MySQL runs, with the stack's own on top. */
function variables({ memoryMiB, durability, settings }: MysqlSettings): Readonly<Record<string, string>> {
  const memory = memoryPlan(memoryMiB);
  const needsReplica = durability === "require";
  const own = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, settingText(value)]));
  return {
    skip_name_resolve: "ON",
    binlog_expire_logs_seconds: "604800",
    replica_net_timeout: "5",
    // Commits share a sync of the disk: with MySQL's 4 workers a replica fell behind a primary whose writers come in parallel.
    replica_parallel_workers: "16",
    // "loose_": the first start initializes the data without plugins.
    loose_rpl_semi_sync_source_timeout: String(needsReplica ? requireTimeoutMs : preferTimeoutMs),
    innodb_buffer_pool_size: `${String(memory.bufferPoolMiB)}M`,
    innodb_redo_log_capacity: `${String(memory.redoLogMiB)}M`,
    max_connections: String(memory.maxConnections),
    // Of an account. Writes that wait for an acknowledgement must leave room for the replicas that would give it.
    max_user_connections: String(
      Math.max(1, Number(settings["max_connections"] ?? memory.maxConnections) - RESERVED_CONNECTIONS),
    ),
    table_open_cache: "1000",
    table_definition_cache: "800",
    performance_schema_max_table_instances: "1000",
    ...own,
  };
}

interface MysqlView {
  readonly name: string;
  /** What stands in MySQL's configuration for as long as the server lives. */
  readonly server: { readonly serverId: number; readonly name: string };
  readonly caCertificate: string;
  readonly certificate: string;
  readonly key: string;
  readonly appPassword: string;
  readonly replicationPassword: string;
}

/** MySQL, primary or replica as the pointer in the channel says. */
export const mysql = defineService<MysqlView>({
  name: "mysql",
  describe: ({ settings }) => ({
    ports: [
      {
        port: databasePort,
        protocol: "tcp",
        from: ["webServer", "appServer", "database"],
        description: "MySQL over TLS",
      },
    ],
    volumes: [{ name: "data", mount: dataFolder, sizeGiB: settings.mysql.volumeGiB }],
    secrets: [
      authority,
      { kind: "certificate", certificate: databaseCertificate },
      { kind: "key", certificate: databaseCertificate },
      appPassword,
      replicationPassword,
    ],
  }),
  install: ({ settings }) => packageSource(settings.mysql),
  settings: ({ settings: { mysql: settings } }) => ({
    database: {
      variables: variables(settings),
      durability: settings.durability,
      maxLagSeconds: settings.maxLagSeconds,
    },
  }),
  view: ({ host: { name } }, text) => ({
    name,
    server: { serverId: serverId(name), name },
    caCertificate: text(authority),
    certificate: text({ kind: "certificate", certificate: databaseCertificate }),
    key: text({ kind: "key", certificate: databaseCertificate }),
    appPassword: text(appPassword),
    replicationPassword: text(replicationPassword),
  }),
  render: ({ name, server, caCertificate, certificate, key, ...passwords }) => {
    const program = { name, zone, database: databaseName, agentPort };
    const secret = (file: string, content: string) =>
      ({ path: `/etc/webinfra/secrets/${file}`, content, mode: "0600", secret: true }) as const;
    return {
      files: [
        plainFile("/etc/mysql/mysql.conf.d/zz-webinfra.cnf", render(__dirname, "webinfra.cnf.liquid", server)),
        unitFile("mysql.service.d/webinfra.conf", __dirname, "mysql.service.conf"),
        unitFile("webinfra-database.service", __dirname, "database.service"),
        plainFile("/etc/webinfra/database.json", `${JSON.stringify(program)}\n`),
        // The profile that comes with MySQL's packages allows /etc/mysql alone; containers have no AppArmor, cloud images do.
        plainFile("/etc/apparmor.d/local/usr.sbin.mysqld", "/etc/webinfra/tls/** r,\n"),
        plainFile("/etc/webinfra/tls/ca.pem", caCertificate),
        plainFile("/etc/webinfra/tls/server.pem", certificate),
        {
          path: scriptPath("check-mysql-series"),
          content: fileText(__dirname, "check-series.sh"),
          mode: "0755",
        },
        { path: scriptPath("show-mysql-data"), content: fileText(__dirname, "show-data.sh"), mode: "0755" },
        secret("server.key", key),
        secret("app-password", passwords.appPassword),
        secret("replication-password", passwords.replicationPassword),
      ],
      steps: [
        {
          phase: "prepare",
          name: "mysql-data",
          doing: "preparing the data volume",
          script: fileText(__dirname, "prepare.sh"),
        },
        {
          phase: "settle",
          name: "mysql-series",
          doing: "checking MySQL's version",
          script: command(scriptPath("check-mysql-series"), mysqlSeries),
        },
        { phase: "serve", name: "mysql", doing: "starting MySQL", script: fileText(__dirname, "start.sh") },
      ],
    };
  },
});
