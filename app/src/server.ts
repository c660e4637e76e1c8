import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Asset } from "./assets";
import { BadRequest, readForm, readJsonObject } from "./body";
import { DatabaseUnavailable } from "./database";
import { EntryConflict, type Guestbook, isToken, type Written } from "./guestbook";
import { lagSecondsOf } from "./lag";
import { type Log, reasonOf } from "./log";
import { type FormState, guestbookPage, invalidPage, messagePage, type PageContext, unavailablePage } from "./page";
import { type Draft, isUuid, validateEntry } from "./validation";

/** What the application needs to answer requests. */
export interface AppParts {
  readonly guestbook: Guestbook;
  /** Static files by path. */
  readonly assets: ReadonlyMap<string, Asset>;
  /** Name of the web server, shown and answered as `servedBy`. */
  readonly serverName: string;
  readonly release: string | undefined;
  readonly log: Log;
}

/** Longer than the 75 s after which a proxy closes an idle connection, so that it is never we who close under its request. */
const KEEP_ALIVE_MS = 80_000;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;
const RETRY_AFTER_SECONDS = 5;

/** The token of the visitor's last write. */
const WRITTEN_COOKIE = "guestbook_written";
/** The id of the entry that the next page thanks for. */
const SIGNED_COOKIE = "guestbook_signed";
/** Beyond this no healthy replica lags; proxies stop reading from one long before. */
const COOKIE_SECONDS = 30;

/** What a visitor reads whose form cannot be taken as it came, by the answer's status. */
const FORM_ADVICE: Readonly<Record<BadRequest["status"], string>> = {
  403: "The form came from another site. Please use the one on this site.",
  413: "That is more text than the guestbook has room for. Please go back and shorten it.",
  400: "The guestbook could not read what was sent. Please go back and send it again.",
  415: "The guestbook could not read what was sent. Please use the form on this site.",
};

const SECURITY_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
} as const;

const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Cache-Control": "no-store",
} as const;

/** The application over HTTP: the server, and its way out. */
export class App {
  public readonly server: Server;
  private draining = false;
  private inFlight = 0;
  private readonly page: PageContext;

  public constructor(private readonly parts: AppParts) {
    this.page = {
      serverName: parts.serverName,
      release: parts.release,
      stylesheet: addressOf(parts.assets, "/static/style.css"),
      icon: addressOf(parts.assets, "/static/icon.svg"),
    };
    this.server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => {
        void this.handle(request, response);
      },
    );
  }

  /**
   * Leaves in order: health turns bad, and for `lingerMs` everything is still accepted and answered, each connection for the
   * last time, so that proxies see the health and find no connection closed under a request. Then what is in flight is
   * finished and the server closes.
   *
   * @param limitMs - after this, in milliseconds from now, what is still in flight is cut off
   */
  public async drain(lingerMs: number, limitMs: number): Promise<void> {
    this.draining = true;
    const end = performance.now() + limitMs;
    await pause(lingerMs);
    while (this.inFlight > 0 && performance.now() < end) {
      await pause(20);
    }
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeIdleConnections();
    const cut = setTimeout(
      () => {
        this.server.closeAllConnections();
      },
      Math.max(0, end - performance.now()),
    );
    await closed;
    clearTimeout(cut);
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.inFlight += 1;
    response.once("close", () => {
      this.inFlight -= 1;
    });
    if (this.draining) {
      response.setHeader("Connection", "close");
    }
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    try {
      await this.route(path, request, response);
    } catch (error) {
      this.fail(error, path, request, response);
    }
  }

  private async route(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
    if (path === "/healthz") {
      if (allows(method, ["GET"], response)) {
        this.answerHealth(response);
        return;
      }
    } else if (path === "/") {
      if (allows(method, ["GET", "POST"], response)) {
        await (method === "GET" ? this.showPage(request, response) : this.takeForm(request, response));
        return;
      }
    } else if (path === "/api/entries") {
      if (allows(method, ["GET", "POST"], response)) {
        await (method === "GET" ? this.showEntries(request, response) : this.takeEntry(request, response));
        return;
      }
    } else {
      const asset = this.parts.assets.get(path);
      if (asset === undefined) {
        this.refuse(path, response, 404, "Not found", `There is nothing at ${path}.`);
        return;
      }
      if (allows(method, ["GET"], response)) {
        sendAsset(asset, request, response);
        return;
      }
    }
    this.refuse(path, response, 405, "Not allowed", `${method} is not possible here.`);
  }

  private answerHealth(response: ServerResponse): void {
    response.writeHead(this.draining ? 503 : 200, {
      ...SECURITY_HEADERS,
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-store",
    });
    response.end(this.draining ? "draining\n" : "ok\n");
  }

  private async showPage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reading = await this.parts.guestbook.list(tokenOf(request));
    const signed = signedOf(request);
    response.setHeader("X-Database", reading.database);
    if (signed !== undefined) {
      response.setHeader("Set-Cookie", cookie(request, SIGNED_COOKIE, "", 0));
    }
    sendPage(response, 200, guestbookPage(this.page, emptyForm(), reading, signed));
  }

  private async takeForm(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fields = await readForm(request);
    // Only another site's page makes a browser say this; that page must not write in a visitor's name.
    if (request.headers["sec-fetch-site"] === "cross-site") {
      throw new BadRequest(403, "the form was sent from another site, please use the form of this one");
    }
    const result = validateEntry(fields, randomUUID);
    if (!result.ok) {
      sendPage(response, 400, invalidPage(this.page, formOf(fields, result.problems)));
      return;
    }
    try {
      const written = await this.addFormEntry(result.draft);
      sendWritten(response, request, written, 303, { Location: "/" }, [
        cookie(request, SIGNED_COOKIE, written.entry.id, COOKIE_SECONDS),
      ]);
      response.end();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) {
        throw error;
      }
      this.report(error, "/", request, 503);
      response.setHeader("Retry-After", String(RETRY_AFTER_SECONDS));
      sendPage(response, 503, unavailablePage(this.page, formOf(fields, [])));
    }
  }

  /** A page that is gone back to offers the id of the entry already sent from it: other content is another entry. */
  private async addFormEntry(draft: Draft): Promise<Written> {
    try {
      return await this.parts.guestbook.add(draft);
    } catch (error) {
      if (error instanceof EntryConflict) {
        return this.parts.guestbook.add({ ...draft, id: randomUUID() });
      }
      throw error;
    }
  }

  private async showEntries(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { entries, database, freshness } = await this.parts.guestbook.list(tokenOf(request));
    response.setHeader("X-Database", database);
    sendJson(response, 200, {
      entries,
      servedBy: this.parts.serverName,
      database,
      lagSeconds: lagSecondsOf(freshness),
    });
  }

  private async takeEntry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const result = validateEntry(await readJsonObject(request), randomUUID);
    if (!result.ok) {
      throw new BadRequest(400, result.problems.map(({ text }) => text).join("; "));
    }
    try {
      const written = await this.parts.guestbook.add(result.draft);
      sendWritten(response, request, written, 201, { "Content-Type": "application/json" }, []);
      response.end(`${JSON.stringify(written.entry)}\n`);
    } catch (error) {
      if (!(error instanceof EntryConflict)) {
        throw error;
      }
      sendJson(response, 409, {
        error: `id is ${result.draft.id}, another entry has it: use a new UUID for other content`,
      });
    }
  }

  private fail(error: unknown, path: string, request: IncomingMessage, response: ServerResponse): void {
    if (response.headersSent || request.socket.destroyed) {
      response.destroy();
      return;
    }
    if (error instanceof BadRequest) {
      if (!request.complete) {
        response.setHeader("Connection", "close");
      }
      this.refuse(
        path,
        response,
        error.status,
        "That did not work",
        isApi(path) ? error.message : FORM_ADVICE[error.status],
      );
      return;
    }
    if (error instanceof DatabaseUnavailable) {
      this.report(error, path, request, 503);
      response.setHeader("Retry-After", String(RETRY_AFTER_SECONDS));
      if (isApi(path)) {
        sendJson(response, 503, { error: "the database does not answer, try again in a few seconds" });
      } else {
        sendPage(response, 503, unavailablePage(this.page, undefined));
      }
      return;
    }
    this.report(error, path, request, 500);
    this.refuse(path, response, 500, "Something broke", "That is our fault. It was recorded, please try again later.");
  }

  private refuse(path: string, response: ServerResponse, status: number, title: string, text: string): void {
    if (isApi(path)) {
      sendJson(response, status, { error: text });
    } else {
      sendPage(response, status, messagePage(this.page, title, text));
    }
  }

  private report(error: unknown, path: string, request: IncomingMessage, status: number): void {
    this.parts.log("request-failed", {
      status,
      method: request.method,
      path,
      requestId: headerOf(request, "x-request-id"),
      reason: reasonOf(error),
    });
  }
}

function addressOf(assets: ReadonlyMap<string, Asset>, path: string): string {
  return assets.get(path)?.address ?? path;
}

function isApi(path: string): boolean {
  return path.startsWith("/api/");
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value.slice(0, 200) : undefined;
}

function allows(method: string, allowed: readonly string[], response: ServerResponse): boolean {
  if (allowed.includes(method)) {
    return true;
  }
  response.setHeader("Allow", allowed.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name])).join(", "));
  return false;
}

function sendPage(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, { ...SECURITY_HEADERS, ...PAGE_HEADERS, "Content-Length": Buffer.byteLength(page) });
  response.end(page);
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

function sendAsset(asset: Asset, request: IncomingMessage, response: ServerResponse): void {
  const headers = { ...SECURITY_HEADERS, ETag: asset.etag, "Cache-Control": "public, max-age=3600" };
  if (request.headers["if-none-match"] === asset.etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  response.writeHead(200, { ...headers, "Content-Type": asset.contentType, "Content-Length": asset.body.length });
  response.end(asset.body);
}

function sendWritten(
  response: ServerResponse,
  request: IncomingMessage,
  written: Written,
  status: number,
  headers: Readonly<Record<string, string>>,
  cookies: readonly string[],
): void {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    ...headers,
    "Cache-Control": "no-store",
    "X-Database": written.database,
    "Set-Cookie": [cookie(request, WRITTEN_COOKIE, written.token, COOKIE_SECONDS), ...cookies],
  });
}

function cookie(request: IncomingMessage, name: string, value: string, seconds: number): string {
  const secure = request.headers["x-forwarded-proto"] === "https" ? "; Secure" : "";
  return `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${String(seconds)}; HttpOnly; SameSite=Lax${secure}`;
}

/** The visitor's own write, if they made one lately; anything else in the cookie counts as none. */
function tokenOf(request: IncomingMessage): string | undefined {
  const token = cookieOf(request, WRITTEN_COOKIE);
  return token !== undefined && isToken(token) ? token : undefined;
}

/** The entry that this visitor was sent back with, until a page has thanked for it. */
function signedOf(request: IncomingMessage): string | undefined {
  const id = cookieOf(request, SIGNED_COOKIE);
  return id !== undefined && isUuid(id) ? id : undefined;
}

function cookieOf(request: IncomingMessage, wanted: string): string | undefined {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted && value !== undefined) {
      return decoded(value);
    }
  }
  return undefined;
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function emptyForm(): FormState {
  return { id: randomUUID(), name: "", message: "", problems: [] };
}

function formOf(fields: Readonly<Record<string, string>>, problems: FormState["problems"]): FormState {
  const id = fields["id"] ?? "";
  return {
    id: isUuid(id) ? id : randomUUID(),
    name: fields["name"] ?? "",
    message: fields["message"] ?? "",
    problems,
  };
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
