/** Moving the primary pointer of a channel on this machine: what operations do. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Epoch,
  type NewPrimaryPointer,
  parsePrimaryPointer,
  type PrimaryPointer,
  sameEpoch,
  writePrimaryPointer,
} from "../../core/protocol";
import { withChannelLock } from "./lock";
import { bumpVersion, place } from "./store";

const KEY = "pointers/primary.json";

/** Where the primary pointer of a channel is. */
export const pointerPath = (directory: string): string => join(directory, KEY);

/** What stands where the primary pointer should be is none. */
export class BrokenPointerError extends Error {
  /** @param problem what is wrong with it */
  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(`the primary pointer ${path} cannot be used: ${problem}`);
    this.name = "BrokenPointerError";
  }
}

/** The pointer is not (any more) the one that was to be replaced. */
export class PointerMovedError extends Error {
  /** @param found the one that is there */
  constructor(readonly found: PrimaryPointer) {
    super(`the primary pointer was moved meanwhile: number ${String(found.epoch)} names "${found.primary}"`);
    this.name = "PointerMovedError";
  }
}

/**
 * The primary pointer of a channel.
 * @throws BrokenPointerError, or the file system's error (ENOENT when there is none)
 */
export async function readPrimaryPointer(directory: string): Promise<PrimaryPointer> {
  const path = pointerPath(directory);
  const parsed = parsePrimaryPointer(await readFile(path, "utf8"));
  if (!parsed.ok) {
    throw new BrokenPointerError(path, parsed.problem);
  }
  return parsed.value;
}

/**
 * Replaces the primary pointer, if it is the one that the caller has seen: of several at once, one wins. For those who read it is one step, which
 * is on the disk when this returns.
 * @param expected number and nonce of the pointer to replace
 * @throws PointerMovedError when another one is there; BrokenPointerError; ChannelBusyError
 */
export async function movePointer(directory: string, expected: Epoch, next: NewPrimaryPointer): Promise<void> {
  await withChannelLock(directory, async () => {
    const found = await readPrimaryPointer(directory);
    if (!sameEpoch(found, expected)) {
      throw new PointerMovedError(found);
    }
    await place(directory, KEY, (path) => writeFile(path, writePrimaryPointer(next)));
  });
  await hint(directory);
}

/** Tells hosts at once that the pointer moved. They find it by themselves, too: a move whose hint fails has happened all the same. */
export async function hint(directory: string): Promise<void> {
  await bumpVersion(directory).catch(() => undefined);
}
