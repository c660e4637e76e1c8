/** `webinfra mysql`: into the site's database. */
import { once } from "node:events";
import { Argument, InvalidArgumentError, Option } from "commander";
import { databasePort } from "../../core/ports";
import { commandOn } from "../../operations/exec";
import { forward } from "../../operations/forward";
import { machineOf } from "../../operations/machines";
import { connectLines, mysqlArguments, mysqlHost, type MysqlRequest } from "../../operations/mysql";
import { databaseName, databaseServerName } from "../../services/mysql/site";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts, stackStatus } from "../engine/site";
import { attach } from "../terminal/attach";

/** Runs MySQL's client, or its dump, with the caller's terminal. Returns its exit code. */
export async function mysql(context: CommandContext, stack: string, request: MysqlRequest): Promise<number> {
  const { access } = await siteWithHosts(context, stack, "mysql");
  const { report } = await stackStatus(context, stack);
  return attach(await commandOn(access, mysqlHost(report, request), mysqlArguments(databaseName, request)));
}

/** Reads the number of a port. */
export function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new InvalidArgumentError(
      "It must be a port from 1 to 65535, such as 3307; without one, one is taken that is free.",
    );
  }
  return port;
}

/** Leads a port of this machine to a database until the signal. @param port 0: one that is free */
export async function forwardMysql(
  context: CommandContext,
  stack: string,
  request: MysqlRequest,
  port: number,
  stop: AbortSignal,
): Promise<void> {
  const { output } = context;
  const { access } = await siteWithHosts(context, stack, "mysql");
  const { report } = await stackStatus(context, stack);
  const host = mysqlHost(report, request);
  const machine = machineOf(await access.machines(), stack, host);
  const forwarding = await forward(port, () => access.connect(machine, databasePort));
  const primary = host === report.database.primary;
  for (const line of connectLines(
    { host, port: forwarding.port, primary },
    { database: databaseName, server: databaseServerName },
  )) {
    // A line that is nothing but a command is there to be copied whole.
    output.raw(output.shown(line).replace(/^`(.*)`$/, "  $1"));
  }
  if (!stop.aborted) {
    await once(stop, "abort");
  }
  await forwarding.close();
}

export const mysqlCommand: CommandDescription = {
  name: "mysql",
  description: "a MySQL client on the database that takes writes, or on another; --dump writes all data as SQL",
  arguments: [new Argument("[host]", "a host with a database; default: the one that takes writes")],
  stack: true,
  options: [
    new Option("--replica", "on a replica, which only reads"),
    new Option("-e, --execute <statements>", "carry these out, and end").conflicts("dump"),
    new Option("--dump", "write all of the site's data as SQL, as of one moment; stops no write"),
    new Option(
      "--port-forward [port]",
      "lead a port of 127.0.0.1 to MySQL there, until Ctrl-C; default: one that is free",
    )
      .conflicts(["execute", "dump"])
      .argParser(portNumber),
  ],
  examples: [
    ["webinfra mysql", "a client, on the primary"],
    ["webinfra mysql -e 'show tables'", "one statement"],
    ["webinfra mysql --dump > site.sql", "all data"],
    ["webinfra mysql < site.sql", "statements of a file"],
    ["webinfra mysql --port-forward 3307", "for a client of this machine; says how it connects"],
  ],
  async action(
    { context, exit }: Invocation,
    host: string | undefined,
    { stack, portForward, ...request }: StackChoice & MysqlRequest & { readonly portForward?: number | true },
  ) {
    if (portForward !== undefined) {
      const stop = new AbortController();
      const end = (): void => {
        stop.abort();
      };
      process.once("SIGINT", end).once("SIGTERM", end);
      const port = portForward === true ? 0 : portForward;
      await forwardMysql(await context(false), stack, { ...request, host }, port, stop.signal);
      return;
    }
    exit(await mysql(await context(false), stack, { ...request, host }));
  },
};
