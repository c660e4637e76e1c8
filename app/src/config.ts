import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";

/** One database endpoint: where to connect and whom to expect there. */
export interface EndpointConfig {
  /** Address to connect to: the local proxy, e.g. `127.0.0.1`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Name of the schema. */
  readonly database: string;
  /** PEM of the certificate authority that signed the databases' certificates. */
  readonly ca: string;
  /** The name that the database's certificate must carry; the address above is a proxy's and is in no certificate. */
  readonly serverName: string;
}

/** What the application reads from its environment. */
export interface AppConfig {
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host: string;
  /** TCP port to listen on; 0 lets the system choose. Default 3000. */
  readonly port: number;
  readonly write: EndpointConfig;
  readonly read: EndpointConfig;
  /** The host's name, for the page's footer and `servedBy`. Default: the system's host name. */
  readonly serverName: string;
  /** The machine's id, for the log. */
  readonly machineId: string | undefined;
  /** The hash of the running release, for the log and the page's footer. */
  readonly release: string | undefined;
  /** How long to keep accepting, unhealthy, after SIGTERM, so that proxies notice before connections are refused. Default 2 s. */
  readonly drainSeconds: number;
}

/** The environment does not describe a runnable application; the message is one line that names every variable at fault. */
export class ConfigError extends Error {
  public override readonly name = "ConfigError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks the whole environment.
 *
 * @throws ConfigError naming each missing or bad variable, what it holds (never a secret) and what would be right.
 */
export function loadConfig(environment: Environment): AppConfig {
  const reader = new Reader(environment);
  const config: AppConfig = {
    host: reader.optional("HOST") ?? "127.0.0.1",
    port: reader.integer("PORT", 0, 65_535, 3000),
    write: reader.endpoint("DATABASE_WRITE"),
    read: reader.endpoint("DATABASE_READ"),
    serverName: reader.optional("SERVER_NAME") ?? hostname(),
    machineId: reader.optional("MACHINE_ID"),
    release: reader.optional("RELEASE"),
    drainSeconds: reader.integer("DRAIN_SECONDS", 0, 8, 2),
  };
  if (reader.problems.length > 0) {
    throw new ConfigError(`environment: ${reader.problems.join("; ")}`);
  }
  return config;
}

class Reader {
  public readonly problems: string[] = [];

  public constructor(private readonly environment: Environment) {}

  public optional(key: string): string | undefined {
    const value = this.environment[key];
    return value === "" ? undefined : value;
  }

  public integer(key: string, least: number, most: number, fallback?: number): number {
    const value = this.optional(key);
    if (value === undefined && fallback !== undefined) {
      return fallback;
    }
    const number = value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) {
      return number;
    }
    this.problems.push(
      value === undefined
        ? `${key} is not set, it must be a whole number from ${String(least)} to ${String(most)}`
        : `${key} is ${JSON.stringify(value)}, it must be a whole number from ${String(least)} to ${String(most)}`,
    );
    return least;
  }

  public endpoint(prefix: string): EndpointConfig {
    return {
      host: this.required(`${prefix}_HOST`, "the address of the database endpoint"),
      port: this.integer(`${prefix}_PORT`, 1, 65_535),
      user: this.required(`${prefix}_USER`, "the application's database account"),
      password: this.required(`${prefix}_PASSWORD`, "that account's password"),
      database: this.required(`${prefix}_NAME`, "the name of the database"),
      ca: this.certificate(`${prefix}_CA`),
      serverName: this.dnsName(`${prefix}_SERVER_NAME`),
    };
  }

  private required(key: string, meaning: string): string {
    const value = this.optional(key);
    if (value === undefined) {
      this.problems.push(`${key} is not set, it must be ${meaning}`);
      return "";
    }
    return value;
  }

  /** The driver verifies names only: of an address it would check nothing that is in a certificate. */
  private dnsName(key: string): string {
    const name = this.required(key, "the name in the database's TLS certificate");
    if (isIP(name) !== 0) {
      this.problems.push(`${key} is ${JSON.stringify(name)}, it must be a DNS name in the certificate, not an address`);
    }
    return name;
  }

  private certificate(key: string): string {
    const path = this.required(key, "the path of a PEM file with the certificate authority of the databases");
    if (path === "") {
      return "";
    }
    let pem: string;
    try {
      pem = readFileSync(path, "utf8");
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
      this.problems.push(`${key} is ${JSON.stringify(path)}, which cannot be read (${reason})`);
      return "";
    }
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
      this.problems.push(`${key} is ${JSON.stringify(path)}, which holds no PEM certificate`);
    }
    return pem;
  }
}
