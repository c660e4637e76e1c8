/** Ctrl-C: the first one lets work in flight end, the next ones are less patient. */
import type { ChildProcess } from "node:child_process";
import { InterruptedError } from "../errors";

/** Where signals come from: `process`, or a stand-in in tests. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Turns the terminal's signals into an orderly end of the Pulumi process that is running. Pulumi takes the first SIGINT as
 * "begin nothing new, let the providers wind up" and writes its state, and the second as "end now".
 */
export class Interruption {
  private count = 0;
  private readonly children = new Set<ChildProcess>();
  private readonly onSignal = (): void => {
    this.count += 1;
    if (this.count === 1) {
      this.say("\nstopping: finishing what is in flight; press Ctrl-C again to end it at once");
    } else if (this.count === 2) {
      this.say("ending at once; the next run repairs what is left half-made");
    }
    for (const child of this.children) {
      this.forward(child);
    }
  };

  /** @param say writes a line for the user */
  constructor(
    private readonly say: (line: string) => void,
    private readonly source: SignalSource = process,
  ) {
    for (const signal of signals) {
      source.on(signal, this.onSignal);
    }
  }

  /** Whether the user asked to stop. */
  get requested(): boolean {
    return this.count > 0;
  }

  /** Throws when the user asked to stop: for the places between two steps. */
  check(): void {
    if (this.requested) {
      throw new InterruptedError("stopped before the next step; run the command again to go on");
    }
  }

  /** Has signals forwarded to a child until the returned function is called. */
  guard(child: ChildProcess): () => void {
    this.children.add(child);
    // A signal that came before the child was started counts for it, too.
    if (this.requested) {
      this.forward(child);
    }
    return () => {
      this.children.delete(child);
    };
  }

  /** Gives the signals back to their default effect. */
  dispose(): void {
    for (const signal of signals) {
      this.source.off(signal, this.onSignal);
    }
  }

  private forward(child: ChildProcess): void {
    child.kill(this.count < 3 ? "SIGINT" : "SIGKILL");
  }
}
