/** Runs a Pulumi program against a monitor that records what the engine would be asked, and answers as our provider would. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { MockMonitor, type Mocks } from "@pulumi/pulumi/runtime/mocks";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings";
import type { RawConfig } from "../../config/parse";
import { awsAnswers, awsCalls } from "./answers/aws";
import { digitaloceanAnswers, digitaloceanCalls } from "./answers/digitalocean";

/** What marks a secret on its way to the engine. */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** A resource as the engine was asked to register it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Name and type of the parent, such as `web-1 (webinfra:index:Host)`. */
  readonly parent: string;
  readonly custom: boolean;
  /** Inputs; a secret is `{[signature]: …, value}` until {@link mask} hides it. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs that it waits for. */
  readonly dependencies: readonly string[];
  /** The same, for each input that comes from outputs of others. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  /** The explicit provider; empty: the default one. */
  readonly provider: string;
  /** Id of what exists already and is taken over; empty: none. */
  readonly importId: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
  /** Longest wait for a deletion; empty: the provider's own. */
  readonly deleteTimeout: string;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  /** Types that it may have had before. */
  readonly aliasTypes: readonly string[];
  /** What a component registered as its outputs. */
  outputs: Readonly<Record<string, unknown>>;
}

/** The part of the SDK's request that is recorded. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getCustom(): boolean;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getDependenciesList(): string[];
  getPropertydependenciesMap(): {
    forEach(each: (dependencies: { getUrnsList(): string[] }, input: string) => void): void;
  };
  getProvider(): string;
  getImportid(): string;
  getProtect(): boolean;
  getRetainondelete(): boolean;
  getDeletebeforereplace(): boolean;
  getCustomtimeouts(): { getDelete(): string } | undefined;
  getIgnorechangesList(): string[];
  getReplaceonchangesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getAliasesList(): { getSpec(): { getType(): string } | undefined }[];
}

interface RegisterResponse {
  getUrn(): string;
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> };
}

type Callback = (error: unknown, response: unknown) => void;

const nameOf = (urn: string): string => urn.split("::")[3] ?? "";
const typeOf = (urn: string): string => (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
/** Name and type of a URN. */
export const shortUrn = (urn: string): string => (urn ? `${nameOf(urn)} (${typeOf(urn)})` : "");

class Recorder extends MockMonitor {
  constructor(
    answers: Mocks,
    private readonly recorded: Recorded[],
  ) {
    super(answers);
  }

  override async registerResource(request: RegisterRequest, callback: Callback): Promise<void> {
    await super.registerResource(request, (error: unknown, response: RegisterResponse) => {
      if (!error) {
        const propertyDependencies: Record<string, readonly string[]> = {};
        request.getPropertydependenciesMap().forEach((dependencies, input) => {
          propertyDependencies[input] = dependencies.getUrnsList();
        });
        this.recorded.push({
          urn: response.getUrn(),
          type: request.getType(),
          name: request.getName(),
          parent: shortUrn(request.getParent()),
          custom: request.getCustom(),
          inputs: request.getObject()?.toJavaScript() ?? {},
          dependencies: request.getDependenciesList(),
          propertyDependencies,
          provider: request.getProvider(),
          importId: request.getImportid(),
          protect: request.getProtect(),
          retainOnDelete: request.getRetainondelete(),
          deleteBeforeReplace: request.getDeletebeforereplace(),
          deleteTimeout: request.getCustomtimeouts()?.getDelete() ?? "",
          ignoreChanges: request.getIgnorechangesList(),
          replaceOnChanges: request.getReplaceonchangesList(),
          additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
          aliasTypes: request.getAliasesList().map((alias) => alias.getSpec()?.getType() ?? ""),
          outputs: {},
        });
      }
      callback(error, response);
    });
  }

  override registerResourceOutputs(request: OutputsRequest, callback: Callback): void {
    const found = this.recorded.find(({ urn }) => urn === request.getUrn());
    if (found) {
      found.outputs = request.getOutputs().toJavaScript();
    }
    super.registerResourceOutputs(request, callback);
  }
}

/** What a provider adds to the inputs of a resource, by type; secret values by {@link wrap}. */
export type Answers = Readonly<
  Record<string, (name: string, inputs: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>>
>;
/** What a provider's functions (data sources) return, by token such as `aws:ec2/getAmi:getAmi`. */
export type Calls = Readonly<Record<string, (inputs: Readonly<Record<string, unknown>>) => Record<string, unknown>>>;

/** A secret as it travels. */
export const wrap = (value: string): Readonly<Record<string, string>> => ({ [signature]: secretSignature, value });

/** Marks of secrets that our provider would make: none of these may be seen in the plain. */
export const secretMark = "made-up-secret";

/** An address that follows from the host's name alone, whatever the order: `web-2` has 10.77.119.2. */
const addressOf = (host: string): string => `10.77.${String(host.charCodeAt(0))}.${host.split("-").at(-1) ?? "0"}`;

/** Answers as provider/ does, with fixed values. */
function provider(): Mocks {
  const made: Answers = {
    ...awsAnswers,
    ...digitaloceanAnswers,
    "random:index/randomPassword:RandomPassword": (name) => ({ result: wrap(`${secretMark}-${name}`) }),
    "webinfra:incus:Network": (_name, { name }) => ({ cidr: "10.77.0.0/24", gateway: "10.77.0.1", network: name }),
    "webinfra:incus:Volume": (_name, { name }) => ({ volume: name }),
    "webinfra:incus:Machine": (name) => ({
      machine: `webinfra-dev-${name}-abc123`,
      address: addressOf(name),
      status: "Running",
    }),
    "webinfra:secrets:Password": (name) => ({ result: wrap(`${secretMark}-${name}`) }),
    "webinfra:secrets:SealingKey": (name) => ({ identity: wrap(`${secretMark}-${name}`), recipient: `age1${name}` }),
    // Not what it seals: another one for another text.
    "webinfra:secrets:Sealed": (_name, { recipient, text }) => ({
      sealed: createHash("sha256")
        .update(JSON.stringify([recipient, text]))
        .digest("hex"),
    }),
    "webinfra:secrets:CertificateAuthority": (name) => ({
      certificate: `certificate of ${name}`,
      key: wrap(`${secretMark}-${name}-key`),
    }),
    "webinfra:secrets:Certificate": (name) => ({
      certificate: `certificate of ${name}`,
      key: wrap(`${secretMark}-${name}-key`),
    }),
    "webinfra:index:Ready": () => ({ checkedAt: "2025-01-01T00:00:00.000Z", outdated: [] }),
  };
  const calls: Calls = { ...awsCalls, ...digitaloceanCalls };
  return {
    call: ({ token, inputs }) => calls[token]?.(inputs as Record<string, unknown>) ?? {},
    newResource: ({ type, name, inputs }) => {
      const given = inputs as Record<string, unknown>;
      const state = made[type]?.(name, given) ?? {};
      return { id: typeof state.id === "string" ? state.id : `${name}-id`, state: { ...given, ...state } };
    },
  };
}

/** How to run a program. */
export interface RunOptions {
  /** `webinfra:` keys of the stack, without the namespace. */
  readonly config?: RawConfig;
  /** Keys that Pulumi would mark as secret. */
  readonly secretKeys?: readonly string[];
  readonly preview?: boolean;
  /** Name of the stack. Default: `dev`. */
  readonly stack?: string;
  /** Variables that are set meanwhile. Default: credentials that anyone can see are none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Gets what was registered, also when the program fails. */
  readonly recorded?: Recorded[];
}

const fakeCredentials = {
  AWS_ACCESS_KEY_ID: "fake",
  AWS_SECRET_ACCESS_KEY: "fake",
  DIGITALOCEAN_TOKEN: "fake",
};

/** Sets variables and returns what sets them back. */
function setEnvironment(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) {
        Reflect.deleteProperty(process.env, name);
      } else {
        process.env[name] = value;
      }
    }
  };
}

/** Runs `program` as a stack of project `webinfra`. */
export async function runProgram(
  program: () => Record<string, unknown> | Promise<Record<string, unknown>>,
  {
    config = {},
    secretKeys = [],
    preview = false,
    stack = "dev",
    environment = fakeCredentials,
    recorded = [],
  }: RunOptions = {},
): Promise<readonly Recorded[]> {
  const mocks = provider();
  await pulumi.runtime.setMocks(mocks, "webinfra", stack, preview);
  const recorder = new Recorder(mocks, recorded);
  setMockOptions(recorder, "webinfra", stack, preview);
  const namespaced = (key: string): string => (key.includes(":") ? key : `webinfra:${key}`);
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [namespaced(key), value])),
    secretKeys.map(namespaced),
  );
  const restore = setEnvironment(environment);
  try {
    await pulumi.runtime.runInPulumiStack(async () => await program());
  } finally {
    restore();
    await pulumi.runtime.disconnect();
  }
  return recorded;
}

const isSecret = (value: object): boolean => signature in value && Object.values(value).includes(secretSignature);

/** Hides every secret inside `value`; `shown` says what stands for it. */
export function mask(value: unknown, shown: (key: string) => string = () => "[secret]", key = ""): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (isSecret(value)) {
    return shown(key);
  }
  if (Array.isArray(value)) {
    return value.map((item) => mask(item, shown, key));
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mask(item, shown, name)]));
}

/** Every secret text inside `value`. */
export function secretsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  if (isSecret(value)) {
    return [JSON.stringify((value as { readonly value: unknown }).value)];
  }
  return Object.values(value).flatMap(secretsIn);
}

/** `value` with every secret inside it as plain text. */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (isSecret(value)) {
    return unwrapped((value as { readonly value: unknown }).value);
  }
  if (Array.isArray(value)) {
    return value.map(unwrapped);
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, unwrapped(item)]));
}
