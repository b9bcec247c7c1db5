// Who may open a store in etcd, and with what.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EtcdStoreOptions, openEtcdStore } from "../../../lib/network/store/etcd.ts";
import { type Etcd, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { refused } from "../refused.ts";

const run = promisify(execFile);

const forbidden = { code: "STORE_FORBIDDEN" };
const failed = { code: "STORE_FAILED" };

/** What opening is refused with, as one sentence. */
async function sentence(options: EtcdStoreOptions): Promise<string> {
  const error = await openEtcdStore(options).catch((error: unknown) => error);
  return error instanceof Error ? error.message : "it was opened";
}

describe("the options of a store in etcd", () => {
  const endpoints = ["http://127.0.0.1:1"];

  test.each<[string, unknown]>([
    ["options", undefined],
    ["endpoints", {}],
    ["endpoints", { endpoints: endpoints[0] }],
    ["endpoints[0]", { endpoints: [5] }],
    ["prefix", { endpoints, prefix: 5 }],
    ["user", { endpoints, user: 5, password: "a" }],
    ["password", { endpoints, user: "a" }],
    ["user", { endpoints, password: "a" }],
    ["tls", { endpoints, tls: "a" }],
    ["tls.ca", { endpoints, tls: { ca: 5 } }],
    ["tls.key", { endpoints, tls: { cert: "a" } }],
    ["tls.insecure", { endpoints, tls: { insecure: true } }],
    ["requestTimeoutMs", { endpoints, requestTimeoutMs: "1" }],
    ["endpoint", { endpoint: endpoints[0] }],
  ])("%s of the wrong type is refused", async (property, options) => {
    const refusal = await refused(() => openEtcdStore(options as EtcdStoreOptions));
    expect(refusal).toEqual({ code: "ERR_INVALID_ARG_TYPE", property });
  });

  test.each<[string, EtcdStoreOptions]>([
    ["endpoints", { endpoints: [] }],
    ["endpoints[0]", { endpoints: ["127.0.0.1:2379"] }],
    ["endpoints[0]", { endpoints: ["ftp://127.0.0.1"] }],
    ["endpoints[1]", { endpoints: [...endpoints, "http://user:word@127.0.0.1"] }],
    ["prefix", { endpoints, prefix: "" }],
    ["prefix", { endpoints, prefix: "a b" }],
    ["user", { endpoints, user: "", password: "a" }],
    ["tls.serverName", { endpoints, tls: { serverName: "" } }],
    ["requestTimeoutMs", { endpoints, requestTimeoutMs: 99 }],
  ])("%s out of range is refused", async (property, options) => {
    const refusal = await refused(() => openEtcdStore(options));
    expect(refusal).toEqual({ code: "ERR_OUT_OF_RANGE", property });
  });

  test("that are no PEM are refused", async () => {
    const options = { endpoints: ["https://127.0.0.1:1"], tls: { cert: "a", key: "b" } };
    expect(await refused(() => openEtcdStore(options))).toEqual(failed);
  });
});

describe.skipIf(await lacks("etcd"))("etcd with users", { timeout: 60_000 }, () => {
  let etcd: Etcd;
  const root = ["--user", "root:secret"];
  const asRoot = (...args: string[]) => etcdctl(etcd.server, ...root, ...args);
  const as = (user: string, password: string, prefix = "mine/"): EtcdStoreOptions => ({
    ...{ endpoints: etcd.endpoints, prefix, user, password },
  });

  beforeAll(async () => {
    etcd = await startEtcd({ args: ["--auth-token-ttl", "1"] });
    await asRoot("user", "add", "root:secret");
    for (const user of ["writer", "reader"]) {
      await asRoot("user", "add", `${user}:word`);
      await asRoot("role", "add", user);
      const right = user === "writer" ? "readwrite" : "read";
      await asRoot("role", "grant-permission", user, right, "mine/", "mine/\x7f");
      await asRoot("user", "grant-role", user, user);
    }
    await etcdctl(etcd.server, "auth", "enable");
  }, 60_000);
  afterAll(() => etcd.end());

  test("is opened by one whom it knows, again and again, though tokens run out", async () => {
    await using store = await openEtcdStore(as("writer", "word"));
    const { revision: after } = await store.list("");
    const watch = store.watch({ prefix: "", after });
    for (let value = 0; value < 3; value += 1) {
      await store.commit({ put: [{ key: "a", value }] });
      expect((await watch.next()).value?.changes).toEqual([{ key: "a", value }]);
      await sleep(2500);
    }
    await using lease = await store.openLease();
    await store.commit({ put: [{ key: "b", value: 1, lease: lease.id }] });
    expect((await store.list("")).entries).toHaveLength(2);
    await watch.return();
  });

  test("goes on after it was started anew, which forgets all tokens", async () => {
    await using store = await openEtcdStore(as("writer", "word"));
    const { revision: after } = await store.list("");
    const watch = store.watch({ prefix: "", after });
    await etcd.server.restart();
    await store.commit({ put: [{ key: "a", value: "anew" }] });
    expect((await watch.next()).value?.changes).toEqual([{ key: "a", value: "anew" }]);
    await watch.return();
  });

  test("refuses others, each with what it says of them", async () => {
    expect(await refused(() => openEtcdStore(as("writer", "wrong")))).toEqual(forbidden);
    expect(await refused(() => openEtcdStore(as("nobody", "word")))).toEqual(forbidden);
    expect(await refused(() => openEtcdStore(as("writer", "word", "other/")))).toEqual(forbidden);
    const unnamed = { endpoints: etcd.endpoints, prefix: "mine/" };
    expect(await refused(() => openEtcdStore(unnamed))).toEqual(forbidden);
    expect(await sentence(as("writer", "wrong"))).toContain("authentication failed");
    expect(await sentence(as("writer", "wrong"))).not.toContain("wrong");
    expect(await sentence(as("writer", "word", "other/"))).toContain("permission denied");
  });

  test("lets a reader read and watch, and change nothing", async () => {
    await using writer = await openEtcdStore(as("writer", "word"));
    await using reader = await openEtcdStore(as("reader", "word"));
    const { revision: after } = await reader.list("");
    const watch = reader.watch({ prefix: "", after });
    await writer.commit({ put: [{ key: "a", value: "read" }] });
    expect((await reader.get("a"))?.value).toBe("read");
    expect((await reader.changes("", after)).commits).toHaveLength(1);
    expect((await watch.next()).value?.changes).toHaveLength(1);
    const put = { put: [{ key: "a", value: 1 }] };
    expect(await refused(() => reader.commit(put))).toEqual(forbidden);
    await watch.return();
  });

  test("refuses one whose rights were taken away, until they are given back", async () => {
    await using store = await openEtcdStore(as("writer", "word"));
    const { revision: after } = await store.list("");
    const watch = store.watch({ prefix: "", after });
    const next = watch.next().catch((error: unknown) => error);
    await asRoot("role", "revoke-permission", "writer", "mine/", "mine/\x7f");
    try {
      expect(await refused(() => store.get("a"))).toEqual(forbidden);
      await etcd.server.restart(); // what is being watched, etcd looks at no more
      expect(await next).toMatchObject(forbidden);
    } finally {
      await asRoot("role", "grant-permission", "writer", "readwrite", "mine/", "mine/\x7f");
    }
    expect((await store.get("a"))?.key).toBe("a");
  });
});

describe.skipIf(await lacks("etcd"))("etcd with TLS", { timeout: 60_000 }, () => {
  let directory: string;
  let etcd: Etcd;
  const file = (name: string) => join(directory, name);
  const pem = (name: string) => readFile(file(name), "utf8");
  const openssl = (...args: string[]) => run("openssl", args, { cwd: directory });

  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

  async function makeAuthority(name: string): Promise<void> {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
    await openssl("req", "-x509", ...newKey, ...files, "-subj", `/CN=${name}`, "-days", "2");
  }

  async function makeCertificate(name: string, more: string): Promise<void> {
    await writeFile(file(`${name}.ext`), more);
    const files = ["-keyout", `${name}.key`, "-out", `${name}.csr`];
    await openssl("req", ...newKey, ...files, "-subj", `/CN=${name}`);
    const signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    const inAndOut = ["-in", `${name}.csr`, "-out", `${name}.crt`, "-extfile", `${name}.ext`];
    await openssl("x509", "-req", ...inAndOut, ...signing);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "vethwork-tls-"));
    await makeAuthority("ca");
    await makeAuthority("other");
    await makeCertificate("server", "subjectAltName=DNS:etcd.example,DNS:localhost\n");
    await makeCertificate("client", "extendedKeyUsage=clientAuth\n");
    const args = ["--cert-file", "server.crt", "--key-file", "server.key"];
    const asking = ["--client-cert-auth", "--trusted-ca-file", "ca.crt"];
    const paths = [...args, ...asking].map((arg) => (arg.startsWith("--") ? arg : file(arg)));
    etcd = await startEtcd({ secure: true, args: paths });
  }, 60_000);
  afterAll(async () => {
    await etcd.end();
    await rm(directory, { recursive: true });
  });

  const trusting = async () => ({
    ...{ ca: await pem("ca.crt"), cert: await pem("client.crt"), key: await pem("client.key") },
    serverName: "etcd.example",
  });

  test("is opened by one that it trusts, and who trusts it", async () => {
    await using store = await openEtcdStore({ endpoints: etcd.endpoints, tls: await trusting() });
    const { revision: after } = await store.list("");
    const watch = store.watch({ prefix: "", after });
    await store.commit({ put: [{ key: "a", value: 1 }] });
    expect((await watch.next()).value?.changes).toEqual([{ key: "a", value: 1 }]);
    await watch.return();
    const buffers = { ...(await trusting()), ca: Buffer.from(await pem("ca.crt")) };
    const byName = etcd.endpoints.map((endpoint) => endpoint.replace("127.0.0.1", "localhost"));
    await using again = await openEtcdStore({ endpoints: byName, tls: buffers });
    expect((await again.get("a"))?.value).toBe(1);
  });

  test("is not opened otherwise, and it is said why", async () => {
    const { endpoints } = etcd;
    const tls = await trusting();
    const { ca, serverName } = tls;
    const strangers = { ...tls, ca: await pem("other.crt") };
    expect(await refused(() => openEtcdStore({ endpoints, tls: strangers }))).toEqual(failed);
    expect(await sentence({ endpoints, tls: strangers })).toMatch(/certificate|signature/);
    expect(await sentence({ endpoints })).toMatch(/certificate/);
    const { serverName: _, ...unnamed } = tls;
    expect(await sentence({ endpoints, tls: unnamed })).toContain("127.0.0.1");
    // Who has no certificate is told by TLS, or just cut off.
    expect(await refused(() => openEtcdStore({ endpoints, tls: { ca, serverName } }))).toEqual(
      failed,
    );
    const plain = endpoints.map((endpoint) => endpoint.replace("https:", "http:"));
    expect(await sentence({ endpoints: plain })).toContain("STORE_FAILED");
  });
});
