/** What hosts say of themselves, for tests that need a host's answer and no host. */
import type { DatabaseState, State } from "../../core/protocol";

/** A healthy host without a database. */
export function hostState(more: Partial<State> = {}): State {
  return {
    version: 2,
    machine: "m",
    name: "web-1",
    roles: [],
    converge: "done",
    step: "",
    healthy: true,
    error: null,
    release: null,
    application: null,
    refused: [],
    package: null,
    settings: null,
    definition: null,
    database: null,
    ...more,
  };
}

/** A database that is neither primary nor replica. */
export function databaseState(more: Partial<DatabaseState> = {}): DatabaseState {
  return {
    role: "none",
    writable: false,
    replica: false,
    stale: false,
    lagSeconds: null,
    fenced: null,
    error: null,
    epoch: null,
    nonce: null,
    holds: "yes",
    executed: "",
    received: "",
    member: null,
    ...more,
  };
}

/** A database program's word that has nothing to say. */
export function memberState(
  more: Partial<NonNullable<DatabaseState["member"]>> = {},
): NonNullable<DatabaseState["member"]> {
  return {
    closed: true,
    opened: null,
    openedNonce: null,
    executed: "",
    received: "",
    wants: null,
    waiting: null,
    alone: null,
    conflict: false,
    ageSeconds: 0.1,
    ...more,
  };
}
