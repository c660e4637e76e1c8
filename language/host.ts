/**
 * Pulumi's language host for this repository's program and policy pack alone. The official one comes with the Pulumi CLI;
 * a CLI that was built from its Go module has none (docs/adr/0004).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  StatusBuilder,
} from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import {
  AboutResponse,
  DependencyInfo,
  GetProgramDependenciesResponse,
  GetRequiredPackagesResponse,
  type InstallDependenciesRequest,
  type InstallDependenciesResponse,
  LanguageHandshakeResponse,
  type ProgramInfo,
  type RunPluginRequest,
  RunPluginResponse,
  type RunRequest,
  RunResponse,
} from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version } from "@pulumi/pulumi/version";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { z } from "zod";

/** What a language host works with. */
export interface HostSettings {
  /** The repository, whose program is the one that is run. */
  readonly root: string;
  /** Where Pulumi's engine answers. */
  readonly engine: string;
  /** The SDK's script that runs a program. */
  readonly runner: string;
  /** The script that serves the policy pack. */
  readonly policy: string;
}

/** A language host that listens. */
export interface LanguageHost {
  readonly port: number;
  /** Ends what it runs, at once. */
  kill(): void;
  /** Ends the host, too. */
  close(): void;
}

/** How long a program that was asked to end may take. */
const graceMs = 5_000;
/** The SDK's exit code of a program whose mistake it has told the engine already. */
const TOLD = 32;

/** The arguments of the SDK's script for a program. */
export function runArguments(request: RunRequest, engine: string): string[] {
  const info = request.getInfo();
  const given = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info?.getRootDirectory() ?? "",
    stack: request.getStack(),
    pwd: info?.getProgramDirectory() ?? "",
    parallel: String(request.getParallel()),
  };
  return [
    ...Object.entries(given).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() ?? ".",
    ...request.getArgsList(),
  ];
}

/** The variables from which the SDK takes the configuration. */
export function runEnvironment(request: RunRequest): Readonly<Record<string, string>> {
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().getEntryList())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
  };
}

/** The answer to the end of a program. */
export function runResponse(code: number | null, signal: string | null): RunResponse {
  const response = new RunResponse();
  if (code === TOLD) {
    response.setBail(true);
  } else if (code !== 0) {
    response.setError(
      code === null ? `the program was ended by ${signal ?? "a signal"}` : `the program ended with exit code ${code}`,
    );
  }
  return response;
}

/** Whether what stands in a folder finds this package by its name: the package's own program does, and that of a project that it is installed into. */
function usesThis(root: string, folder: string): boolean {
  try {
    const found = createRequire(join(realpathSync(folder), "index.js")).resolve("webinfra/package.json");
    return realpathSync(found) === realpathSync(join(root, "package.json"));
  } catch {
    return false;
  }
}

function isPack(root: string, folder: string): boolean {
  try {
    return realpathSync(folder) === realpathSync(join(root, "policy"));
  } catch {
    return false;
  }
}

/** Why a program or a pack cannot be run; undefined when it can. */
export function refusal(root: string, info: ProgramInfo | undefined): string | undefined {
  const wanted = info?.getProgramDirectory() ?? "";
  return usesThis(root, wanted) || isPack(root, wanted)
    ? undefined
    : `${wanted} does not use ${root}, whose language host this is: it runs programs with that webinfra, and its policy pack. ` +
        "In another checkout or project, run its own `webinfra env`; for other programs, install the official Pulumi CLI";
}

/** The arguments for Node that a project's file names (`runtime.options.nodeargs`). */
export const nodeArguments = (info: ProgramInfo | undefined): string[] =>
  (optionsSchema.parse(info?.getOptions()?.toJavaScript() ?? {}).nodeargs ?? "")
    .split(" ")
    .filter((word) => word !== "");

const optionsSchema = z.looseObject({ nodeargs: z.string().optional() });
const packageSchema = z.object({ dependencies: z.record(z.string(), z.string()) });

const failed = (details: string): Partial<ServiceError> =>
  new StatusBuilder().withCode(status.FAILED_PRECONDITION).withDetails(details).build();

/** Starts a language host on a free port of this machine. */
export async function startHost({ root, engine, runner, policy }: HostSettings): Promise<LanguageHost> {
  const children = new Set<ChildProcess>();

  /** Starts a Node of the same version as this one. */
  const start = (
    script: string,
    args: readonly string[],
    directory: string,
    environment: Readonly<Record<string, string>>,
    output: "inherit" | "pipe",
    options: readonly string[] = [],
  ): ChildProcess => {
    const child = spawn(process.execPath, [...options, script, ...args], {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ["ignore", output, output],
    });
    children.add(child);
    child.once("close", () => children.delete(child));
    return child;
  };
  const stop = (child: ChildProcess): void => {
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGKILL"), graceMs);
    child.once("close", () => clearTimeout(late));
  };

  const run: handleUnaryCall<RunRequest, RunResponse> = (call, callback) => {
    const { request } = call;
    const refused = refusal(root, request.getInfo());
    if (refused !== undefined) {
      const response = new RunResponse();
      response.setError(refused);
      callback(null, response);
      return;
    }
    // Without `--sync`: only programs with the SDK's synchronous calls, which are no more, need it.
    const child = start(
      runner,
      runArguments(request, engine),
      request.getInfo()?.getProgramDirectory() ?? root,
      runEnvironment(request),
      "inherit",
      nodeArguments(request.getInfo()),
    );
    call.on("cancelled", () => stop(child));
    child.once("error", (error) => callback(failed(error.message)));
    child.once("close", (code, signal) => callback(null, runResponse(code, signal)));
  };

  const runPlugin: handleServerStreamingCall<RunPluginRequest, RunPluginResponse> = (call) => {
    const { request } = call;
    const refused = refusal(root, request.getInfo());
    if (refused !== undefined) {
      call.emit("error", failed(refused));
      return;
    }
    const pairs = request.getEnvList().map((pair): [string, string] => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    });
    const child = start(policy, request.getArgsList(), join(root, "policy"), Object.fromEntries(pairs), "pipe");
    const write = (fill: (response: RunPluginResponse) => void): void => {
      const response = new RunPluginResponse();
      fill(response);
      call.write(response);
    };
    child.stdout?.on("data", (bytes: Buffer) => write((response) => response.setStdout(bytes)));
    child.stderr?.on("data", (bytes: Buffer) => write((response) => response.setStderr(bytes)));
    call.on("cancelled", () => stop(child));
    child.once("error", (error) => call.emit("error", failed(error.message)));
    child.once("close", (code) => {
      write((response) => response.setExitcode(code ?? 1));
      call.end();
    });
  };

  const server = new Server();
  // What is not here is answered with UNIMPLEMENTED, which Pulumi takes for "not needed".
  server.addService(LanguageRuntimeService, {
    handshake: ((_call, callback) => callback(null, new LanguageHandshakeResponse())) satisfies handleUnaryCall<
      unknown,
      LanguageHandshakeResponse
    >,
    // None: Pulumi gets a provider's plugin when a resource asks for it, and the others of package.json's clouds not at all.
    getRequiredPackages: ((_call, callback) =>
      callback(null, new GetRequiredPackagesResponse())) satisfies handleUnaryCall<
      unknown,
      GetRequiredPackagesResponse
    >,
    getPluginInfo: ((_call, callback) => {
      const response = new PluginInfo();
      response.setVersion(version);
      callback(null, response);
    }) satisfies handleUnaryCall<unknown, PluginInfo>,
    about: ((_call, callback) => {
      const response = new AboutResponse();
      response.setExecutable(process.execPath);
      response.setVersion(process.version);
      callback(null, response);
    }) satisfies handleUnaryCall<unknown, AboutResponse>,
    getProgramDependencies: ((_call, callback) => {
      const { dependencies } = packageSchema.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
      const response = new GetProgramDependenciesResponse();
      for (const [name, wanted] of Object.entries(dependencies)) {
        const dependency = new DependencyInfo();
        dependency.setName(name);
        dependency.setVersion(wanted);
        response.addDependencies(dependency);
      }
      callback(null, response);
    }) satisfies handleUnaryCall<unknown, GetProgramDependenciesResponse>,
    installDependencies: ((call) => {
      call.emit("error", failed(`\`npm run setup\` in ${root} installs what webinfra needs`));
    }) satisfies handleServerStreamingCall<InstallDependenciesRequest, InstallDependenciesResponse>,
    run,
    runPlugin,
    cancel: ((_call, callback) => {
      children.forEach(stop);
      callback(null, new Empty());
    }) satisfies handleUnaryCall<Empty, Empty>,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) {
        reject(error);
      } else {
        resolve(bound);
      }
    });
  });
  const kill = (): void => children.forEach((child) => child.kill("SIGKILL"));
  return {
    port,
    kill,
    close() {
      kill();
      server.forceShutdown();
    },
  };
}
