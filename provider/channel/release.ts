/** Moving the release pointer of a channel on this machine: what the program and operations do, one at a time. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseReleasePointer, type ReleasePointer, releasesBefore, writeReleasePointer } from "../../core/protocol";
import { withChannelLock } from "./lock";
import { bumpVersion, isMissing, place } from "./store";

/** Where the release pointer is in a channel. */
export const releaseKey = "pointers/release.json";

/** Key of a release's archive in the channel. */
export const archiveKey = (release: string): string => `releases/${release}.tar.gz`;

/** The release pointer of a channel; undefined when there is none, or what is there is none. */
export async function readReleasePointer(directory: string): Promise<ReleasePointer | undefined> {
  try {
    const parsed = parseReleasePointer(await readFile(join(directory, releaseKey), "utf8"));
    return parsed.ok ? parsed.value : undefined;
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Has a pointer name a release, and remember what it named before. Tells hosts. */
export async function moveRelease(directory: string, next: Pick<ReleasePointer, "release" | "quick">): Promise<void> {
  const move = async (): Promise<void> => {
    const found = await readReleasePointer(directory);
    const previous =
      found === undefined ? [] : found.release === next.release ? found.previous : releasesBefore(found);
    await place(directory, releaseKey, (path) => writeFile(path, writeReleasePointer(next.release, { quick: next.quick, previous })));
  };
  // A new site has none yet.
  await mkdir(directory, { recursive: true });
  await withChannelLock(directory, move);
  await bumpVersion(directory);
}
