/** Files that are there whole, the old one or the new one, whatever happens meanwhile. */
import { renameSync, writeFileSync } from "node:fs";

/** Puts a text in the place of a file. @param mode such as 0o600 */
export function writeWhole(file: string, text: string, mode: number): void {
  const aside = `${file}.${String(process.pid)}`;
  writeFileSync(aside, text, { mode });
  renameSync(aside, file);
}
