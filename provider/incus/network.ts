/** A stack's network: an Incus bridge with NAT and a subnet that nothing else on this machine uses. */
import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { z } from "zod";
import { networkInputs } from "../inputs/incus";
import { withLock } from "../lock";
import { type Context, resource } from "../resource";
import { UNKNOWN } from "../values";
import { IncusClient, IncusError } from "./client";
import { LABEL_STACK } from "./labels";
import { remove, retry } from "./retry";
import { formatAddress, formatCidr, parseCidr } from "../../core/ipv4";
import { conflictOf, parseRoutes, pickSubnet, type TakenSubnet } from "./subnet";

/** Who chooses a subnet has it. */
export const NETWORK_LOCK = "webinfra-network";

const networkSchema = z.object({
  name: z.string(),
  type: z.string(),
  managed: z.boolean(),
  config: z.record(z.string(), z.string()).default({}),
  used_by: z.array(z.string()).nullish(),
});
type IncusNetwork = z.infer<typeof networkSchema>;

type Inputs = z.infer<typeof networkInputs>;

const state = z.object({
  name: z.string(),
  stack: z.string(),
  cidr: z.string(),
  gateway: z.string(),
  network: z.string(),
});
type State = z.infer<typeof state>;

/** A network as {@link listNetworks} reports it. */
export interface NetworkSummary {
  readonly name: string;
  readonly stack: string;
  /** Subnet in CIDR notation. */
  readonly cidr: string;
}

function cidrOf(network: IncusNetwork): string {
  const subnet = parseCidr(network.config["ipv4.address"] ?? "");
  return subnet === undefined ? "" : formatCidr(subnet);
}

/** Every subnet that a new network must keep away from. `except` is a network's own name, which is not in its own way. */
export function takenSubnets(
  networks: readonly { readonly name: string; readonly cidr: string; readonly stack?: string | undefined }[],
  interfaces: readonly { readonly name: string; readonly cidr: string | null }[],
  routes: readonly TakenSubnet[],
  except: string,
): TakenSubnet[] {
  // Incus lists this machine's own interfaces as networks too, with no subnet.
  const known = new Set(networks.filter((network) => network.cidr !== "").map((network) => network.name));
  return [
    ...networks
      .filter((network) => network.name !== except && network.cidr !== "")
      .map((network) => ({
        cidr: network.cidr,
        by: `the Incus network ${network.name}` + (network.stack === undefined ? "" : ` of stack "${network.stack}"`),
      })),
    ...interfaces
      .filter((one) => !known.has(one.name) && one.name !== except)
      .flatMap((one) =>
        one.cidr === null ? [] : [{ cidr: one.cidr, by: `the interface ${one.name} of this machine` }],
      ),
    ...routes.filter((route) => ![...known, except].some((name) => route.by.endsWith(`(${name})`))),
  ];
}

async function allNetworks(client: IncusClient, signal: AbortSignal | undefined): Promise<IncusNetwork[]> {
  return client.get("/1.0/networks?recursion=1&all-projects=true&project=default", z.array(networkSchema), { signal });
}

/** The subnets that Incus's networks, this machine's interfaces and its routes have. `except` is a network's name that does not count. */
export async function subnetsInUse(client: IncusClient, except: string, signal?: AbortSignal): Promise<TakenSubnet[]> {
  const networks = await allNetworks(client, signal);
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).filter((one) => one.family === "IPv4").map((one) => ({ name, cidr: one.cidr })),
  );
  // Absent outside Linux, where the interfaces have to do.
  const routes = parseRoutes(await readFile("/proc/net/route", "utf8").catch(() => ""));
  return takenSubnets(
    networks.map((one) => ({ name: one.name, cidr: cidrOf(one), stack: one.config[LABEL_STACK] })),
    interfaces,
    routes,
    except,
  );
}

function choose(wanted: string | undefined, taken: readonly TakenSubnet[]): string {
  if (wanted === undefined) {
    return pickSubnet(taken);
  }
  const conflict = conflictOf(wanted, taken);
  if (conflict !== undefined) {
    throw new Error(
      `the network's cidr ${wanted} is taken: ${conflict.by} has ${conflict.cidr}. ` +
        `Leave cidr out to have a free one chosen (now ${pickSubnet(taken)}), or set it to a subnet that nothing uses`,
    );
  }
  return wanted;
}

function stateOf(network: IncusNetwork, stack: string): State {
  const subnet = parseCidr(cidrOf(network));
  if (subnet === undefined) {
    throw new Error(
      `the Incus network ${network.name} has no IPv4 subnet: delete it with \`incus network delete ${network.name}\``,
    );
  }
  return {
    name: network.name,
    stack,
    cidr: formatCidr(subnet),
    gateway: formatAddress(subnet.first + 1),
    network: network.name,
  };
}

async function find(client: IncusClient, name: string, signal: AbortSignal): Promise<IncusNetwork | undefined> {
  return client.find(`/1.0/networks/${name}?project=default`, networkSchema, { signal });
}

/**
 * Before it makes or deletes a bridge, Incus lists every interface of this machine, then looks at each, and fails at one that went meanwhile: a machine
 * of any stack that stops is enough (lxc/incus, issue 1741). It leaves nothing behind.
 */
function interfaceWent({ message }: IncusError): boolean {
  return /\bDevice "[^"]+" does not exist/.test(message);
}

async function ensureNetwork(client: IncusClient, given: Inputs, context: Context): Promise<State> {
  const { signal } = context;
  const existing = await find(client, given.name, signal);
  if (existing !== undefined) {
    // The name belongs to the stack: this is what an update that was killed left behind.
    if (existing.config[LABEL_STACK] !== given.stack) {
      throw new Error(
        `the Incus network ${given.name} exists and is not of stack "${given.stack}": ` +
          `delete it with \`incus network delete ${given.name}\` if nothing needs it, or name the stack otherwise`,
      );
    }
    if (given.cidr === undefined || given.cidr === cidrOf(existing)) {
      return stateOf(existing, given.stack);
    }
    await deleteNetwork(given.name, client, signal);
  }
  const cidr = choose(given.cidr, await subnetsInUse(client, given.name, signal));
  const gateway = formatAddress((parseCidr(cidr)?.first ?? 0) + 1);
  const request = {
    name: given.name,
    type: "bridge",
    description: `webinfra stack ${given.stack}`,
    config: {
      "ipv4.address": `${gateway}/${cidr.split("/")[1] ?? "24"}`,
      "ipv4.nat": "true",
      "ipv6.address": "none",
      // What hosts ask of `.internal` is answered here and never sent on.
      "raw.dnsmasq": "local=/internal/",
      [LABEL_STACK]: given.stack,
    },
  };
  await retry(() => client.change("POST", "/1.0/networks?project=default", request, { signal }), interfaceWent, signal);
  return { name: given.name, stack: given.stack, cidr, gateway, network: given.name };
}

/**
 * Makes the network while no other update on this machine makes one: two that choose a free subnet at the same moment choose the same, and then Incus fails
 * at one of them.
 * @param waitSeconds how long to wait for others
 */
export async function makeNetwork(
  client: IncusClient,
  given: Inputs,
  context: Context,
  waitSeconds = 300,
): Promise<State> {
  const work = (): Promise<State> => ensureNetwork(client, given, context);
  const made = await withLock(NETWORK_LOCK, work, waitSeconds, context.signal);
  if (made === undefined) {
    throw new Error(
      `the network ${given.name} was not made: another update has been making its own for ${String(waitSeconds)} s; end it, and try again`,
    );
  }
  return made.result;
}

/** `webinfra:incus:Network` */
export const network = resource<Inputs, State>({
  inputs: networkInputs,
  state,
  stateVersion: 1,
  migrations: [],
  replaceOn: ["name"],
  updateOn: ["stack"],
  drifted(current, news) {
    const wanted = news["cidr"];
    if (typeof wanted === "string" && wanted !== UNKNOWN && wanted !== current.cidr) {
      throw new Error(
        `the network ${current.name} has ${current.cidr}, and addresses do not change while machines use them: ` +
          `set cidr back to ${current.cidr} or leave it out; for ${wanted} destroy the stack first`,
      );
    }
    return Promise.resolve(false);
  },
  async create(given, context) {
    return { id: given.name, state: await makeNetwork(new IncusClient(), given, context) };
  },
  async read(id, current, context) {
    const found = await find(new IncusClient(), id, context.signal);
    return found === undefined ? undefined : stateOf(found, found.config[LABEL_STACK] ?? current.stack);
  },
  async update(id, current, given, context) {
    const client = new IncusClient();
    if ((await find(client, id, context.signal)) === undefined) {
      return makeNetwork(client, { ...given, cidr: current.cidr }, context);
    }
    await client.change(
      "PATCH",
      `/1.0/networks/${id}?project=default`,
      { description: `webinfra stack ${given.stack}`, config: { [LABEL_STACK]: given.stack } },
      { signal: context.signal },
    );
    return { ...current, stack: given.stack };
  },
  async delete(id, _current, context) {
    await deleteNetwork(id, new IncusClient(), context.signal);
  },
});

/** The networks of one stack, or of all stacks. */
export async function listNetworks(
  stack?: string,
  client = new IncusClient(),
  signal?: AbortSignal,
): Promise<NetworkSummary[]> {
  return (await allNetworks(client, signal)).flatMap((one) => {
    const owner = one.config[LABEL_STACK];
    return owner === undefined || (stack !== undefined && owner !== stack)
      ? []
      : [{ name: one.name, stack: owner, cidr: cidrOf(one) }];
  });
}

/** Deletes a network; one that is gone already is fine. Throws {@link IncusError} naming what still uses it. */
export async function deleteNetwork(name: string, client = new IncusClient(), signal?: AbortSignal): Promise<void> {
  const found = await client.find(`/1.0/networks/${name}?project=default`, networkSchema, { signal });
  if (found === undefined) {
    return;
  }
  const users = (found.used_by ?? []).map((path) => decodeURIComponent(path.split("/").at(-1)?.split("?")[0] ?? path));
  if (users.length > 0) {
    throw new IncusError("conflict", `the network ${name} is still used by ${users.join(", ")}: delete that first`);
  }
  await remove(() => client.change("DELETE", `/1.0/networks/${name}?project=default`, undefined, { signal }), signal);
}
