import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type BakedImage,
  collectGarbage,
  ensureImage,
  imageHash,
  imageResource,
  isFresh,
  newestImage,
  surveyImages,
  uselessImages,
} from "../../provider/incus/image";
import type { IncusClient } from "../../provider/incus";
import { withLock } from "../../provider/lock";
import { FakeIncus } from "../support/incus";
import { quietContext } from "../support/context";

const DAY = 86_400_000;
const now = Date.parse("2026-03-31T12:00:00Z");
const baked = (fingerprint: string, hash: string, ageDays: number, maxAgeDays = 7): BakedImage => ({
  fingerprint,
  hash,
  madeAt: now - ageDays * DAY,
  maxAgeDays,
  bytes: 1,
});

describe("provider: which image", () => {
  it("follows from the base image and from what is installed", () => {
    const hash = imageHash("base-1", "#cloud-config\n");
    assert.match(hash, /^[0-9a-f]{12}$/);
    assert.equal(imageHash("base-1", "#cloud-config\n"), hash);
    assert.notEqual(imageHash("base-2", "#cloud-config\n"), hash);
    assert.notEqual(imageHash("base-1", "#cloud-config\na: 1\n"), hash);
  });

  it("is the newest of its kind, and fresh up to its last day", () => {
    const images = [baked("old", "a", 9), baked("new", "a", 2), baked("other", "b", 1)];
    assert.equal(newestImage(images, "a")?.fingerprint, "new");
    assert.equal(newestImage(images, "c"), undefined);
    const image = baked("x", "a", 7);
    assert.ok(isFresh(image, 7, now));
    assert.ok(!isFresh(image, 7, now + 1));
  });

  const cases: readonly (readonly [string, readonly BakedImage[], readonly string[], readonly string[]])[] = [
    ["a fresh one that nobody uses stays", [baked("x", "a", 1)], [], []],
    ["an old one that nobody uses goes", [baked("x", "a", 8)], [], ["x"]],
    ["an old one stays while machines come from it and there is no newer one", [baked("x", "a", 8)], ["x"], []],
    ["an old one goes when there is a newer one", [baked("x", "a", 8), baked("y", "a", 1)], ["x"], ["x"]],
    ["its own age limit counts", [baked("x", "a", 8, 30), baked("y", "b", 2, 1)], [], ["y"]],
  ];
  for (const [what, images, used, gone] of cases) {
    it(`garbage: ${what}`, () => {
      assert.deepEqual(
        uselessImages(images, new Set(used), now).map(({ fingerprint }) => fingerprint),
        gone,
      );
    });
  }

  it("garbage is never what the next machine would start from, nor what a replacement would fall back to", () => {
    const image = fc.record({
      fingerprint: fc.uuid(),
      hash: fc.constantFrom("a", "b", "c"),
      madeAt: fc.integer({ min: now - 40 * DAY, max: now }),
      maxAgeDays: fc.integer({ min: 1, max: 30 }),
      bytes: fc.constant(1),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(image, { selector: (one) => one.fingerprint }),
        fc.infiniteStream(fc.boolean()),
        (images, flips) => {
          const used = new Set(images.filter(() => flips.next().value === true).map(({ fingerprint }) => fingerprint));
          const gone = new Set(uselessImages(images, used, now));
          for (const hash of ["a", "b", "c"]) {
            const newest = newestImage(images, hash);
            if (newest !== undefined && (isFresh(newest, newest.maxAgeDays, now) || used.has(newest.fingerprint))) {
              assert.ok(!gone.has(newest));
            }
          }
          assert.ok([...gone].every((one) => !isFresh(one, one.maxAgeDays, now)));
        },
      ),
    );
  });
});

describe("provider: an image with all packages", () => {
  let incus: FakeIncus;
  let client: IncusClient;
  let said: string[];
  let warnings: string[];
  beforeEach(async () => {
    incus = new FakeIncus();
    client = await incus.start();
    [said, warnings] = [[], []];
  });
  afterEach(() => {
    incus.stop();
  });

  // The lock that bakers of one image share is the whole machine's.
  const recipe = { base: "webinfra-debian-13", userData: `#cloud-config\n# ${process.pid}\n`, maxAgeDays: 7 };
  const hash = imageHash("base-1", recipe.userData);
  const bakery = `webinfra-image-${hash}`;
  const ensure = (limits?: { bakeSeconds: number; waitSeconds: number }): Promise<string> =>
    ensureImage(
      client,
      recipe,
      "webinfra-abcdef",
      {
        signal: new AbortController().signal,
        status: (text) => void said.push(text),
        warn: (text) => void warnings.push(text),
      },
      limits,
    );
  const add = (fingerprint: string, ageDays: number, of = hash): void =>
    void incus.images.push({
      fingerprint,
      size: 900 * 2 ** 20,
      properties: {
        "webinfra.hash": of,
        "webinfra.made": new Date(Date.now() - ageDays * DAY).toISOString(),
        "webinfra.max-age-days": "7",
      },
    });

  it("is made by a throw-away machine when there is none, with progress", async () => {
    incus.converge = [
      "",
      "running\ninstalling packages\n",
      "failed\ninstalling packages\n",
      "running\nremoving MySQL's first data\n",
      "done\n\n",
    ];
    assert.equal(await ensure(), "made-1");
    assert.deepEqual(incus.changes, [
      "POST instances",
      `PUT instances/${bakery}/state`,
      `PUT instances/${bakery}/state`,
      "POST images",
      `DELETE instances/${bakery}`,
    ]);
    assert.deepEqual(said, [
      "waiting for an image with all packages",
      "making an image with all packages: boot",
      "making an image with all packages: installing packages",
      "making an image with all packages: removing MySQL's first data",
      "making an image with all packages: storing it",
    ]);
    assert.deepEqual(incus.images[0]?.properties["webinfra.hash"], hash);
    assert.equal(await ensure(), "made-1");
    assert.equal(incus.images.length, 1);
  });

  it("is made once when several want it", async () => {
    assert.deepEqual(await Promise.all([ensure(), ensure(), ensure()]), ["made-1", "made-1", "made-1"]);
    assert.equal(incus.images.length, 1);
  });

  it("is made anew when it is too old, and the old one goes; foreign images and machines stay", async () => {
    add("old", 8);
    add("fresh-one-of-another-site", 1, "other");
    incus.images.push({ fingerprint: "base-1", size: 1, properties: {} });
    incus.instances.set("webinfra-dev-web-1-abc123", { status: "Running", config: { "volatile.base_image": "old" } });
    assert.equal(await ensure(), "made-1");
    assert.deepEqual(
      incus.images.map(({ fingerprint }) => fingerprint),
      ["fresh-one-of-another-site", "base-1", "made-1"],
    );
    assert.deepEqual([...incus.instances.keys()], ["webinfra-dev-web-1-abc123"]);
  });

  it("is made from the start when an update was killed at it", async () => {
    incus.instances.set(bakery, { status: "Running", config: { "user.webinfra.image": hash } });
    assert.equal(await ensure(), "made-1");
    assert.deepEqual(incus.changes.slice(0, 3), [
      `PUT instances/${bakery}/state`,
      `DELETE instances/${bakery}`,
      "POST instances",
    ]);
  });

  it("says why it could not be made, and leaves no machine behind", async () => {
    incus.converge = [
      "failed\ninstalling packages\n",
      "running\ninstalling packages\n",
      "failed\ninstalling packages\n",
      "running\ninstalling packages\n",
      "failed\ninstalling packages\n",
    ];
    incus.stdout = "E: Unable to locate package tre\n";
    await assert.rejects(ensure(), {
      message:
        "the image with all packages could not be made: installing packages failed 3 times; the last lines of its log:\n" +
        "E: Unable to locate package tre\n" +
        "no machine was changed; with `webinfra:image.bake: false` each machine installs its own packages, and tries again by itself",
    });
    assert.equal(incus.instances.size, 0);
  });

  it("gives up in time", async () => {
    incus.converge = ["running\ninstalling packages\n"];
    await assert.rejects(ensure({ bakeSeconds: 0.5, waitSeconds: 1 }), {
      message:
        "the image with all packages could not be made: it was not made within 0.5 s\n" +
        "no machine was changed; with `webinfra:image.bake: false` each machine installs its own packages, and tries again by itself",
    });
    assert.equal(incus.instances.size, 0);
  });

  it("is an older one, with a warning, while it cannot be made anew", async () => {
    add("old", 8);
    incus.instances.set("webinfra-dev-web-1-abc123", { status: "Running", config: { "volatile.base_image": "old" } });
    incus.converge = ["running\ninstalling packages\n"];
    assert.equal(await ensure({ bakeSeconds: 0.5, waitSeconds: 1 }), "old");
    const made = new Date(Date.now() - 8 * DAY).toISOString().slice(0, 10);
    assert.deepEqual(warnings, [
      `the image with all packages could not be made anew, so the one of ${made} is used: it was not made within 0.5 s`,
    ]);
  });

  it("is not waited for without end", async () => {
    await withLock(
      bakery,
      () =>
        assert.rejects(ensure({ bakeSeconds: 1, waitSeconds: 0.1 }), {
          message: "another update has been making the image with all packages for too long: end it, and try again",
        }),
      0,
    );
  });

  it("needs the image that set-up makes", async () => {
    incus.aliases.clear();
    await assert.rejects(ensure(), {
      message: 'Incus has no image "webinfra-debian-13" in its project webinfra: run `npm run setup`',
    });
  });

  it("is garbage only when nobody works with it", async () => {
    add("old", 8);
    incus.instances.set(bakery, { status: "Running", config: { "user.webinfra.image": hash } });
    assert.deepEqual(
      (await surveyImages(client)).useless.map(({ fingerprint }) => fingerprint),
      ["old"],
    );
    await withLock(bakery, () => collectGarbage(client), 0);
    assert.deepEqual([...incus.instances.keys()], [bakery]);
    await collectGarbage(client);
    assert.equal(incus.instances.size, 0);
    assert.deepEqual(incus.images, []);
  });

  describe("as a resource", () => {
    const given = { ...recipe, network: "webinfra-abcdef" };
    const context = quietContext();

    it("changes with what is installed alone: never with its age", async () => {
      const resource = imageResource(() => client);
      add("old", 30);
      assert.deepEqual(await resource.diff(given, given, context), { changes: false, replaces: [] });
      const older = { ...given, maxAgeDays: 90, network: "webinfra-fedcba" };
      assert.deepEqual(await resource.diff(given, older, context), { changes: false, replaces: [] });
      const more = { ...given, userData: "#cloud-config\na: 1\n" };
      assert.deepEqual(await resource.diff(given, more, context), { changes: true, replaces: [] });
      assert.deepEqual(incus.changes, []);
    });

    it("stays when a stack is taken down: others may use it", async () => {
      const resource = imageResource(() => client);
      await resource.create(given, context);
      await resource.delete("packages", given, context);
      assert.equal(incus.images.length, 1);
    });

    it("names what does not fit", () => {
      assert.deepEqual(imageResource(() => client).check({}, { ...given, maxAgeDays: 0 }).failures, [
        { property: "maxAgeDays", reason: "must be above 0, in days (it is 0)" },
      ]);
    });
  });
});
