/** Programs of this machine. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether a file is a program that may be run. */
export function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first program of these names that PATH has; an earlier name wins over an earlier folder. Undefined when there is none. */
export function programOnPath(
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(executable);
}
