/** One bounded HTTP request, for looking whether something serves. */
import { isIP } from "node:net";
import * as tls from "node:tls";
import { type buildConnector, Client, type Dispatcher } from "undici";
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
  /** The Host header, and with https the name that the certificate must be valid for. Default: the URL's own host. */
  readonly host?: string;
  /** Certificates of the authorities to trust with https, PEM. Default: those of this computer, of Node.js, and of the file `NODE_EXTRA_CA_CERTS`. */
  readonly ca?: string | undefined;
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
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "its certificate is from no authority that this computer trusts";
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

/** The authorities of this computer, too, where Node.js can tell them (from 22.15). */
function trustedHere(): string[] | undefined {
  return "getCACertificates" in tls
    ? // eslint-disable-next-line n/no-unsupported-features/node-builtins -- where it is there
      [...new Set([...tls.getCACertificates("default"), ...tls.getCACertificates("system")])]
    : undefined;
}

/** How to connect by https to a server whose certificate is not for the address that is connected to, but for `host`. */
function certifiedFor(host: string, ca: string | string[] | undefined = trustedHere()): buildConnector.BuildOptions {
  const { hostname } = new URL(`https://${host}`);
  return {
    // TLS names no addresses.
    ...(isIP(hostname) === 0 && { servername: hostname }),
    checkServerIdentity: (_address, certificate) => tls.checkServerIdentity(hostname, certificate),
    ...(ca !== undefined && { ca }),
  };
}

/**
 * GETs `url` on a connection of its own, with no proxy and no redirects. Never throws except when `signal` has aborted;
 * gives up when the time is over.
 */
export async function probe(url: string, signal: AbortSignal, options: ProbeOptions = {}): Promise<Answer> {
  signal.throwIfAborted();
  const { timeoutMs = PROBE_TIMEOUT_MS } = options;
  const { origin, protocol, host: itsOwn, pathname, search } = new URL(url);
  const { host = itsOwn } = options;
  const connection = new Client(origin, {
    // Not left to the signal: what is still connecting when the request is given up would go on.
    connect: { timeout: timeoutMs, ...(protocol === "https:" && certifiedFor(host, options.ca)) },
  });
  try {
    const answer = await connection.request({
      method: "GET",
      path: `${pathname}${search}`,
      headers: { Host: host, "User-Agent": "webinfra-ready" },
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
