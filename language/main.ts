/** The language host's process: serves the gRPC interface until Pulumi ends it. */
import { join, resolve } from "node:path";
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
  // Pulumi tells its plugins nothing when it is killed: without a parent, nobody waits for the program's end.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) {
      host.kill();
      process.exit(1);
    }
  }, 1000).unref();
}

void main();
