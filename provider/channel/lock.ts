/** One writer at a time in a channel on this machine. */
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { withLock } from "../lock";

/** Somebody else works in the channel, and did not end in time. */
export class ChannelBusyError extends Error {
  constructor(directory: string, seconds: number) {
    super(
      `another process on this machine has been moving a pointer in ${directory} for more than ${String(seconds)} s: ` +
        "wait for it to end, or end it, and try again",
    );
    this.name = "ChannelBusyError";
  }
}

/**
 * Does `work` while no other process of this machine does any in the same directory. The lock leaves no file that hosts could see.
 * @param seconds longest wait for the lock
 * @throws ChannelBusyError when it was not free in time
 */
export async function withChannelLock<T>(directory: string, work: () => Promise<T>, seconds = 10): Promise<T> {
  const hash = createHash("sha256")
    .update(await realpath(directory))
    .digest("hex");
  const done = await withLock(`webinfra-channel-${hash}`, work, seconds);
  if (done === undefined) {
    throw new ChannelBusyError(directory, seconds);
  }
  return done.result;
}
