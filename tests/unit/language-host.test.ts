/** The language host, asked over gRPC as Pulumi's engine asks it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb";
import {
  AboutRequest,
  GetProgramDependenciesRequest,
  GetRequiredPackagesRequest,
  InstallDependenciesRequest,
  LanguageHandshakeRequest,
  PackRequest,
  ProgramInfo,
  RunPluginRequest,
  type RunPluginResponse,
  type LanguageHandshakeResponse,
  type GetRequiredPackagesResponse,
  type AboutResponse,
  type GetProgramDependenciesResponse,
  type PackResponse,
  type RunResponse,
  RunRequest,
} from "@pulumi/pulumi/proto/language_pb";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version } from "@pulumi/pulumi/version";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { ownLanguageHost } from "../../cli/engine/pulumi";
import { type LanguageHost, runResponse, startHost } from "../../language/host";
import { eventually } from "../support/eventually";

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
const answered = <Response>(call: (callback: Callback<Response>) => unknown): Promise<Response> =>
  new Promise((done, failed) =>
    call((error, response) => {
      if (error) {
        failed(error);
      } else {
        done(response);
      }
    }),
  );

const repository = resolve(__dirname, "../..");

describe("language host", function () {
  this.timeout(60_000);
  let root: string;
  let host: LanguageHost;
  let client: LanguageRuntimeClient;
  /** What stands in for the SDK's script writes here what it was given. */
  const given = (): string => join(root, "given.json");

  const info = (folder = root): ProgramInfo => {
    const program = new ProgramInfo();
    program.setRootDirectory(folder);
    program.setProgramDirectory(folder);
    program.setEntryPoint(".");
    return program;
  };
  const request = (folder = root): RunRequest => {
    const run = new RunRequest();
    run.setInfo(info(folder));
    run.setMonitorAddress("127.0.0.1:1");
    run.setProject("webinfra");
    run.setStack("dev");
    run.setParallel(16);
    return run;
  };
  const run = (asked: RunRequest) => answered<RunResponse>((callback) => client.run(asked, callback));
  const runner = (script: string): void => writeFileSync(join(root, "runner.cjs"), script);
  const refusal = (folder: string): string =>
    `${folder} does not use ${root}, whose language host this is: it runs programs with that webinfra, and its policy pack. ` +
    "In another checkout or project, run its own `webinfra env`; for other programs, install the official Pulumi CLI";

  beforeEach(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "webinfra-language-")));
    mkdirSync(join(root, "policy"));
    writeFileSync(
      join(root, "package.json"),
      JSON.stringify({
        name: "webinfra",
        exports: { "./package.json": "./package.json" },
        dependencies: { zod: "1.2.3" },
      }),
    );
    host = await startHost({
      root,
      engine: "127.0.0.1:2",
      runner: join(root, "runner.cjs"),
      policy: join(root, "policy.cjs"),
    });
    client = new LanguageRuntimeClient(`127.0.0.1:${String(host.port)}`, credentials.createInsecure());
  });
  afterEach(() => {
    client.close();
    host.close();
    rmSync(root, { recursive: true });
  });

  it("gives the SDK's script all that it needs to know of a program", async () => {
    runner(`
      const { PULUMI_CONFIG: config, PULUMI_CONFIG_SECRET_KEYS: secret } = process.env;
      const given = { args: process.argv.slice(2), folder: process.cwd(), config: JSON.parse(config), secret: JSON.parse(secret) };
      require("node:fs").writeFileSync(${JSON.stringify(given())}, JSON.stringify(given));
    `);
    const asked = request();
    asked.getConfigMap().set("webinfra:web", "2").set("webinfra:secrets", "{}");
    asked.setConfigsecretkeysList(["webinfra:secrets"]);
    asked.setOrganization("organization");
    asked.setDryrun(true);
    const response = await run(asked);
    assert.deepEqual([response.getError(), response.getBail()], ["", false]);
    assert.deepEqual(JSON.parse(readFileSync(given(), "utf8")), {
      args: [
        ...["--monitor", "127.0.0.1:1", "--engine", "127.0.0.1:2", "--organization", "organization"],
        ...["--project", "webinfra", "--root-directory", root, "--stack", "dev", "--pwd", root],
        ...["--parallel", "16", "--dry-run", "."],
      ],
      folder: root,
      config: { "webinfra:web": "2", "webinfra:secrets": "{}" },
      secret: ["webinfra:secrets"],
    });
  });

  it("tells a mistake that the program has told already from one that it has not", async () => {
    runner("process.exit(32)");
    const told = await run(request());
    assert.deepEqual([told.getError(), told.getBail()], ["", true]);
    runner("process.exit(3)");
    const silent = await run(request());
    assert.deepEqual([silent.getError(), silent.getBail()], ["the program ended with exit code 3", false]);
    assert.equal(runResponse(null, "SIGKILL").getError(), "the program was ended by SIGKILL");
  });

  it("runs a program that uses this package as one of its dependencies, with the arguments for Node that its project names", async () => {
    runner(
      `require("node:fs").writeFileSync(${JSON.stringify(given())}, JSON.stringify([process.execArgv, process.cwd()]));`,
    );
    const project = realpathSync(mkdtempSync(join(tmpdir(), "webinfra-language-")));
    try {
      mkdirSync(join(project, "node_modules"));
      symlinkSync(root, join(project, "node_modules", "webinfra"));
      const asked = request(project);
      asked
        .getInfo()
        ?.setOptions(Struct.fromJavaScript({ typescript: false, nodeargs: "--no-warnings  --stack-size=900" }));
      assert.equal((await run(asked)).getError(), "");
      assert.deepEqual(JSON.parse(readFileSync(given(), "utf8")), [["--no-warnings", "--stack-size=900"], project]);
    } finally {
      rmSync(project, { recursive: true });
    }
  });

  it("runs no program that does not use it, and says what to do", async () => {
    for (const folder of [tmpdir(), join(root, "nowhere")]) {
      const response = await run(request(folder));
      assert.deepEqual([response.getError(), response.getBail()], [refusal(folder), false]);
    }
    const pack = new RunPluginRequest();
    pack.setInfo(info(tmpdir()));
    await assert.rejects(outputOf(pack), { code: status.FAILED_PRECONDITION, details: refusal(tmpdir()) });
  });

  it("ends a program when Pulumi cancels", async () => {
    runner(`
      process.on("SIGINT", () => process.exit(7));
      require("node:fs").writeFileSync(${JSON.stringify(given())}, "");
      setInterval(() => undefined, 1000);
    `);
    const running = run(request());
    await eventually("the program to run", async () => {
      assert.ok(existsSync(given()));
      return Promise.resolve();
    });
    await answered<Empty>((callback) => client.cancel(new Empty(), callback));
    assert.equal((await running).getError(), "the program ended with exit code 7");
  });

  const outputOf = (asked: RunPluginRequest): Promise<string> =>
    new Promise((done, failed) => {
      const seen: string[] = [];
      client
        .runPlugin(asked)
        .on("data", (response: RunPluginResponse) => {
          const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
          seen.push(
            text(response.getStdout_asU8()) + text(response.getStderr_asU8()) || String(response.getExitcode()),
          );
        })
        .on("error", failed)
        .on("end", () => done(seen.sort().join("")));
    });

  it("runs the policy pack in its folder, and passes on what it says and how it ends", async () => {
    writeFileSync(
      join(root, "policy.cjs"),
      'console.log("a", process.argv[2], process.env.TOLD); console.error("b", process.cwd()); process.exitCode = 4;',
    );
    const asked = new RunPluginRequest();
    asked.setInfo(info(join(root, "policy")));
    asked.setArgsList(["127.0.0.1:2"]);
    asked.setEnvList(["TOLD=x=y"]);
    assert.equal(await outputOf(asked), `4a 127.0.0.1:2 x=y\nb ${join(root, "policy")}\n`);
  });

  it("says what it is, and asks for no plugin before a resource does", async () => {
    assert.ok(
      await answered<LanguageHandshakeResponse>((callback) =>
        client.handshake(new LanguageHandshakeRequest(), callback),
      ),
    );
    const packages = await answered<GetRequiredPackagesResponse>((callback) =>
      client.getRequiredPackages(new GetRequiredPackagesRequest(), callback),
    );
    assert.deepEqual(packages.toObject(), { packagesList: [], specsList: [] });
    const plugin = await answered<PluginInfo>((callback) => client.getPluginInfo(new Empty(), callback));
    assert.equal(plugin.getVersion(), version);
    const about = await answered<AboutResponse>((callback) => client.about(new AboutRequest(), callback));
    assert.deepEqual([about.getExecutable(), about.getVersion()], [process.execPath, process.version]);
    const { dependenciesList } = (
      await answered<GetProgramDependenciesResponse>((callback) =>
        client.getProgramDependencies(new GetProgramDependenciesRequest(), callback),
      )
    ).toObject();
    assert.deepEqual(dependenciesList, [{ name: "zod", version: "1.2.3" }]);
  });

  it("installs nothing, and says what does; what it cannot do is unimplemented", async () => {
    await assert.rejects(
      new Promise((done, failed) => {
        client
          .installDependencies(new InstallDependenciesRequest())
          .on("data", done)
          .on("end", done)
          .on("error", failed);
      }),
      { code: status.FAILED_PRECONDITION, details: `\`npm run setup\` in ${root} installs what webinfra needs` },
    );
    await assert.rejects(
      answered<PackResponse>((callback) => client.pack(new PackRequest(), callback)),
      { code: status.UNIMPLEMENTED },
    );
  });
});

describe("language host: its program", function () {
  this.timeout(60_000);

  it("says its port first, also where another Node comes first on the path, and goes when its parent is gone", async () => {
    const folder = mkdtempSync(join(tmpdir(), "webinfra-language-"));
    writeFileSync(join(folder, "node"), "#!/bin/sh\nexit 9\n", { mode: 0o755 });
    // The outer shell is the parent that is killed; the inner one becomes the host.
    const script = `sh -c 'echo $$; exec "$0" 127.0.0.1:2' "$0"; :`;
    const parent = spawn("sh", ["-c", script, ownLanguageHost], {
      cwd: folder,
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
    const pid = Number((await lines.next()).value);
    const port = Number((await lines.next()).value);
    assert.ok(pid > 1 && port > 1023, `${String(pid)} ${String(port)}`);
    const client = new LanguageRuntimeClient(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    const about = await answered<AboutResponse>((callback) => client.about(new AboutRequest(), callback));
    client.close();
    assert.equal(realpathSync(about.getExecutable()), realpathSync(join(repository, "node_modules", ".bin", "node")));
    parent.kill("SIGKILL");
    await eventually("the host to go", async () => {
      assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
      return Promise.resolve();
    });
    rmSync(folder, { recursive: true });
  });
});
