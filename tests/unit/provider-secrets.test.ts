import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { connect, createServer, type ConnectionOptions } from "node:tls";
import fc from "fast-check";
import { certificate, makeAuthority, makeCertificate } from "../../provider/secrets/certificates";
import { drawPassword, password } from "../../provider/secrets/password";
import { holdsSecret, unwrapBag } from "../../provider/values";

const context = { signal: new AbortController().signal, status: () => undefined, warn: () => undefined };

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
