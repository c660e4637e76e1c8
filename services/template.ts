import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Liquid } from "liquidjs";

/**
 * Renders the template `name` that stands in `folder`, and those beside it that it names. A line that holds nothing but a tag leaves no line.
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
  return String(text);
}

/** The text of a file that goes to hosts as it is. */
export const fileText = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8");

const bootstrapFolder = join(__dirname, "..", "host", "bootstrap");

/** The text of a script in `host/bootstrap/`. */
export const bootstrapScript = (name: string): string => fileText(bootstrapFolder, name);
