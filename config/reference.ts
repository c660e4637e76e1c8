/**
 * What the schema says, for readers: the reference of all keys, and a JSON Schema for the stacks' files. Both are written
 * into the repository by `npm run docs`.
 */
import { z } from "zod";
import { stackFileSections } from "./keys";
import { configSchema } from "./schema";

/** One key of the configuration. */
export interface Key {
  /** Below `webinfra:`, with `[]` for the entries of a list: `mysql.source.pins[].package`. */
  readonly path: string;
  /** What may stand there, in words. */
  readonly allowed: string;
  /** The default as it would be written in YAML; undefined when there is none. */
  readonly default: string | undefined;
  /** Whether the configuration is refused without it. */
  readonly required: boolean;
  readonly description: string;
}

interface Unwrapped {
  readonly schema: z.core.$ZodType;
  readonly default: unknown;
  readonly optional: boolean;
}

function unwrap(schema: z.core.$ZodType): Unwrapped {
  let current = schema;
  let fallback: unknown;
  let optional = false;
  for (;;) {
    if (current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
      fallback ??= current.def.defaultValue;
      optional = true;
      current = current.unwrap();
    } else if (current instanceof z.ZodOptional) {
      optional = true;
      current = current.unwrap();
    } else {
      return { schema: current, default: fallback, optional };
    }
  }
}

/** What the schema asks for, in the words of its own error; undefined when it takes everything or has no words. */
function wanted(schema: z.core.$ZodType): string | undefined {
  // No value of a configuration is a symbol, so every schema that asks for anything refuses it.
  const message = z.safeParse(schema, Symbol("no value")).error?.issues[0]?.message;
  return message?.startsWith("should be ") ? message.slice("should be ".length) : undefined;
}

function allowed(schema: z.core.$ZodType): string {
  const words = wanted(schema);
  if (words !== undefined) {
    return words;
  }
  if (schema instanceof z.ZodArray) {
    return schema.element instanceof z.ZodObject ? "list" : `list; each ${allowed(schema.element)}`;
  }
  if (schema instanceof z.ZodRecord) {
    return `names and values; each name ${allowed(schema.keyType)}; each value ${allowed(schema.valueType)}`;
  }
  if (schema instanceof z.ZodUnion) {
    return [...new Set(schema.options.map(allowed))].join(" or ");
  }
  if (schema instanceof z.ZodPipe) {
    return allowed(schema.out);
  }
  if (schema instanceof z.ZodBoolean) {
    return "true or false";
  }
  if (schema instanceof z.ZodString) {
    return "text";
  }
  return schema instanceof z.ZodObject ? "keys, below" : "anything";
}

function yaml(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function described(schema: z.core.$ZodType): string {
  return z.globalRegistry.get(schema)?.description ?? "";
}

function keysOf(object: z.ZodObject, prefix: string): Key[] {
  return Object.entries(object.shape as Readonly<Record<string, z.core.$ZodType>>).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    const inner = unwrap(schema);
    const isGroup = inner.schema instanceof z.ZodObject;
    const key: Key = {
      path,
      allowed: allowed(inner.schema),
      default: isGroup ? undefined : yaml(inner.default),
      required: !inner.optional,
      description: described(schema),
    };
    const element = inner.schema instanceof z.ZodArray ? unwrap(inner.schema.element).schema : undefined;
    if (inner.schema instanceof z.ZodObject) {
      return [key, ...keysOf(inner.schema, `${path}.`)];
    }
    return element instanceof z.ZodObject ? [key, ...keysOf(element, `${path}[].`)] : [key];
  });
}

/** Every key of a stack's configuration, in the schema's order. */
export function configurationKeys(): Key[] {
  return keysOf(configSchema, "");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** docs/configuration.md */
export function configurationMarkdown(): string {
  const rows = configurationKeys().map(({ path, allowed: what, default: fallback, required, description }) => {
    const without = fallback === undefined ? (required ? "must be set" : "") : `\`${fallback}\``;
    return `| \`${path}\` | ${cell(description)} | ${cell(what)} | ${cell(without)} |`;
  });
  return [
    "# Configuration",
    "",
    "<!-- Generated from config/schema.ts by `npm run docs`. -->",
    "",
    "Every key stands under `webinfra:` in `Pulumi.<stack>.yaml` (`webinfra:web: 4`), or is given for one run with",
    "`--config web=4`; a dot goes one level down: `--config app.directory=../shop`. A key that is not listed here is refused,",
    "and so is a value that is not allowed; the error names the key and what would be right.",
    "",
    "[Your own application](applications.md) says what it has to do, and what it finds.",
    "",
    "An editor with a YAML language server completes and checks the keys when the file begins with",
    "`# yaml-language-server: $schema=schema/stack.schema.json`.",
    "",
    "<!-- prettier-ignore -->",
    "| key | meaning | allowed | default |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

/** JSON Schema of `Pulumi.<stack>.yaml`: our keys are checked, other namespaces and Pulumi's own keys are left alone. */
export function stackFileSchema(): Record<string, unknown> {
  const { $schema, properties, required } = z.toJSONSchema(configSchema, {
    io: "input",
    target: "draft-7",
    override({ zodSchema, jsonSchema }) {
      // zod leaves it out where the value is converted first; here, both sides look the same.
      if (zodSchema instanceof z.ZodDefault) {
        jsonSchema.default = zodSchema.def.defaultValue;
      }
      // `pulumi config set` writes numbers as text.
      if (zodSchema instanceof z.ZodPipe && jsonSchema.type === "integer") {
        Object.assign(jsonSchema, { type: ["integer", "string"], pattern: "^-?\\d+$" });
      }
    },
  });
  return {
    $schema,
    title: "A stack of webinfra (Pulumi.<stack>.yaml)",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(properties ?? {}).map(([name, key]) => [`webinfra:${name}`, key]),
        ),
        required: (required ?? []).map((name) => `webinfra:${name}`),
        // A key of ours that is not listed is a mistake, and so is one without a namespace; `aws:region` is not.
        patternProperties: { "^(?!webinfra:)[^:]+:": {} },
        additionalProperties: false,
      },
      // What is Pulumi's own.
      ...Object.fromEntries(
        stackFileSections.filter((section) => section !== "config").map((section) => [section, {}]),
      ),
    },
    additionalProperties: false,
    required: ["config"],
  };
}
