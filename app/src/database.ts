import { connect } from "node:net";
import { createPool, type Pool as CorePool } from "mysql2";
import type { PoolConnection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import type { EndpointConfig } from "./config";
import { reasonOf } from "./log";
import type { Session } from "./migrations";

/** The database did not answer within the time given, whatever was tried; `message` says why, for the log. */
export class DatabaseUnavailable extends Error {
  public override readonly name = "DatabaseUnavailable";
}

/** A statement or a connection took longer than the time left. */
class TimedOut extends Error {
  public override readonly name = "TimedOut";
}

const CONNECTIONS = 8;
const WAITING = 64;
const CONNECT_TIMEOUT_MS = 1500;
/** Connections end after this time in use, each a little later than another: else a server that returns would get none. */
const LIFETIME_MS = 10_000;
const LIFETIME_SPREAD_MS = 5_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
/** An attempt that starts late still gets this long, or it could never succeed. */
const LEAST_ATTEMPT_MS = 300;

/** Signs of a connection or a server that goes away: on a new connection the same statement may well succeed. */
const RETRIED_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTCONN",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_STREAM_DESTROYED",
  "PROTOCOL_CONNECTION_LOST",
  "PROTOCOL_SEQUENCE_TIMEOUT",
]);

/** The same, as MySQL numbers them. */
const RETRIED_NUMBERS = new Set([
  1040, // too many connections
  1053, // server shutdown in progress
  1152, // the server ends the connection, for whichever of these reasons
  1158,
  1159,
  1160,
  1161,
  1184,
  1203, // the account has too many connections
  1205, // lock wait timeout: an earlier try of the same write may still wait for its replica
  1213, // deadlock
  1290, // the server is read-only: it is no longer the primary
  1792, // the transaction is read-only, for the same reason
  1836, // the server is in read-only mode
  2006, // server has gone away
  2013, // lost connection during query
  3032, // the server is in offline mode
  3168, // the server is not available
  4031, // the server closed the connection for being idle
]);

/** Errors after which nobody should try again at once, but which say that the database is not ready, not that the program is wrong. */
const NOT_READY_NUMBERS = new Set([
  1044, // no access to the schema yet
  1045, // the account does not exist yet
  1049, // the schema does not exist yet
  1142, // the account may not do this yet
  1146, // the table does not exist yet
  3159, // the server wants TLS
]);

/** The table is not there: the schema has not been migrated, or has not reached the replica. */
export function isMissingTable(error: unknown): boolean {
  return numberOf(error) === 1146;
}

/** The account lacks a privilege on a table or a column. */
export function isAccessDenied(error: unknown): boolean {
  const number = numberOf(error);
  return number === 1142 || number === 1143;
}

/** Whether a new connection may get another answer. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof TimedOut) {
    return true;
  }
  if (!(error instanceof Error)) {
    return false;
  }
  const number = numberOf(error);
  if (number !== undefined) {
    return RETRIED_NUMBERS.has(number);
  }
  // The driver's word, not the server's: the connection broke, wherever it was, a half-made one too.
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return isFatal(error) || RETRIED_CODES.has(code) || error.message.endsWith("in closed state");
}

/** The connection is of no more use. */
function isFatal(error: Error): boolean {
  return "fatal" in error && error.fatal === true;
}

/** The server's number; the system's are negative. */
function numberOf(error: unknown): number | undefined {
  const number = error instanceof Error && "errno" in error ? error.errno : undefined;
  return typeof number === "number" && number > 0 ? number : undefined;
}

/** The outcome of a statement that changes data. */
export interface Change {
  /** The transaction's global id, when the server told it; a statement that changed nothing has none. */
  readonly gtid: string | undefined;
}

/** A connection for the length of one piece of work; every statement is bounded by the work's deadline. */
export class DatabaseSession implements Session {
  public constructor(
    private readonly connection: PoolConnection,
    private readonly deadline: Deadline,
  ) {}

  public async rows(
    sql: string,
    values: readonly (string | number)[] = [],
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const [rows] = await this.deadline.bound(this.connection.execute<RowDataPacket[]>(sql, [...values]));
    return rows;
  }

  public async run(sql: string, values: readonly (string | number)[] = []): Promise<Change> {
    const [header] = await this.deadline.bound(this.connection.execute<ResultSetHeader>(sql, [...values]));
    return { gtid: gtidOf(header) };
  }
}

/** The server reports its own transaction ids because of `session_track_gtids`; the driver's types do not know the field. */
function gtidOf(header: object): string | undefined {
  const changes = "stateChanges" in header ? header.stateChanges : undefined;
  const gtids = typeof changes === "object" && changes !== null && "gtids" in changes ? changes.gtids : undefined;
  return Array.isArray(gtids) && gtids.length > 0 ? gtids.join(",") : undefined;
}

class Deadline {
  private readonly end: number;

  public constructor(milliseconds: number) {
    this.end = performance.now() + milliseconds;
  }

  public get left(): number {
    return this.end - performance.now();
  }

  public async bound<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => {
          reject(new TimedOut("no answer within the time given"));
        },
        Math.max(this.left, LEAST_ATTEMPT_MS),
      );
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** One endpoint: a small pool of connections through the local proxy, and the patience to outlast a switch of servers. */
export class DatabaseEndpoint {
  private readonly pool: CorePool;
  /** When each connection has lived long enough, by the clock of `performance`. */
  private readonly ends = new WeakMap<object, number>();

  public constructor(config: EndpointConfig) {
    this.pool = createPool({
      // The driver verifies the certificate against `host`; the address dialled, a proxy's, is in no certificate.
      host: config.serverName,
      stream: () => connect({ host: config.host, port: config.port, noDelay: true, keepAlive: true }),
      port: config.port,
      user: config.user,
      password: config.password,
      database: config.database,
      charset: "utf8mb4",
      ssl: { ca: config.ca, verifyIdentity: true, minVersion: "TLSv1.2" },
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectionLimit: CONNECTIONS,
      maxIdle: CONNECTIONS,
      idleTimeout: 60_000,
      queueLimit: WAITING,
      // Times stay text: the server's are UTC, the driver would read them in the host's zone.
      dateStrings: true,
      // BIGINT and DECIMAL stay exact.
      supportBigNumbers: true,
    });
    this.pool.on("connection", (connection) => {
      this.ends.set(connection, performance.now() + LIFETIME_MS + Math.random() * LIFETIME_SPREAD_MS);
      // A failure shows in the statement that follows on the same connection.
      connection.query(
        "SET SESSION session_track_gtids = 'OWN_GTID', innodb_lock_wait_timeout = 2, time_zone = '+00:00'",
        () => undefined,
      );
    });
  }

  /**
   * Does a piece of work on one connection, and all of it again on another when the connection or the server goes away:
   * the work must bear being repeated after an unknown outcome.
   *
   * @param budgetMs - time for all tries together, in milliseconds
   * @throws DatabaseUnavailable when the time is over, or the server is there but not ready for the application
   */
  public async use<T>(budgetMs: number, work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    const deadline = new Deadline(budgetMs);
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await this.attempt(deadline, work);
      } catch (error) {
        if (!isRetryable(error) || deadline.left <= pause) {
          throw asUnavailable(error);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Closes all connections, at once. */
  public close(): void {
    this.pool.end(() => undefined);
  }

  private async attempt<T>(deadline: Deadline, work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    const connection = await this.acquire(deadline);
    try {
      const result = await work(new DatabaseSession(connection, deadline));
      if (performance.now() > (this.ends.get(connection.connection) ?? 0)) {
        connection.destroy();
      } else {
        connection.release();
      }
      return result;
    } catch (error) {
      // After an error the connection's state is anyone's guess (a read-only server, a statement still running).
      connection.destroy();
      throw error;
    }
  }

  private async acquire(deadline: Deadline): Promise<PoolConnection> {
    const pending = this.pool.promise().getConnection();
    try {
      return await deadline.bound(pending);
    } catch (error) {
      if (error instanceof TimedOut) {
        // It may still come, and would then be lost to the pool; its own failure has nobody left to tell.
        pending.then(
          (late) => {
            late.release();
          },
          () => undefined,
        );
      }
      throw error;
    }
  }
}

function asUnavailable(error: unknown): unknown {
  const broken = error instanceof Error && (isFatal(error) || error.message === "Queue limit reached.");
  if (broken || isRetryable(error) || NOT_READY_NUMBERS.has(numberOf(error) ?? 0)) {
    return new DatabaseUnavailable(reasonOf(error), { cause: error });
  }
  return error;
}
