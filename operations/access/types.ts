/** What operations need of a site, whatever platform it is on. */
import type { Socket } from "node:net";
import type { Epoch, NewPrimaryPointer, PrimaryPointer, ReleasePointer } from "../../core/protocol";
import type { HostMachine } from "../machines";
import type { Answer } from "./agent";

/** A command line of this machine that carries a command out on a host, with the terminal that it is given. */
export interface HostCommand {
  readonly program: string;
  readonly arguments: readonly string[];
  /** What to tell the user when this machine has no such program. */
  readonly missing: string;
}

/** The primary pointer, which operations write. */
export interface PointerChannel {
  /**
   * The primary pointer that is there now.
   * @throws PointerError when there is none, or one that cannot be used
   */
  primary(): Promise<PrimaryPointer>;
  /**
   * Replaces the primary pointer if it is the expected one still.
   * @throws PointerMovedError when it is not
   */
  movePrimary(expected: Epoch, next: NewPrimaryPointer): Promise<void>;
  /** Tells hosts that there may be a pointer which they have not seen. */
  hint(): Promise<void>;
}

/** A release's package on this machine. */
export interface ReleaseArchive {
  readonly sha256: string;
  readonly path: string;
}

/** The release pointer and the packages of releases, which the program and operations write. */
export interface ReleaseChannel {
  /**
   * The release pointer that is there now.
   * @throws PointerError when there is none, or one that cannot be used
   */
  pointer(): Promise<ReleasePointer>;
  /** Has the pointer name another release, whose package is there. It remembers what it named before. */
  move(next: Pick<ReleasePointer, "release" | "quick">): Promise<void>;
  /** The releases whose packages are there. */
  packages(): Promise<readonly string[]>;
  /** Puts a release's package there. */
  add(archive: ReleaseArchive): Promise<void>;
  /** Takes the package of a release away that no pointer names. */
  remove(release: string): Promise<void>;
}

/** The way to a stack's machines and to its channel. */
export interface SiteAccess {
  readonly stack: string;
  /** The machines that there are now, by host and then machine. While a replacement runs, a host has two. */
  machines(): Promise<readonly HostMachine[]>;
  /** Asks a machine how it is; two seconds at most. One that does not answer is no error. */
  state(machine: HostMachine): Promise<Answer>;
  /** What carries `argv` out on a machine as root. */
  command(machine: HostMachine, argv: readonly string[]): HostCommand;
  /** A connection to a TCP port of a machine's private address. */
  connect(machine: HostMachine, port: number): Socket;
  readonly channel: PointerChannel;
  readonly releases: ReleaseChannel;
}

/** A stack whose site is to be reached. */
export interface SiteAddress {
  readonly stack: string;
  /** The platform that it was last brought up on. */
  readonly platform: string;
  /** Folder of the channel, where that is on this machine. */
  readonly channelDirectory: string;
}
