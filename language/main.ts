/** The language host's process: serves the gRPC interface until Pulumi ends it. */
import { join, resolve } from "node:path";
import { whenOrphaned } from "../core/parent";
import { startHost } from "./host";

async function main(): Promise<void> {
  const root = resolve(__dirname, "..");
  const host = await startHost({
    root,
    engine: process.argv.slice(2).at(-1) ?? "",
    runner: require.resolve("@pulumi/pulumi/cmd/run"),
    policy: join(root, "launch", "policy.cjs"),
  });
  // Pulumi reads the port from the first line.
  process.stdout.write(`${String(host.port)}\n`);
  // Nobody waits for the program's end any more.
  whenOrphaned(() => {
    host.kill();
    process.exit(1);
  });
}

void main();
