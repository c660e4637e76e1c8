/** One writer at a time in a channel on this machine. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { realpath } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const RETRY_MS = 50;

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

/** Listens on a name that only one process of this machine can have; undefined when another one has it. */
async function take(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  // One that waits for nothing else may end.
  server.unref();
  const listening = once(server, "listening");
  server.listen(name);
  try {
    await listening;
    return server;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      return undefined;
    }
    throw error;
  }
}

/**
 * Does `work` while no other process of this machine does any in the same directory. The lock is an abstract socket: the kernel takes it away with the
 * process that holds it, however that ends, and it leaves no file that hosts could see.
 * @param seconds longest wait for the lock
 * @throws ChannelBusyError when it was not free in time
 */
export async function withChannelLock<T>(directory: string, work: () => Promise<T>, seconds = 10): Promise<T> {
  const hash = createHash("sha256")
    .update(await realpath(directory))
    .digest("hex");
  const deadline = performance.now() + seconds * 1000;
  let held: Server | undefined;
  while ((held = await take(`\0webinfra-channel-${hash}`)) === undefined) {
    if (performance.now() >= deadline) {
      throw new ChannelBusyError(directory, seconds);
    }
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    held.close();
  }
}
