import assert from "node:assert/strict";
import fc from "fast-check";
import { DatabaseUnavailable } from "../../app/src/database";
import { jsonLog } from "../../app/src/log";
import { MemoryGuestbook, type ServedGuestbook, serveGuestbook, TOKEN } from "../support/guestbook";

const ID = "3f2b8c1e-5d0a-4f6b-9c7d-2e1a0b9c8d7f";
describe("app: HTTP", () => {
  let book: MemoryGuestbook;
  let served: ServedGuestbook;
  let site: string;
  let logged: string[];

  beforeEach(async () => {
    book = new MemoryGuestbook();
    logged = [];
    served = await serveGuestbook(
      book,
      jsonLog((line) => logged.push(line), { server: "web-1" }),
    );
    site = served.url;
  });

  afterEach(() => {
    served.close();
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(site + path, { headers, redirect: "manual" });
  const postJson = (body: unknown): Promise<Response> =>
    fetch(`${site}/api/entries`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const postForm = (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${site}/`, { method: "POST", body: new URLSearchParams(fields), headers, redirect: "manual" });

  it("is healthy while it serves, whatever the database does", async () => {
    book.failure = new DatabaseUnavailable("away");
    const answer = await get("/healthz");
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "ok\n");
  });

  it("shows the entries, who served and how current the data is", async () => {
    await postJson({ name: "Ada", message: "first\nline" });
    await postJson({ name: "Ben", message: "second" });
    const answer = await get("/");
    const page = await answer.text();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-database"), "db-2");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.match(answer.headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'self';/);
    assert.match(page, /<html lang="en">/);
    assert.match(page, /<label for="name">/);
    assert.ok(page.indexOf("second") < page.indexOf("first"));
    assert.match(page, /first<br \/>line/);
    assert.match(page, /<dd>web-1<\/dd>/);
    assert.match(page, /db-2 <span class="detail">\(replica, 4 seconds behind\)<\/span>/);
    assert.doesNotMatch(page, /<script|style="| on\w+=/);
  });

  it("escapes whatever visitors write", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 60 }), async (text) => {
        book.entries.splice(0, Infinity, {
          id: ID,
          name: `<i>${text}`,
          message: `<u>${text}`,
          createdAt: "2025-11-21T09:44:00Z",
        });
        const page = await (await get("/")).text();
        assert.doesNotMatch(page, /<[iu]>/);
        const tags = new Set(Array.from(page.matchAll(/<([a-z0-9]+)/g), ([, tag]) => tag));
        book.entries[0] = { id: ID, name: "x", message: "x", createdAt: "2025-11-21T09:44:00Z" };
        const plain = await (await get("/")).text();
        assert.deepEqual(tags, new Set(Array.from(plain.matchAll(/<([a-z0-9]+)/g), ([, tag]) => tag)));
      }),
      { numRuns: 30 },
    );
  });

  it("takes a form, sends the visitor back and remembers the write", async () => {
    const answer = await postForm({ name: "Ada", message: "Hello", id: ID });
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get("location"), "/");
    assert.equal(answer.headers.get("x-database"), "db-1");
    const [written = "", signed, ...rest] = answer.headers.getSetCookie();
    assert.match(written, /^guestbook_written=[^;]+; Path=\/; Max-Age=30; HttpOnly; SameSite=Lax$/);
    assert.equal(signed, `guestbook_signed=${ID}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax`);
    assert.deepEqual(rest, []);
    await get("/", { Cookie: `other=1; ${written.split(";")[0] ?? ""}` });
    assert.deepEqual(book.tokens, [TOKEN]);
  });

  it("thanks a visitor once for the entry, by name, and says so in the title too", async () => {
    const sent = await postForm({ name: "Ada & עדה", message: "Hello", id: ID });
    const cookies = sent.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
    const answer = await get("/", { Cookie: cookies.join("; ") });
    const page = await answer.text();
    assert.match(
      page,
      /<p class="notice" role="status">Thank you, <bdi>Ada &amp; עדה<\/bdi>! Your entry is in the guestbook\.<\/p>/,
    );
    assert.match(page, /<title>Thank you for your entry · /);
    assert.deepEqual(answer.headers.getSetCookie(), ["guestbook_signed=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]);
    // As the browser sends it from then on, and as anybody may.
    for (const cookie of [cookies[0] ?? "", "guestbook_signed=", "guestbook_signed=<script>"]) {
      const again = await get("/", { Cookie: cookie });
      assert.doesNotMatch(await again.text(), /role="status"|Thank you/);
      assert.deepEqual(again.headers.getSetCookie(), []);
    }
  });

  it("thanks without a name for an entry that the page does not show", async () => {
    const page = await (await get("/", { Cookie: `guestbook_signed=${ID}` })).text();
    assert.match(page, /<p class="notice" role="status">Thank you! Your entry is in the guestbook\.<\/p>/);
  });

  it("keeps its thanks while no page can be made", async () => {
    book.failure = new DatabaseUnavailable("away");
    const answer = await get("/", { Cookie: `guestbook_signed=${ID}` });
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.headers.getSetCookie(), []);
  });

  it("thanks for the entry that was stored, where the form's id was another one's", async () => {
    await postForm({ name: "Ada", message: "Hello", id: ID });
    const answer = await postForm({ name: "Ada", message: "Something else", id: ID });
    const id = book.entries[1]?.id ?? assert.fail("not stored");
    assert.notEqual(id, ID);
    assert.match(answer.headers.getSetCookie()[1] ?? "", new RegExp(`^guestbook_signed=${id};`));
  });

  it("thanks no program", async () => {
    const answer = await postJson({ name: "Ada", message: "Hello" });
    assert.deepEqual(
      answer.headers.getSetCookie().map((cookie) => cookie.split("=")[0]),
      ["guestbook_written"],
    );
  });

  it("marks the cookie secure behind TLS, and takes no token that is none", async () => {
    const answer = await postForm({ name: "Ada", message: "Hello" }, { "X-Forwarded-Proto": "https" });
    const cookies = answer.headers.getSetCookie();
    assert.equal(cookies.length, 2);
    for (const cookie of cookies) {
      assert.match(cookie, /; Secure$/);
    }
    await get("/", { Cookie: "guestbook_written='; DROP" });
    await get("/", { Cookie: "guestbook_written=%E0%A4%A" });
    assert.deepEqual(book.tokens, [undefined, undefined]);
  });

  it("stores a form sent twice once, and another text from the same page as another entry", async () => {
    await postForm({ name: "Ada", message: "Hello", id: ID });
    await postForm({ name: "Ada", message: "Hello", id: ID });
    await postForm({ name: "Ada", message: "Something else", id: ID });
    assert.deepEqual(
      book.entries.map(({ message }) => message),
      ["Hello", "Something else"],
    );
  });

  it("gives the form back with what is wrong", async () => {
    const answer = await postForm({ name: "", message: 'my "text" </textarea>' });
    const page = await answer.text();
    assert.equal(answer.status, 400);
    assert.match(page, /<title>Please check your entry · /);
    assert.match(page, /id="name-problem">Please tell us your name\.</);
    assert.match(page, /aria-describedby="name-problem" aria-invalid="true" autofocus/);
    assert.match(page, /my &quot;text&quot; &lt;\/textarea&gt;<\/textarea>/);
  });

  it("puts the focus on the first field that is wrong, and on none when all is well", async () => {
    const focused = (page: string): readonly string[] =>
      [...page.matchAll(/<(?:input|textarea)[^>]*?name="(\w+)"[^>]*? autofocus/g)].map(([, field = ""]) => field);
    const wrong = async (fields: Record<string, string>): Promise<readonly string[]> =>
      focused(await (await postForm(fields)).text());
    assert.deepEqual(await wrong({ name: "", message: "" }), ["name"]);
    assert.deepEqual(await wrong({ name: "Ada", message: "" }), ["message"]);
    assert.deepEqual(await wrong({ name: "", message: "Hello" }), ["name"]);
    assert.deepEqual(focused(await (await get("/")).text()), []);
  });

  it("gives a form whose id is damaged back with one that is good", async () => {
    const page = await (await postForm({ name: "Ada", message: "Hello", id: "7" })).text();
    assert.match(
      page,
      /<p class="problem">This form was damaged on its way\. Your text is still here: please send it again\.<\/p>/,
    );
    assert.match(page, /name="id" value="[0-9a-f-]{36}"/);
    assert.match(page, /Hello<\/textarea>/);
  });

  it("says what the site is to whoever lists it", async () => {
    const page = await (await get("/")).text();
    const description = /<meta\s+name="description"\s+content="([^"]+)"/.exec(page)?.[1];
    assert.equal(description, "The guestbook of www.foobar.com: leave a few words, and read what others have written.");
  });

  it("lets each name, message and field run in the direction of its script", async () => {
    await postJson({ name: "ليلى", message: "مرحبا" });
    const page = await (await get("/")).text();
    assert.match(page, /<header dir="auto">\s*<h3>ليلى<\/h3>\s*<time dir="ltr"/);
    assert.match(page, /<p dir="auto">\s*مرحبا/);
    assert.match(page, /<input\s[^>]*name="name"[^>]*dir="auto"/);
    assert.match(page, /<textarea\s[^>]*dir="auto"/);
  });

  it("takes no form from another site", async () => {
    const answer = await postForm({ name: "Ada", message: "Hello" }, { "Sec-Fetch-Site": "cross-site" });
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /<p>The form came from another site\. Please use the one on this site\.<\/p>/);
    assert.equal(book.entries.length, 0);
  });

  const asForm = { "Content-Type": "application/x-www-form-urlencoded" };
  const badForms: readonly (readonly [string, RequestInit, number, string])[] = [
    [
      "far too much text",
      { headers: asForm, body: `message=${"x".repeat(17_000)}` },
      413,
      "That is more text than the guestbook has room for. Please go back and shorten it.",
    ],
    [
      "what is not UTF-8",
      { headers: asForm, body: Buffer.from([0x6e, 0x3d, 0xff]) },
      400,
      "The guestbook could not read what was sent. Please go back and send it again.",
    ],
    [
      "what is no form",
      { headers: { "Content-Type": "text/plain" }, body: "hello" },
      415,
      "The guestbook could not read what was sent. Please use the form on this site.",
    ],
  ];
  for (const [what, init, status, text] of badForms) {
    it(`answers ${what} in words for a visitor`, async () => {
      const answer = await fetch(`${site}/`, { method: "POST", ...init });
      assert.equal(answer.status, status);
      const page = await answer.text();
      assert.match(page, /<h2>That did not work<\/h2>/);
      assert.ok(page.includes(`<p>${text}</p>`), page);
      assert.equal(book.entries.length, 0);
    });
  }

  it("answers the entries as JSON", async () => {
    await postJson({ name: "Ada", message: "Hello", id: ID });
    const answer = await get("/api/entries");
    assert.equal(answer.headers.get("x-database"), "db-2");
    assert.deepEqual(await answer.json(), {
      entries: [{ id: ID, name: "Ada", message: "Hello", createdAt: "2025-11-21T09:44:00.000Z" }],
      servedBy: "web-1",
      database: "db-2",
      lagSeconds: 4.2,
    });
  });

  it("stores JSON entries, the same one once", async () => {
    const answers = [
      await postJson({ name: "Ada", message: "Hello", id: ID }),
      await postJson({ name: "Ada", message: "Hello", id: ID }),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 201);
      assert.equal(answer.headers.get("x-database"), "db-1");
      assert.deepEqual(await answer.json(), {
        id: ID,
        name: "Ada",
        message: "Hello",
        createdAt: "2025-11-21T09:44:00.000Z",
      });
    }
    assert.equal(book.entries.length, 1);
  });

  const refusals: readonly (readonly [string, () => Promise<Response>, number, string])[] = [
    [
      "a bad field",
      () => postJson({ name: "x".repeat(81), message: "Hello" }),
      400,
      "name has 81 characters, it must be 1 to 80 characters of text",
    ],
    [
      "broken JSON",
      () => postJson("{"),
      400,
      'the body is not valid JSON, it must be an object such as {"name": "Ada", "message": "Hello"}',
    ],
    [
      "another JSON value",
      () => postJson([1]),
      400,
      'the body must be a JSON object such as {"name": "Ada", "message": "Hello"}',
    ],
    [
      "broken UTF-8",
      () =>
        fetch(`${site}/api/entries`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: Buffer.from([0x22, 0xff, 0x22]),
        }),
      400,
      "the body is not valid UTF-8, it must be",
    ],
    [
      "a large body",
      () => postJson({ name: "Ada", message: "x".repeat(17_000) }),
      413,
      "the body is larger than 16384 bytes, send at most that much",
    ],
    [
      "another type",
      () => fetch(`${site}/api/entries`, { method: "POST", headers: { "Content-Type": "text/plain" }, body: "hello" }),
      415,
      'content-type is "text/plain", it must be application/json',
    ],
    ["an unknown path", () => get("/api/nothing"), 404, "There is nothing at /api/nothing."],
    ["another method", () => fetch(`${site}/api/entries`, { method: "DELETE" }), 405, "DELETE is not possible here."],
  ];
  for (const [what, send, status, error] of refusals) {
    it(`refuses ${what} with ${String(status)}`, async () => {
      const answer = await send();
      assert.equal(answer.status, status);
      assert.deepEqual(await answer.json(), { error });
      assert.equal(book.entries.length, 0);
    });
  }

  it("refuses an id that belongs to other content", async () => {
    await postJson({ name: "Ada", message: "Hello", id: ID });
    const answer = await postJson({ name: "Ada", message: "Other", id: ID });
    assert.equal(answer.status, 409);
    assert.deepEqual(await answer.json(), {
      error: `id is ${ID}, another entry has it: use a new UUID for other content`,
    });
  });

  it("says what a path allows", async () => {
    for (const [path, allowed] of [
      ["/", "GET, HEAD, POST"],
      ["/healthz", "GET, HEAD"],
      ["/static/style.css", "GET, HEAD"],
    ] as const) {
      const answer = await fetch(site + path, { method: "PUT" });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get("allow"), allowed);
      await answer.text();
    }
  });

  it("answers pages for what people ask for in vain", async () => {
    const answer = await get("/nowhere%3Cscript%3E/<b>");
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /There is nothing at \/nowhere%3Cscript%3E\/(%3Cb%3E|&lt;b&gt;)\./);
  });

  it("answers HEAD without a body", async () => {
    const answer = await fetch(`${site}/`, { method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), "");
  });

  it("serves static files from memory only", async () => {
    const page = await (await get("/")).text();
    const address = /href="(\/static\/style\.css\?v=[0-9a-f]{10})"/.exec(page)?.[1] ?? "";
    const answer = await get(address);
    assert.equal(answer.headers.get("content-type"), "text/css; charset=utf-8");
    assert.match(await answer.text(), /:root/);
    const again = await get(address, { "If-None-Match": answer.headers.get("etag") ?? "" });
    assert.equal(again.status, 304);
    for (const path of ["/static/", "/static/%2e%2e/main.ts", "/static/..%2fmain.ts", "/static/none.css"]) {
      assert.equal((await get(path)).status, 404, path);
    }
  });

  it("is a clean 503 when the database is away, and logs why in one line", async () => {
    book.failure = new DatabaseUnavailable("ECONNREFUSED: connect");
    const page = await get("/", { "X-Request-Id": "abc" });
    assert.equal(page.status, 503);
    assert.equal(page.headers.get("retry-after"), "5");
    assert.match(await page.text(), /database does not answer at the moment\. Please/);
    const api = await get("/api/entries");
    assert.equal(api.status, 503);
    assert.equal(api.headers.get("retry-after"), "5");
    assert.deepEqual(await api.json(), { error: "the database does not answer, try again in a few seconds" });
    assert.equal(logged.length, 2);
    const { time, ...line } = JSON.parse(logged[0] ?? "") as Record<string, unknown>;
    assert.equal(typeof time, "string");
    assert.deepEqual(line, {
      event: "request-failed",
      server: "web-1",
      status: 503,
      method: "GET",
      path: "/",
      requestId: "abc",
      reason: "ECONNREFUSED: connect",
    });
  });

  it("keeps a visitor's text when the database is away, and the id with it", async () => {
    book.failure = new DatabaseUnavailable("away");
    const answer = await postForm({ name: "Ada", message: "Long & dear", id: ID });
    const page = await answer.text();
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "5");
    assert.match(page, /Long &amp; dear<\/textarea>/);
    assert.ok(page.includes(`name="id" value="${ID}"`));
  });

  it("tells visitors nothing of an error of its own", async () => {
    book.failure = new Error("SELECT secret");
    for (const path of ["/", "/api/entries"]) {
      const answer = await get(path);
      assert.equal(answer.status, 500);
      assert.doesNotMatch(await answer.text(), /secret/);
    }
    assert.match(logged[0] ?? "", /"status":500.*"reason":"SELECT secret"/);
  });

  it("drains: unhealthy but serving, each connection for the last time, then closed", async () => {
    const drained = served.app.drain(300, 5000);
    const health = await get("/healthz");
    assert.equal(health.status, 503);
    assert.equal(await health.text(), "draining\n");
    const page = await get("/");
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("connection"), "close");
    await page.text();
    await drained;
    await assert.rejects(get("/healthz"));
  });
});
