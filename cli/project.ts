/** Whose site the command works on: this repository's, or that of a project that has this package among its dependencies. */
import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** Where a site's program and its stacks' files are. */
export interface Project {
  /** Its folder, with Pulumi.yaml. */
  readonly folder: string;
  /** Whether it is one of the user's own, which this package was installed into. */
  readonly own: boolean;
}

function* upwards(folder: string): Generator<string> {
  yield folder;
  if (dirname(folder) !== folder) {
    yield* upwards(dirname(folder));
  }
}

/**
 * Finds the project. Of an installed package it is the nearest folder with a Pulumi.yaml, from where the command was called; where there is none, the one that
 * the package was installed into.
 * @param packageFolder this package
 * @param directory where the command was called
 */
export function projectOf(packageFolder: string, directory: string): Project {
  const parts = packageFolder.split(sep);
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) {
    return { folder: packageFolder, own: false };
  }
  const near = [...upwards(directory)].find((folder) => existsSync(join(folder, "Pulumi.yaml")));
  return { folder: near ?? parts.slice(0, at).join(sep), own: true };
}
