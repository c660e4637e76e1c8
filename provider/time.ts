/** Waiting that can be stopped. */
import { setTimeout as timer } from "node:timers/promises";

/** Waits, or throws the signal's reason as soon as it aborts. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await timer(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** A signal that aborts when `signal` does, or with a TimeoutError when the time is over. */
export function within(milliseconds: number, signal: AbortSignal): AbortSignal {
  // Not AbortSignal.timeout: Node 20 holds it weakly in AbortSignal.any, and a time-out that is collected never comes.
  const late = new AbortController();
  setTimeout(() => {
    late.abort(new DOMException(`not done within ${String(milliseconds)} ms`, "TimeoutError"));
  }, milliseconds).unref();
  return AbortSignal.any([signal, late.signal]);
}
