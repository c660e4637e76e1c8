/** The channel on this machine: a directory that hosts see read-only. Every change ends in a new text in its `version`. */
import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Whether the file system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** Whether something is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) {
      return false;
    }
    throw error;
  }
}

/**
 * Puts a file in place in one step: `fill` writes it to a temporary path beside the channel (never inside, where hosts
 * would see it half written), then it is renamed. Readable by everyone: hosts read as an unprivileged user.
 */
export async function place(directory: string, key: string, fill: (path: string) => Promise<void>): Promise<void> {
  await putInPlace(directory, key, fill, rename);
}

/**
 * The same for a file that must not be there yet: of several at once, one wins, and nobody overwrites it.
 * @returns false when something is there, which stays as it is
 */
export async function placeNew(
  directory: string,
  key: string,
  fill: (path: string) => Promise<void>,
): Promise<boolean> {
  try {
    await putInPlace(directory, key, fill, link);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

async function putInPlace(
  directory: string,
  key: string,
  fill: (path: string) => Promise<void>,
  put: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const target = join(directory, key);
  await makeDirectories(directory, dirname(target));
  const temporary = join(dirname(directory), `.${basename(directory)}-${randomUUID()}`);
  try {
    await fill(temporary);
    // Not left to the umask.
    await chmod(temporary, 0o644);
    await flush(temporary);
    await put(temporary, target);
    await flush(dirname(target));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A power loss must not leave an empty pointer under its name, nor an older one. */
async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function makeDirectories(root: string, leaf: string): Promise<void> {
  await mkdir(root, { recursive: true });
  await mkdir(leaf, { recursive: true });
  for (let path = leaf; path.length >= root.length; path = dirname(path)) {
    await chmod(path, 0o755);
  }
}

/** Tells hosts that something changed. Call it after the change. */
export async function bumpVersion(directory: string): Promise<void> {
  await place(directory, "version", (path) => writeFile(path, `${randomUUID()}\n`));
}

/** Removes a file and tells hosts; nothing happens when the whole channel is gone. */
export async function remove(directory: string, key: string): Promise<void> {
  if (await exists(directory)) {
    await rm(join(directory, key), { force: true });
    await bumpVersion(directory);
  }
}
