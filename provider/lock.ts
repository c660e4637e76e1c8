/** One at a time on this machine. */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { sleep } from "./time";

const RETRY_MS = 50;

/** Listens on a name that only one process of this machine can have; undefined when another one has it. */
async function take(name: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  // One that waits for nothing else may end.
  server.unref();
  const listening = once(server, "listening");
  server.listen(`\0${name}`);
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
 * Does `work` while nobody else on this machine does any under the same name, and gives what it gave; undefined when the lock was not free within
 * `seconds` (0: it is tried once). The lock is an abstract socket: the kernel takes it away with the process that holds it, however that ends.
 */
export async function withLock<T>(
  name: string,
  work: () => Promise<T>,
  seconds: number,
  signal?: AbortSignal,
): Promise<{ readonly result: T } | undefined> {
  const deadline = performance.now() + seconds * 1000;
  let held: Server | undefined;
  while ((held = await take(name)) === undefined) {
    if (performance.now() >= deadline) {
      return undefined;
    }
    await sleep(RETRY_MS, signal);
  }
  try {
    return { result: await work() };
  } finally {
    held.close();
  }
}
