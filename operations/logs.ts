/** What a host logged. */

/** A host that is being made has no such program yet, and one with an older package never gets it: there the journal is all. */
const SHOW_LOGS = `package=/usr/local/lib/webinfra/current
[ ! -e $package/webinfra/logs.py ] || exec $package/webinfra-host logs "$@"
exec journalctl --no-pager "$@"`;

/** The command that shows what a host logged: its journal, and a line a request of its visitors. */
export function logsCommand(lines: number, follow: boolean): string[] {
  return ["sh", "-c", SHOW_LOGS, "logs", `--lines=${String(lines)}`, ...(follow ? ["--follow"] : [])];
}
