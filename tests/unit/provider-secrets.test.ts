import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { connect, createServer, type ConnectionOptions } from "node:tls";
import fc from "fast-check";
import { certificate, makeAuthority, makeCertificate } from "../../provider/secrets/certificates";
import { drawPassword, password } from "../../provider/secrets/password";
import { sealed, sealingKey } from "../../provider/secrets/sealing";
import { holdsSecret, secret, unwrapBag } from "../../provider/values";
import { quietContext } from "../support/context";

const context = quietContext();

describe("provider: password", () => {
  it("has the length asked for, of letters and digits only", () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 256 }), (length) => {
        assert.match(drawPassword(length), new RegExp(`^[A-Za-z0-9]{${String(length)}}$`));
      }),
    );
  });

  it("is 32 long by default, secret, and another each time", async () => {
    const [one, two] = [await password.create({}, context), await password.create({}, context)];
    assert.ok(holdsSecret(one.outs["result"]));
    assert.match(String(unwrapBag(one.outs)["result"]), /^[A-Za-z0-9]{32}$/);
    assert.notDeepEqual(one.outs["result"], two.outs["result"]);
  });

  it("refuses short ones", () => {
    assert.deepEqual(password.check({}, { length: 8 }).failures, [
      { property: "length", reason: "must be at least 16 (it is 8)" },
    ]);
  });
});

describe("provider: certificates", () => {
  const dnsNames = ["db-1.webinfra.internal", "*.web.webinfra.internal", "127.0.0.1"];

  it("are signed by their authority and name what they are for", async () => {
    const ca = await makeAuthority({ commonName: "webinfra dev" });
    const made = await makeCertificate({ caCertificate: ca.certificate, caKey: ca.key, commonName: "db-1", dnsNames });
    const authority = new X509Certificate(ca.certificate);
    const leaf = new X509Certificate(made.certificate);
    assert.ok(authority.ca);
    assert.ok(!leaf.ca);
    assert.ok(authority.verify(authority.publicKey));
    assert.ok(leaf.verify(authority.publicKey));
    assert.ok(leaf.checkIssued(authority));
    assert.equal(leaf.subject, "CN=db-1");
    assert.ok(leaf.checkHost("db-1.webinfra.internal"));
    assert.ok(leaf.checkHost("s1.web.webinfra.internal"));
    assert.equal(leaf.checkHost("db-2.webinfra.internal"), undefined);
    assert.ok(leaf.checkIP("127.0.0.1"));
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
    assert.deepEqual(leaf.keyUsage.sort(), ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    assert.ok(leaf.validFromDate.getTime() < Date.now());
    assert.equal(Math.round((leaf.validToDate.getTime() - Date.now()) / 86_400_000), 3650);
  });

  it("hold in a TLS connection that verifies both sides", async () => {
    const ca = await makeAuthority({ commonName: "webinfra dev" });
    const pair = await makeCertificate({ caCertificate: ca.certificate, caKey: ca.key, commonName: "db-1", dnsNames });
    const stranger = await makeAuthority({ commonName: "webinfra dev" });
    const tls = { ca: ca.certificate, cert: pair.certificate, key: pair.key };
    const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (socket) =>
      socket.end("hello"),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const talk = async (options: ConnectionOptions): Promise<string> => {
      const socket = connect({ host: "127.0.0.1", port, servername: "db-1.webinfra.internal", ...options });
      const [data] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      return data.toString();
    };
    try {
      assert.equal(await talk(tls), "hello");
      await assert.rejects(talk({ ...tls, servername: "db-2.webinfra.internal" }), {
        code: "ERR_TLS_CERT_ALTNAME_INVALID",
      });
      await assert.rejects(talk({ ...tls, ca: stranger.certificate }), /certificate/);
    } finally {
      server.close();
    }
  });

  it("keep every key secret, and change only with what they say", async () => {
    const ca = await makeAuthority({ commonName: "webinfra dev" });
    const inputs = { caCertificate: ca.certificate, caKey: ca.key, commonName: "db-1", dnsNames };
    const { outs } = await certificate.create(inputs, context);
    assert.deepEqual(
      Object.keys(outs).filter((key) => holdsSecret(outs[key])),
      ["caKey", "key"],
    );
    assert.deepEqual(await certificate.diff(outs, inputs, context), { changes: false, replaces: [] });
    assert.deepEqual(await certificate.diff(outs, { ...inputs, dnsNames: ["other"] }, context), {
      changes: true,
      replaces: ["dnsNames"],
    });
  });
});

describe("provider: what is sealed", () => {
  /** A key as the provider makes it. */
  async function makeKey() {
    const { outs } = await sealingKey.create({}, context);
    const { identity, recipient } = unwrapBag(outs);
    return { outs, identity: String(identity), recipient: String(recipient) };
  }
  /** Reads an age file with armor. */
  async function open(identity: string, file: unknown): Promise<string> {
    // An ECMAScript module, which this one cannot require.
    const { armor, Decrypter } = await import("age-encryption");
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    return decrypter.decrypt(armor.decode(String(file)), "text");
  }

  it("has a key of its own each time, whose identity is secret and whose recipient is not", async () => {
    const [one, two] = [await makeKey(), await makeKey()];
    assert.match(one.identity, /^AGE-SECRET-KEY-1[0-9A-Z]{58}$/);
    assert.match(one.recipient, /^age1[0-9a-z]{58}$/);
    assert.notEqual(one.identity, two.identity);
    assert.notEqual(one.recipient, two.recipient);
    assert.deepEqual(
      Object.keys(one.outs).filter((key) => holdsSecret(one.outs[key])),
      ["identity"],
    );
  });

  it("has a key that is made once", async () => {
    const { outs } = await makeKey();
    assert.deepEqual(await sealingKey.diff(outs, {}, context), { changes: false, replaces: [] });
    assert.deepEqual(await sealingKey.read("one", outs, context), { id: "one", props: outs });
    assert.deepEqual(await sealingKey.update("one", outs, {}, context), { outs });
  });

  it("is opened by its own identity, and by no other", async () => {
    const [own, other] = [await makeKey(), await makeKey()];
    const text = '{"environment":{"API_TOKEN":"line 1\\nline 2 – ü"}}';
    const { outs } = await sealed.create({ recipient: own.recipient, text: secret(text) }, context);
    assert.match(String(outs["sealed"]), /^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    assert.equal(await open(own.identity, outs["sealed"]), text);
    await assert.rejects(open(other.identity, outs["sealed"]), /no identity matched any of the file's recipients/);
  });

  it("keeps its text secret, whether the program says so or not, and shows the file", async () => {
    const { recipient } = await makeKey();
    const { inputs } = sealed.check({}, { recipient, text: "hidden" });
    assert.deepEqual(inputs, { recipient, text: secret("hidden") });
    const { outs } = await sealed.create(inputs, context);
    assert.deepEqual(
      Object.keys(outs).filter((key) => holdsSecret(outs[key])),
      ["text"],
    );
  });

  it("is sealed anew when the text or who may read it changes, and then alone", async () => {
    const [own, other] = [await makeKey(), await makeKey()];
    const inputs = { recipient: own.recipient, text: secret("one") };
    const { outs } = await sealed.create(inputs, context);
    const difference = (news: object) => sealed.diff(outs, { ...inputs, ...news }, context);
    assert.deepEqual(await difference({}), { changes: false, replaces: [] });
    assert.deepEqual(await sealed.read("one", outs, context), { id: "one", props: outs });
    for (const news of [{ text: secret("two") }, { recipient: other.recipient }]) {
      assert.deepEqual(await difference(news), { changes: true, replaces: [] });
    }
    const again = await sealed.update("one", outs, { recipient: other.recipient, text: secret("two") }, context);
    assert.deepEqual(unwrapBag(again.outs), {
      recipient: other.recipient,
      text: "two",
      sealed: again.outs["sealed"],
    });
    assert.equal(await open(other.identity, again.outs["sealed"]), "two");
    await assert.rejects(open(own.identity, again.outs["sealed"]), /no identity matched/);
  });

  it("refuses what is no recipient, and shows no text", () => {
    assert.deepEqual(sealed.check({}, { recipient: "age1 x", text: "hidden" }).failures, [
      { property: "recipient", reason: 'must be an age recipient, such as age1… (it is "age1 x")' },
    ]);
    assert.deepEqual(sealed.check({}, { recipient: "age1x", text: secret(5) }).failures, [
      { property: "text", reason: "must be a text (it is a secret)" },
    ]);
    assert.deepEqual(sealed.check({}, {}).failures, [
      { property: "recipient", reason: "must be an age recipient, such as age1… (it is missing)" },
      { property: "text", reason: "must be a text (it is missing)" },
    ]);
  });

  it("does not seal to a recipient that looks like one and is none", async () => {
    await assert.rejects(
      sealed.create({ recipient: "age1qqqq", text: secret("hidden") }, context),
      (error: unknown) => {
        assert.ok(error instanceof Error);
        assert.doesNotMatch(error.message, /hidden/);
        return true;
      },
    );
  });
});
