/** How current the data is that a database answered with. */
export type Freshness =
  /** The server takes writes itself: there is nothing to lag behind. */
  | { readonly kind: "primary" }
  | { readonly kind: "replica"; readonly lagSeconds: number }
  /** A replica that applies nothing, for whatever reason: it falls behind further with each write. */
  | { readonly kind: "stopped" }
  /** A replica whose lag cannot be told: it never heard from its source, or the account may not look. */
  | { readonly kind: "unknown" };

/** What a server says of itself and of its replication; ages are in seconds, null where there is nothing to tell. */
export interface ReplicationStatus {
  /** False on the primary. */
  readonly readOnly: boolean;
  /** Whether any worker runs that applies transactions. */
  readonly applierOn: boolean;
  /** Age of the last sign of life from the source: a heartbeat or a transaction. */
  readonly contact: number | null;
  /** Age of the oldest transaction that a worker is applying; 0 when idle. */
  readonly applying: number | null;
  /** Age of the transaction that the coordinator is handing out; 0 when idle. */
  readonly coordinating: number | null;
  /** Age of the newest transaction applied while others wait to be: between two of a long backlog nothing else shows it. 0 when none waits. */
  readonly behind: number | null;
}

/**
 * An idle source beats once a second, so a contact this young says nothing about lag. An older one does: a source that
 * froze shows no other sign until replication times out.
 */
const USUAL_SILENCE_SECONDS = 2;

/** Judges how far behind a server is; clocks that disagree never make it negative. */
export function freshnessOf(status: ReplicationStatus): Freshness {
  if (!status.readOnly) {
    return { kind: "primary" };
  }
  if (status.contact === null) {
    return { kind: "unknown" };
  }
  if (!status.applierOn) {
    return { kind: "stopped" };
  }
  const silence = status.contact > USUAL_SILENCE_SECONDS ? status.contact : 0;
  const lag = Math.max(0, silence, status.applying ?? 0, status.coordinating ?? 0, status.behind ?? 0);
  return { kind: "replica", lagSeconds: Math.round(lag * 100) / 100 };
}

/** The lag in seconds, or null where there is none to tell. */
export function lagSecondsOf(freshness: Freshness): number | null {
  return freshness.kind === "replica" ? freshness.lagSeconds : null;
}

/** The freshness as a visitor reads it, e.g. `replica, 4 seconds behind`. */
export function freshnessInWords(freshness: Freshness): string {
  switch (freshness.kind) {
    case "primary":
      return "primary, always current";
    case "stopped":
      return "replica, replication is stopped";
    case "unknown":
      return "replica, lag unknown";
    case "replica":
      return `replica, ${lagInWords(freshness.lagSeconds)}`;
    default:
      return freshness satisfies never;
  }
}

function lagInWords(seconds: number): string {
  if (seconds < 1) {
    return "up to date";
  }
  if (seconds < 60) {
    return behind(Math.floor(seconds), "second");
  }
  if (seconds < 3600) {
    return behind(Math.floor(seconds / 60), "minute");
  }
  return behind(Math.floor(seconds / 3600), "hour");
}

function behind(count: number, unit: string): string {
  return `${String(count)} ${unit}${count === 1 ? "" : "s"} behind`;
}
