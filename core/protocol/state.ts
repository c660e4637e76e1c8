/** `GET http://<host>:9000/state`: what a host says of itself. Hosts write it; everybody who asks reads it through this schema. */
import { z } from "zod";
import { epochNumberSchema, flagSchema, type Parsed, parseDocument, pastNonceSchema } from "./document";

const textRight = "should be a text";
const text = z.string(textRight);
/** Absent means null. */
const words = text.nullable().default(null);
const epoch = epochNumberSchema.nullable().default(null);
const nonce = pastNonceSchema.nullable().default(null);
const secondsRight = "should be a number of seconds";

const member = z.object(
  {
    /** It was closed for writes when it looked, and has not begun to open since. */
    closed: flagSchema,
    /** Of the last epoch under which this data was open for writes. */
    opened: epoch,
    openedNonce: nonce,
    /** GTID sets as of the same look. Not optional: one that is absent must not pass for an empty one. */
    executed: text,
    received: text,
    /** An empty server that waits to copy the primary. */
    wants: z.literal("clone", 'should be "clone" or null').nullable().default(null),
    /** Why it is not yet what the pointer says, in words for people. */
    waiting: words,
    /** Transactions that only this host is known to have, as a GTID set. */
    alone: words,
    /** It sees one epoch number with two nonces. */
    conflict: flagSchema.default(false),
    /** How long ago it looked. */
    ageSeconds: z.number(secondsRight).min(0, secondsRight),
  },
  "should be null or what the database program says",
);

const roleRight = "should be primary, replica, fenced or none";
const database = z.object(
  {
    role: z.enum(["primary", "replica", "fenced", "none"], roleRight),
    writable: flagSchema,
    /** A replica within its lag bound. */
    replica: flagSchema,
    /** A server that can be read, however far behind. */
    stale: flagSchema,
    lagSeconds: z.number(secondsRight).nullable().default(null),
    /** Why it keeps to itself. */
    fenced: words,
    error: words,
    /** Of the newest pointer that it has promised to honour: it never opens by an older one. */
    epoch,
    /** Null in version 1, whose `epoch` was the channel's. */
    nonce,
    /** Whether it has the site's data; null before that is known. */
    holds: z.enum(["yes", "no"], 'should be "yes", "no" or null').nullable().default(null),
    /** The transactions it has, as a GTID set. */
    executed: text,
    /** Those that its source sent it, applied or not. */
    received: text,
    /** The database program's own word; null until it has spoken since boot, and in version 1. */
    member: member.nullable().default(null),
  },
  "should be null or what the host says of its database",
);

const packageState = z.object(
  {
    /** The host package that the agent runs from. */
    running: words,
    /** The last one that was found good here: what the host goes back to. */
    good: words,
    /** The one that was tried and was no good. */
    refused: z
      .object({ package: text, reason: text }, "should be null or an object of package and reason")
      .nullable()
      .default(null),
    /** Why the wanted one is not tried yet. */
    waiting: words,
  },
  "should be null or what the host says of its package",
);

const settingsState = z.object(
  {
    /** SHA-256 of the text of the settings that are in force, "" while none are. */
    applied: text,
    /** Those that could not be applied, and why; what they would have changed stays as it was. */
    refused: z
      .object({ settings: text, reason: text }, "should be null or an object of settings and reason")
      .nullable()
      .default(null),
    /** Why the newest are not applied yet, though they may be. */
    waiting: words,
    /** What of the applied ones takes effect later, and when, in words for people. */
    pending: z.array(text, "should be a list of texts").default([]),
  },
  "should be null or what the host says of its settings",
);

const applicationState = z.object(
  {
    /** SHA-256 of the release that was started. */
    release: text,
    /** Why it is not healthy, in words for people. */
    reason: text,
    /** The host tries again, but there is nothing to wait for. */
    final: flagSchema.default(false),
  },
  "should be null or what the host says of its application",
);

const convergeRight = "should be running, failed or done";
const schema = z
  .object({
    /** The machine's id. */
    machine: text,
    /** The host's name. */
    name: text,
    roles: z.array(text, "should be a list of role names"),
    /** How far the host's setting up is. */
    converge: z.enum(["running", "failed", "done"], convergeRight),
    /** Where it is, or failed. */
    step: words,
    healthy: flagSchema,
    /** Why it is not healthy. */
    error: words,
    /** SHA-256 of the release that runs, "" for none; null on hosts that run none. */
    release: words,
    /** Null while nothing is wrong with it, and on hosts that do not say. */
    application: applicationState.nullable().default(null),
    /** Documents of the channel that were refused; the last good one of each stays in use. */
    refused: z
      .array(z.object({ document: text, reason: text }, "should be an object of document and reason"), {
        error: "should be a list of documents and reasons",
      })
      .default([]),
    /** Null on hosts of before there was one. */
    package: packageState.nullable().default(null),
    /** Null on hosts of before there were settings that change in place. */
    settings: settingsState.nullable().default(null),
    /** SHA-256 of the definition that the machine was made from; null when it does not say. */
    definition: words,
    /** Null on hosts without a database. */
    database: database.nullable().default(null),
  })
  .transform((state) => ({ version: 2 as const, ...state }));

/** What a host says of itself. */
export type State = z.infer<typeof schema>;

/** What a database host says of its database. */
export type DatabaseState = NonNullable<State["database"]>;

/**
 * Whether a machine was made from another definition than the wanted one. One that does not say which was made before hosts had any.
 * @param wanted the definition's digest, or as much of it as the stack's outputs have; undefined: nobody asks
 */
export const isOutdated = ({ definition }: Pick<State, "definition">, wanted: string | undefined): boolean =>
  wanted !== undefined && definition?.startsWith(wanted) !== true;

/** Reads an answer of version 1 or 2. */
export function parseState(answer: string): Parsed<State> {
  return parseDocument(answer, { 1: schema, 2: schema });
}
