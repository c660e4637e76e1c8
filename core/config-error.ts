/** Everything that is wrong with a stack's configuration, one line a problem. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `The stack's configuration has ${problems.length === 1 ? "a problem" : `${String(problems.length)} problems`}:\n` +
        problems.map((problem) => `  - ${problem}`).join("\n"),
    );
    this.name = "ConfigError";
  }
}
