// The command with its plan in etcd.

import { execFile } from "node:child_process";
import { hostname } from "node:os";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Etcd, etcdctl, startEtcd } from "../support/etcd.ts";
import { lacks } from "../support/features.ts";
import { withSandboxes } from "../support/sandbox.ts";
import { main, vethwork } from "./support.ts";

/** Runs the command with an environment to its end, and gives what it complains of. */
async function complaint(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<string> {
  const options = { env: { ...process.env, ...env } };
  return await promisify(execFile)(process.execPath, [main, ...args], options).then(
    () => "",
    ({ code, stderr }) => `${code} ${stderr}`,
  );
}

describe("--store", () => {
  test.each(["ftp://127.0.0.1", "http://user:word@127.0.0.1", "http://a,b", "http://"])(
    "%s is refused as a mistake of the caller",
    async (store) => {
      const said = await complaint({}, "--store", store, "network", "ls");
      expect(said).toMatch(/^2 vethwork: --store .* must be URLs/);
      expect(said).not.toContain("word");
    },
  );

  test("takes user and password together", async () => {
    const line = ["--store", "http://127.0.0.1:1", "network", "ls"];
    const said = await complaint({ VETHWORK_STORE_USER: "a" }, ...line);
    expect(said).toMatch(/^2 vethwork: VETHWORK_STORE_USER and VETHWORK_STORE_PASSWORD/);
    expect(await complaint({}, ...line)).toMatch(
      /^1 vethwork: STORE_FAILED: .*(ECONNREFUSED|ENETUNREACH)/,
    );
  });
});

describe.skipIf(await lacks("etcd"))("the command on etcd", () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("has one plan, by whichever URL, of the machine's own host", () =>
    withSandboxes(1, async ([host]) => {
      const url = etcd.server.endpoint;
      const stores = [url, url.replace("http:", "etcd:"), `http://127.0.0.1:1,${url}/`];
      const call = (store: string, ...args: string[]) =>
        vethwork("--host", host.name, "--store", store, ...args);
      expect(await call(url, "network", "create", "web")).toMatchObject({ code: 0 });
      for (const store of stores) {
        const listed = await call(store, "network", "ls", "--format", "json");
        expect(JSON.parse(listed.stdout)).toMatchObject([{ name: "web" }]);
      }
      const keys = await etcdctl(etcd.server, "get", "--prefix", "--keys-only", "vethwork/entry/");
      const plan = `${hostname().replace(/[^\w.-]/g, "-")}.netns.${host.name}`;
      expect(keys).toContain(`vethwork/entry/hosts/${plan}/networks/`);
      expect(await call(url, "network", "rm", "web")).toMatchObject({ code: 0 });
    }));

  test("says who it is by the environment", async () => {
    await etcdctl(etcd.server, "user", "add", "root:secret");
    await etcdctl(etcd.server, "auth", "enable");
    const line = ["--store", etcd.server.endpoint, "network", "ls"];
    const user = { VETHWORK_STORE_USER: "root" };
    expect(await complaint({}, ...line)).toMatch(/^1 vethwork: STORE_FORBIDDEN/);
    expect(await complaint({ ...user, VETHWORK_STORE_PASSWORD: "wrong" }, ...line)).toMatch(
      /^1 vethwork: STORE_FORBIDDEN/,
    );
    expect(await complaint({ ...user, VETHWORK_STORE_PASSWORD: "secret" }, ...line)).toBe("");
  });
});
