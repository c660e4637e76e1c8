/** MySQL's own client and dump on a database host, as its root, which is let in over the socket alone. */
import { HostError } from "./errors";
import type { StatusReport } from "./status";

/** What is wanted of MySQL. */
export interface MysqlRequest {
  /** A host with a database; undefined: the one that takes writes. */
  readonly host?: string | undefined;
  /** One that only reads. */
  readonly replica?: boolean | undefined;
  /** Statements to carry out; undefined: those of the terminal, or of the standard input. */
  readonly execute?: string | undefined;
  /** All of the site's data as SQL. */
  readonly dump?: boolean | undefined;
}

/** A dump that is of one moment, stops no write, and can be read into any server: GTIDs stay with their servers. */
const dumpOptions = [
  "--single-transaction",
  "--routines",
  "--triggers",
  "--events",
  "--set-gtid-purged=OFF",
  "--no-tablespaces",
] as const;

/** The host to ask, by what the hosts say of their databases. @throws HostError when there is none that is such */
export function mysqlHost({ stack, database, hosts }: StatusReport, { host, replica }: MysqlRequest): string {
  const databases = hosts.filter(({ roles }) => roles.includes("database")).map(({ name }) => name);
  if (host !== undefined) {
    if (hosts.some(({ name }) => name === host) && !databases.includes(host)) {
      throw new HostError(`"${host}" has no database; databases: ${databases.join(", ")}`);
    }
    return host;
  }
  const found = replica === true ? database.replicas[0]?.name : database.primary;
  if (found != null) {
    return found;
  }
  const [first] = databases;
  if (first === undefined) {
    throw new HostError(`the stack "${stack}" has no databases; \`webinfra up --stack ${stack}\` makes its hosts`);
  }
  throw new HostError(
    replica === true
      ? `no replica answers now; \`webinfra database --stack ${stack}\` shows the databases`
      : `no database takes writes now; \`webinfra mysql ${first} --stack ${stack}\` looks into one all the same`,
  );
}

/**
 * How one connects to a forwarded MySQL, a line each. The password is fetched when the line is run, and stands in no process's arguments.
 * @param server what is connected to
 * @param names of the site's database, and of its servers' certificate
 */
export function connectLines(
  { host, port, primary }: { readonly host: string; readonly port: number; readonly primary: boolean },
  names: { readonly database: string; readonly server: string },
): readonly string[] {
  const file = (path: string): string => `webinfra exec ${host} -- cat ${path}`;
  const client = `mysql --host 127.0.0.1 --port ${String(port)} --user app --ssl-mode=REQUIRED ${names.database}`;
  return [
    `127.0.0.1:${String(port)} is MySQL on ${host}, ${primary ? "which takes writes" : "which only reads"}; Ctrl-C ends it`,
    "connect with this line:",
    `\`MYSQL_PWD="$(${file("/etc/webinfra/secrets/app-password")})" ${client}\``,
    `the account is app, its password what that fetches; TLS is needed, with a certificate for ${names.server} of the authority that \`${file("/etc/webinfra/tls/ca.pem")}\` shows`,
  ];
}

/** The command on that host. @param name of the site's database */
export function mysqlArguments(name: string, { execute, dump }: MysqlRequest): readonly string[] {
  return dump === true
    ? ["mysqldump", ...dumpOptions, name]
    : ["mysql", ...(execute === undefined ? [] : ["--execute", execute]), name];
}
