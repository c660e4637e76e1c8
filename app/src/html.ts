/** A piece of finished HTML; only `html` and `raw` make one, so that text cannot get into a page unescaped. */
export class Html {
  public constructor(public readonly text: string) {}
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes text safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

type Part = string | Html | readonly Html[];

/** Template tag: what is interpolated is escaped, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    strings.reduce((text, piece, index) => {
      const part = parts[index - 1];
      return text + (part === undefined ? "" : rendered(part)) + piece;
    }),
  );
}

function rendered(part: Part): string {
  if (typeof part === "string") {
    return escapeHtml(part);
  }
  return part instanceof Html ? part.text : part.map(({ text }) => text).join("");
}
