import { Finding, planned, ReviewSettings, Rule } from "./finding";

/** What the site does without. */
export const without: Rule = ({ topology, settings }) => {
  const missing: readonly (readonly [keyof ReviewSettings, Finding["severity"], string, string, string])[] = [
    [
      "firewall",
      "high",
      "no-firewall",
      `No firewall: whoever reaches a host reaches every port that a program opens there, also those that are for the site's own hosts (${settings.privatePorts.join(", ")}).`,
      "a firewall on each host for the ports of its roles",
    ],
    [
      "https",
      "high",
      "no-https",
      topology.terminatesTls
        ? "No HTTPS that browsers trust: Nginx ends TLS with a certificate of the site's own authority, and plain HTTP is answered as well."
        : "No HTTPS: what users send and read can be seen and changed on its way.",
      "HTTPS alone, with a certificate for webinfra:domain that browsers trust",
    ],
    [
      "backups",
      "high",
      "no-backups",
      "No backups: a replica repeats a deletion or a mistake at once, and nothing can bring the data back.",
      "backups of the database",
    ],
    [
      "monitoring",
      "high",
      "no-monitoring",
      "No monitoring: failures, load and full disks are seen only when users complain.",
      "monitoring of all hosts",
    ],
    ["alertReceiver", "medium", "no-alert-receiver", "Nobody is told when something fails.", "a receiver for alerts"],
    [
      "offsiteCopies",
      "medium",
      "no-offsite-copies",
      "No copy of the data is kept elsewhere: what destroys the place destroys all of it.",
      "copies of the backups in another place",
    ],
  ];
  return missing
    .filter(([key]) => settings[key] === false)
    .map(([, severity, id, what, remedy]) => ({
      id,
      severity,
      subject: "site",
      what,
      remedy: `${remedy}${planned}`,
      available: false,
    }));
};
