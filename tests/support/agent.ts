/** What a host's agent answers, read by tests for themselves: a wrong schema of the product would be wrong on both sides. */
import assert from "node:assert/strict";
import { get } from "node:http";

/** The parts of `GET /state` that tests look at. */
export interface HostState {
  readonly machine: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly healthy: boolean;
  readonly error: string | null;
  readonly refused: readonly { readonly document: string; readonly reason: string }[];
  readonly package: {
    readonly running: string | null;
    readonly good: string | null;
    readonly refused: { readonly package: string; readonly reason: string } | null;
    readonly waiting: string | null;
  };
  /** Of hosts that take settings from the channel. */
  readonly settings?: {
    readonly applied: string;
    readonly refused: { readonly settings: string; readonly reason: string } | null;
    readonly waiting: string | null;
    readonly pending: readonly string[];
  };
  readonly database?: {
    readonly role: string;
    readonly writable: boolean;
    readonly replica: boolean;
    readonly stale: boolean;
    readonly lagSeconds: number | null;
    readonly fenced: string | null;
    readonly epoch: number | null;
    readonly executed: string;
    readonly member: {
      readonly closed: boolean;
      readonly opened: number | null;
      readonly waiting: string | null;
      readonly alone: string | null;
      readonly conflict: boolean;
    } | null;
  };
}

/** Status and text of one question to an agent; rejects when it does not answer within two seconds. */
export function askHost(address: string, path: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: address, port: 9000, path, agent: false, timeout: 2000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on("timeout", () => request.destroy(new Error(`${address}${path} does not answer within 2 s`)));
    request.on("error", reject);
  });
}

/** What the host at an address says of itself. */
export async function stateOf(address: string): Promise<HostState> {
  const { status, text } = await askHost(address, "/state");
  assert.equal(status, 200, text);
  return JSON.parse(text) as HostState;
}
