/** What is said of hosts that were made from an older definition: they hold data, and no update makes them anew by itself. */
export const outdatedLines = (stack: string, hosts: readonly string[]): string[] =>
  hosts.map(
    (host) =>
      `${host} was made from an older definition: \`webinfra replace ${host} --stack ${stack}\` makes it anew from this one`,
  );
