/**
 * The page in a browser: each of its states, from an application in this process that has its entries in memory, and with
 * WEBINFRA_PAGE_URL=http://10.77.0.5 npx mocha tests/e2e/site/page.test.ts
 * the tests of a site too, against one that runs. Without it those are part of site.test.ts, which has a site.
 */
import assert from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { DatabaseUnavailable } from "../../../app/src/database";
import { assertAccessible } from "../../support/axe";
import { openBrowser } from "../../support/browser";
import { MemoryGuestbook, type ServedGuestbook, serveGuestbook } from "../../support/guestbook";
import { overhang, pageTests, sign } from "../../support/page";

const ARABIC = { name: "ليلى العامري", message: "مرحبا بكم\nHello to all" };
const HEBREW = { name: "עדה", message: "שלום לכולם (1999), ותודה!" };
const ENGLISH = { name: "Ada Lovelace", message: "I was here.\nשלום" };

const SCREENS = [
  { screen: "desktop", width: 1280, height: 800 },
  { screen: "phone", width: 390, height: 844 },
] as const;

/** Of each entry's message, from the top: the side on which each of its lines stands. */
const SIDES = `[...document.querySelectorAll(".entry > p")].map((message) => {
  const box = message.getBoundingClientRect();
  const range = document.createRange();
  const lines = [...message.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
  return lines.map((line) => {
    range.selectNodeContents(line);
    const { left, right } = range.getBoundingClientRect();
    return Math.abs(left - box.left) < 2 ? "left" : Math.abs(box.right - right) < 2 ? "right" : "between";
  });
})`;

describe("the page in each of its states", function () {
  this.timeout(120_000);
  let browser: Browser;
  let book: MemoryGuestbook;
  let served: ServedGuestbook;

  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    book = new MemoryGuestbook();
    served = await serveGuestbook(book, () => undefined);
  });
  afterEach(() => {
    served.close();
  });

  /** Entries as visitors wrote them, the last one first on the page. */
  async function write(...entries: readonly { readonly name: string; readonly message: string }[]): Promise<void> {
    for (const entry of entries) {
      const answer = await fetch(`${served.url}/api/entries`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(entry),
      });
      assert.equal(answer.status, 201);
    }
  }

  const states: readonly (readonly [string, (page: Page) => Promise<void>])[] = [
    [
      "empty",
      async (page) => {
        await page.goto(served.url);
        assert.equal(await page.getByText("Nobody has written yet. Be the first!").count(), 1);
      },
    ],
    [
      "with entries, some in scripts that run from right to left",
      async (page) => {
        await write(ENGLISH, ARABIC, HEBREW);
        await page.goto(served.url);
        assert.equal(await page.locator("ol.entries > li").count(), 3);
      },
    ],
    [
      "with both fields wrong",
      async (page) => {
        await page.goto(served.url);
        await sign(page, " ", " ");
        assert.equal(await page.locator(".problem").count(), 2);
      },
    ],
    [
      "with a form that was damaged",
      async (page) => {
        await page.goto(served.url);
        await page.evaluate('document.querySelector("input[name=id]").value = "7"');
        await sign(page, "Ada", "Hello");
        assert.equal(await page.locator(".problem").count(), 1);
      },
    ],
    [
      "with its thanks",
      async (page) => {
        await write(ENGLISH);
        await page.goto(served.url);
        await sign(page, ARABIC.name, ARABIC.message);
        assert.equal(await page.getByRole("status").count(), 1);
      },
    ],
    [
      "while the database is away",
      async (page) => {
        book.failure = new DatabaseUnavailable("away");
        await page.goto(served.url);
        assert.equal(await page.getByRole("alert").count(), 1);
      },
    ],
    [
      "with an entry that the database did not take",
      async (page) => {
        await page.goto(served.url);
        book.failure = new DatabaseUnavailable("away");
        await sign(page, HEBREW.name, HEBREW.message);
        assert.equal(await page.getByLabel("Your message").inputValue(), HEBREW.message);
      },
    ],
    [
      "that is not there",
      async (page) => {
        await page.goto(`${served.url}/nothing`);
        assert.equal(await page.getByRole("heading", { name: "Not found" }).count(), 1);
      },
    ],
  ];

  for (const colorScheme of ["light", "dark"] as const) {
    for (const { screen, width, height } of SCREENS) {
      describe(`in ${colorScheme} colours on a ${screen}`, () => {
        let context: BrowserContext;
        let page: Page;

        beforeEach(async () => {
          context = await browser.newContext({
            viewport: { width, height },
            isMobile: screen === "phone",
            hasTouch: screen === "phone",
            colorScheme,
          });
          context.setDefaultTimeout(15_000);
          page = await context.newPage();
        });
        afterEach(() => context.close());

        for (const [state, reach] of states) {
          it(`${state}: axe-core finds nothing, and nothing is wider than the screen`, async () => {
            await reach(page);
            await assertAccessible(page, state);
            assert.ok((await overhang(page)) <= 0, `${String(await overhang(page))} px wider than the screen`);
          });
        }
      });
    }
  }

  describe("without JavaScript", () => {
    let context: BrowserContext;
    let page: Page;

    beforeEach(async () => {
      context = await browser.newContext({ javaScriptEnabled: false });
      context.setDefaultTimeout(15_000);
      page = await context.newPage();
      await page.goto(served.url);
    });
    afterEach(() => context.close());

    it("thanks for an entry, once", async () => {
      await sign(page, HEBREW.name, HEBREW.message);
      const status = page.getByRole("status");
      assert.equal(await status.innerText(), `Thank you, ${HEBREW.name}! Your entry is in the guestbook.`);
      assert.equal(await page.title(), "Thank you for your entry · www.foobar.com");
      assert.equal(new URL(page.url()).search, "");
      await page.reload();
      assert.equal(await status.count(), 0);
      assert.equal(await page.locator("ol.entries > li").count(), 1);
    });

    it("has the focus on the first field that is wrong, beside what is wrong with it, and all that was typed", async () => {
      await sign(page, "Ada", "  ");
      assert.equal(await page.locator("#message:focus").count(), 1);
      const message = page.getByLabel("Your message");
      assert.equal(await message.getAttribute("aria-invalid"), "true");
      assert.equal(await message.getAttribute("aria-describedby"), "message-hint message-problem");
      assert.equal(await page.locator("#message-problem").innerText(), "Please write a message.");
      assert.equal(await page.getByLabel("Your name").inputValue(), "Ada");
      assert.equal(await page.getByLabel("Your name").getAttribute("aria-invalid"), null);
      await sign(page, "  ", "Hello");
      assert.equal(await page.locator("#name:focus").count(), 1);
      assert.equal(await page.locator("#name-problem").innerText(), "Please tell us your name.");
      assert.equal(await message.inputValue(), "Hello");
      assert.equal(book.entries.length, 0);
    });
  });

  it("stands names and lines on the side where their script begins", async () => {
    const page = await browser.newPage();
    await write(ENGLISH, HEBREW, ARABIC);
    await page.goto(served.url);
    const left = async (index: number, part: string): Promise<number> =>
      (await page.locator("ol.entries > li").nth(index).locator(part).boundingBox())?.x ?? assert.fail(part);
    for (const [index, first] of ["time", "time", "h3"].entries()) {
      const nameFirst = (await left(index, "h3")) < (await left(index, "time"));
      assert.equal(nameFirst ? "h3" : "time", first, String(index));
    }
    assert.deepEqual(await page.evaluate<string[][]>(SIDES), [["right", "left"], ["right"], ["left", "right"]]);
    for (const [label, id, text] of [
      ["Your name", "name", ARABIC.name],
      ["Your message", "message", HEBREW.message],
    ] as const) {
      const direction = (): Promise<string> =>
        page.evaluate<string>(`getComputedStyle(document.getElementById("${id}")).direction`);
      await page.getByLabel(label).fill(text);
      assert.equal(await direction(), "rtl", label);
      await page.getByLabel(label).fill("Hello");
      assert.equal(await direction(), "ltr", label);
    }
    await page.close();
  });
});

const url = process.env["WEBINFRA_PAGE_URL"];
if (url) {
  describe(`the page at ${url}`, () => pageTests(() => url));
}
