/** Words and patterns that the schemas of a stack's configuration are made of. */
import { z } from "zod";

/** DNS label: what a host's name and each part of a domain may be (RFC 1123). */
export const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const domainName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;
/** Debian package names (Debian Policy 5.6.1). */
export const packageName = /^[a-z0-9][a-z0-9+.-]+$/;
export const hostNamePattern = /^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$/;

/** One of these texts. */
export const oneOf = <T extends string>(values: readonly [T, ...T[]]) =>
  z.enum(values, { error: () => `should be one of ${values.map((value) => `"${value}"`).join(", ")}` });

/** A text of this pattern. @param right what it should be, as the end of "should be …" */
export const matching = (pattern: RegExp, right: string) =>
  z.string({ error: () => `should be ${right}` }).regex(pattern, `should be ${right}`);

/** A whole number from `least` to `most`, which may be given as text. */
export const wholeNumber = (least: number, most: number, unit = "") => {
  const right = `should be a whole number from ${String(least)} to ${String(most)}${unit && ` ${unit}`}`;
  // A number set from the command line arrives as text. Not z.coerce, which takes "" and null for 0.
  const typed = (value: unknown): unknown =>
    typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  return z.preprocess(
    typed,
    z
      .number({ error: () => right })
      .int(right)
      .min(least, right)
      .max(most, right),
  );
};

/** Truth set from the command line arrives as text. */
export const truth = z.union([z.boolean(), z.stringbool({ truthy: ["true"], falsy: ["false"] })], {
  error: () => "should be true or false",
});

/** Runs a rule over several keys whenever these keys are sound themselves, whatever is wrong elsewhere: one error lists every problem. */
export const whenSound = (...keys: readonly (readonly string[])[]) => ({
  when: ({
    issues,
  }: {
    readonly issues: readonly {
      readonly code?: string | undefined;
      readonly path?: readonly PropertyKey[] | undefined;
    }[];
  }) =>
    !issues.some(
      ({ code, path = [] }) =>
        code !== "unrecognized_keys" &&
        keys.some((key) => key.slice(0, path.length).every((part, index) => part === path[index])),
    ),
});
