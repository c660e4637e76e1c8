/** The same five hosts by Ansible, with roles that many use: how long `up` takes means something only beside what people have otherwise. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { request } from "undici";
import { parse } from "yaml";
import { z } from "zod";
import {
  deleteInstance,
  deleteNetwork,
  IncusClient,
  instanceAddress,
  networkName,
  PROJECT,
} from "../../provider/incus";
import { makeNetwork } from "../../provider/incus/network";
import { within } from "../../provider/time";
import { eventually } from "../support/eventually";
import { startMachine } from "../support/machine";
import { programOnPath } from "../support/path";
import { mysql, repository } from "../support/site";
import type { Figure } from "./measure";
import { quietContext } from "../support/context";

const run = promisify(execFile);

/** A run of the playbook that takes longer hangs. */
const PLAY_SECONDS = 1800;

const folder = join(__dirname, "ansible");
const requirementsFile = join(folder, "requirements.yml");

/** The hosts of each group of the playbook. */
const HOSTS = { balancers: ["lb-1"], web: ["web-1", "web-2"], databases: ["db-1", "db-2"] } as const;
const hostNames = Object.values(HOSTS).flat();

type Environment = Readonly<Record<string, string | undefined>>;

const requirementsSchema = z.object({ roles: z.array(z.object({ name: z.string(), version: z.string() })) });

/** The roles of a requirements file that none of the folders has. */
export function absentRoles(
  requirements: string,
  folders: readonly string[],
  exists: (path: string) => boolean = existsSync,
): string[] {
  return requirementsSchema
    .parse(parse(requirements))
    .roles.map(({ name }) => name)
    .filter((name) => !folders.some((one) => exists(join(one, name))));
}

/** What it takes to run the playbook. */
export interface Ansible {
  /** The program `ansible-playbook`. */
  readonly program: string;
  /** Folders that have all roles. */
  readonly roles: readonly string[];
}

/**
 * Finds Ansible on PATH, and the roles: where ANSIBLE_ROLES_PATH says, else in a folder of ours that they are installed to when it lacks one.
 * @param cache folder of such folders
 * @returns a line that says what is missing when one of them is not to be had
 */
export async function findAnsible(
  environment: Environment,
  cache = join(repository, "node_modules", ".cache", "ansible-roles"),
): Promise<Ansible | string> {
  const program = programOnPath(["ansible-playbook"], environment);
  if (program === undefined) {
    return "there is no ansible-playbook on PATH: pip install 'ansible==12.3.0' gets it";
  }
  const requirements = readFileSync(requirementsFile, "utf8");
  const own = (environment["ANSIBLE_ROLES_PATH"] ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((one) => resolve(one));
  if (absentRoles(requirements, own).length === 0) {
    return { program, roles: own };
  }
  // By the file's hash: other versions get a folder of their own.
  const hash = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  const installed = join(cache, hash);
  const absent = absentRoles(requirements, [installed]);
  if (absent.length > 0) {
    try {
      const galaxy = join(dirname(program), "ansible-galaxy");
      await run(galaxy, ["role", "install", "-r", requirementsFile, "-p", installed], { env: utf8(environment) });
    } catch {
      return `the roles ${absent.join(", ")} could not be installed from Ansible Galaxy: put them in a folder that ANSIBLE_ROLES_PATH names`;
    }
  }
  return { program, roles: [installed] };
}

/** Ansible refuses to start where the encoding is another. */
const utf8 = (environment: Environment): NodeJS.ProcessEnv => ({ ...environment, LC_ALL: "C.UTF-8" });

/** How many tasks of a run of the playbook changed something; NaN when it does not say. */
export function changedTasks(output: string): number {
  const counts = [...output.matchAll(/^\S+ +: ok=\d+ +changed=(\d+) /gm)].map(([, count]) => Number(count));
  return counts.length === 0 ? NaN : counts.reduce((sum, count) => sum + count, 0);
}

const NAMES = { up: "Ansible: five hosts from nothing", again: "Ansible: a run with nothing to change" };

/** How many times as long as ours Ansible's runs took, as far as ours are among the figures. */
export function againstOurs(figures: readonly Figure[]): Figure[] {
  const pairs = [
    ["up of dedicated-databases from nothing", NAMES.up, "up of dedicated-databases from nothing"],
    ["webinfra up with nothing to change", NAMES.again, "up with nothing to change"],
  ] as const;
  return pairs.flatMap(([ours, theirs, what]) => {
    const mine = figures.find(({ name }) => name.startsWith(ours));
    const other = figures.find(({ name }) => name === theirs);
    return mine === undefined || other === undefined
      ? []
      : [{ name: `${what}: Ansible's to ours`, value: other.value / mine.value, unit: "times" }];
  });
}

const entrySchema = z.object({ id: z.string() });
const readingSchema = z.object({ database: z.string(), entries: z.array(entrySchema) });

/** Five containers and what is in them. */
export class Peer {
  private readonly name = `bench-ansible-${randomBytes(3).toString("hex")}`;
  private readonly network = networkName(this.name);
  private readonly work = mkdtempSync(join(tmpdir(), "webinfra-ansible-"));
  private readonly inventory = join(this.work, "inventory.json");
  private readonly stopping = new AbortController();
  private making: Promise<unknown> = Promise.resolve();
  private removing: Promise<void> | undefined;

  constructor(private readonly ansible: Ansible) {}

  private machine(host: string): string {
    return `webinfra-${this.name}-${host}`;
  }

  /**
   * Makes the hosts, and runs the playbook once more when there is nothing to change.
   * @throws Error with the end of what the playbook printed when it failed, and when the second run changed something
   */
  async measure(): Promise<Figure[]> {
    await this.prepare();
    const started = Date.now();
    await this.start();
    await this.play();
    await this.answers();
    const up = (Date.now() - started) / 1000;
    await this.replicates();
    const restarted = Date.now();
    assert.equal(changedTasks(await this.play()), 0, "the second run of the playbook changed something");
    const again = (Date.now() - restarted) / 1000;
    return [
      { name: NAMES.up, value: up, unit: "s" },
      { name: NAMES.again, value: again, unit: "s" },
    ];
  }

  /** Takes the containers away, and ends what is going on. */
  remove(): Promise<void> {
    return (this.removing ??= this.takeAway());
  }

  private async takeAway(): Promise<void> {
    this.stopping.abort(new Error("interrupted"));
    // A container that is being made is not there to be deleted yet.
    await Promise.allSettled([this.making]);
    try {
      await Promise.all(hostNames.map((host) => deleteInstance(this.machine(host), { stopTimeoutSeconds: 0 })));
      await deleteNetwork(this.network);
    } finally {
      // It holds passwords.
      rmSync(this.work, { recursive: true, force: true });
    }
  }

  /** The network and the files: neither is what is measured. */
  private async prepare(): Promise<void> {
    const context = quietContext(this.stopping.signal);
    this.making = makeNetwork(new IncusClient(), { name: this.network, stack: this.name }, context);
    await this.making;
    await run(process.execPath, [join(repository, "app", "build.mjs"), join(this.work, "app")]);
    const groups = Object.entries(HOSTS).map(([group, hosts]): readonly [string, object] => [
      group,
      { hosts: Object.fromEntries(hosts.map((host) => [host, { ansible_host: this.machine(host) }])) },
    ]);
    const [primary, replica] = HOSTS.databases;
    const vars = {
      ansible_connection: "community.general.incus",
      ansible_incus_project: PROJECT,
      work: this.work,
      primary,
      replica,
      // The same MySQL as our hosts have.
      mysql: mysql(),
      app_password: randomBytes(16).toString("hex"),
      replication_password: randomBytes(16).toString("hex"),
    };
    writeFileSync(this.inventory, JSON.stringify({ all: { vars, children: Object.fromEntries(groups) } }), {
      mode: 0o600,
    });
  }

  private async start(): Promise<void> {
    const label = { "user.webinfra.bench": this.name };
    const made = hostNames.map((host) => startMachine(this.machine(host), this.network, label));
    this.making = Promise.allSettled(made);
    await Promise.all(made);
    await Promise.all(hostNames.map((host) => this.address(host)));
  }

  private address(host: string): Promise<string> {
    return eventually(`an address of ${host}`, async () => {
      const address = await instanceAddress(this.machine(host));
      assert.ok(address, `${host} has none`);
      return address;
    });
  }

  /** Runs the playbook, and returns what it printed. */
  private async play(): Promise<string> {
    try {
      const { stdout } = await run(this.ansible.program, ["--inventory", this.inventory, "site.yml"], {
        cwd: folder,
        env: {
          ...utf8(process.env),
          ANSIBLE_CONFIG: join(folder, "ansible.cfg"),
          ANSIBLE_ROLES_PATH: this.ansible.roles.join(delimiter),
        },
        signal: this.stopping.signal,
        timeout: PLAY_SECONDS * 1000,
        maxBuffer: 2 ** 26,
      });
      return stdout;
    } catch (error) {
      const output = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
      throw new Error(`the playbook failed; the last that it printed:\n${output.slice(-4000)}`, { cause: error });
    }
  }

  /** Asks the balancer for something, which must answer with this status. */
  private async ask(path: string, status: number, entry?: object): Promise<unknown> {
    const { statusCode, body } = await request(`http://${await this.address("lb-1")}${path}`, {
      signal: within(2000, this.stopping.signal),
      ...(entry === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(entry) }),
    });
    const text = await body.text();
    assert.equal(statusCode, status, text);
    return path.startsWith("/api/") ? JSON.parse(text) : text;
  }

  /** Waits until the site gives its page. */
  private async answers(): Promise<void> {
    await eventually("the site to answer", () => this.ask("/", 200));
  }

  /** Waits until the replica shows an entry that was written: its page says nothing of that, an empty one is well, too. */
  private async replicates(): Promise<void> {
    const { id } = entrySchema.parse(await this.ask("/api/entries", 201, { name: "bench", message: "Ansible" }));
    await eventually("the replica to have an entry", async () => {
      const { database, entries } = readingSchema.parse(await this.ask("/api/entries", 200));
      assert.equal(database, HOSTS.databases[1]);
      assert.ok(entries.some((entry) => entry.id === id));
    });
  }
}
