import { Finding, hostsOf, Rule } from "./finding";

/** How many machines have the data. */
export const copies: Rule = ({ topology, settings, elements }) => {
  const databases = elements.filter(({ role }) => role === "database");
  const findings: Finding[] = [];
  if (databases.length === 1) {
    findings.push({
      id: "single-copy-of-data",
      severity: settings.backups ? "high" : "critical",
      subject: hostsOf(databases),
      what: "The data is on one machine: with its disk, everything is lost that no backup has.",
      remedy: "set webinfra:replicas to 1 or more, or give a second host of webinfra:hosts the role database",
      available: true,
    });
  }
  if (databases.length === 2) {
    findings.push({
      id: "one-copy-after-a-loss",
      severity: "low",
      subject: hostsOf(databases),
      what: "When one of the two databases is lost, the data is on one machine until the other is back.",
      remedy: "set webinfra:replicas to 2 or more, or give a third host of webinfra:hosts the role database",
      available: true,
    });
  }
  if (databases.length > 1 && settings.durability === "prefer") {
    findings.push({
      id: "write-on-one-machine",
      severity: "medium",
      subject: topology.initialPrimary,
      what: "While no replica answers within a second, writes are acknowledged that only the primary has, and are lost with it.",
      remedy: "set webinfra:mysql.durability to require, with webinfra:replicas of 2 or more",
      available: true,
    });
  }
  return findings;
};
