// `vethwork host`: the hosts that are there, and what is left of those that are gone.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Etcd, startEtcd } from "../support/etcd.ts";
import { lacks } from "../support/features.ts";
import { inside } from "../support/sandbox.ts";
import { withHostsOf } from "./hosts-lab.ts";
import { type Json, linesOf, vethwork, withDesk, wordsOf } from "./support.ts";

test("the plan of a namespace that is gone is listed and removed, too, where there is one machine", () =>
  withDesk(async ({ options, call, get, getJson, named }) => {
    const [, , ...store] = options;
    const other = named("other");
    await promisify(execFile)("ip", ["netns", "add", other]);
    expect(await vethwork("network", "create", "--host", other, ...store, "web")).toMatchObject({
      ...{ code: 0, stderr: "" },
    });
    await promisify(execFile)("ip", ["netns", "delete", other]);
    await get("network create", "own");
    expect(await get("host ls")).toBe("NAME   ADDRESS   SINCE\n");
    const name = `netns.${other}`;
    const listed = await getJson("host ls", "--all", "--format", "json");
    expect(listed).toContainEqual({ name, absent: true, sandboxes: 0 });
    const [own] = listed.filter((one: Json) => one.name !== name);
    const { code, stderr } = await call("host rm", own.name, name);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `vethwork: HOST_PRESENT: "${own.name}": it is this host itself\n`,
    });
    expect(await getJson("host ls", "--all", "--format", "json")).toEqual([own]);
    await get("network rm", "own");
  }));

describe.skipIf(await lacks("etcd"))("vethwork host", () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("a host that is gone for good is listed by --all, and removed", () =>
    withHostsOf(etcd, async ({ one, two, named }) => {
      const b = named("b");
      await one.serve("--address", one.address);
      const served = await two.serve("--address", two.address, "--lease", "1");
      const id = await one.get("network create", "-d", "overlay", "wide");
      await two.get("sandbox create", "--name", b, "--network", "wide");
      const names = async (...args: string[]) => linesOf(await one.get("host ls", "-q", ...args));
      const old = (await names()).find((name) => name.endsWith(two.namespace.name)) ?? "";
      expect(await one.call("host rm", old)).toMatchObject({
        ...{ code: 1, stdout: "" },
        stderr: expect.stringContaining(`HOST_PRESENT: "${old}": a controller keeps its place`),
      });
      served.child.kill("SIGKILL");
      await served.ended;
      await expect.poll(names, { timeout: 20_000 }).not.toContain(old);
      // Of its process, the lease of names lasts longer.
      const all = async () => (await one.getJson("host ls", "--all", "--format", "json")) as Json[];
      const told = { name: old, absent: true, address: two.address, sandboxes: 1 };
      const found = async () => (await all()).find(({ name }) => name === old);
      await expect.poll(found, { timeout: 30_000 }).toEqual(told);
      const [head = "", ...rows] = linesOf(await one.get("host ls", "-a"));
      expect(head).toMatch(/^NAME +ADDRESS +STATUS +SINCE +SANDBOXES$/);
      expect(rows.map(wordsOf)).toContainEqual([old, two.address, "absent", "1"]);
      expect(rows.map(wordsOf)).toContainEqual([
        ...[one.name, one.address, "present", expect.stringMatching(/Z$/)],
      ]);

      expect(await one.get("host rm", old)).toBe(`${old}\n`);
      expect(await names("--all")).not.toContain(old);
      expect(await one.call("host rm", old)).toMatchObject({
        ...{ code: 1, stdout: "" },
        stderr: `vethwork: HOST_MISSING: "${old}": the store keeps nothing for a host of that name\n`,
      });
      expect(await one.get("host rm", "--force", old)).toBe("");
      expect(await one.get("network rm", "wide")).toBe("wide\n");

      // On the host itself everything is as it was, until somebody does as its doctor says.
      expect(await two.get("sandbox ls", "-q")).toBe("");
      const { stdout } = await two.call("doctor", "--format", "json");
      // Of other tests, there may be namespaces.
      const isOurs = ({ subject }: Json) =>
        [b, id.slice(0, 12), "the link vethwork_gw"].some((part) => subject.includes(part));
      const left = JSON.parse(stdout).filter(isOurs);
      expect(left.map(({ code }: Json) => code)).toEqual(["ORPHAN", "ORPHAN", "ORPHAN"]);
      for (const { fix } of left) {
        const command = fix.slice(fix.indexOf("ip "));
        if (command.startsWith("ip link")) await inside(two.namespace, "sh", "-c", command);
        else await promisify(execFile)("sh", ["-c", command]);
      }
      await two.get("doctor", "--repair");
    }));
});
