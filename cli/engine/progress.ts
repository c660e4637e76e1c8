/** Turns Pulumi's events into lines for people and into a summary for machines. */
import type { EngineEvent, PolicyEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import type { Board } from "../terminal/board";
import { duration, type Output } from "../terminal/output";
import { urnName, urnType } from "./state";

/** What a step does, in words: while it runs, and when it is done. */
const words: Readonly<Record<string, readonly [string, string]>> = {
  create: ["creating", "created"],
  "create-replacement": ["creating", "created"],
  update: ["updating", "updated"],
  delete: ["deleting", "deleted"],
  "delete-replaced": ["deleting", "deleted"],
  discard: ["letting go of", "let go of"],
  "discard-replaced": ["letting go of", "let go of"],
  import: ["importing", "imported"],
  "import-replacement": ["importing", "imported"],
};

const signs: Readonly<Record<string, string>> = {
  create: "+ create",
  "create-replacement": "+ create",
  replace: "± replace",
  update: "~ update",
  delete: "- delete",
  "delete-replaced": "- delete",
  discard: "- let go of",
  "discard-replaced": "- let go of",
  import: "= import",
  "import-replacement": "= import",
};

/** One planned change, as `preview --json` has it. */
export interface PlannedStep {
  readonly op: string;
  readonly type: string;
  readonly name: string;
  /** The input properties that differ. */
  readonly diff: readonly string[];
}

/** An error of a resource or of the program. */
export interface Problem {
  /** The resource's name; undefined for the program and the engine. */
  readonly resource?: string;
  readonly message: string;
}

/** What a rule of a policy pack said. */
export interface Violation {
  /** The rule's name. */
  readonly policy: string;
  /** A broken mandatory rule fails the run. */
  readonly mandatory: boolean;
  /** The resource's name; undefined when it is about the stack. */
  readonly resource?: string;
  readonly message: string;
}

/** The engine's warning about a program of ours: what runs the policy pack where there is no language host. */
const ownAnalyzer = /^using pulumi-analyzer-policy-nodejs from \$PATH at /;

/** Removes Pulumi's colour marks and the terminal's escape codes. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/<\{%[^%]*%\}>/g, "").replace(/\u001b\[[0-9;]*m/g, "");
}

/** After this time, a step that still runs is named. */
const SLOW_MS = 2_000;

interface RunningStep {
  readonly since: number;
  /** Says that it takes long; a board shows that by itself. */
  readonly timer: NodeJS.Timeout | undefined;
}

/** Follows one Pulumi operation. Pass {@link onEvent} to it, and call {@link end} when it is over. */
export class Progress {
  readonly problems: Problem[] = [];
  readonly planned: PlannedStep[] = [];
  readonly violations: Violation[] = [];
  private readonly running = new Map<string, RunningStep>();
  private readonly said = new Map<string, Map<string, string>>();
  private counts: Readonly<Record<string, number>> = {};
  private packs: readonly string[] = [];

  /** @param board gets the steps in place of the output, when there is one */
  constructor(
    private readonly output: Output,
    private readonly now: () => number = Date.now,
    private readonly board?: Board,
  ) {}

  /** How many resources each kind of step touched, components included: `{create: 3, same: 20}`. */
  get changes(): Readonly<Record<string, number>> {
    return this.counts;
  }

  /** Names of the policy packs that ran, as the end of the run tells them. */
  get policyPacks(): readonly string[] {
    return this.packs;
  }

  /** How many resources changed or would change. */
  get changed(): number {
    return Object.entries(this.counts)
      .filter(([op]) => op !== "same" && op !== "read" && op !== "refresh")
      .reduce((sum, [, count]) => sum + count, 0);
  }

  readonly onEvent = (event: EngineEvent): void => {
    if (event.resourcePreEvent) {
      this.begin(event.resourcePreEvent.metadata, event.resourcePreEvent.planning === true);
    } else if (event.resOutputsEvent) {
      this.finish(event.resOutputsEvent.metadata, event.resOutputsEvent.planning === true, true);
    } else if (event.resOpFailedEvent) {
      this.finish(event.resOpFailedEvent.metadata, false, false);
    } else if (event.diagnosticEvent) {
      const { urn, severity, message } = event.diagnosticEvent;
      this.diagnostic(urn, severity, plainText(message).trim());
    } else if (event.policyEvent) {
      this.violations.push(violation(event.policyEvent));
    } else if (event.summaryEvent) {
      this.counts = Object.fromEntries(Object.entries(event.summaryEvent.resourceChanges));
      // `NAME|local|FOLDER` for a pack of this machine.
      this.packs = Object.keys(packsOf(event.summaryEvent)).map((pack) => pack.split("|")[0] ?? pack);
    }
  };

  /** Stops the timers. */
  end(): void {
    for (const { timer } of this.running.values()) {
      clearTimeout(timer);
    }
    this.running.clear();
  }

  private begin(step: StepEventMetadata, planning: boolean): void {
    if (planning) {
      if (step.op in signs && !isProvider(step)) {
        this.planned.push({ op: step.op, type: urnType(step.urn), name: urnName(step.urn), diff: step.diffs ?? [] });
      }
      return;
    }
    const [doing] = wordsOf(step);
    if (doing === undefined || !isCustom(step) || isProvider(step)) {
      return;
    }
    const host = hostOf(step);
    if (host === undefined) {
      this.board?.other(`${doing} ${label(step)}`);
    } else {
      this.board?.begin(host, doing);
    }
    const say = (): void => this.output.progress(`  ${doing} ${label(step)} …`);
    const timer = this.board === undefined ? setTimeout(say, SLOW_MS) : undefined;
    this.running.set(keyOf(step), { since: this.now(), timer });
  }

  private finish(step: StepEventMetadata, planning: boolean, succeeded: boolean): void {
    const [doing, done] = wordsOf(step);
    const started = this.running.get(keyOf(step));
    if (planning || done === undefined || started === undefined) {
      return;
    }
    clearTimeout(started.timer);
    this.running.delete(keyOf(step));
    if (this.board !== undefined) {
      const host = hostOf(step);
      if (host === undefined) {
        this.board.other(`${succeeded ? done : `failed ${doing ?? ""}`} ${label(step)}`);
      } else {
        this.board.finish(host, done, succeeded);
      }
      return;
    }
    const seconds = duration((this.now() - started.since) / 1000);
    this.output.progress(
      succeeded ? `  ${done} ${label(step)} (${seconds})` : `  failed ${doing ?? ""} ${label(step)} (${seconds})`,
    );
  }

  private diagnostic(urn: string | undefined, severity: string, message: string): void {
    const isStack = urn === undefined || urn === "" || urnType(urn) === "pulumi:pulumi:Stack";
    const name = isStack ? undefined : urnName(urn);
    if (message === "" || severity === "debug" || ownAnalyzer.test(message)) {
      return;
    }
    if (severity === "error") {
      // The engine's own closing line says no more than that something failed.
      if (!/^(update|preview|destroy|refresh) (failed|canceled)$/.test(message)) {
        this.problems.push(name === undefined ? { message } : { resource: name, message });
      }
      return;
    }
    const news = this.news(urn ?? "", message);
    if (news === undefined) {
      return;
    }
    const line = `  ${severity === "warning" ? "warning: " : ""}${name === undefined ? "" : `${name}: `}${news}`;
    if (severity === "warning") {
      this.output.problem(line);
    } else if (this.board !== undefined) {
      this.board.other(message);
    } else {
      this.output.progress(line);
    }
  }

  /**
   * What a message says that its resource did not say before; undefined when that is nothing. Providers repeat their
   * status, and of `waiting for a: …; b: …` mostly one part has changed.
   */
  private news(urn: string, message: string): string | undefined {
    const said = this.said.get(urn) ?? new Map<string, string>();
    this.said.set(urn, said);
    const parts = /^waiting for (.+?)(?: \(and \d+ more\))?$/s.exec(message)?.[1]?.split("; ");
    if (parts === undefined) {
      const repeated = said.get("") === message;
      said.set("", message);
      return repeated ? undefined : message;
    }
    const changed = parts.filter((part) => {
      const [subject = part] = part.split(":");
      const repeated = said.get(subject) === part;
      said.set(subject, part);
      return !repeated;
    });
    return changed.length === 0 ? undefined : `waiting for ${changed.join("; ")}`;
  }
}

function violation({ policyName, enforcementLevel, resourceUrn, message }: PolicyEvent): Violation {
  // The SDK puts the policy's description before what is wrong here, on a line of its own.
  const [first = "", ...rest] = plainText(message).trim().split("\n");
  const isStack = !resourceUrn || urnType(resourceUrn) === "pulumi:pulumi:Stack";
  return {
    policy: policyName,
    mandatory: enforcementLevel === "mandatory",
    ...(isStack ? {} : { resource: urnName(resourceUrn) }),
    message: rest.length === 0 ? first : rest.join(" ").trim(),
  };
}

/** The engine writes this one name in PascalCase; the typings do not. */
function packsOf(summary: object): object {
  const packs: unknown = "PolicyPacks" in summary ? summary.PolicyPacks : undefined;
  return typeof packs === "object" && packs !== null ? packs : {};
}

/** The host whose machine the step is about. */
function hostOf(step: StepEventMetadata): string | undefined {
  return urnType(step.urn) === "webinfra:incus:Machine" ? urnName(step.urn) : undefined;
}

function isCustom(step: StepEventMetadata): boolean {
  return (step.new ?? step.old)?.custom === true;
}

/** The engine's own bookkeeping of a provider, which is nothing to see. */
function isProvider(step: StepEventMetadata): boolean {
  return step.type.startsWith("pulumi:providers:");
}

function wordsOf(step: StepEventMetadata): readonly [string, string] | readonly [] {
  // The engine calls it a deletion, but it only forgets what is retained.
  return step.op.startsWith("delete") && step.old?.retainOnDelete === true
    ? ["keeping", "kept"]
    : (words[step.op] ?? []);
}

function keyOf(step: StepEventMetadata): string {
  return `${step.op} ${step.urn}`;
}

function label(step: StepEventMetadata): string {
  return `${urnName(step.urn)} [${urnType(step.urn)}]`;
}

/** The lines of a plan: one change each, with the properties that differ. */
export function planLines(steps: readonly PlannedStep[]): string[] {
  return steps.map(({ op, type, name, diff }) => {
    const what = diff.length === 0 ? "" : ` (${diff.join(", ")})`;
    return `  ${signs[op] ?? op} ${name} [${type}]${what}`;
  });
}

/** A problem as text: whose it is, then what. */
export function problemText({ resource, message }: Problem): string {
  return resource === undefined ? message : `${resource}: ${message}`;
}
