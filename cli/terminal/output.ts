/** Where the command writes: results on stdout, and with --json the progress on stderr so that stdout is one JSON text. */
import { createColors } from "picocolors";

type Colours = ReturnType<typeof createColors>;

/** A stream that lines go to. */
interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The two streams that an {@link Output} writes to. */
export interface Streams {
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** How an {@link Output} writes; what is left out is the process's. */
export interface OutputOptions {
  readonly streams?: Streams;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Makes commands that a line names such as can be pasted. Default: as they are. */
  readonly hints?: (text: string) => string;
}

/** Below this nothing can be laid out. */
const LEAST_COLUMNS = 20;

/** Digests are told apart by much less. */
const shortDigests = (text: string): string => text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1");

/**
 * Whether a stream is to have colours: a terminal, unless NO_COLOR (https://no-color.org) is set, or TERM is dumb. FORCE_COLOR asks for them anywhere.
 */
function isColoured({ isTTY }: Stream, environment: Required<OutputOptions>["environment"]): boolean {
  if (environment["NO_COLOR"]) {
    return false;
  }
  const forced = environment["FORCE_COLOR"];
  return forced === undefined ? isTTY === true && environment["TERM"] !== "dumb" : forced !== "0" && forced !== "false";
}

export class Output {
  /** For what goes to where the result goes. */
  readonly colours: Colours;
  private readonly streams: Streams;
  private readonly environment: Readonly<Record<string, string | undefined>>;
  private readonly hints: (text: string) => string;
  private above: ((line: string) => void) | undefined;

  /** @param json whether the result is JSON on stdout alone */
  constructor(
    readonly json: boolean,
    { streams = process, environment = process.env, hints = (text) => text }: OutputOptions = {},
  ) {
    this.streams = streams;
    this.environment = environment;
    this.hints = hints;
    this.colours = createColors(isColoured(streams.stdout, environment));
  }

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

  /** How many characters a line of the result may have: the terminal's columns; without end where it goes to no terminal. */
  get columns(): number {
    const { isTTY, columns } = this.streams.stdout;
    return isTTY === true && columns !== undefined && columns >= LEAST_COLUMNS ? columns : Infinity;
  }

  /** Text for people as it is shown: commands that can be pasted, digests short. */
  shown(text: string): string {
    // What is between backticks is to be pasted: it stays whole.
    return this.hints(text.replace(/`[^`\n]*`|[^`]+/g, (part) => (part.startsWith("`") ? part : shortDigests(part))));
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
      this.above(this.shown(line));
      return;
    }
    (this.json ? this.streams.stderr : this.streams.stdout).write(`${this.shown(line)}\n`);
  }

  /** A line of somebody else's, such as a log's or a value: as it is; not written with --json. */
  raw(line: string): void {
    if (!this.json) {
      this.streams.stdout.write(`${line}\n`);
    }
  }

  /** A line of the result for people; not written with --json. */
  result(line: string): void {
    if (!this.json) {
      this.streams.stdout.write(`${this.shown(line)}\n`);
    }
  }

  /** The whole result as one document, alone on stdout where progress goes to stderr (as with --json). */
  document(text: string): void {
    this.streams.stdout.write(`${text.trimEnd()}\n`);
  }

  /** A warning or an error: always stderr. */
  problem(line: string): void {
    if (this.above !== undefined) {
      this.above(this.shown(line));
      return;
    }
    this.streams.stderr.write(`${this.shown(line)}\n`);
  }

  /** The machine-readable result; written only with --json. */
  data(value: unknown): void {
    if (this.json) {
      this.streams.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    }
  }
}
