/** One bounded HTTP request, for looking whether something serves. */
import { Client, type Dispatcher } from "undici";
import { within } from "./time";

/** Longest wait for one answer. */
const PROBE_TIMEOUT_MS = 2_000;
const LONGEST_BODY = 64 * 1024;

/** What a request found: an answer, or why there is none. */
export type Answer =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly status: undefined; readonly problem: string };

/** How a request may differ from the defaults. */
export interface ProbeOptions {
  /** Longest wait for the whole answer, in milliseconds. Default: 2000. */
  readonly timeoutMs?: number;
  /** The Host header. Default: the URL's own host. */
  readonly host?: string;
}

function reasonOf(error: NodeJS.ErrnoException, timeoutMs: number): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no route to it";
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
      return "connection reset";
    case "UND_ERR_CONNECT_TIMEOUT":
      return `no answer within ${String(timeoutMs / 1000)} s`;
    default:
      return error.name === "AbortError" || error.name === "TimeoutError"
        ? `no answer within ${String(timeoutMs / 1000)} s`
        : error.message;
  }
}

async function beginningOf(body: Dispatcher.ResponseData["body"]): Promise<string> {
  let text = "";
  for await (const chunk of body.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > LONGEST_BODY) {
      break;
    }
  }
  return text;
}

/**
 * GETs `url` on a connection of its own, with no proxy and no redirects. Never throws except when `signal` has aborted;
 * gives up when the time is over.
 */
export async function probe(url: string, signal: AbortSignal, options: ProbeOptions = {}): Promise<Answer> {
  signal.throwIfAborted();
  const { timeoutMs = PROBE_TIMEOUT_MS } = options;
  const { origin, host, pathname, search } = new URL(url);
  const connection = new Client(origin, {
    // Not left to the signal: what is still connecting when the request is given up would go on.
    connect: { timeout: timeoutMs },
  });
  try {
    const answer = await connection.request({
      method: "GET",
      path: `${pathname}${search}`,
      headers: { Host: options.host ?? host, "User-Agent": "webinfra-ready" },
      signal: within(timeoutMs, signal),
      reset: true,
    });
    const headers = Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]);
    return {
      status: answer.statusCode,
      headers: Object.fromEntries(headers) as Record<string, string>,
      body: await beginningOf(answer.body),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) {
      throw error;
    }
    return { status: undefined, problem: reasonOf(error, timeoutMs) };
  } finally {
    await connection.destroy();
  }
}
