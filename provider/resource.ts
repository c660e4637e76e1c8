/** The small interface that every kind of resource of this provider implements, and the plumbing they share. */
import { z } from "zod";
import { type Bag, changedKeys, holdsUnknown, secretKeys, unwrapBag, wrapBag } from "./values";

/** What a handler may use besides its arguments. */
export interface Context {
  /** Aborts when Pulumi cancels the update; every wait must listen to it. */
  readonly signal: AbortSignal;
  /** Shows a short-lived status line beside the resource. */
  readonly status: (message: string) => void;
  /** Shows a warning that stays. */
  readonly warn: (message: string) => void;
}

/** One property that does not fit, as `check` reports it. */
export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** What `diff` found. */
export interface Difference {
  readonly changes: boolean;
  readonly replaces: string[];
}

/** A resource that exists but is not fit for use: Pulumi keeps it in the state, and the next `up` updates it. */
export class HalfMadeError extends Error {
  readonly id: string;
  properties: Bag;
  readonly reasons: string[];
  constructor(id: string, properties: Bag, reason: string) {
    super(reason);
    this.name = "HalfMadeError";
    this.id = id;
    this.properties = properties;
    this.reasons = [reason];
  }
}

/**
 * How one kind of resource is made and kept.
 *
 * `I` are its parsed inputs, `S` its parsed state: the inputs as they were applied, and the outputs. All values are plain
 * here; secrets are unwrapped before and wrapped again after each call.
 */
export interface Handler<I extends Bag, S extends Bag> {
  /** What a program may pass. Unknown properties are refused. */
  readonly inputs: z.ZodType<I>;
  /** What is stored. Must accept the state of a half-made resource, too. */
  readonly state: z.ZodType<S>;
  /** The version of what is stored, from 1. A change that would refuse what stacks hold makes a new one. */
  readonly stateVersion: number;
  /**
   * What makes a stored state one of the next version: the first of version 1 makes version 2. Pure, and kept for good: a resource that never changes
   * keeps the state that it was made with. A secret that gets another name belongs into {@link secrets}.
   */
  readonly migrations: readonly ((old: Bag) => Bag)[];
  /** Inputs whose change makes a new resource. */
  readonly replaceOn: readonly string[];
  /** Inputs whose change is applied in place. */
  readonly updateOn: readonly string[];
  /** Properties that are secret whatever the program says. */
  readonly secrets?: readonly string[];
  /** Adds what the provider chooses itself, such as a name. `olds` is empty for a new resource and for a replacement. */
  readonly choose?: (olds: Bag, news: Bag) => Bag;
  /** Why a change is not made in place, in words for users; asked when no new resource would be made either. Default: nothing is refused. */
  readonly refuses?: (state: S, news: Bag) => string | undefined;
  /** More reasons for an update than changed inputs, looked for only when no input changed. May throw to refuse a change. */
  readonly drifted?: (state: S, news: Bag, context: Context) => Promise<boolean>;
  readonly create: (inputs: I, context: Context) => Promise<{ id: string; state: S }>;
  /** The state as it is found; undefined when the resource is gone. */
  readonly read: (id: string, state: S, context: Context) => Promise<S | undefined>;
  readonly update: (id: string, state: S, inputs: I, context: Context) => Promise<S>;
  readonly delete: (id: string, state: S, context: Context) => Promise<void>;
}

/** A {@link Handler} whose types are hidden behind property bags as the engine sends them. */
export interface Resource {
  readonly stateVersion: number;
  readonly check: (olds: unknown, news: unknown) => { inputs: Bag; failures: Failure[] };
  readonly diff: (olds: unknown, news: unknown, context: Context) => Promise<Difference>;
  readonly create: (inputs: unknown, context: Context) => Promise<{ id: string; outs: Bag }>;
  readonly read: (id: string, props: unknown, context: Context) => Promise<{ id: string; props: Bag }>;
  readonly update: (id: string, olds: unknown, news: unknown, context: Context) => Promise<{ outs: Bag }>;
  readonly delete: (id: string, props: unknown, context: Context) => Promise<void>;
}

function valueAt(bag: unknown, path: readonly PropertyKey[]): unknown {
  let value = bag;
  for (const step of path) {
    if (typeof value !== "object" || value === null) {
      return value;
    }
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return value;
}

/** Problems of inputs as Pulumi shows them: the property, what it is, and what would be right. Secret values stay hidden. */
export function failuresOf(error: z.ZodError, news: Bag, secrets: ReadonlySet<string>): Failure[] {
  return error.issues
    .filter((issue) => !holdsUnknown(valueAt(news, issue.path)))
    .map((issue) => {
      const property = issue.path.map(String).join(".");
      if (issue.code === "unrecognized_keys") {
        return { property: property || (issue.keys[0] ?? ""), reason: `unknown property: ${issue.keys.join(", ")}` };
      }
      const value = valueAt(news, issue.path);
      const shown = secrets.has(String(issue.path[0])) ? "a secret" : JSON.stringify(value);
      return {
        property,
        reason: value === undefined ? `${issue.message} (it is missing)` : `${issue.message} (it is ${shown})`,
      };
    });
}

/**
 * Where a state says its version. Version 1 does not, as it did not when there was no other. Pulumi shows no properties that begin with two underscores.
 */
const VERSION = "__stateVersion";

/** A stored state in the shape of today. @throws Error for one of a version that is not known here */
function migrate(
  stored: unknown,
  { stateVersion, migrations }: Pick<Handler<Bag, Bag>, "stateVersion" | "migrations">,
): Bag {
  const { [VERSION]: version = 1, ...state } = unwrapBag(stored);
  if (typeof version !== "number" || !Number.isInteger(version) || version < 1 || version > stateVersion) {
    throw new Error(
      `the stack holds version ${JSON.stringify(version)} of this resource's state, which a newer webinfra wrote (this one knows up to version ` +
        `${stateVersion}): update webinfra, and try again`,
    );
  }
  return migrations.slice(version - 1).reduce<Bag>((old, next) => next(old), state);
}

/**
 * Hides a handler's types, so that handlers of all kinds fit into one table.
 * @throws Error when there is not one migration to each version but the first
 */
export function resource<I extends Bag, S extends Bag>(handler: Handler<I, S>): Resource {
  const { stateVersion, migrations } = handler;
  if (migrations.length !== stateVersion - 1) {
    throw new Error(
      `state version ${stateVersion} needs ${stateVersion - 1} migrations, and there are ${migrations.length}`,
    );
  }
  const stateOf = (stored: unknown): S => handler.state.parse(migrate(stored, handler));
  const always = handler.secrets ?? [];
  const wrap = (state: Bag, ...origins: unknown[]): Bag =>
    wrapBag(
      stateVersion === 1 ? state : { ...state, [VERSION]: stateVersion },
      new Set([...always, ...origins.flatMap((origin) => [...secretKeys(origin)])]),
    );
  const keepingHalfMade = async <T>(origin: unknown, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HalfMadeError) {
        error.properties = wrap(error.properties, origin);
      }
      throw error;
    }
  };

  return {
    stateVersion,
    check(olds, news) {
      const plain = unwrapBag(news);
      const chosen = handler.choose?.(unwrapBag(olds), plain) ?? {};
      const complete = { ...plain, ...chosen };
      const parsed = handler.inputs.safeParse(complete);
      const secrets = new Set([...always, ...secretKeys(news)]);
      return {
        inputs: wrapBag(complete, secrets),
        failures: parsed.success ? [] : failuresOf(parsed.error, complete, secrets),
      };
    },
    async diff(olds, news, context) {
      const before = migrate(olds, handler);
      const after = unwrapBag(news);
      const replaces = changedKeys(before, after, handler.replaceOn);
      const updates = changedKeys(before, after, handler.updateOn);
      const refusal = replaces.length > 0 ? undefined : handler.refuses?.(handler.state.parse(before), after);
      if (refusal !== undefined) {
        throw new Error(refusal);
      }
      if (replaces.length + updates.length > 0) {
        return { changes: true, replaces };
      }
      const drifted = await handler.drifted?.(handler.state.parse(before), after, context);
      return { changes: drifted ?? false, replaces: [] };
    },
    async create(inputs, context) {
      return keepingHalfMade(inputs, async () => {
        const made = await handler.create(handler.inputs.parse(unwrapBag(inputs)), context);
        return { id: made.id, outs: wrap(made.state, inputs) };
      });
    },
    async read(id, props, context) {
      const found = await handler.read(id, stateOf(props), context);
      return found === undefined ? { id: "", props: {} } : { id, props: wrap(found, props) };
    },
    async update(id, olds, news, context) {
      return keepingHalfMade(news, async () => {
        const state = stateOf(olds);
        const inputs = handler.inputs.parse(unwrapBag(news));
        return { outs: wrap(await handler.update(id, state, inputs, context), news) };
      });
    },
    async delete(id, props, context) {
      await handler.delete(id, stateOf(props), context);
    },
  };
}
