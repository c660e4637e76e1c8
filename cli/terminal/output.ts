/** Where the command writes: results on stdout, and with --json the progress on stderr so that stdout is one JSON text. */

/** The two streams that an {@link Output} writes to. */
export interface Streams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: { write(text: string): unknown };
}

export class Output {
  private above: ((line: string) => void) | undefined;

  /**
   * @param json whether the result is JSON on stdout alone
   * @param streams default: the process's
   */
  constructor(
    readonly json: boolean,
    private readonly streams: Streams = process,
    private readonly environment: Readonly<Record<string, string | undefined>> = process.env,
  ) {}

  /** Whether lines may be drawn over: the result goes to a terminal that can do that, and nobody keeps it as a log. */
  get live(): boolean {
    return (
      !this.json &&
      this.streams.stdout.isTTY === true &&
      // Some terminals without a window call themselves none wide.
      this.streams.stdout.columns !== 0 &&
      this.environment["TERM"] !== "dumb" &&
      this.environment["CI"] === undefined
    );
  }

  /** Hands progress and problems to a live display, until the returned function is called. */
  divert(write: (line: string) => void): () => void {
    this.above = write;
    return () => {
      this.above = undefined;
    };
  }

  /** A line about work that is going on. */
  progress(line: string): void {
    if (this.above !== undefined) {
      this.above(line);
      return;
    }
    (this.json ? this.streams.stderr : this.streams.stdout).write(`${line}\n`);
  }

  /** A line of the result for people; not written with --json. */
  result(line: string): void {
    if (!this.json) {
      this.streams.stdout.write(`${line}\n`);
    }
  }

  /** The whole result as one document, alone on stdout where progress goes to stderr (as with --json). */
  document(text: string): void {
    this.streams.stdout.write(`${text.trimEnd()}\n`);
  }

  /** A warning or an error: always stderr. */
  problem(line: string): void {
    if (this.above !== undefined) {
      this.above(line);
      return;
    }
    this.streams.stderr.write(`${line}\n`);
  }

  /** The machine-readable result; written only with --json. */
  data(value: unknown): void {
    if (this.json) {
      this.streams.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    }
  }
}
