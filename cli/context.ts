/** What every command gets from the process that it runs in. */
import type { Environment } from "./engine/backend";
import type { Output } from "./terminal/output";

/** What a command needs to know of where it runs; tests put their own in. */
export interface CommandContext {
  readonly environment: Environment;
  /** The project: Pulumi.yaml, the stacks' files, index.ts. This repository, or one that has this package among its dependencies. */
  readonly root: string;
  /** This package: what sets the machine up, and what hosts run. */
  readonly packageFolder: string;
  readonly output: Output;
  /** The site's program; loaded when it is run. Gets the variables of its run. */
  readonly program: (environment: Environment) => Promise<Record<string, unknown>>;
}
