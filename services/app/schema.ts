/** The application in a stack's configuration: `webinfra:app`. */
import { z } from "zod";
import * as ports from "../../core/ports";
import { matching, packageName, whenSound, wholeNumber } from "../../core/schema";
import { isReserved } from "./environment";

/** Names of environment variables that a POSIX shell can set. */
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Ports that hosts use themselves, in order. */
const takenPorts = Object.values(ports).toSorted((a, b) => a - b);

const variableName = (example: string) =>
  matching(environmentName, `the name of an environment variable, such as ${example}`).refine(
    (name) => !isReserved(name),
    "is set by webinfra itself: choose another name",
  );

const environmentValue = "should be one line of text";
const environment = z.record(
  variableName("LOG_LEVEL"),
  z
    .union([z.string(), z.number(), z.boolean()], { error: () => environmentValue })
    .transform(String)
    // systemd drops a variable with a control character in it, and says so only in the journal.
    .refine((value) => !/[^\P{Cc}\t]/u.test(value), environmentValue),
);

/** Requests at once, of an application that says nothing: as many as Node's or a threaded server's run-time takes without harm, and few enough to be answered in time. */
const defaultConcurrency = 64;

export const appSchema = z
  .strictObject({
    directory: z
      .string({ error: () => "should be a folder's path" })
      .min(1, "should be a folder's path")
      .default("app/dist")
      .meta({ description: "Folder with the code that runs on the application servers, relative to the project." }),
    packages: z
      .array(matching(packageName, "the name of a Debian package"))
      .default(["nodejs"])
      .meta({ description: "Debian packages that the application needs." }),
    start: matching(/^\/[^\n]*$/, "one line that starts with an absolute path, such as /usr/bin/node server.js")
      .default("/usr/bin/node server.js")
      .meta({
        description:
          "Command that starts the application, run in the release's folder; the first word is an absolute path.",
      }),
    port: wholeNumber(1024, 65000)
      .refine((port) => !takenPorts.some((taken) => taken === port || taken === port + 1), {
        error: ({ input }) =>
          `the application uses this port and the next, and webinfra itself uses ${String(takenPorts.find((taken) => taken >= Number(input)))}: should be others, such as 3000`,
      })
      .default(3000)
      .meta({
        description:
          "TCP port on the loopback interface that the application listens on (`$PORT`); the next one is used while a release is switched.",
      }),
    healthPath: matching(/^\/[A-Za-z0-9._~/-]*$/, "a path, such as /healthz")
      .default("/healthz")
      .meta({ description: "Path that answers 200 while the application can serve. It must not ask the database." }),
    concurrency: wholeNumber(1, 10_000)
      .optional()
      .meta({
        description:
          "Requests that the application of one host works on at once; more wait for up to two seconds and are then refused (503). Event streams are not counted: sixteen times as many may be open. " +
          `Default: ${String(defaultConcurrency)}; with \`php -S\`, its workers (\`PHP_CLI_SERVER_WORKERS\`, else 1).`,
      }),
    staticDirectory: matching(/^[A-Za-z0-9._-]+$/, "a folder's name inside app.directory")
      .default("static")
      .meta({ description: "Folder inside `directory` whose files Nginx serves itself under `/<its name>/`." }),
    environment: environment.default({}).meta({ description: "Environment of the application." }),
    secrets: z.array(variableName("API_TOKEN")).default([]).meta({
      description:
        "Names of values in `webinfra:secrets` that the application gets as environment variables of the same name.",
    }),
  })
  .superRefine(
    ({ environment, secrets }, context) => {
      secrets.forEach((name, index) => {
        if (Object.hasOwn(environment, name)) {
          context.addIssue({
            code: "custom",
            path: ["secrets", index],
            input: name,
            message: "stands in app.environment too: keep one of them",
          });
        }
      });
    },
    whenSound(["environment"], ["secrets"]),
  );

export type AppSettings = z.output<typeof appSchema>;

/** Requests that the application of one host works on at once. */
export function concurrencyOf({
  concurrency,
  start,
  environment,
}: Pick<AppSettings, "concurrency" | "start" | "environment">): number {
  if (concurrency !== undefined) {
    return concurrency;
  }
  if (!/\/php[0-9.]*(\s+-\S+(\s+[^\s-]\S*)?)*\s+-S\s/.test(start)) {
    return defaultConcurrency;
  }
  const workers = environment["PHP_CLI_SERVER_WORKERS"] ?? "";
  // PHP's built-in server takes nothing but a number above 1.
  return /^[1-9]\d{0,3}$/.test(workers) ? Number(workers) : 1;
}
