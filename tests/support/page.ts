/** The guestbook in a real browser, used as a visitor would. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { assertAccessible } from "./axe";
import { openBrowser } from "./browser";

const SCREENS = [
  { name: "desktop", width: 1280, height: 800, picture: "guestbook.png" },
  { name: "phone", width: 390, height: 844, picture: "guestbook-phone.png" },
] as const;

const LARGEST_PICTURE = 200 * 1024;

/** An entry that no other is like, and that a reader of the README may see. */
function entry(): { readonly name: string; readonly message: string } {
  return { name: "Ada Lovelace", message: `I am visitor ${String(randomInt(1e8, 1e9))}, and I was here.` };
}

async function open(page: Page, url: string): Promise<void> {
  const answer = await page.goto(url);
  assert.equal(answer?.status(), 200);
}

/** Fills the form in and sends it; ends when the next page is there. */
export async function sign(page: Page, name: string, message: string): Promise<void> {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Your message").fill(message);
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Sign the guestbook" }).click()]);
}

const webServer = (page: Page): Promise<string> =>
  page.locator("footer dl > div", { hasText: "Web server" }).locator("dd").innerText();

/** How far the page is wider than the window; negative or 0 when there is nothing to scroll. */
export const overhang = (page: Page): Promise<number> =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

/**
 * Declares the tests of the page, in the describe block that calls it. They write a few entries.
 * Pictures of the page go to docs/images with UPDATE_SCREENSHOTS=1, else to a folder that is removed.
 * @param url the site's address; asked for when the tests run
 * @param webServers how many web servers take turns. Default 2.
 */
export function pageTests(url: () => string | Promise<string>, webServers = 2): void {
  describe("shows a visitor in a browser", function () {
    this.timeout(60_000);
    const update = process.env["UPDATE_SCREENSHOTS"] === "1";
    const pictures = update ? resolve(__dirname, "../../docs/images") : mkdtempSync(join(tmpdir(), "webinfra-page-"));
    let browser: Browser;
    let address: string;

    before(async () => {
      address = await url();
      browser = await openBrowser();
      mkdirSync(pictures, { recursive: true });
    });
    after(async () => {
      await browser.close();
      if (!update) {
        rmSync(pictures, { recursive: true, force: true });
      }
    });

    for (const { name: screen, width, height, picture } of SCREENS) {
      describe(`with a ${screen}'s screen`, () => {
        let context: BrowserContext;
        let page: Page;
        const problems: string[] = [];

        beforeEach(async () => {
          context = await browser.newContext({
            viewport: { width, height },
            isMobile: screen === "phone",
            hasTouch: screen === "phone",
            colorScheme: "light",
          });
          context.setDefaultTimeout(15_000);
          page = await context.newPage();
          problems.length = 0;
          page.on("pageerror", (error) => problems.push(error.message));
          page.on("requestfailed", (request) => {
            const why = request.failure()?.errorText ?? "";
            // The browser itself drops what is still on its way when the visitor goes on to the next page.
            if (why !== "net::ERR_ABORTED") {
              problems.push(`${request.url()}: ${why}`);
            }
          });
          page.on("response", (answer) => {
            if (answer.status() >= 500) {
              problems.push(`${answer.url()} answers ${String(answer.status())}`);
            }
          });
        });
        afterEach(async () => {
          await context.close();
          assert.deepEqual(problems, []);
        });

        it("an entry that was just written, as the first of the list, and still after a reload", async () => {
          const { name, message } = entry();
          await open(page, address);
          await sign(page, name, message);
          assert.equal(
            await page.getByRole("status").innerText(),
            `Thank you, ${name}! Your entry is in the guestbook.`,
          );
          await assertAccessible(page, "after an entry was written");
          await page.reload();
          assert.equal(await page.getByRole("status").count(), 0);
          for (let reload = 0; reload < 4; reload++) {
            const first = page.locator("ol.entries > li").first();
            assert.equal(await first.locator("h3").innerText(), name);
            assert.equal(await page.locator("ol.entries > li", { hasText: message }).count(), 1);
            assert.equal(await page.getByLabel("Your message").inputValue(), "");
            await page.reload();
          }
          assert.ok(
            (await overhang(page)) <= 0,
            `the page is ${String(await overhang(page))} px wider than the screen`,
          );
          const file = join(pictures, picture);
          await page.screenshot({ path: file });
          assert.ok(statSync(file).size < LARGEST_PICTURE, `${picture} has ${String(statSync(file).size)} bytes`);
        });

        it("that another web server answers after a reload", async () => {
          await open(page, address);
          const seen = new Set<string>();
          // Other visitors take turns as well.
          for (let reload = 0; reload < 6 * webServers && seen.size < webServers; reload++) {
            seen.add(await webServer(page));
            await page.reload();
          }
          assert.equal(seen.size, webServers, `only ${[...seen].join(", ")}`);
        });

        it("an empty message as a mistake, with the rest as it was written", async () => {
          await open(page, address);
          // The browser itself does not send an empty message ...
          await page.getByLabel("Your name").fill("Ada");
          await page.getByRole("button", { name: "Sign the guestbook" }).click();
          assert.equal(await page.locator("#message:invalid").count(), 1);
          assert.equal(await page.locator("#message-problem").count(), 0);
          // ... but one of spaces.
          await sign(page, "Ada", "   ");
          assert.equal(await page.locator("#message-problem").innerText(), "Please write a message.");
          assert.equal(await page.getByLabel("Your message").getAttribute("aria-invalid"), "true");
          assert.equal(await page.locator("#message:focus").count(), 1);
          await assertAccessible(page, "with an empty message");
          assert.equal(await page.getByLabel("Your name").inputValue(), "Ada");
          assert.ok((await overhang(page)) <= 0);
          const { message } = entry();
          await sign(page, "Ada", message);
          assert.equal(await page.locator("ol.entries > li", { hasText: message }).count(), 1);
        });

        it("a form that is wide and high enough to be used, and all of it within the screen", async () => {
          await open(page, address);
          for (const field of [
            page.getByLabel("Your name"),
            page.getByLabel("Your message"),
            page.getByRole("button", { name: "Sign the guestbook" }),
          ]) {
            const box = await field.boundingBox();
            assert.ok(box, "a part of the form is not shown");
            assert.ok(box.x >= 0 && box.x + box.width <= width, JSON.stringify(box));
            assert.ok(box.width >= 120 && box.height >= 32, `too small: ${JSON.stringify(box)}`);
          }
          assert.ok((await overhang(page)) <= 0);
        });

        it("a long word without breaking the page", async () => {
          await open(page, address);
          const word = `w${"o".repeat(250)}rd`;
          await sign(page, word.slice(0, 40), `${word} ${entry().message}`);
          assert.ok(
            (await overhang(page)) <= 0,
            `the page is ${String(await overhang(page))} px wider than the screen`,
          );
        });
      });
    }
  });
}
