/** A stand-in for Incus on a unix socket: what the provider does of itself, without containers. It has no idea of what runs in them. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { IncusClient } from "../../provider/incus";

interface Image {
  readonly fingerprint: string;
  readonly size: number;
  readonly properties: Readonly<Record<string, string>>;
}

interface Instance {
  status: string;
  readonly config: Readonly<Record<string, string>>;
}

const newVolume = z.object({ name: z.string().optional(), config: z.record(z.string(), z.string()) });
const newInstance = z.object({ name: z.string(), config: z.record(z.string(), z.string()).default({}) });
const newState = z.object({ action: z.enum(["start", "stop"]) });
const newImage = z.object({ properties: z.record(z.string(), z.string()) });

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
  }
  return text === "" ? undefined : JSON.parse(text);
}

/** Holds instances, images and volumes. */
export class FakeIncus {
  readonly images: Image[] = [];
  readonly instances = new Map<string, Instance>();
  /** Configurations of volumes, by name. */
  readonly volumes = new Map<string, Readonly<Record<string, string>>>();
  /** Fingerprints by alias. */
  readonly aliases = new Map([["webinfra-debian-13", "base-1"]]);
  /** "METHOD path" of each change that was made, in order. */
  readonly changes: string[] = [];
  /** What the next looks at /run/webinfra/converge find; the last one stays. */
  converge = ["done\n\n"];
  /** What commands in machines print. */
  stdout = "";
  private readonly directory = mkdtempSync(join(tmpdir(), "webinfra-incus-"));
  private readonly server: Server;
  private made = 0;

  constructor() {
    this.server = createServer((request, response) => {
      void this.answer(request).then((found) => {
        if (typeof found === "string") {
          response.end(found);
        } else {
          const missing = { type: "error", error_code: 404, error: "not found" };
          response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found ?? missing));
        }
      });
    });
  }

  async start(): Promise<IncusClient> {
    const socket = join(this.directory, "unix.socket");
    this.server.listen(socket);
    await once(this.server, "listening");
    return new IncusClient(socket);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The object that Incus would answer, a file's text, or undefined for what does not exist. */
  private async answer(request: IncomingMessage): Promise<object | string | undefined> {
    const path = new URL(request.url ?? "", "http://incus").pathname.replace("/1.0/", "");
    const [kind = "", name = "", part] = path.split("/");
    if (request.method !== "GET") {
      const operation =
        kind === "storage-pools"
          ? this.changeVolume(request.method ?? "", path.split("/").at(-1) ?? "", await bodyOf(request))
          : this.change(request.method ?? "", kind, name, part, await bodyOf(request));
      if (operation !== undefined) {
        this.changes.push(`${request.method ?? ""} ${path}`);
      }
      return operation;
    }
    const sync = (metadata: unknown): object | undefined =>
      metadata === undefined ? undefined : { type: "sync", metadata };
    switch (kind) {
      case "operations":
        return sync({
          id: name,
          status_code: 200,
          metadata: { fingerprint: name, return: 1, output: { "1": "/1.0/logs/1" } },
        });
      case "logs":
        return this.stdout;
      case "images":
        return sync(name === "aliases" ? this.alias(part ?? "") : this.images);
      case "storage-pools": {
        const volume = path.split("/").at(-1) ?? "";
        const config = this.volumes.get(volume);
        return sync(config && { name: volume, type: "custom", config });
      }
      case "instances": {
        if (name === "") {
          return sync([...this.instances].map(([key, value]) => ({ name: key, ...value })));
        }
        const instance = this.instances.get(name);
        if (instance === undefined) {
          return undefined;
        }
        if (part === "files") {
          return (this.converge.length > 1 ? this.converge.shift() : this.converge[0]) ?? "";
        }
        const network = { eth0: { addresses: [{ family: "inet", address: "10.77.0.9", scope: "global" }] } };
        return sync(part === "state" ? { status: instance.status, network } : { name, ...instance });
      }
      default:
        return undefined;
    }
  }

  private changeVolume(method: string, name: string, body: unknown): object | undefined {
    if (method === "DELETE") {
      this.volumes.delete(name);
    } else {
      const { name: made = name, config } = newVolume.parse(body);
      this.volumes.set(made, { ...this.volumes.get(made), ...config });
    }
    return { type: "async", metadata: { id: "operation", status_code: 103 } };
  }

  private alias(name: string): object | undefined {
    const target = this.aliases.get(name);
    return target === undefined ? undefined : { target };
  }

  private change(
    method: string,
    kind: string,
    name: string,
    part: string | undefined,
    body: unknown,
  ): object | undefined {
    let id = "operation";
    if (kind === "instances" && method === "POST" && name === "") {
      const { name: wanted, config } = newInstance.parse(body);
      this.instances.set(wanted, { status: "Stopped", config });
    } else if (kind === "instances" && part === "state") {
      const instance = this.instances.get(name);
      if (instance === undefined) {
        return undefined;
      }
      instance.status = newState.parse(body).action === "start" ? "Running" : "Stopped";
    } else if (kind === "instances" && method === "DELETE") {
      if (!this.instances.delete(name)) {
        return undefined;
      }
    } else if (kind === "images" && method === "POST") {
      id = `made-${String(++this.made)}`;
      this.images.push({ fingerprint: id, size: 1, ...newImage.parse(body) });
    } else if (kind === "images" && method === "DELETE") {
      const at = this.images.findIndex(({ fingerprint }) => fingerprint === name);
      if (at < 0) {
        return undefined;
      }
      this.images.splice(at, 1);
    }
    return { type: "async", metadata: { id, status_code: 103 } };
  }
}
