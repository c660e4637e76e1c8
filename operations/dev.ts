/** Releasing an application while it is being written: its folder goes to the hosts as it is, without an update of the stack. */
import { setTimeout as sleep } from "node:timers/promises";
import { applicationLogCommand } from "../core/application-log";
import type { ReleasePointer } from "../core/protocol";
import type { ReleaseArchive, SiteAccess } from "./access/types";
import { commandOn, endOf } from "./exec";
import { HostError } from "./errors";
import type { HostMachine, KnownMachine } from "./machines";
import { lack, lookAtReleases, type ReleaseHost } from "./release";

/** The site as it is seen from the application's folder; tests put their own in. */
export interface Workbench {
  /** Packs the folder as it is now. */
  pack(): ReleaseArchive;
  /** What the site is to run, and what it ran before. */
  wanted(): Promise<Pick<ReleasePointer, "release" | "previous">>;
  /** The releases whose packages the channel holds. */
  packages(): Promise<readonly string[]>;
  /** Puts a package into the channel, and has hosts serve it as soon as it is healthy there. */
  publish(archive: ReleaseArchive): Promise<void>;
  /** Has hosts run a release that they have run before. */
  goBack(release: string): Promise<void>;
  /** Takes packages away that nobody wants any more. */
  forget(archives: readonly ReleaseArchive[]): Promise<void>;
  look(): Promise<readonly ReleaseHost[]>;
  /** What the application wrote on a host on which it is not healthy. */
  log(host: string): Promise<readonly string[]>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** What becomes of a change. */
export type DevEvent =
  /** What the site is to run is what the folder holds. */
  | { readonly kind: "unchanged"; readonly release: string }
  /** All hosts that run serve it. */
  | { readonly kind: "released"; readonly release: string; readonly seconds: number; readonly hosts: readonly string[] }
  /** It is not healthy on a host, which goes on with the one before. */
  | {
      readonly kind: "broken";
      readonly release: string;
      readonly host: string;
      readonly why: string;
      readonly log: readonly string[];
    };

const PERIOD_MS = 50;

/** A release that the pointer names, and that not all hosts were seen serving yet. */
interface Pending {
  readonly release: string;
  /** When the change was made that it is about. */
  readonly changed: number;
  /** Why it is not healthy, by host, as far as that was told. */
  readonly told: Map<string, string>;
}

/** @throws HostError when no host could run what is written */
export function checkApplication(stack: string, machines: readonly HostMachine[]): void {
  if (!machines.some(({ running, roles }) => running && roles.includes("appServer"))) {
    throw new HostError(
      `no host of the stack "${stack}" runs an application now: \`webinfra up --stack ${stack}\` brings it up`,
    );
  }
}

/** How it ended. */
export interface DevEnd {
  /** The last release of these that hosts serve, or are about to; undefined: none. */
  readonly release: string | undefined;
  /** Whether the last one was broken, and hosts were told to leave it. */
  readonly broken: boolean;
}

/** Releases a folder again and again. Each package goes when the next one serves: what is being written has a new one with each change. */
export class Developer {
  /** Packages that this one brought. */
  private readonly own = new Map<string, ReleaseArchive>();
  private pending: Pending | undefined;
  /** What the site was to run at first. */
  private first: string | undefined;
  /** The last one that all hosts served. */
  private released: string | undefined;

  constructor(
    private readonly bench: Workbench,
    private readonly listener: (event: DevEvent) => void,
  ) {}

  /**
   * Releases the folder as it is, and looks on until all hosts serve it, or it is to end. One that is not healthy may still become so.
   * @param changed when the change was made that it is about, by the bench's clock
   * @param signal ends the looking: something changed again
   */
  async release(changed: number, signal: AbortSignal): Promise<void> {
    const { bench } = this;
    const archive = bench.pack();
    const { sha256: release } = archive;
    const { release: wanted } = await bench.wanted();
    this.first ??= wanted;
    if (wanted !== release) {
      if (!(await bench.packages()).includes(release)) {
        this.own.set(release, archive);
      }
      this.pending = { release, changed, told: new Map() };
      await bench.publish(archive);
    } else if (this.pending?.release !== release) {
      this.listener({ kind: "unchanged", release });
      return;
    }
    await this.lookOn(this.pending, signal);
  }

  /** Leaves the site with what it runs: hosts need not go on trying what is broken. */
  async end(): Promise<DevEnd> {
    const { bench, pending, first, released } = this;
    // Another one at the same folder may have taken the package of the last one away.
    const held = await bench.packages();
    const back = [released, first].find((one) => one !== undefined && held.includes(one));
    const broken = pending !== undefined && pending.told.size > 0;
    if (broken && back !== undefined && (await bench.wanted()).release === pending.release) {
      await bench.goBack(back);
    }
    await this.forgetAllBut((await bench.wanted()).release);
    return { release: broken ? (back === released ? released : undefined) : (pending?.release ?? released), broken };
  }

  private async lookOn({ release, changed, told }: Pending, signal: AbortSignal): Promise<void> {
    const { bench, listener } = this;
    while (!signal.aborted) {
      const hosts = (await bench.look()).map((host) => ({ ...host, lack: lack(host, release) }));
      if (hosts.every(({ runs, lack: why }) => !runs || why === undefined)) {
        this.released = release;
        this.pending = undefined;
        const serving = hosts.filter(({ lack: why }) => why === undefined).map(({ name }) => name);
        listener({ kind: "released", release, seconds: (bench.now() - changed) / 1000, hosts: serving });
        await this.forgetAllBut(release);
        return;
      }
      for (const { name, said, lack: why } of hosts) {
        if (why === undefined || said?.application?.release !== release || told.get(name) === why) {
          continue;
        }
        // What is broken is so on all hosts alike, mostly: the first one tells.
        const known = [...told.values()].includes(why);
        told.set(name, why);
        if (!known) {
          listener({ kind: "broken", release, host: name, why, log: await bench.log(name) });
        }
      }
      await bench.sleep(PERIOD_MS);
    }
  }

  /** Keeps what somebody may go back to, too: an update may have made one of these the stack's. */
  private async forgetAllBut(release: string): Promise<void> {
    const { previous } = await this.bench.wanted();
    const old = [...this.own.values()].filter(({ sha256 }) => sha256 !== release && !previous.includes(sha256));
    old.forEach(({ sha256 }) => this.own.delete(sha256));
    await this.bench.forget(old);
  }
}

/** A site as a workbench. @param folder packs the folder, and removes what it packed */
export function workbench(
  access: SiteAccess,
  known: readonly KnownMachine[],
  folder: { readonly pack: () => ReleaseArchive; readonly remove: (archive: ReleaseArchive) => Promise<void> },
): Workbench {
  const { releases } = access;
  return {
    pack: folder.pack,
    wanted: () => releases.pointer(),
    packages: () => releases.packages(),
    publish: async (archive) => {
      await releases.add(archive);
      await releases.move({ release: archive.sha256, quick: true });
    },
    goBack: (release) => releases.move({ release, quick: true }),
    forget: async (archives) => {
      for (const archive of archives) {
        await releases.remove(archive.sha256);
        await folder.remove(archive);
      }
    },
    look: () => lookAtReleases(access, known),
    log: async (host) => {
      const { stdout } = await endOf(await commandOn(access, host, applicationLogCommand));
      return stdout.trimEnd().split("\n").filter(Boolean);
    },
    now: () => performance.now(),
    sleep,
  };
}
