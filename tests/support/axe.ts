/** What axe-core finds wrong with a page for people who do not see it, or see it otherwise. */
import assert from "node:assert/strict";
import axe, { type AxeResults, type Result } from "axe-core";
import type { Page } from "playwright-core";

const told = ({ id, help, nodes }: Result): string =>
  `${id} (${help}): ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ""}`).join("; ")}`;

/**
 * Asserts that a page breaks none of axe-core's rules, best practices and the size of targets included. Contrast that axe cannot
 * tell counts as broken too: nothing here lies on a picture or a gradient.
 * @param what the state of the page, for the message
 */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // Through the debugger, which the page's content security policy does not concern.
  await page.evaluate(axe.source);
  const { violations, incomplete, passes } = await page.evaluate<AxeResults>(
    'axe.run(document, { rules: { "target-size": { enabled: true } } })',
  );
  const untold = incomplete.filter(({ id }) => id === "color-contrast");
  assert.deepEqual([...violations, ...untold].map(told), [], what);
  // It did look: of a page that is blank there would be nothing to find.
  const judged = passes.map(({ id }) => id);
  assert.ok(
    ["color-contrast", "html-has-lang", "region"].every((id) => judged.includes(id)),
    `${what}: ${judged.join()}`,
  );
}
