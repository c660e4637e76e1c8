import assert from "node:assert/strict";
import type { PrimaryPointer } from "../../core/protocol";
import type { Answer } from "../../operations/access/agent";
import type { SiteAccess } from "../../operations/access/types";
import { HostError } from "../../operations/errors";
import { commandOn } from "../../operations/exec";
import type { HostMachine } from "../../operations/machines";
import { promote, type PromotionEvent } from "../../operations/promote";
import { siteStatus } from "../../operations/status";
import { noReleases } from "../support/access";
import { databaseState, hostState } from "../support/state";

const machine = (host: string, roles: readonly string[], address: string | null = "10.77.0.9"): HostMachine => ({
  ...{ host, machine: `m-${host}`, roles, running: address !== null, address },
});

/** A site of these machines; each answers what stands here under its host's name, else nothing. */
function siteOf(
  machines: readonly HostMachine[],
  answers: Readonly<Record<string, Answer>>,
  pointer: Partial<PrimaryPointer> = {},
): SiteAccess {
  const unwanted = (): Promise<never> => Promise.reject(new Error("not wanted"));
  return {
    stack: "trial",
    machines: () => Promise.resolve(machines),
    state: ({ host, gone }) =>
      Promise.resolve(gone === true ? { silent: "is gone" } : (answers[host] ?? { silent: "does not answer" })),
    command: ({ machine: id }, argv) => ({ program: "enter", arguments: [id, ...argv], missing: "" }),
    connect: () => assert.fail("nothing is connected to"),
    channel: {
      primary: () =>
        Promise.resolve({
          ...{ version: 2, epoch: 3, nonce: "n", primary: "db-1", previous: null, previousKnown: true, force: false },
          ...pointer,
        }),
      movePrimary: unwanted,
      hint: unwanted,
    },
    releases: noReleases,
  };
}

const known = [{ machine: "m-web-1", host: "web-1", roles: ["webServer"] }];
const primary = hostState({
  machine: "m-db-1",
  database: databaseState({ role: "primary", writable: true, epoch: 3, nonce: "n" }),
});

describe("operations: through the access to a site", () => {
  it("tell the status of hosts that are there and of one that is gone", async () => {
    const site = siteOf([machine("db-1", ["database"])], { "db-1": primary });
    const { report, machines } = await siteStatus(site, known, { platform: "incus", topology: null, url: "http://x" });
    assert.deepEqual(
      report.hosts.map(({ name, healthy }) => [name, healthy]),
      [
        ["db-1", true],
        ["web-1", false],
      ],
    );
    assert.deepEqual([report.stack, report.url, report.database.primary], ["trial", "http://x", "db-1"]);
    assert.deepEqual(machines[1]?.[1], { silent: "is gone" });
  });

  it("tell no address of a site without hosts", async () => {
    const { report } = await siteStatus(siteOf([], {}), [], { platform: null, topology: null, url: "http://x" });
    assert.deepEqual([report.hosts, report.url], [[], null]);
  });

  it("enter a host's machine", async () => {
    const site = siteOf([machine("db-1", ["database"])], {});
    assert.deepEqual((await commandOn(site, "db-1", ["id"])).arguments, ["m-db-1", "id"]);
    await assert.rejects(commandOn(site, "db-2", ["id"]), (error) => {
      assert.ok(error instanceof HostError);
      assert.equal(error.message, 'there is no host "db-2" in the stack "trial" (did you mean "db-1"?); hosts: db-1');
      return true;
    });
  });

  it("leave a primary that it is already, and say so", async () => {
    const site = siteOf([machine("db-1", ["database"])], { "db-1": primary });
    const events: PromotionEvent[] = [];
    const promotion = await promote(site, known, "db-1", false, (event) => events.push(event));
    assert.deepEqual(events, [{ kind: "unchanged", primary: "db-1" }]);
    assert.deepEqual([promotion.changed, promotion.epoch, promotion.nonce], [false, 3, "n"]);
  });

  it("promote no host without a database, though its machine is gone", async () => {
    const site = siteOf([machine("db-1", ["database"])], { "db-1": primary });
    await assert.rejects(
      promote(site, known, "web-1", false, () => undefined),
      { message: '"web-1" has no database (its roles: webServer); hosts with a database: db-1' },
    );
  });
});
