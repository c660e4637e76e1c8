import { join } from "node:path";
import { loadAssets } from "./assets";
import { type AppConfig, ConfigError, loadConfig } from "./config";
import { DatabaseEndpoint } from "./database";
import { migrateInBackground, MysqlGuestbook } from "./guestbook";
import { jsonLog } from "./log";
import { App } from "./server";

/** From SIGTERM to the end, whatever is still in flight. */
const DRAIN_LIMIT_MS = 10_000;

function start(config: AppConfig): void {
  const log = jsonLog((line) => process.stdout.write(line), {
    server: config.serverName,
    machine: config.machineId,
    release: config.release,
  });
  const writes = new DatabaseEndpoint(config.write);
  const reads = new DatabaseEndpoint(config.read);
  const app = new App({
    guestbook: new MysqlGuestbook(writes, reads),
    assets: loadAssets(join(__dirname, "static")),
    serverName: config.serverName,
    release: config.release,
    log,
  });
  const stopping = new AbortController();

  app.server.once("error", (error) => {
    process.stderr.write(`cannot listen on HOST ${config.host}, PORT ${String(config.port)}: ${error.message}\n`);
    process.exit(1);
  });
  app.server.listen(config.port, config.host, () => {
    const address = app.server.address();
    log("started", {
      host: config.host,
      port: typeof address === "object" ? address?.port : config.port,
      pid: process.pid,
    });
    void migrateInBackground(writes, log, stopping.signal);
  });

  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      return;
    }
    stopping.abort();
    log("stopping", { signal });
    void app.drain(config.drainSeconds * 1000, DRAIN_LIMIT_MS).then(() => {
      writes.close();
      reads.close();
      log("stopped");
      process.exit(0);
    });
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

try {
  start(loadConfig(process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
