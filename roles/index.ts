/** A role is a list of services. Whoever wants to know what stands on a host asks here. */
import { distinct, Secret } from "../core/secret";
import { RoleName } from "../core/roles";
import { address } from "../services/address";
import { agent } from "../services/agent";
import { app } from "../services/app";
import { Description, Installation, Parts, HostContext, Placement } from "../services/contract";
import { converge } from "../services/converge";
import { Service } from "../services/define";
import { haproxy } from "../services/haproxy";
import { identity } from "../services/identity";
import { localProxy } from "../services/local-proxy";
import { metadata } from "../services/metadata";
import { mysql } from "../services/mysql";
import { nginx } from "../services/nginx";
import { programs } from "../services/programs";
import { release } from "../services/release";
import { secrets } from "../services/secrets";
import { settings } from "../services/settings";
import { sync } from "../services/sync";
import { volumes } from "../services/volumes";

/** What every host has. */
const everyHost: readonly Service[] = [converge, metadata, identity, programs, agent, secrets, settings, volumes, sync];

const services: Readonly<Record<RoleName, readonly Service[]>> = {
  loadBalancer: [haproxy, address],
  webServer: [localProxy, release, nginx],
  appServer: [localProxy, release, app],
  database: [mysql],
  monitor: [],
};

/** The services of a host with these roles, each once. */
export const servicesOf = (roles: readonly RoleName[]): readonly Service[] => [
  ...new Set([...everyHost, ...roles.flatMap((role) => services[role])]),
];

/** What the services of a host say of themselves, together. */
export function describe(placement: Placement): Required<Description> {
  const all = servicesOf(placement.roles).map((service) => service.describe(placement));
  return {
    ports: all.flatMap(({ ports = [] }) => ports),
    health: all.flatMap(({ health = [] }) => health),
    metrics: all.flatMap(({ metrics = [] }) => metrics),
    volumes: all.flatMap(({ volumes: own = [] }) => own),
    watches: all.flatMap(({ watches = [] }) => watches),
    secrets: distinct(all.flatMap(({ secrets: own = [] }) => own)),
    sealed: distinct(all.flatMap(({ sealed = [] }) => sealed)),
  };
}

/** What installing the services of a host takes. */
export const installations = (placement: Placement): readonly Installation[] =>
  servicesOf(placement.roles).map((service) => service.install(placement));

/** The files and steps of one host's services. @param text gives the text of a secret that one of them declares */
export const render = (context: HostContext, text: (secret: Secret) => string): readonly Parts[] =>
  servicesOf(context.roles).map((service) => service.render(context, text));
