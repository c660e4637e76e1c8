/** The channel of a site on this machine: a directory that hosts see read-only. */
import { join } from "node:path";
import type { PrimaryPointer, ReleasePointer } from "../../core/protocol";
import { BrokenPointerError, hint, movePointer, pointerPath, readPrimaryPointer } from "../../provider/channel/move";
import {
  addPackage,
  moveRelease,
  packagesIn,
  readReleasePointer,
  releaseKey,
  removePackage,
} from "../../provider/channel/release";
import { isMissing } from "../../provider/channel/store";
import { PointerError } from "../errors";
import type { PointerChannel, ReleaseChannel } from "./types";

/**
 * The primary pointer of a stack's channel.
 * @throws PointerError when there is none, or something else stands there
 */
export async function readPointer(channel: string, stack: string): Promise<PrimaryPointer> {
  try {
    return await readPrimaryPointer(channel);
  } catch (error) {
    if (isMissing(error)) {
      throw new PointerError(
        `the stack "${stack}" has no primary pointer (${pointerPath(channel)}); \`webinfra up --stack ${stack} --refresh\` makes it`,
      );
    }
    if (error instanceof BrokenPointerError) {
      throw new PointerError(
        `${error.message}. Hosts go on with the last good one. Write there which host takes writes, with an epoch above all that ` +
          `\`webinfra status --stack ${stack} --json\` shows, such as {"version":2,"epoch":7,"nonce":"mended","primary":"db-1"}, and promote again`,
      );
    }
    throw error;
  }
}

/**
 * The release pointer of a stack's channel.
 * @throws PointerError when there is none, or something else stands there
 */
async function readRelease(channel: string, stack: string): Promise<ReleasePointer> {
  const found = await readReleasePointer(channel);
  if (found === undefined) {
    throw new PointerError(
      `the stack "${stack}" has no release pointer (${join(channel, releaseKey)}); \`webinfra up --stack ${stack} --refresh\` makes it`,
    );
  }
  return found;
}

/** The primary pointer in a directory. */
export function directoryChannel(directory: string, stack: string): PointerChannel {
  return {
    primary: () => readPointer(directory, stack),
    movePrimary: (expected, next) => movePointer(directory, expected, next),
    hint: () => hint(directory),
  };
}

/** The releases in a directory. */
export function directoryReleases(directory: string, stack: string): ReleaseChannel {
  return {
    pointer: () => readRelease(directory, stack),
    move: (next) => moveRelease(directory, next),
    packages: () => packagesIn(directory),
    add: (archive) => addPackage(directory, archive),
    remove: (release) => removePackage(directory, release),
  };
}
