/** Asking Incus again for what fails for a moment. */
import { sleep } from "../time";
import { IncusError, isNotFound } from "./client";

/** How often, and how long apart, something is tried. */
interface Attempts {
  readonly count: number;
  readonly waitMs: number;
}

/** Ten seconds: what was seen was over within one. */
const DEFAULT_ATTEMPTS: Attempts = { count: 20, waitMs: 500 };

/**
 * Does `attempt` until it succeeds, or fails with an error of Incus that `passes` does not expect to go by itself.
 * @throws what the last attempt threw
 */
export async function retry<T>(
  attempt: () => Promise<T>,
  passes: (error: IncusError) => boolean,
  signal: AbortSignal | undefined,
  { count, waitMs } = DEFAULT_ATTEMPTS,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof IncusError) || !passes(error) || tried === count) {
        throw error;
      }
      await sleep(waitMs, signal);
    }
  }
}

/**
 * Removes something of Incus: an instance that is being made, or that just failed to start, cannot be deleted for a moment. What is gone already is fine.
 * @throws IncusError of the last attempt
 */
export async function remove(
  attempt: () => Promise<unknown>,
  signal: AbortSignal | undefined,
  attempts = DEFAULT_ATTEMPTS,
): Promise<void> {
  try {
    await retry(attempt, (error) => !isNotFound(error), signal, attempts);
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
  }
}
