import { setTimeout as sleep } from "node:timers/promises";

/**
 * Tries `attempt` until it does not throw, and returns what it returned.
 * @param what for the error, such as "web-1 to leave the rotation"
 * @param seconds the deadline: generous, for a passing test never waits for it
 * @throws when the deadline passed, with what the last attempt threw
 */
export async function eventually<T>(what: string, attempt: () => Promise<T>, seconds = 120): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`waited ${String(seconds)} s for ${what}`, { cause: error });
      }
    }
    await sleep(250);
  }
}
