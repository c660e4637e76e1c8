/** Taking away what the kernel may still be busy with. */
import { sleep } from "../time";
import { IncusError, isNotFound } from "./client";

/** How often, and how long apart, a removal is tried. */
interface Attempts {
  readonly count: number;
  readonly waitMs: number;
}

/** Ten seconds: what was seen was over within one. */
const DEFAULT_ATTEMPTS: Attempts = { count: 20, waitMs: 500 };

/**
 * Removes something of Incus, more than once if need be: Incus fails at a bridge whose last interface is just going ("Device vethX does not exist"), at an
 * instance that is being made, or that just failed to start. What is gone already is fine.
 * @throws IncusError of the last attempt
 */
export async function remove(
  attempt: () => Promise<unknown>,
  signal: AbortSignal | undefined,
  { count, waitMs } = DEFAULT_ATTEMPTS,
): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await attempt();
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (isNotFound(error)) {
        return;
      }
      if (!(error instanceof IncusError) || tried === count) {
        throw error;
      }
      await sleep(waitMs, signal);
    }
  }
}
