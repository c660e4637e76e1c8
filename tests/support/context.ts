import type { Context } from "../../provider/resource";

/** What a resource is given when nobody listens. @param signal default: one that never aborts */
export const quietContext = (signal: AbortSignal = new AbortController().signal): Context => ({
  signal,
  status: () => undefined,
  warn: () => undefined,
});
