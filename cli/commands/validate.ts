/** `webinfra validate`: whether stack files are sound. Needs neither a stack nor Pulumi nor Incus. */
import { join, resolve } from "node:path";
import { Argument } from "commander";
import { ConfigError } from "../../core/config-error";
import { UserError } from "../../core/errors";
import { counted } from "../../core/words";
import { place } from "../../topology/place";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";
import { configOf } from "../engine/configuration";
import { readSettings, stacksWithFile } from "../engine/stackfile";
import { exitCode } from "../errors";
import { jsonOption } from "../options";

/** What `validate --json` prints for each file. */
export interface Validated {
  readonly file: string;
  /** One line each, with the key, its value and what would be right; none when the file is sound. */
  readonly problems: readonly string[];
}

function problemsOf(file: string): readonly string[] {
  try {
    place(configOf(readSettings(file)));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    if (error instanceof UserError) {
      return [error.message];
    }
    throw error;
  }
}

/** Checks stack files. @param given none: all of the repository's. Returns the exit code: 0 when every file is sound. */
export function validate({ root, output }: CommandContext, given: readonly string[]): number {
  const files =
    given.length > 0
      ? given.map((file) => resolve(file))
      : stacksWithFile(root).map((stack) => join(root, `Pulumi.${stack}.yaml`));
  const found: readonly Validated[] = files.map((file) => ({ file, problems: problemsOf(file) }));
  for (const { file, problems } of found) {
    output.result(problems.length === 0 ? `${file}: sound` : `${file}: ${counted(problems.length, "problem")}`);
    for (const problem of problems) {
      output.result(`  - ${problem.replaceAll("\n", "\n    ")}`);
    }
  }
  output.data(found);
  return found.every(({ problems }) => problems.length === 0) ? exitCode.ok : exitCode.failed;
}

export const validateCommand: CommandDescription = {
  name: "validate",
  description: "check stack files, without a stack, for editors and CI",
  arguments: [new Argument("[files...]", "stack files; default: all of the repository's")],
  options: [jsonOption("print it as JSON")],
  examples: [
    ["webinfra validate", "every Pulumi.<stack>.yaml of the repository"],
    ["webinfra validate Pulumi.prod.yaml --json", "one, for a program"],
  ],
  async action({ context, exit }: Invocation, files: readonly string[], options: { readonly json?: boolean }) {
    exit(validate(await context(options.json === true), files));
  },
};
