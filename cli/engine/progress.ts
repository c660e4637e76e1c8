/** Turns Pulumi's events into events of ours, and into a summary for machines. */
import type { EngineEvent, PolicyEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
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

/** The operations of a plan that change something, and what they are parts of: the engine tells the deletion and the creation of a replacement, too. */
const plannedOperations: Readonly<Record<string, string>> = {
  create: "create",
  update: "update",
  delete: "delete",
  discard: "discard",
  import: "import",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  "discard-replaced": "replace",
  "import-replacement": "replace",
};

/** One planned change, as `preview --json` has it. */
export interface PlannedStep {
  /** `create`, `update`, `replace`, `delete`, `import`, or `discard`: it stays where it is, and the stack forgets it. */
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

/** A step on a resource that is being carried out. */
export interface RunningStep {
  /** Tells it from the other steps of a run. */
  readonly key: string;
  readonly name: string;
  readonly type: string;
  /** The host whose machine it is about; undefined when it is about none. */
  readonly host: string | undefined;
  /** What it does, in words, such as `creating`. */
  readonly doing: string;
  /** The same once it is done, such as `created`. */
  readonly done: string;
}

/** What goes on in a Pulumi operation. */
export type ProgressEvent =
  | { readonly kind: "begun"; readonly step: RunningStep }
  | { readonly kind: "finished"; readonly step: RunningStep; readonly succeeded: boolean }
  /** Something that the user should know. `resource` is undefined when it is about the stack. */
  | { readonly kind: "warning"; readonly resource: string | undefined; readonly message: string }
  /** How it is with a resource; `news` is the part that was not said before. */
  | {
      readonly kind: "status";
      readonly resource: string | undefined;
      readonly message: string;
      readonly news: string;
    }
  /** The operation is over, well or not; steps that were not told to be finished never will be. */
  | { readonly kind: "ended" };

/** Hears what goes on. */
export type ProgressListener = (event: ProgressEvent) => void;

/** Follows one Pulumi operation. Pass {@link onEvent} to it, and call {@link end} when it is over. */
export class Progress {
  readonly problems: Problem[] = [];
  private readonly steps = new Map<string, PlannedStep>();
  readonly violations: Violation[] = [];
  private readonly running = new Set<string>();
  private readonly said = new Map<string, Map<string, string>>();
  private counts: Readonly<Record<string, number>> = {};
  private packs: readonly string[] = [];

  constructor(private readonly listener: ProgressListener) {}

  /** How many resources each kind of step touched, components included: `{create: 3, same: 20}`. */
  get changes(): Readonly<Record<string, number>> {
    return this.counts;
  }

  /** The planned changes, one a resource. */
  get planned(): readonly PlannedStep[] {
    return [...this.steps.values()];
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

  /** Tells that the operation is over. */
  end(): void {
    this.running.clear();
    this.listener({ kind: "ended" });
  }

  private begin(step: StepEventMetadata, planning: boolean): void {
    if (planning) {
      const op = step.op === "delete" && isKept(step) ? "discard" : plannedOperations[step.op];
      if (op !== undefined && !isProvider(step)) {
        const diff = [...new Set([...(this.steps.get(step.urn)?.diff ?? []), ...(step.diffs ?? [])])];
        this.steps.set(step.urn, { op, type: urnType(step.urn), name: urnName(step.urn), diff });
      }
      return;
    }
    const running = runningStep(step);
    if (running !== undefined && isCustom(step) && !isProvider(step)) {
      this.running.add(running.key);
      this.listener({ kind: "begun", step: running });
    }
  }

  private finish(step: StepEventMetadata, planning: boolean, succeeded: boolean): void {
    const running = runningStep(step);
    if (!planning && running !== undefined && this.running.delete(running.key)) {
      this.listener({ kind: "finished", step: running, succeeded });
    }
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
    this.listener(
      severity === "warning"
        ? { kind: "warning", resource: name, message: news }
        : { kind: "status", resource: name, message, news },
    );
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

/** The engine calls it a deletion, but it only forgets what is retained. */
function isKept(step: StepEventMetadata): boolean {
  return step.op.startsWith("delete") && step.old?.retainOnDelete === true;
}

/** Undefined for what is not told: a step that changes nothing. */
function runningStep(step: StepEventMetadata): RunningStep | undefined {
  const known = isKept(step) ? (["keeping", "kept"] as const) : words[step.op];
  if (known === undefined) {
    return undefined;
  }
  const [doing, done] = known;
  return {
    key: `${step.op} ${step.urn}`,
    name: urnName(step.urn),
    type: urnType(step.urn),
    host: hostOf(step),
    doing,
    done,
  };
}

/** A problem as text: whose it is, then what. */
export function problemText({ resource, message }: Problem): string {
  return resource === undefined ? message : `${resource}: ${message}`;
}
