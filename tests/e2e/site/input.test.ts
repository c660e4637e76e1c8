/** Mistakes and missing things, through the real command: a clear error, and nothing created. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { deleteNetwork, IncusClient, networkName } from "../../../provider/incus";
import { makeNetwork } from "../../../provider/incus/network";
import { quietContext } from "../../support/context";
import { manage, repository, Site } from "../../support/site";

describe("site that cannot be built", function () {
  this.timeout(60_000);

  const site = new Site();
  manage(site);

  /** Runs `up`, which must fail, create nothing, and print this alone on stderr. */
  async function refused(text: string | RegExp, environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const { code, stdout, stderr } = await site.run(site.upArguments(), environment);
    assert.equal(code, 1, stdout + stderr);
    if (typeof text === "string") {
      assert.equal(stderr, `webinfra: ${text}\n`);
    } else {
      assert.match(stderr, text);
    }
    assert.deepEqual(await site.remains(), []);
  }

  it("for a topology that does not exist, a network that is none, and a key that is misspelt, all at once", async () => {
    site.configure({ topology: "dedicated-database", network: { cidr: "10.77.0.1/24" }, webb: 3 });
    await refused(
      "The stack's configuration has 3 problems:\n" +
        '  - webinfra:topology is "dedicated-database": should be one of "dedicated-databases", "primary-replica-pair", "split-tiers", "replica-per-web", "custom"; did you mean "dedicated-databases"?\n' +
        '  - webinfra:network.cidr is "10.77.0.1/24": should be an IPv4 network from /8 to /28 with its host bits zero, such as 10.77.0.0/24\n' +
        "  - webinfra:webb is no key that webinfra knows: did you mean web?",
    );
  });

  it("for an application that is not there", async () => {
    const directory = join(site.directory, "nowhere");
    site.configure({ app: { directory } });
    await refused(
      "The stack's configuration has a problem:\n" +
        `  - webinfra:app.directory is "${directory}": there is no such folder at ${directory}: should be a folder with the application's files`,
    );
  });

  it("for a secret of the application that was never set", async () => {
    site.configure({ app: { secrets: ["API_TOKEN"] } });
    await refused(
      /webinfra:app\.secrets names "API_TOKEN", which webinfra:secrets does not hold: run `webinfra secrets set API_TOKEN --stack \S+`/,
    );
  });

  it("when Incus is not running", async () => {
    const socket = join(site.directory, "no.socket");
    site.configure({});
    await refused(
      new RegExp(
        `^webinfra: Incus is not running or not installed \\(nothing answers at ${socket}\\): run \`\\(cd \\S+ && npm run setup\\)\`,`,
      ),
      { INCUS_SOCKET: socket },
    );
  });

  it("in a subnet that is taken, and says by whom", async () => {
    // By a network of this suite's own: others come and go while it runs.
    const other = `${site.stack}-other`;
    const network = networkName(other);
    try {
      const context = quietContext(AbortSignal.timeout(60_000));
      const { cidr } = await makeNetwork(new IncusClient(), { name: network, stack: other }, context);
      site.configure({ network: { cidr } });
      const { code, stdout, stderr } = await site.run(site.upArguments());
      assert.equal(code, 1, stdout + stderr);
      const by = `the Incus network ${network} of stack "${other}" has ${cidr}`;
      assert.ok(stderr.includes(`network: the network's cidr ${cidr} is taken: ${by}. `), stderr);
      assert.match(stderr, /Leave cidr out to have a free one chosen \(now 10\.77\.\d+\.0\/24\)/);
      // What holds no machine may be there already: the volumes, which cost nothing.
      assert.deepEqual(
        (await site.remains()).filter((name) => !name.endsWith("-data")),
        [],
      );
    } finally {
      await deleteNetwork(network);
    }
  });

  it("for a stack that has no file", async () => {
    const { code, stderr } = await site.run(["up", "nobody"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(
        `^webinfra: there is no stack "nobody": ${join(repository, "Pulumi.nobody.yaml")} does not exist\\. Stacks: dev`,
      ),
    );
  });
});
