// `vethwork serve`, as people and scripts call it.

import { describe, expect, test } from "vitest";
import { inside, ip } from "../support/sandbox.ts";
import { type Desk, withDesk } from "./support.ts";

/** Two sandboxes on a network with names. */
async function makeTwo({ get, named }: Desk): Promise<void> {
  await get("network create", "web");
  for (const word of ["a", "b"]) {
    await get("sandbox create", "--name", named(word), "--network", "web");
  }
}

function ask({ get, named }: Desk, name: string): Promise<string> {
  const command = ["dig", "+short", "+time=2", "+tries=1", name];
  return get("sandbox exec", named("a"), ...command);
}

describe("vethwork serve", () => {
  test(
    "answers for names, new ones too, and ends cleanly at SIGTERM and SIGINT",
    () =>
      withDesk(async (desk) => {
        const { get, named, start, getJson } = desk;
        await makeTwo(desk);
        for (const signal of ["SIGTERM", "SIGINT"] as const) {
          const { child, said, ended } = start("serve");
          await said("serving");
          expect(await ask(desk, named("b"))).toBe("172.17.0.3\n");
          const created = said(`sandbox create ${named(signal)}`);
          await get("sandbox create", "--name", named(signal), "--network", "web");
          await created;
          expect(await ask(desk, named(signal))).toMatch(/^172\.17\.0\.\d+\n$/);
          child.kill(signal);
          await said("ended");
          expect(await ended).toBe(0);
        }
        expect(await getJson("sandbox ls", "--format", "json")).toHaveLength(4);
      }),
    60_000,
  );

  test("takes over when the one that served is killed", () =>
    withDesk(async (desk) => {
      const { named, start } = desk;
      await makeTwo(desk);
      const first = start("serve");
      await first.said("serving");
      const second = start("serve");
      await second.said("serving");
      first.child.kill("SIGKILL");
      await first.ended;
      await expect
        .poll(() => ask(desk, named("b")).catch(String), { timeout: 15_000 })
        .toBe("172.17.0.3\n");
    }));

  test("mends at its start, soon after the kernel is changed, and from time to time", () =>
    withDesk(async (desk) => {
      const { host, get, named, start } = desk;
      await makeTwo(desk);
      await inside(host, "nft", "delete", "table", "inet", "vethwork");
      const { said, child, ended } = start("serve", "--every", "3600");
      await said("our table is made anew");
      expect(await inside(host, "nft", "list", "tables")).toContain("inet vethwork");
      const [{ ifname }] = await ip(host, "link", "show", "type", "bridge");
      await ip(host, "link", "delete", ifname);
      await said("the bridge is made anew");
      const isBack = async () => {
        const { code } = await desk.call(
          "sandbox exec",
          named("a"),
          "ping",
          "-c1",
          "-W2",
          named("b"),
        );
        return code;
      };
      await expect.poll(isBack, { timeout: 15_000 }).toBe(0);
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
      const often = start("serve", "--every", "1");
      await often.said("serving");
      // Of this, no message of rtnetlink tells.
      await inside(host, "nft", "delete", "table", "inet", "vethwork");
      await often.said("our table is made anew");
      await get("sandbox exec", named("a"), "ping", "-c1", "-W2", named("b"));
    }));

  test("prints JSON, a line for each thing", () =>
    withDesk(async ({ get, start }) => {
      const { said } = start("serve", "--format", "json");
      expect(JSON.parse(await said("serving"))).toMatchObject({ event: "serving" });
      const told = said("network create");
      await get("network create", "web");
      const line = JSON.parse(await told);
      expect(line).toMatchObject({ event: "network create", network: "web" });
      expect(new Date(line.time).toISOString()).toBe(line.time);
    }));
});
