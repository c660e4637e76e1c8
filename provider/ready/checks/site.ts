/** The site's first page is served. */
import type { Answer } from "../../probe";
import { type Ask, type Expectation, PAGE_MS, type Scene, type SiteCheck } from "./check";

/** Asks for the first page. @param timeoutMs default: 10 s */
export const askForPage = (
  { site, host }: Pick<Expectation, "site" | "host">,
  ask: Ask,
  timeoutMs = PAGE_MS,
): Promise<Answer> => ask(new URL("/", site).href, { timeoutMs, ...(host !== undefined && { host }) });

/** Whether that is a site that is served: a redirection to a log-in, or an API with nothing at "/", is as good as a page. */
export const isServed = (answer: Answer): boolean => answer.status !== undefined && answer.status < 500;

export function siteCheck({ expectation }: Scene): SiteCheck {
  let page: Answer | undefined;
  return {
    async look(ask) {
      page = await askForPage(expectation, ask);
    },
    missing() {
      if (page === undefined) {
        return "its first page was not asked for yet";
      }
      if (isServed(page)) {
        return undefined;
      }
      return page.status === undefined
        ? `the site does not answer (${page.problem})`
        : `the site answers ${String(page.status)}`;
    },
  };
}
