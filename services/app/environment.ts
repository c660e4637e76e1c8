/** The variables that webinfra sets for the application, beside those that the stack gives it. docs/applications.md says what each is. */

const endpoints = ["WRITE", "READ"] as const;
const endpointParts = ["HOST", "PORT", "USER", "PASSWORD", "NAME", "CA", "SERVER_NAME"] as const;

type Endpoint = (typeof endpoints)[number];
type EndpointPart = (typeof endpointParts)[number];
export type HostVariable = "HOST" | "SERVER_NAME" | `DATABASE_${Endpoint}_${EndpointPart}`;

/** By who sets them: the host's definition, that of each of the two that take turns, the machine when it is set up, and the release program. */
export const applicationVariables = {
  host: [
    "HOST",
    "SERVER_NAME",
    ...endpoints.flatMap((endpoint) => endpointParts.map((part) => `DATABASE_${endpoint}_${part}` as const)),
  ] satisfies HostVariable[],
  colour: ["PORT"],
  machine: ["MACHINE_ID", "PRIVATE_ADDRESS"],
  release: ["RELEASE"],
} as const;

/** Whether webinfra sets a variable itself, or may: a stack that set it would break the site. */
export const isReserved = (name: string): boolean =>
  name.startsWith("DATABASE_WRITE_") ||
  name.startsWith("DATABASE_READ_") ||
  Object.values(applicationVariables)
    .flat()
    .some((one) => one === name);
