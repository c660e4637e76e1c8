/** What every check is, and what they share. */
import type { z } from "zod";
import { shortDigest } from "../../../core/digest";
import { parseState, type State } from "../../../core/protocol";
import type { readyInputs, readyMachine } from "../../inputs/ready";
import type { Answer, ProbeOptions } from "../../probe";

/** A machine that must be seen. */
export type ExpectedMachine = z.output<typeof readyMachine>;

/** What must be seen before an update may say that all is well. */
export type Expectation = Omit<z.output<typeof readyInputs>, "timeoutSeconds">;

/** GETs a URL, as `probe` does. Throws only when the update was cancelled. */
export type Ask = (url: string, options?: ProbeOptions) => Promise<Answer>;

/** What a wait is about: checks are made of it, and remember what they see for as long as the wait lasts. */
export interface Scene {
  readonly expectation: Expectation;
  /** The latest answer of each machine's agent, by machine id. Empty with reach `public`. */
  readonly agents: ReadonlyMap<string, Answer>;
}

/** Something that is looked for at each machine. */
export interface MachineCheck {
  /** Looks once more. Absent where agents' answers tell all. */
  readonly look?: (ask: Ask) => Promise<void>;
  /** What is still missing of a machine, in words for users, without "; "; undefined when that is nothing. */
  readonly missing: (machine: ExpectedMachine) => string | undefined;
  /** Whether what is missing will not come by waiting. Absent: never. */
  readonly final?: (machine: ExpectedMachine) => boolean;
}

/** Something that is looked for at the site as a whole, once nothing is missing of any machine. */
export interface SiteCheck {
  /** Looks once more. Absent where agents' answers tell all. */
  readonly look?: (ask: Ask) => Promise<void>;
  /** What is still missing, in words for users, without "; "; undefined when that is nothing. */
  readonly missing: () => string | undefined;
}

/** Longest wait for an answer of a busy application, in milliseconds. */
export const PAGE_MS = 10_000;

/** The balancers of an expectation. */
export const balancersOf = ({ machines }: Expectation): ExpectedMachine[] =>
  machines.filter(({ roles }) => roles.includes("loadBalancer"));

/** Whether users' requests reach a machine through the balancers now. */
export const isShown = ({ roles, standby }: ExpectedMachine): boolean =>
  roles.includes("webServer") && standby !== true;

/** What a machine says of itself; undefined while its agent does not say it. */
export function stateOf({ agents }: Scene, { machine }: ExpectedMachine): State | undefined {
  const answer = agents.get(machine);
  const parsed = answer?.status === undefined ? undefined : parseState(answer.body);
  return parsed?.ok === true ? parsed.value : undefined;
}

/** A release in words: the beginning of its hash. */
export const shortRelease = (release: string): string =>
  release === "" ? "no release" : `release ${shortDigest(release)}`;

/** A path of the site at one of its machines: the URL with that machine's address, and the Host header that goes with it. */
export function throughAddress(site: string, address: string, path: string): { url: string; host: string } {
  const url = new URL(path, site);
  const host = url.host;
  url.hostname = address;
  return { url: url.href, host };
}

/** Who answers at a machine's address in its stead. */
export const stranger = (machine: string, address: string, as = ""): string =>
  `another machine (${machine}) answers at its address ${address}${as}: it was replaced, or the address was given away`;
