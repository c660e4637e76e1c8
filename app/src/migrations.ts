/** One step of the schema's history. */
export interface Migration {
  /** 1, 2, 3, …: the order, and the key under which a done step is remembered. */
  readonly number: number;
  readonly title: string;
  /**
   * Run one after the other. MySQL commits each by itself, so a step that was cut short runs again from its start: each
   * statement must bear being repeated. And since the old release serves beside the new one while hosts switch, each must
   * leave the schema usable for the release before (add columns with defaults; drop one only a release after its last use).
   */
  readonly statements: readonly string[];
}

/** The schema's history. Steps are only ever added at the end. */
export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    title: "create entries",
    statements: [
      `CREATE TABLE IF NOT EXISTS entries (
        number BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        name VARCHAR(80) NOT NULL,
        message VARCHAR(1000) NOT NULL,
        created_at DATETIME(6) NOT NULL,
        UNIQUE KEY entries_id (id)
      ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4`,
    ],
  },
];

const LOCK = "guestbook.migrations";
const LOCK_WAIT_SECONDS = 10;

const CREATE_HISTORY = `CREATE TABLE IF NOT EXISTS schema_migrations (
  number INT UNSIGNED NOT NULL PRIMARY KEY,
  title VARCHAR(200) NOT NULL,
  applied_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4`;

/** What the migrations need of a connection: one session for all statements, because the lock belongs to the session. */
export interface Session {
  rows(sql: string, values?: readonly (string | number)[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  run(sql: string, values?: readonly (string | number)[]): Promise<unknown>;
}

/**
 * Brings the schema up to date. Any number of hosts may call it at once: a lock on the server that takes writes lets one at
 * a time through, and each step is remembered, so that the others find nothing left to do.
 *
 * @param session - one connection of the write endpoint, which stays the same throughout
 * @returns the steps that this call applied
 * @throws when another host holds the lock for more than 10 seconds, or on any error of the database; calling again is safe
 */
export async function migrate(session: Session, migrations = MIGRATIONS): Promise<readonly Migration[]> {
  const [lock] = await session.rows("SELECT GET_LOCK(?, ?) AS held", [LOCK, LOCK_WAIT_SECONDS]);
  if (Number(lock?.["held"]) !== 1) {
    throw new Error(`another host has been migrating for more than ${String(LOCK_WAIT_SECONDS)} seconds`);
  }
  try {
    await session.run(CREATE_HISTORY);
    const done = new Set(
      (await session.rows("SELECT number FROM schema_migrations")).map((row) => Number(row["number"])),
    );
    const missing = migrations.filter(({ number }) => !done.has(number));
    for (const { number, title, statements } of missing) {
      for (const statement of statements) {
        await session.run(statement);
      }
      await session.run("INSERT INTO schema_migrations (number, title, applied_at) VALUES (?, ?, UTC_TIMESTAMP(6))", [
        number,
        title,
      ]);
    }
    return missing;
  } finally {
    await session.rows("SELECT RELEASE_LOCK(?) AS released", [LOCK]);
  }
}
