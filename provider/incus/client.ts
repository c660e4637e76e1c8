/** A small client of the Incus REST API over its unix socket. */
import { existsSync } from "node:fs";
import { Client, type Dispatcher } from "undici";
import { z } from "zod";
import { within } from "../time";

/** The Incus project that holds everything of ours, apart from the user's own instances. */
export const PROJECT = "webinfra";
/** The storage pool of our machines and volumes. */
export const POOL = "webinfra";

const KNOWN_SOCKETS = ["/var/lib/incus/unix.socket", "/run/incus/unix.socket"];
const REQUEST_TIMEOUT_MS = 30_000;
const OPERATION_TIMEOUT_MS = 300_000;

/**
 * Why Incus did not do what was asked: `absent` (no answer on its socket), `denied` (the socket refuses this user),
 * `notFound`, `conflict`, `timeout`, or `failed` for everything else.
 */
export type IncusErrorKind = "absent" | "denied" | "notFound" | "conflict" | "timeout" | "failed";

/** An error of Incus, in words that say what to do. */
export class IncusError extends Error {
  constructor(
    readonly kind: IncusErrorKind,
    message: string,
  ) {
    super(message);
    this.name = "IncusError";
  }
}

/** Whether the error says that the thing asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof IncusError && error.kind === "notFound";
}

/**
 * The path of Incus's unix socket: `INCUS_SOCKET`, else `INCUS_DIR/unix.socket`, else the first of the usual places that
 * exists.
 */
export function socketPath(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  exists: (path: string) => boolean = existsSync,
): string {
  if (environment["INCUS_SOCKET"]) {
    return environment["INCUS_SOCKET"];
  }
  if (environment["INCUS_DIR"]) {
    return `${environment["INCUS_DIR"]}/unix.socket`;
  }
  return KNOWN_SOCKETS.find((path) => exists(path)) ?? "/var/lib/incus/unix.socket";
}

/** Says what to do about a failed connection to Incus. */
export function connectionError(error: NodeJS.ErrnoException, socket: string): IncusError {
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new IncusError(
        "absent",
        `Incus is not running or not installed (nothing answers at ${socket}): ` +
          "run `npm run setup`, or start its service with `sudo systemctl start incus`",
      );
    case "EACCES":
    case "EPERM":
      return new IncusError(
        "denied",
        `no permission to use Incus at ${socket}: join its group with ` +
          "`sudo usermod -aG incus-admin $USER` and log in again",
      );
    default:
      return new IncusError("failed", `the connection to Incus at ${socket} failed: ${error.message}`);
  }
}

/** Turns an error answer of Incus into an {@link IncusError}. */
export function answerError(status: number, message: string, what: string): IncusError {
  if (status === 404 && message.includes("Project not found")) {
    return new IncusError("failed", `Incus has no project "${PROJECT}": run \`npm run setup\``);
  }
  if (status === 404 && message.includes("Storage pool not found")) {
    return new IncusError("failed", `Incus has no storage pool "${POOL}": run \`npm run setup\``);
  }
  const kind = status === 404 ? "notFound" : status === 409 ? "conflict" : status === 403 ? "denied" : "failed";
  return new IncusError(kind, `Incus answered ${String(status)} to ${what}: ${message}`);
}

const operationSchema = z.object({
  id: z.string(),
  status_code: z.number(),
  err: z.string().optional(),
  metadata: z.unknown().optional(),
});

const envelopeSchema = z.object({
  type: z.enum(["sync", "async", "error"]),
  error: z.string().optional(),
  error_code: z.number().optional(),
  metadata: z.unknown().optional(),
});

type Envelope = z.infer<typeof envelopeSchema>;

function parseEnvelope(body: string): Envelope | undefined {
  try {
    return envelopeSchema.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** How a single call may differ from the defaults. */
export interface CallOptions {
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
  /** Bound of the whole call, an operation's end included. Default: 30 s, with an operation 300 s. */
  readonly timeoutMs?: number;
}

/** Talks to one Incus server. Holds no connection between calls. */
export class IncusClient {
  readonly socket: string;

  /** @param socket the unix socket; default: {@link socketPath} */
  constructor(socket: string = socketPath()) {
    this.socket = socket;
  }

  /** The answer to GET `path`, checked against `schema`. `path` starts with /1.0. */
  async get<T>(path: string, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T> {
    return schema.parse((await this.envelope("GET", path, undefined, options)).metadata);
  }

  /** Like {@link get}, with undefined for what does not exist. */
  async find<T>(path: string, schema: z.ZodType<T>, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.get(path, schema, options);
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** The text of a file that Incus keeps, such as the output of a command. */
  async text(path: string, options: CallOptions = {}): Promise<string> {
    const answer = await this.send("GET", path, undefined, options);
    if (answer.status >= 400) {
      throw answerError(answer.status, answer.body, `GET ${path}`);
    }
    return answer.body;
  }

  /** Changes something; when Incus does it in the background, waits for the end. Returns what the operation reports. */
  async change(
    method: "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    options: CallOptions = {},
  ): Promise<unknown> {
    const envelope = await this.envelope(method, path, body, options);
    if (envelope.type !== "async") {
      return envelope.metadata;
    }
    const timeoutMs = options.timeoutMs ?? OPERATION_TIMEOUT_MS;
    const { id } = operationSchema.parse(envelope.metadata);
    const seconds = Math.ceil(timeoutMs / 1000);
    // Incus answers at the time-out by itself; the margin is for a server that does not.
    const wait = { signal: options.signal, timeoutMs: timeoutMs + 5_000 };
    const ended = await this.send("GET", `/1.0/operations/${id}/wait?timeout=${String(seconds)}`, undefined, wait);
    const answer = parseEnvelope(ended.body);
    const operation = operationSchema.safeParse(answer?.metadata).data;
    if (answer?.type === "sync" && operation?.status_code === 200) {
      return operation.metadata;
    }
    // A failed operation answers as an error of its own, or as an operation that has one.
    const reason = operation?.err || answer?.error || `operation ended with status ${String(ended.status)}`;
    if ((operation !== undefined && operation.status_code < 200) || reason.includes("deadline exceeded")) {
      throw new IncusError("timeout", `Incus did not finish ${method} ${path} within ${String(seconds)} s`);
    }
    const kind = /instance not found/i.test(reason) ? "notFound" : "failed";
    throw new IncusError(kind, `Incus failed at ${method} ${path}: ${reason}`);
  }

  private async envelope(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    options: CallOptions,
  ): Promise<Envelope> {
    const answer = await this.send(method, path, body, options);
    const envelope = parseEnvelope(answer.body);
    if (envelope === undefined) {
      throw new IncusError(
        "failed",
        `Incus at ${this.socket} answered ${method} ${path} with something else than JSON`,
      );
    }
    if (envelope.type === "error") {
      throw answerError(envelope.error_code ?? answer.status, envelope.error ?? "no reason given", `${method} ${path}`);
    }
    return envelope;
  }

  private async send(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    options: CallOptions,
  ): Promise<Answer> {
    const caller = options.signal ?? new AbortController().signal;
    const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    caller.throwIfAborted();
    const url = new URL(path, "http://incus");
    if (!url.searchParams.has("project")) {
      url.searchParams.set("project", PROJECT);
    }
    const connection = new Client("http://incus", {
      connect: { socketPath: this.socket },
      // The signal bounds the call.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    try {
      const answer = await connection.request({
        method,
        path: `${url.pathname}${url.search}`,
        headers: { "Content-Type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
        signal: within(timeoutMs, caller),
        reset: true,
      });
      return { status: answer.statusCode, body: await answer.body.text() };
    } catch (error) {
      if (caller.aborted) {
        throw caller.reason instanceof Error ? caller.reason : new Error("cancelled");
      }
      if (!(error instanceof Error)) {
        throw error;
      }
      throw error.name === "AbortError" || error.name === "TimeoutError"
        ? new IncusError("timeout", `Incus did not answer ${method} ${path} within ${String(timeoutMs / 1000)} s`)
        : connectionError(error, this.socket);
    } finally {
      await connection.destroy();
    }
  }
}
