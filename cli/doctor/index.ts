/** `webinfra doctor`: what is wrong with this machine and the stack, and what to do about it. Changes nothing. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { parse } from "yaml";
import { z } from "zod";
import { ConfigError } from "../../core/config-error";
import type { Config } from "../../config/schema";
import { UserError } from "../../core/errors";
import { isLocal, localPlatform } from "../../operations/platforms";
import type { Answered } from "../../operations/status";
import { listNetworks, networkName, surveyImages } from "../../provider/incus";
import { IncusClient, IncusError, POOL, PROJECT, socketPath } from "../../provider/incus/client";
import { subnetsInUse } from "../../provider/incus/network";
import { place } from "../../topology/place";
import type { CommandContext } from "../context";
import { passphraseFile } from "../engine/backend";
import { configOf } from "../engine/configuration";
import { findPulumiRoot, ownLanguageHost, plainPulumi } from "../engine/pulumi";
import { stackStatus } from "../engine/site";
import { platformOf, stackFacts, type StackFacts, stateOnDisk } from "../engine/stack";
import { fileFor, readSettings } from "../engine/stackfile";
import { readLocks, stacksInDirectory } from "../engine/state";
import { exitCode } from "../errors";
import { type Check, findingLines, type Outcome, problem, runChecks, skipped } from "./check";
import {
  judgeBakedImages,
  judgeDependencies,
  judgeDisk,
  judgeHome,
  judgeImage,
  judgeIncus,
  judgeIncusError,
  judgeMemory,
  judgeNode,
  judgePassphrase,
  judgePlainPulumi,
  judgePlugin,
  judgePool,
  judgeProject,
  judgePulumi,
  type LockedPackages,
  type Needs,
} from "./machine";
import { judgeConfig, judgeDefinitions, judgeHosts, judgeNetwork, judgeRuns } from "./stack";

const run = promisify(execFile);

const packageSchema = z.object({ engines: z.object({ node: z.string() }) });
const lockSchema = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), optional: z.boolean().optional() })),
});
const projectFileSchema = z.object({
  plugins: z.object({ providers: z.array(z.object({ name: z.string(), path: z.string().optional() })) }).optional(),
});
const IMAGE = "webinfra-debian-13";

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function modeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mode;
}

function lockedPackages(file: string): LockedPackages {
  return lockSchema.parse(readJson(file)).packages;
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function pulumiVersion(context: CommandContext): Promise<string | undefined> {
  const root = findPulumiRoot(context.environment);
  if (root === undefined) {
    return undefined;
  }
  const { stdout } = await run(join(root, "bin", "pulumi"), ["version"], {
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  return stdout.trim().replace(/^v/, "");
}

/** What setup/image.sh writes into the image that it makes: a digest of everything that the image is made from. */
function imageRecipe(packageFolder: string): string {
  const templates = join("image", "templates");
  const files = readdirSync(join(packageFolder, "setup", templates)).filter((name) => name.endsWith(".tpl"));
  const hash = createHash("sha256");
  for (const file of ["image.sh", "image/customize.sh", "image/metadata.yaml"]) {
    hash.update(readFileSync(join(packageFolder, "setup", file)));
  }
  for (const file of files.sort()) {
    hash.update(readFileSync(join(packageFolder, "setup", templates, file)));
  }
  return hash.digest("hex").slice(0, 12);
}

function machineChecks(context: CommandContext, { home, backend, project, name }: StackFacts): Check[] {
  const { root, packageFolder } = context;
  return [
    {
      name: "Node",
      run: () =>
        judgeNode(
          process.versions.node,
          packageSchema.parse(readJson(join(packageFolder, "package.json"))).engines.node,
        ),
    },
    {
      name: "npm dependencies",
      run() {
        const installed = join(root, "node_modules", ".package-lock.json");
        return judgeDependencies(
          lockedPackages(join(root, "package-lock.json")),
          existsSync(installed) ? lockedPackages(installed) : undefined,
        );
      },
    },
    { name: "Pulumi CLI", run: async () => judgePulumi(await pulumiVersion(context), sdkVersion) },
    {
      name: "plain pulumi",
      run: () => judgePlainPulumi(name, plainPulumi(context.environment), executable(ownLanguageHost)),
    },
    {
      name: "provider plugin",
      run() {
        const { plugins } = projectFileSchema.parse(parse(readFileSync(join(root, "Pulumi.yaml"), "utf8")));
        const plugin = relative(root, join(packageFolder, "provider", "pulumi-resource-webinfra"));
        const named = plugins?.providers.some(({ name }) => name === "webinfra") === true;
        return judgePlugin(plugin, executable(join(root, plugin)), named);
      },
    },
    { name: "WEBINFRA_HOME", run: () => judgeHome(home, modeOf(home)) },
    {
      name: "passphrase",
      run: () =>
        judgePassphrase({
          file: passphraseFile(home),
          mode: modeOf(passphraseFile(home)),
          used: backend.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] !== undefined,
          stacks: backend.directory !== undefined && stacksInDirectory(backend.directory, project).length > 0,
        }),
    },
  ];
}

/** The stack's configuration as the checks after it need it. */
class StackConfiguration {
  platform: string = localPlatform;
  config: Config | undefined;

  constructor(
    private readonly context: CommandContext,
    private readonly facts: StackFacts,
  ) {}

  judge(): Outcome {
    let file;
    try {
      file = fileFor({
        root: this.context.root,
        home: this.facts.home,
        stack: this.facts.name,
        advice: "names",
      });
    } catch (error) {
      if (error instanceof UserError) {
        return problem(error.message, "name one of those with --stack");
      }
      throw error;
    }
    try {
      const settings = readSettings(file);
      this.platform = platformOf(settings);
      const config = configOf(settings);
      place(config);
      this.config = config;
      return judgeConfig(file, []);
    } catch (error) {
      if (error instanceof ConfigError) {
        return judgeConfig(file, error.problems);
      }
      if (error instanceof UserError) {
        return judgeConfig(file, [error.message]);
      }
      throw error;
    }
  }
}

const projectSchema = z.object({ config: z.record(z.string(), z.string()) });
const poolSchema = z.object({ driver: z.string(), config: z.record(z.string(), z.string()) });
const resourcesSchema = z.object({ space: z.object({ used: z.number(), total: z.number() }) });
const serverSchema = z.object({ environment: z.object({ server_version: z.string() }) });

/** Bytes that the pool can take: what is free in it, and on the file system that it grows on. */
async function freeInPool(client: IncusClient): Promise<number> {
  const { space } = await client.get(`/1.0/storage-pools/${POOL}/resources`, resourcesSchema);
  const { config } = await client.get(`/1.0/storage-pools/${POOL}`, poolSchema);
  const source = config["source"];
  const inPool = space.total - space.used;
  try {
    const below = statfsSync(source?.endsWith(".img") === true ? dirname(source) : (source ?? "/"));
    return Math.min(inPool, below.bavail * below.bsize);
  } catch {
    // A block device, or a folder that this user may not see.
    return inPool;
  }
}

function needsOf(machines: Answered, config: Config): Needs {
  const running = new Set(machines.filter(([machine]) => machine.running).map(([machine]) => machine.host));
  const missing = place(config).hosts.filter((host) => !running.has(host.name));
  return {
    hosts: missing.length,
    databases: missing.filter(({ roles }) => roles.includes("database")).length,
    databaseBytes: config.mysql.memoryMiB * 2 ** 20,
  };
}

function incusChecks(context: CommandContext, facts: StackFacts, stack: StackConfiguration): Check[] {
  const { environment, packageFolder } = context;
  const { name } = facts;
  const client = new IncusClient(socketPath(environment));
  let answers = false;
  let looked: ReturnType<typeof stackStatus> | undefined;
  const look = (): ReturnType<typeof stackStatus> => (looked ??= stackStatus(context, name));
  const ask = (check: string, judge: () => Outcome | Promise<Outcome>): Check => ({
    name: check,
    run: () =>
      !isLocal(stack.platform)
        ? skipped(`the stack is on ${stack.platform}`)
        : answers
          ? judge()
          : skipped("Incus does not answer"),
  });
  const askForConfig = (check: string, judge: (config: Config) => Outcome | Promise<Outcome>): Check =>
    ask(check, () => (stack.config === undefined ? skipped("the configuration has a problem") : judge(stack.config)));
  return [
    {
      name: "Incus",
      async run() {
        if (!isLocal(stack.platform)) {
          return skipped(`the stack is on ${stack.platform}`);
        }
        try {
          const { environment: server } = await client.get("/1.0", serverSchema);
          answers = true;
          return judgeIncus(server.server_version);
        } catch (error) {
          if (error instanceof IncusError) {
            return judgeIncusError(error.kind, error.message, client.socket);
          }
          throw error;
        }
      },
    },
    ask("Incus project", async () =>
      judgeProject(PROJECT, (await client.find(`/1.0/projects/${PROJECT}`, projectSchema))?.config),
    ),
    ask("storage pool", async () =>
      judgePool(POOL, (await client.find(`/1.0/storage-pools/${POOL}`, poolSchema))?.driver),
    ),
    ask("image", async () => {
      const alias = await client.find(
        `/1.0/images/aliases/${IMAGE}?project=${PROJECT}`,
        z.object({ target: z.string() }),
      );
      const image =
        alias &&
        (await client.find(
          `/1.0/images/${alias.target}?project=${PROJECT}`,
          z.object({ properties: z.record(z.string(), z.string()) }),
        ));
      return judgeImage(IMAGE, image && (image.properties["recipe"] ?? ""), imageRecipe(packageFolder));
    }),
    ask("images with packages", async () => judgeBakedImages(await surveyImages(client))),
    askForConfig("disk", async (config) =>
      judgeDisk(await freeInPool(client), needsOf((await look()).machines, config)),
    ),
    askForConfig("memory", async (config) =>
      judgeMemory(process.availableMemory(), needsOf((await look()).machines, config)),
    ),
    askForConfig("network", async (config) => {
      const own = (await listNetworks(name, client)).find((network) => network.name === networkName(name));
      return judgeNetwork({
        stack: name,
        present: own?.cidr,
        configured: config.network.cidr,
        taken: await subnetsInUse(client, networkName(name)),
      });
    }),
    ask("hosts", async () => {
      const { report, machines } = await look();
      return judgeHosts(report, machines);
    }),
    ask("definitions", async () => judgeDefinitions((await look()).report)),
  ];
}

function stateChecks(facts: StackFacts): Check[] {
  const { backend, project, name } = facts;
  const { directory } = backend;
  const elsewhere = skipped(`the state is at ${backend.url}`);
  return [
    {
      name: "earlier runs",
      run: () =>
        directory === undefined ? elsewhere : judgeRuns(name, readLocks(directory, project, name), stateOnDisk(facts)),
    },
  ];
}

/** What `doctor --json` prints. */
export interface DoctorReport {
  readonly stack: string;
  /** Whether no check found a problem. */
  readonly well: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly state: Outcome["state"];
    readonly detail: string;
    /** What to do; only with a problem. */
    readonly remedy?: string;
  }[];
}

/** Runs the checks and prints what they found. Returns the exit code: 0 when all is well, else 3. */
export async function doctor(context: CommandContext, name: string): Promise<number> {
  const { output } = context;
  const facts = stackFacts(context, name);
  const stack = new StackConfiguration(context, facts);
  const checks = await runChecks([
    ...machineChecks(context, facts),
    { name: "configuration", run: () => stack.judge() },
    ...incusChecks(context, facts, stack),
    ...stateChecks(facts),
  ]);
  const report: DoctorReport = { stack: name, well: checks.every(({ state }) => state !== "problem"), checks };
  for (const line of findingLines(checks, output.colours)) {
    output.result(line);
  }
  output.data(report);
  return report.well ? exitCode.ok : exitCode.notAsExpected;
}
