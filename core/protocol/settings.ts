/**
 * `settings/<host>.json`: what of a host may change while it lives. The program writes it, the host applies it in place and says so in `/state`. Every
 * host can read it: what is secret in it is sealed to the host's own key.
 */
import { z } from "zod";
import { domainName } from "../schema";
import { hostNameSchema, type Parsed, parseDocument, writeDocument } from "./document";

const domainRight = "should be a domain name, such as www.foobar.com";
const variableRight = "should be the name of an environment variable, such as LOG_LEVEL";
const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, variableRight),
  z.string("should be a text"),
  "should be an object of names and texts",
);
const mysqlRight = "should be the name of a MySQL variable";
const lagRight = "should be a number of seconds above 0";

const application = z.object({ environment }, "should be null or an object");

const database = z.object(
  {
    /** As lines of MySQL's configuration have them: `max_connections` and `200`, also with a prefix that MySQL knows, such as `loose_`. */
    variables: z.record(
      z.string().regex(/^[a-z][a-z0-9_.]*$/, mysqlRight),
      z.string().regex(/^[^\n]*$/, "should be one line"),
      "should be an object of names and texts",
    ),
    /** `require`: a write waits for a replica for as long as it takes. */
    durability: z.enum(["prefer", "require"], "should be prefer or require"),
    /** How far behind a replica may be and still be read as one. */
    maxLagSeconds: z.number(lagRight).positive(lagRight),
  },
  "should be null or an object",
);

const schema = z
  .object({
    /** Whose they are. */
    host: hostNameSchema,
    /** The site's name. */
    domain: z.string(domainRight).regex(domainName, domainRight),
    /** Null on hosts that run no application. */
    application: application.nullable().default(null),
    /** Null on hosts without a database. */
    database: database.nullable().default(null),
    /** {@link SealedSettings} as JSON, in an age file with armor. Null: nothing here is secret. */
    sealed: z.string("should be null or an age file with armor").nullable().default(null),
  })
  .transform((settings) => ({ version: 2 as const, ...settings }));

/** A host's settings as they travel. */
export type HostSettings = z.infer<typeof schema>;

/** The secret part of a host's settings. */
export interface SealedSettings {
  /** Variables of the application, on top of {@link HostSettings.application}. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads settings of version 2, which is the first that there was. */
export function parseHostSettings(text: string): Parsed<HostSettings> {
  return parseDocument(text, { 1: schema, 2: schema });
}

/**
 * The text of a host's settings.
 * @throws Error when no host would accept it
 */
export function writeHostSettings(settings: Omit<HostSettings, "version">): string {
  return writeDocument(settings, parseHostSettings);
}

/** Key of a host's settings in the channel. */
export const settingsKey = (host: string): string => `settings/${host}.json`;
