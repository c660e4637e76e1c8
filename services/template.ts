import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Liquid } from "liquidjs";

const read = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");

/** User-data has room for little: comments stay in the repository. Only whole lines, and not a script's first one. */
const withoutComments = (text: string): string => text.replace(/^[ \t]*#(?!!).*\n/gm, "");

/**
 * Renders the template `name` that stands in `folder`, and those beside it that it names. Comment lines (`#`) do not go to hosts. A line that holds
 * nothing but a tag leaves no line.
 * @throws when the template names a value that the view does not have, or a filter that there is none of
 */
export function render(folder: string, name: string, view: object): string {
  const engine = new Liquid({
    root: folder,
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    greedy: false,
    trimTagLeft: true,
    trimTagRight: true,
  });
  const text: unknown = engine.renderFileSync(name, view);
  return withoutComments(String(text));
}

/** The text of a configuration file or script that goes to hosts, without its comment lines. */
export const fileText = (folder: string, name: string): string => withoutComments(read(folder, name));

/** The text of a page that goes to hosts to the letter. */
export const pageText = read;

const bootstrapFolder = join(__dirname, "..", "host", "bootstrap");

/** The text of a script in `host/bootstrap/`, without its comment lines. */
export const bootstrapScript = (name: string): string => fileText(bootstrapFolder, name);
