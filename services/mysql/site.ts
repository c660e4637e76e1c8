/** What all of the site knows of its databases. */
import { CertificateRequest, Secret } from "../../core/secret";
import { hostName, zone } from "../../topology/types";

/** Name that the databases' certificates carry and that clients verify. */
export const databaseServerName = hostName("db");
/** Name of the application's database. */
export const databaseName = "site";

/** Of the account `app`, with which applications work. */
export const appPassword: Secret = { kind: "password", name: "app-password", given: "databaseAppPassword" };
/** Of the account with which databases follow and copy each other. */
export const replicationPassword: Secret = {
  kind: "password",
  name: "replication-password",
  given: "databaseReplicationPassword",
};

/** The databases' certificate: the wildcard lets a replica be added without a new certificate for the others. */
export const databaseCertificate: CertificateRequest = {
  name: "database-certificate",
  commonName: databaseServerName,
  dnsNames: [databaseServerName, `*.${zone}`],
};

/** Certificate of the authority that signed it. */
export const authority: Secret = { kind: "authority" };
