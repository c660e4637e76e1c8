/** `webinfra mysql`: into the site's database. */
import { Argument, Option } from "commander";
import { commandOn } from "../../operations/exec";
import { mysqlArguments, mysqlHost, type MysqlRequest } from "../../operations/mysql";
import { databaseName } from "../../services/mysql/site";
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

export const mysqlCommand: CommandDescription = {
  name: "mysql",
  description: "a MySQL client on the database that takes writes, or on another; --dump writes all data as SQL",
  arguments: [new Argument("[host]", "a host with a database; default: the one that takes writes")],
  stack: true,
  options: [
    new Option("--replica", "on a replica, which only reads"),
    new Option("-e, --execute <statements>", "carry these out, and end").conflicts("dump"),
    new Option("--dump", "write all of the site's data as SQL, as of one moment; stops no write"),
  ],
  examples: [
    ["webinfra mysql", "a client, on the primary"],
    ["webinfra mysql -e 'show tables'", "one statement"],
    ["webinfra mysql --dump > site.sql", "all data"],
    ["webinfra mysql < site.sql", "statements of a file"],
  ],
  async action(
    { context, exit }: Invocation,
    host: string | undefined,
    { stack, ...request }: StackChoice & MysqlRequest,
  ) {
    exit(await mysql(await context(false), stack, { ...request, host }));
  },
};
