/**
 * The page tests alone, against a site that runs: WEBINFRA_PAGE_URL=http://10.77.0.5 npx mocha tests/e2e/site/page.test.ts
 * Without it they are part of site.test.ts, which has a site.
 */
import { pageTests } from "../../support/page";

const url = process.env["WEBINFRA_PAGE_URL"];
if (url) {
  describe(`the page at ${url}`, () => pageTests(() => url));
}
// A file without tests is a failure where files run side by side.
else {
  it("the page of a site that WEBINFRA_PAGE_URL names");
}
