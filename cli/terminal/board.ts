/** What a terminal shows while `up` and `down` work: one line a host, with its machine, its step, its health and the time. */
import type { Answer } from "../../operations/access/agent";
import type { HostMachine } from "../../operations/machines";
import { duration, table } from "./format";

type State = "idle" | "busy" | "done" | "failed";

interface Row {
  state: State;
  /** The machine's address, once it has one. */
  address: string;
  text: string;
  /** What Pulumi does to the host's machine right now; goes before what the machine itself says. */
  operation?: string;
  /** The machine to watch is one that this operation made. */
  fresh?: boolean;
  begun?: number;
  ended?: number;
}

/** Fewer columns say nothing. */
const LEAST_WORDS = 16;

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const signs: Readonly<Record<Exclude<State, "busy">, string>> = { idle: "·", done: "✔", failed: "✖" };

/** How a host is, in a few words, from its machine and what its agent said. */
function observed(machine: HostMachine, answer: Answer): { readonly state: State; readonly text: string } {
  if ("silent" in answer) {
    return { state: "busy", text: machine.running && machine.address !== null ? "booting" : answer.silent };
  }
  if (answer.converge === "failed") {
    return { state: "busy", text: `failed while ${answer.step || "being set up"} (it tries again)` };
  }
  if (answer.converge === "running") {
    return { state: "busy", text: answer.step || "being set up" };
  }
  return answer.healthy
    ? { state: "done", text: "healthy" }
    : { state: "busy", text: `not healthy${answer.error ? `: ${answer.error}` : ""}` };
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** Host, address, words and time, such that a row has at most `width` columns: the words are cut, and the address goes where they would have no room. */
function fitted(rows: readonly (readonly string[])[], width: number): (readonly string[])[] {
  const widest = (column: number): number => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0));
  const room = width - widest(0) - widest(1) - widest(3) - 3 * 2;
  const withAddress = room >= Math.min(LEAST_WORDS, widest(2));
  const words = withAddress ? room : room + widest(1) + 2;
  return rows.map(([host = "", address = "", text = "", time = ""]) =>
    withAddress ? [host, address, cut(text, words), time] : [host, cut(text, words), time],
  );
}

/** The lines' content. Told of Pulumi's steps and of what the hosts say; draws nothing itself. */
export class Board {
  private readonly rows = new Map<string, Row>();
  /** The machines that were there at first: while a replacement runs, the other one of a host is the one to watch. */
  private old: ReadonlySet<string> | undefined;
  private rest = "";
  private closed = false;

  /**
   * @param goal whether hosts are to be healthy or to be gone at the end
   * @param hosts those that are known beforehand; others get a line when they are heard of
   */
  constructor(
    private readonly goal: "up" | "down",
    hosts: readonly string[],
    private readonly now: () => number = Date.now,
  ) {
    for (const host of hosts) {
      this.row(host);
    }
  }

  /** A step of Pulumi on a host's machine has begun: `creating`, `deleting`. */
  begin(host: string, doing: string): void {
    const row = this.row(host);
    row.operation = `${doing} the machine`;
    this.busy(row);
  }

  /** That step has ended. */
  finish(host: string, done: string, succeeded: boolean): void {
    const row = this.row(host);
    delete row.operation;
    if (!succeeded) {
      row.text = "failed; the reason follows";
      this.end(row, "failed");
    } else if (done !== "deleted") {
      row.text = `machine ${done}`;
    } else if (row.fresh !== true) {
      row.address = "";
      row.text = "gone";
      this.end(row, "done");
    }
  }

  /** Something that is no host's machine: the network, the release, what is waited for. */
  other(text: string): void {
    this.rest = text;
  }

  /** What the stack's machines answered. */
  observe(machines: readonly (readonly [HostMachine, Answer])[]): void {
    if (this.goal === "down") {
      return;
    }
    const old = (this.old ??= new Set(machines.map(([{ machine }]) => machine)));
    const chosen = new Map<string, readonly [HostMachine, Answer]>();
    for (const pair of machines) {
      if (!chosen.has(pair[0].host) || !old.has(pair[0].machine)) {
        chosen.set(pair[0].host, pair);
      }
    }
    for (const [host, [machine, answer]] of chosen) {
      const row = this.row(host);
      const { state, text } = observed(machine, answer);
      row.fresh = !old.has(machine.machine);
      row.address = machine.address ?? "";
      row.text = text;
      if (row.operation !== undefined || row.state === "failed") {
        continue;
      }
      if (state === "done") {
        this.end(row, "done");
      } else {
        this.busy(row);
      }
    }
  }

  /** The operation is over; what is not done by now has failed. */
  close(succeeded: boolean): void {
    this.closed = true;
    this.rest = "";
    for (const row of this.rows.values()) {
      delete row.operation;
      if (succeeded && row.state !== "done") {
        row.text = this.goal === "up" ? "healthy" : "gone";
        this.end(row, "done");
      } else if (!succeeded && row.state === "busy") {
        row.text ||= "not done";
        this.end(row, "failed");
      }
    }
  }

  /**
   * The lines of now.
   * @param turn counts the redraws, for the sign that turns
   * @param width columns that there are. Default: without end
   */
  lines(turn: number, width = Infinity): string[] {
    const spinner = frames[turn % frames.length] ?? "";
    const hosts = [...this.rows].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
    const cells = hosts.map(([host, row]) => [
      `  ${row.state === "busy" ? spinner : signs[row.state]} ${host}`,
      row.address,
      row.operation ?? row.text,
      row.begun === undefined ? "" : duration(((row.ended ?? this.now()) - row.begun) / 1000),
    ]);
    const rest = this.rest === "" || this.closed ? [] : [cut(`  ${spinner} ${this.rest}`, width)];
    return [...table(fitted(cells, width)), ...rest];
  }

  private row(host: string): Row {
    const known = this.rows.get(host);
    if (known !== undefined) {
      return known;
    }
    const row: Row = { state: "idle", address: "", text: "" };
    this.rows.set(host, row);
    return row;
  }

  private busy(row: Row): void {
    row.begun ??= this.now();
    row.state = "busy";
    delete row.ended;
  }

  private end(row: Row, state: "done" | "failed"): void {
    if (row.state !== state) {
      row.ended = this.now();
    }
    row.state = state;
  }
}
