/** One bounded HTTP request, for looking whether something serves. */
import { request } from "node:http";
import { within } from "./time";

/** Longest wait for one answer. */
const PROBE_TIMEOUT_MS = 2_000;
const LONGEST_BODY = 64 * 1024;

/** What a request found: an answer, or why there is none. */
export type Answer =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly status: undefined; readonly problem: string };

function reasonOf(error: NodeJS.ErrnoException, timeoutMs: number): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no route to it";
    case "ECONNRESET":
      return "connection reset";
    default:
      return error.name === "AbortError" || error.name === "TimeoutError"
        ? `no answer within ${String(timeoutMs / 1000)} s`
        : error.message;
  }
}

/**
 * GETs `url` on a connection of its own, with no proxy and no redirects. Never throws except when `signal` has aborted;
 * gives up after `timeoutMs` (default: 2 s). `host` is the Host header when it is not the URL's own.
 */
export async function probe(
  url: string,
  signal: AbortSignal,
  options: { readonly timeoutMs?: number; readonly host?: string } = {},
): Promise<Answer> {
  signal.throwIfAborted();
  const { timeoutMs = PROBE_TIMEOUT_MS } = options;
  const answer = await new Promise<Answer>((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      resolve({ status: undefined, problem: reasonOf(error, timeoutMs) });
    };
    const call = request(
      url,
      {
        agent: false,
        headers: { "User-Agent": "webinfra-ready", ...(options.host === undefined ? {} : { Host: options.host }) },
        signal: within(timeoutMs, signal),
      },
      (response) => {
        let body = "";
        const headers: Record<string, string> = {};
        for (const [name, value] of Object.entries(response.headers)) {
          headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
        }
        const done = (): void => {
          resolve({ status: response.statusCode ?? 0, headers, body });
        };
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
          if (body.length > LONGEST_BODY) {
            done();
            response.destroy();
          }
        });
        response.on("error", fail);
        response.on("end", done);
      },
    );
    call.on("error", fail);
    call.end();
  });
  signal.throwIfAborted();
  return answer;
}
