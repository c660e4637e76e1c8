/** The applications in docs/examples/, as docs/applications.md shows them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "./site";

export interface Example {
  readonly name: string;
  /** What the page says belongs into the stack's file, under `webinfra:app`. */
  readonly app: { readonly directory: string; readonly start: string };
  /** The texts of its files, by their paths from docs/. */
  readonly files: Readonly<Record<string, string>>;
  /** The commands that build it, where there are any. */
  readonly build: readonly string[];
}

const settings = z.strictObject({ "webinfra:app": z.looseObject({ directory: z.string(), start: z.string() }) });

/** Every block of this language in a part of the page. */
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, body = ""]) => body);

/** Reads the page. */
export function examples(): readonly Example[] {
  const page = readFileSync(join(repository, "docs/applications.md"), "utf8");
  const [, section = ""] = /^## Examples\n([^]*?)^## /m.exec(page) ?? [];
  return section
    .split(/^### /m)
    .slice(1)
    .map((text) => ({
      name: text.slice(0, text.indexOf("\n")),
      app: settings.parse(parse(blocks(text, "yaml")[0] ?? ""))["webinfra:app"],
      files: Object.fromEntries(
        [...text.matchAll(/^\[`[^`\n]+`\]\((\S+)\):\n\n```\w+\n([^]*?)^```$/gm)].map(([, path = "", body = ""]) => [
          path,
          body,
        ]),
      ),
      build: blocks(text, "sh").filter((body) => body.includes("go build")),
    }));
}
