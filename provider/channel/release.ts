/** Moving the release pointer of a channel on this machine: what the program and operations do, one at a time. */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseReleasePointer, type ReleasePointer, releasesBefore, writeReleasePointer } from "../../core/protocol";
import { withChannelLock } from "./lock";
import { bumpVersion, isMissing, place } from "./store";

/** Where the release pointer is in a channel. */
export const releaseKey = "pointers/release.json";

/** Key of a release's archive in the channel. */
const archiveKey = (release: string): string => `releases/${release}.tar.gz`;

/** The releases whose packages a channel holds. */
export async function packagesIn(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(join(directory, "releases"));
    return names.flatMap((name) => /^([0-9a-f]{64})\.tar\.gz$/.exec(name)?.[1] ?? []);
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
}

/** Puts a release's package into a channel. Hosts read it once a pointer names it. */
export async function addPackage(
  directory: string,
  { sha256, path }: { readonly sha256: string; readonly path: string },
): Promise<void> {
  await place(directory, archiveKey(sha256), (to) => copyFile(path, to));
}

/** Takes a release's package out of a channel. */
export async function removePackage(directory: string, release: string): Promise<void> {
  await rm(join(directory, archiveKey(release)), { force: true });
}

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
    const previous = found === undefined ? [] : found.release === next.release ? found.previous : releasesBefore(found);
    await place(directory, releaseKey, (path) =>
      writeFile(path, writeReleasePointer(next.release, { quick: next.quick, previous })),
    );
  };
  // A new site has none yet.
  await mkdir(directory, { recursive: true });
  await withChannelLock(directory, move);
  await bumpVersion(directory);
}
