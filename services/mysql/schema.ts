/** The database servers in a stack's configuration: `webinfra:mysql`. */
import { z } from "zod";
import { matching, oneOf, packageName, truth, wholeNumber } from "../../core/schema";

const mysqlVariable = /^[a-z][a-z0-9_.]*$/;

/** The series of MySQL that webinfra is tested with, an LTS. */
export const mysqlSeries = "9.7";
/** What MySQL's own repository calls it. */
const component = `mysql-${mysqlSeries}-lts`;
/** Components of that repository with another series of the server; those of its tools have none. */
const otherSeries = /^mysql-(?!9\.7-lts$)(\d|innovation|cluster)/;

/** The APT source that MySQL is installed from. */
const packageSource = z.strictObject({
  uri: matching(/^(mirror|https?:\/\/[A-Za-z0-9._~:/@%+-]+)$/, '"mirror" or an http(s) URL')
    .default("https://repo.mysql.com/apt/debian/")
    .meta({ description: "`mirror` stands for the Debian mirror that the host's own image uses." }),
  suite: matching(/^[a-z0-9./-]+$/, "an APT suite, such as trixie")
    .default("trixie")
    .meta({ description: "The suite of the source." }),
  components: z
    .array(
      matching(/^[a-z0-9.-]+$/, "an APT component, such as main").refine(
        (name) => !otherSeries.test(name),
        `another series of MySQL than the one that webinfra is tested with: should be ${component}`,
      ),
    )
    .min(1, "should name at least one APT component, such as main")
    .default([component])
    .meta({ description: "The components of the source." }),
  options: z
    .record(matching(/^[a-z-]+$/, "an APT source option"), matching(/^[A-Za-z0-9._:,/+-]+$/, "one word"))
    .default({})
    .meta({ description: 'Options in the source\'s brackets, such as `check-valid-until: "no"`.' }),
  keyUrl: matching(/^https:\/\/[A-Za-z0-9._~:/@%+-]+$/, "an https URL")
    .default("https://repo.mysql.com/RPM-GPG-KEY-mysql-2025")
    .meta({
      description:
        "Where the host fetches the OpenPGP key that signs the source. Not used with `uri: mirror`, which the image's own Debian keys sign.",
    }),
  pins: z
    .array(
      z.strictObject({
        package: matching(/^[^\n]+$/, "one line").meta({
          description: "Packages as APT's preferences name them; `src:NAME` is every package of a source package.",
        }),
        release: matching(/^[^\n]+$/, "one line").meta({
          description: "Release as APT's preferences name it, such as `n=sid`.",
        }),
        priority: wholeNumber(-1, 1001).meta({
          description:
            "APT's priority; above 500 wins over the host's own release, below 100 is taken only when nothing else has the package.",
        }),
      }),
    )
    .default([])
    .meta({ description: "APT pins: which packages of this source may be taken, and with what priority." }),
  packages: z
    .array(matching(packageName, "the name of a Debian package"))
    .min(1, "should name at least one Debian package")
    .default(["mysql-community-server"])
    .meta({ description: "The packages to install." }),
});

/**
 * Settings that a stack's `mysql.settings` cannot change: replication, durability and the safety of what is stored and sent stand on them.
 * Exported for the test that holds each.
 */
export const heldMysqlSettings: readonly string[] = [
  "server_id",
  "report_host",
  "bind_address",
  "port",
  "skip_networking",
  "skip_grant_tables",
  "super_read_only",
  "read_only",
  "transaction_read_only",
  "innodb_read_only",
  "innodb_force_recovery",
  "offline_mode",
  "skip_replica_start",
  "skip_slave_start",
  "gtid_mode",
  "enforce_gtid_consistency",
  "log_bin",
  "log_replica_updates",
  "log_slave_updates",
  "binlog_format",
  "binlog_error_action",
  "binlog_do_db",
  "binlog_ignore_db",
  "replicate_do_db",
  "replicate_do_table",
  "replicate_wild_do_table",
  "replicate_ignore_db",
  "replicate_ignore_table",
  "replicate_wild_ignore_table",
  "replicate_rewrite_db",
  "replicate_same_server_id",
  "replica_skip_errors",
  "slave_skip_errors",
  "replica_exec_mode",
  "slave_exec_mode",
  "replica_preserve_commit_order",
  "slave_preserve_commit_order",
  "relay_log",
  "relay_log_recovery",
  "sync_binlog",
  "innodb_flush_log_at_trx_commit",
  "innodb_flush_method",
  "innodb_doublewrite",
  "rpl_semi_sync_source_enabled",
  "rpl_semi_sync_source_timeout",
  "rpl_semi_sync_source_wait_no_replica",
  "rpl_semi_sync_source_wait_for_replica_count",
  "rpl_semi_sync_source_wait_point",
  "rpl_semi_sync_replica_enabled",
  "require_secure_transport",
  "ssl_ca",
  "ssl_cert",
  "ssl_key",
  "clone_ssl_ca",
  "plugin_load",
  "plugin_load_add",
  "datadir",
  "socket",
  "user",
  "mysqlx",
];

/** MySQL reads these prefixes of an option's name as "if there is one", "off" and "on". */
const optionPrefix = /^(loose|skip|disable|enable|maximum)_/;

/** True for a held setting, also behind prefixes: `skip_log_bin` would turn the binary log off. */
function isHeld(setting: string): boolean {
  if (heldMysqlSettings.includes(setting)) {
    return true;
  }
  return optionPrefix.test(setting) && isHeld(setting.replace(optionPrefix, ""));
}

export const mysqlSchema = z.strictObject({
  source: packageSource
    .prefault({})
    .meta({ description: "The APT source that MySQL is installed from. The default is MySQL's own." }),
  memoryMiB: wholeNumber(256, 1_048_576, "MiB").default(512).meta({
    description: "Memory that MySQL may plan with, in MiB: its buffers are sized from this and never from the machine.",
  }),
  settings: z
    .record(
      matching(mysqlVariable, "the name of a MySQL variable").refine(
        (name) => !isHeld(name),
        "is held by webinfra (replication and durability stand on it): leave it out",
      ),
      z.union([z.string().regex(/^[^\n]*$/, "should be one line"), z.number(), z.boolean()], {
        error: () => "should be one line of text, a number, true or false",
      }),
    )
    .default({})
    .meta({
      description:
        "Extra `[mysqld]` settings; they win over the product's own, except for the ones that replication and safety stand on.",
    }),
  volumeGiB: wholeNumber(1, 16_384, "GiB").default(20).meta({
    description:
      "Size of a data volume in GiB (where the platform can limit it). One that exists grows with `webinfra replace`, and never gets smaller.",
  }),
  durability: oneOf(["prefer", "require"]).default("prefer").meta({
    description:
      "`prefer`: an acknowledged write is on two machines unless no replica answers for 1 s. `require`: it waits for a replica for as long as it takes; refused with fewer than two replicas.",
  }),
  maxLagSeconds: wholeNumber(1, 3600, "seconds")
    .default(5)
    .meta({ description: "A replica that is further behind, in seconds, leaves the read pool." }),
  protect: truth.optional().meta({
    description:
      "Refuse to delete or replace a database host until it is unprotected. Default: true on the clouds, false on incus.",
  }),
});

export type MysqlSettings = z.output<typeof mysqlSchema>;
