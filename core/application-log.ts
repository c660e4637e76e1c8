/** The end of the application's log on a host, as everything that tells of a broken application shows it. */

const LINES = 20;

/** The command that prints it on a host, secrets taken out. */
export const applicationLogCommand: readonly string[] = [
  "/usr/local/lib/webinfra/current/webinfra-host",
  "application-log",
  `--lines=${String(LINES)}`,
];

/** What stands above it. */
export const applicationLogTitle = `the application's log, its last ${String(LINES)} lines`;

/** What is said where it is empty. */
export const emptyApplicationLog = "nothing: it wrote no line to its output";
