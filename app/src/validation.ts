/** Longest name, in characters (Unicode code points). */
export const NAME_LIMIT = 80;
/** Longest message, in characters (Unicode code points). */
export const MESSAGE_LIMIT = 1000;

/** What a visitor sends; `id` makes sending it twice the same as sending it once. */
export interface Draft {
  /** A UUID in lower case. */
  readonly id: string;
  readonly name: string;
  readonly message: string;
}

export type FieldName = "name" | "message" | "id";

/** One problem with what was sent. */
export interface FieldProblem {
  readonly field: FieldName;
  /** What is wrong and what would be right, for whoever writes a program: it names the field as the API does. */
  readonly text: string;
  /** The same for a visitor, who reads it beside the field. */
  readonly advice: string;
}

export type Validation =
  { readonly ok: true; readonly draft: Draft } | { readonly ok: false; readonly problems: readonly FieldProblem[] };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID in its usual form of 36 characters. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Checks and tidies an entry: surrounding space goes, line ends become `\n`.
 *
 * @param input - the fields as they came; anything may be in them
 * @param makeId - gives the id of an entry that came without one
 */
export function validateEntry(input: Readonly<Record<string, unknown>>, makeId: () => string): Validation {
  const problems: FieldProblem[] = [];
  const name = checkText("name", input["name"], NAME_LIMIT, problems);
  const message = checkText("message", input["message"], MESSAGE_LIMIT, problems);
  const given = input["id"];
  let id = "";
  if (given === undefined || given === null || given === "") {
    id = makeId();
  } else if (typeof given === "string" && isUuid(given)) {
    id = given.toLowerCase();
  } else {
    problems.push({
      field: "id",
      text: `id is ${shown(given)}, it must be a UUID such as 3f2b8c1e-5d0a-4f6b-9c7d-2e1a0b9c8d7f, or be left out`,
      advice: "This form was damaged on its way. Your text is still here: please send it again.",
    });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, draft: { id, name, message } };
}

const ADVICE = {
  name: {
    empty: "Please tell us your name.",
    unprintable: "Your name has characters that cannot be shown. Please type it again, on one line.",
  },
  message: {
    empty: "Please write a message.",
    unprintable: "Your message has characters that cannot be shown. Please take them out, or type it again.",
  },
} as const;

function checkText(field: "name" | "message", value: unknown, limit: number, problems: FieldProblem[]): string {
  const rule = `it must be 1 to ${String(limit)} characters of text`;
  const { empty, unprintable } = ADVICE[field];
  if (value === undefined || value === null) {
    problems.push({ field, text: `${field} is missing, ${rule}`, advice: empty });
    return "";
  }
  if (typeof value !== "string") {
    problems.push({ field, text: `${field} is ${shown(value)}, ${rule}`, advice: empty });
    return "";
  }
  const text = value
    .replace(/\p{Surrogate}/gu, "\uFFFD")
    .replace(/\r\n?/g, "\n")
    .trim();
  const length = Array.from(text).length;
  // Characters that show nothing, such as a zero-width space, make no name.
  if (text.replace(/[\s\p{Cf}]/gu, "") === "") {
    problems.push({ field, text: `${field} is empty, ${rule}`, advice: empty });
  } else if (length > limit) {
    problems.push({
      field,
      text: `${field} has ${String(length)} characters, ${rule}`,
      advice: `Your ${field} has ${String(length)} characters, and there is room for ${String(limit)}. Please shorten it.`,
    });
  } else if (hasControlCharacter(text, field === "message")) {
    const allowed = field === "message" ? "text, line ends and tabs" : "text on one line";
    problems.push({
      field,
      text: `${field} has control characters, it may hold only ${allowed}`,
      advice: unprintable,
    });
  }
  return text;
}

function hasControlCharacter(text: string, lines: boolean): boolean {
  return lines ? /[^\P{Cc}\n\t]/u.test(text) : /\p{Cc}/u.test(text);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
