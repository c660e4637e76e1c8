/** What a run was given for itself alone, and the command that keeps it; and what the next run takes back. */
import { isDeepStrictEqual } from "node:util";
import { defaultStack } from "../command";
import { shellWord } from "../terminal/shell-word";
import { applyOverrides, overrideText, valueAt } from "./stackfile";
import type { Override } from "./workfolder";

type Configuration = Readonly<Record<string, unknown>>;

/** The overrides that change something about a configuration. */
export const effectiveOverrides = (overrides: readonly Override[], config: Configuration): readonly Override[] =>
  overrides.filter((one) => !isDeepStrictEqual(valueAt(config, one), one.value));

/** What names a stack and its file on a command line. It goes before values, which may hold anything. */
export const fileOptions = (stack: string, configFile: string | undefined): readonly string[] => [
  ...(stack === defaultStack ? [] : ["--stack", stack]),
  ...(configFile === undefined ? [] : ["--config-file", configFile]),
];

/** The commands that write values into the stack's file. @param options those of `config set`, such as `--config-file F` */
function keepingCommand(overrides: readonly Override[], options: readonly string[]): string {
  const set = overrides.filter(({ value }) => value !== undefined).map((one) => shellWord(overrideText(one)));
  const unset = overrides.filter(({ value }) => value === undefined).map(({ key }) => key.replace(/^webinfra:/, ""));
  const call = (verb: string, words: readonly string[]): string[] =>
    words.length === 0 ? [] : [["webinfra config", verb, ...options.map(shellWord), ...words].join(" ")];
  return [...call("unset", unset), ...call("set", set)].join(" && ");
}

const sameKey = (one: Override, other: Override): boolean =>
  one.key === other.key && isDeepStrictEqual(one.path, other.path);

const shownValue = (value: unknown): string =>
  value === undefined ? "not set" : typeof value === "string" ? value : JSON.stringify(value);

/**
 * What a run takes back of what the last one was given.
 * @param config the stack's file
 * @param now what this run is given
 */
export function takenBackLines(
  config: Configuration,
  last: readonly Override[],
  now: readonly Override[],
  options: readonly string[],
): readonly string[] {
  const wanted = applyOverrides(config, now);
  const gone = effectiveOverrides(last, wanted).filter((one) => !now.some((other) => sameKey(one, other)));
  if (gone.length === 0) {
    return [];
  }
  const changes = gone.map(
    (one) =>
      `${one.key.replace(/^webinfra:/, "")}${one.path.map((part) => `.${part}`).join("")} from ${shownValue(one.value)} to ${shownValue(valueAt(wanted, one))}`,
  );
  return [
    `the last run was given values for itself alone, and this one takes them back: ${changes.join("; ")}`,
    `to keep them: \`${keepingCommand(gone, options)}\``,
  ];
}

/** What a run says of values that it was given for itself alone. @param config the stack's file */
export function forThisRunLines(
  config: Configuration,
  overrides: readonly Override[],
  options: readonly string[],
): readonly string[] {
  const given = effectiveOverrides(overrides, config);
  return given.length === 0
    ? []
    : [
        `for this run alone: ${given
          .filter(({ value }) => value !== undefined)
          .map(overrideText)
          .join(", ")}; the next \`webinfra up\` takes that back`,
        `to keep it: \`${keepingCommand(given, options)}\``,
      ];
}
