/** `webinfra dev`: the application's folder on the site, as it is being written. */
import { rm } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { webinfraHome } from "../../config/home";
import { packRelease } from "../../components/archive";
import { checkApplication, Developer, workbench } from "../../operations/dev";
import type { CommandContext } from "../context";
import { devEndLine, devLines } from "../terminal/dev";
import { configOf } from "./configuration";
import { siteWithHosts } from "./site";
import { checkStackName, fileFor, readSettings } from "./stackfile";
import type { Override } from "./workfolder";

/** After a change nothing may change for so long: an editor or a build writes several files. */
const QUIET_MS = 80;

/** Changes of a folder. */
export interface Changes {
  /** Waits until something has changed since the last call, and nothing changes any more. @returns when the first change was; undefined: it is to end */
  next(): Promise<number | undefined>;
  /** Aborts at the next change, and at the end. */
  again(): AbortSignal;
  close(): Promise<void>;
}

/**
 * Watches a folder and all below it.
 * @param stop ends it
 */
export async function changesOf(folder: string, stop: AbortSignal): Promise<Changes> {
  const { watch } = await import("chokidar");
  // A build may take the whole folder away for a moment: whoever watches the one above sees it come back.
  const above = dirname(folder);
  const watcher = watch(above, {
    ignoreInitial: true,
    ignored: (path) => path !== above && path !== folder && !path.startsWith(`${folder}${sep}`),
  });
  let first: number | undefined;
  let last = 0;
  let round = new AbortController();
  let wake = (): void => undefined;
  const change = (): void => {
    last = performance.now();
    first ??= last;
    round.abort();
    wake();
  };
  watcher.on("all", (_event, path) => {
    if (path !== above) {
      change();
    }
  });
  stop.addEventListener("abort", () => {
    round.abort();
    wake();
  });
  await new Promise<void>((ready, failed) => {
    watcher.on("ready", ready).on("error", (error) => {
      failed(error instanceof Error ? error : new Error(String(error)));
    });
  });
  return {
    async next() {
      while (first === undefined) {
        if (stop.aborted) {
          return undefined;
        }
        await new Promise<void>((done) => {
          wake = done;
        });
      }
      for (let left = QUIET_MS; left > 0; left = last + QUIET_MS - performance.now()) {
        await sleep(left);
      }
      const changed = first;
      first = undefined;
      return stop.aborted ? undefined : changed;
    },
    again() {
      round = new AbortController();
      if (first !== undefined || stop.aborted) {
        round.abort();
      }
      return round.signal;
    },
    close: () => watcher.close(),
  };
}

/**
 * Releases the application's folder whenever it changes, until the signal.
 * @param stop ends it
 * @throws UserError when there is no such site, or its application has no folder
 */
export async function dev(
  context: CommandContext,
  name: string,
  { config, configFile }: { readonly config: readonly Override[]; readonly configFile?: string | undefined },
  stop: AbortSignal,
): Promise<void> {
  const { output, root } = context;
  checkStackName(name);
  const home = webinfraHome(context.environment);
  const { access, known } = await siteWithHosts(context, name, "dev");
  checkApplication(name, await access.machines());
  const { app } = configOf(readSettings(fileFor({ root, home, stack: name, given: configFile })), config);
  const cache = join(home, "cache", "releases");
  const pack = () => packRelease(app.directory, root, cache);
  // What is wrong with the folder is said before anything is waited for.
  pack();
  const folder = resolve(root, app.directory);
  const changes = await changesOf(folder, stop);
  const remove = ({ path }: { readonly path: string }) => rm(path, { force: true });
  const developer = new Developer(workbench(access, known, { pack, remove }), (event) => {
    for (const line of devLines(event)) {
      output.progress(line);
    }
  });
  output.progress(`watching ${folder}: each change goes to the hosts; Ctrl-C ends it`);
  try {
    for (let changed: number | undefined = performance.now(); changed !== undefined; changed = await changes.next()) {
      try {
        await developer.release(changed, changes.again());
      } catch (error) {
        // A build may have taken a file away, or all, for a moment; and hosts may be made anew. The next change is tried again.
        output.problem(`not released: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await changes.close();
  }
  output.result(devEndLine(await developer.end()));
}
