type Value = string | number | boolean | null | undefined;

/** Writes one JSON line to standard output. Fields that are undefined are left out; callers pass no secrets. */
export type Log = (event: string, fields?: Readonly<Record<string, Value>>) => void;

/** A log whose every line carries the given fields, e.g. the server's name. */
export function jsonLog(write: (line: string) => void, common: Readonly<Record<string, Value>>): Log {
  return (event, fields = {}) => {
    write(`${JSON.stringify({ time: new Date().toISOString(), event, ...common, ...fields })}\n`);
  };
}

/** What went wrong, in one line fit for a log. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : "";
  // An AggregateError of a failed dial has no message of its own, only a code.
  return `${code}${error.message === "" ? error.name : error.message}`;
}
