import {
  type DatabaseEndpoint,
  type DatabaseSession,
  DatabaseUnavailable,
  isAccessDenied,
  isMissingTable,
} from "./database";
import { type Freshness, freshnessOf } from "./lag";
import { type Log, reasonOf } from "./log";
import { migrate } from "./migrations";
import type { Draft } from "./validation";

/** How many entries a page shows. */
export const PAGE_SIZE = 50;

/** Outlasts the time in which the proxies notice that a server froze, on a busy machine too. */
const READ_BUDGET_MS = 4000;
/** Finding a replica that has the visitor's write; after that the primary is asked, which has it. */
const CATCH_UP_BUDGET_MS = 1500;
const WRITE_BUDGET_MS = 5000;
const MIGRATION_BUDGET_MS = 60_000;
const PROBE_BUDGET_MS = 2000;
const MIGRATION_PAUSE_MS = 1000;
const CATCH_UP_SECONDS = 1;
/** Visitors who wait for a replica hold a connection: more of them than this are answered by the primary at once. */
const CATCH_UP_PLACES = 4;

export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly message: string;
  /** When it was written, ISO 8601 in UTC with milliseconds. */
  readonly createdAt: string;
}

/** The latest entries, newest first, and who answered. */
export interface Reading {
  readonly entries: readonly Entry[];
  /** Short name of the database host. */
  readonly database: string;
  readonly freshness: Freshness;
}

/** A stored entry and who stored it. */
export interface Written {
  readonly entry: Entry;
  readonly database: string;
  /** Reading with this token shows the entry, whichever database answers. */
  readonly token: string;
}

/** An entry of that id exists already, and says something else. */
export class EntryConflict extends Error {
  public override readonly name = "EntryConflict";
}

/** What the pages need of the guestbook. */
export interface Guestbook {
  /**
   * @param token - of the visitor's last write, to be seen in the answer
   * @throws DatabaseUnavailable
   */
  list(token?: string): Promise<Reading>;
  /**
   * Stores an entry; the same entry again is stored once.
   *
   * @throws EntryConflict, DatabaseUnavailable
   */
  add(draft: Draft): Promise<Written>;
}

/** Whether a text is a set of global transaction ids, and short enough to be one of ours. */
export function isToken(text: string): boolean {
  return text.length <= 2000 && /^[0-9a-f-]{36}(:[0-9a-z_-]+)+(,[0-9a-f-]{36}(:[0-9a-z_-]+)+)*$/i.test(text);
}

/** The guestbook in MySQL: writes through one endpoint, reads through the other. */
export class MysqlGuestbook implements Guestbook {
  private catchingUp = 0;

  public constructor(
    private readonly writes: DatabaseEndpoint,
    private readonly reads: DatabaseEndpoint,
  ) {}

  public async list(token?: string): Promise<Reading> {
    if (token === undefined) {
      return this.reads.use(READ_BUDGET_MS, latest);
    }
    return (await this.listCaughtUp(token)) ?? this.writes.use(READ_BUDGET_MS, latest);
  }

  public async add(draft: Draft): Promise<Written> {
    return this.writes.use(WRITE_BUDGET_MS, async (session) => {
      const change = await session.run(
        `INSERT INTO entries (id, name, message, created_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE id = id`,
        [draft.id, draft.name, draft.message],
      );
      const [row] = await session.rows(
        `SELECT id, name, message, created_at, COALESCE(@@report_host, @@hostname) AS host, @@GLOBAL.gtid_executed AS executed
         FROM entries WHERE id = ?`,
        [draft.id],
      );
      if (row === undefined) {
        throw new DatabaseUnavailable("the entry was gone right after it was stored");
      }
      const entry = entryOf(row);
      if (entry.name !== draft.name || entry.message !== draft.message) {
        throw new EntryConflict(`entry ${draft.id} exists with other content`);
      }
      // A repeated write changed nothing and has no id of its own: everything so far includes the first.
      const token = change.gtid ?? String(row["executed"]).replace(/\s/g, "");
      return { entry, database: shortName(row["host"]), token };
    });
  }

  /** Reads from a replica that has the write; nothing when it has not within a second, or is not there. */
  private async listCaughtUp(token: string): Promise<Reading | undefined> {
    if (this.catchingUp >= CATCH_UP_PLACES) {
      return undefined;
    }
    this.catchingUp += 1;
    try {
      return await this.reads.use(CATCH_UP_BUDGET_MS, async (session) => {
        const [row] = await session.rows("SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS late", [token, CATCH_UP_SECONDS]);
        return Number(row?.["late"]) === 0 ? await latest(session) : undefined;
      });
    } catch (error) {
      if (error instanceof DatabaseUnavailable) {
        return undefined;
      }
      throw error;
    } finally {
      this.catchingUp -= 1;
    }
  }
}

/**
 * Migrates until it succeeds or the signal aborts: the database may come long after the application.
 *
 * @returns when the schema is up to date
 */
export async function migrateInBackground(writes: DatabaseEndpoint, log: Log, signal: AbortSignal): Promise<void> {
  let told = "";
  while (!signal.aborted) {
    try {
      // Says soon, in the log, that the database is away; a migration itself may take long.
      await writes.use(PROBE_BUDGET_MS, (session) => session.rows("SELECT 1"));
      const applied = await writes.use(MIGRATION_BUDGET_MS, migrate);
      log("migrated", { applied: applied.map(({ number }) => number).join(",") });
      return;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== told) {
        log("migration-waits", { reason });
        told = reason;
      }
      await new Promise((resolve) => setTimeout(resolve, MIGRATION_PAUSE_MS));
    }
  }
}

async function latest(session: DatabaseSession): Promise<Reading> {
  const [server] = await session.rows(
    "SELECT COALESCE(@@report_host, @@hostname) AS host, @@GLOBAL.super_read_only AS read_only",
  );
  const database = shortName(server?.["host"]);
  const freshness = await freshnessOn(session, Number(server?.["read_only"]) === 1);
  try {
    const rows = await session.rows(
      `SELECT id, name, message, created_at FROM entries ORDER BY number DESC LIMIT ${String(PAGE_SIZE)}`,
    );
    return { entries: rows.map(entryOf), database, freshness };
  } catch (error) {
    if (isMissingTable(error)) {
      return { entries: [], database, freshness };
    }
    throw error;
  }
}

/** Ages on the replica's own clock where there is one (contact), else against the source's commit time. */
const REPLICATION_STATUS = `SELECT
  (SELECT TIMESTAMPDIFF(MICROSECOND, GREATEST(last_heartbeat_timestamp, last_queued_transaction_end_queue_timestamp), NOW(6)) / 1e6
     FROM performance_schema.replication_connection_status WHERE channel_name = '') AS contact,
  (SELECT MAX(IF(applying_transaction <> '', TIMESTAMPDIFF(MICROSECOND, applying_transaction_original_commit_timestamp, NOW(6)) / 1e6, 0))
     FROM performance_schema.replication_applier_status_by_worker WHERE channel_name = '') AS applying,
  (SELECT MAX(service_state = 'ON') FROM performance_schema.replication_applier_status_by_worker WHERE channel_name = '') AS applier_on,
  (SELECT IF(processing_transaction <> '', TIMESTAMPDIFF(MICROSECOND, processing_transaction_original_commit_timestamp, NOW(6)) / 1e6, 0)
     FROM performance_schema.replication_applier_status_by_coordinator WHERE channel_name = '') AS coordinating,
  (SELECT IF(GTID_SUBSET(received_transaction_set, @@GLOBAL.gtid_executed), 0, (
     SELECT TIMESTAMPDIFF(MICROSECOND, MAX(last_applied_transaction_original_commit_timestamp), NOW(6)) / 1e6
       FROM performance_schema.replication_applier_status_by_worker WHERE channel_name = ''))
     FROM performance_schema.replication_connection_status WHERE channel_name = '') AS behind`;

async function freshnessOn(session: DatabaseSession, readOnly: boolean): Promise<Freshness> {
  if (!readOnly) {
    return { kind: "primary" };
  }
  try {
    const [row] = await session.rows(REPLICATION_STATUS);
    return freshnessOf({
      readOnly,
      applierOn: Number(row?.["applier_on"]) === 1,
      contact: secondsOf(row?.["contact"]),
      applying: secondsOf(row?.["applying"]),
      coordinating: secondsOf(row?.["coordinating"]),
      behind: secondsOf(row?.["behind"]),
    });
  } catch (error) {
    if (isAccessDenied(error)) {
      return { kind: "unknown" };
    }
    throw error;
  }
}

function secondsOf(value: unknown): number | null {
  const seconds = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(seconds) ? seconds : null;
}

function shortName(host: unknown): string {
  return String(host).split(".")[0] ?? "";
}

function entryOf(row: Readonly<Record<string, unknown>>): Entry {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    message: String(row["message"]),
    createdAt: new Date(`${String(row["created_at"]).replace(" ", "T")}Z`).toISOString(),
  };
}
