// Policies, judged by ip(8), and by what becomes of packets.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAddress, bindUdp, openNamespace } from "../../lib/index.ts";
import {
  type EspPolicy,
  listEspPolicies,
  removeEspPolicy,
  setEspPolicy,
} from "../../lib/xfrm/policy.ts";
import {
  inside,
  join,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";
import { policies, xfrm } from "../support/xfrm.ts";

const out: EspPolicy = {
  ...{ direction: "out", family: "inet", port: 4789, reqid: 7, priority: 100 },
};

/** As ip(8) tells of them. */
const written = {
  out:
    "src 0.0.0.0/0 dst 0.0.0.0/0 proto udp dport 4789 dir out priority 100 " +
    "tmpl src 0.0.0.0 dst 0.0.0.0 proto esp reqid 7 mode transport",
  in6:
    "src fd00::/64 dst fd00::2/128 proto udp dport 4790 dir in priority 4294967295 " +
    "tmpl src :: dst :: proto esp reqid 4294967295 mode transport",
};

const in6: EspPolicy = {
  ...{ direction: "in", family: "inet6", source: "fd00::/64", destination: "fd00::2" },
  ...{ port: 4790, reqid: 0xffffffff, priority: 0xffffffff },
};

describe("setEspPolicy", () => {
  test("makes what ip tells of", () =>
    withSandboxes(1, async ([sandbox]) => {
      await setEspPolicy(sandbox, out);
      await setEspPolicy(sandbox, in6);
      expect(await policies(sandbox)).toEqual([written.out, written.in6].sort());
    }));

  test("makes one without a level of its own, which is required, for all algorithms", () =>
    withSandboxes(1, async ([sandbox]) => {
      await setEspPolicy(sandbox, out);
      const text = await inside(sandbox, "ip", "-d", "-s", "xfrm", "policy");
      expect(text).toContain("level required share any");
      expect(text).toContain("enc-mask ffffffff auth-mask ffffffff comp-mask ffffffff");
      expect(text).toContain("action allow");
      expect(text.match(/limit: soft \(INF\)\(bytes\), hard \(INF\)\(bytes\)/g)).toHaveLength(1);
      expect(text.match(/expire add: soft 0\(sec\), hard 0\(sec\)/g)).toHaveLength(1);
    }));

  test("takes the place of the one with the same selector", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const priority of [100, 50, 200]) {
        await setEspPolicy(sandbox, { ...out, reqid: 8, priority });
        const [policy, ...others] = await policies(sandbox);
        expect(policy).toContain(`dir out priority ${priority} `);
        expect(policy).toContain("reqid 8 ");
        expect(others).toEqual([]);
      }
    }));

  test("leaves others alone that differ in one thing", () =>
    withSandboxes(1, async ([sandbox]) => {
      const others: EspPolicy[] = [
        { ...out, direction: "in" },
        { ...out, family: "inet6" },
        { ...out, port: 4790 },
        { ...out, source: "10.0.0.1" },
        { ...out, destination: "10.0.0.1" },
        { ...out, destination: "10.0.0.0/24" },
      ];
      for (const policy of [out, ...others]) await setEspPolicy(sandbox, policy);
      expect(await policies(sandbox)).toHaveLength(7);
      for (const policy of others) await removeEspPolicy(sandbox, policy);
      expect(await policies(sandbox)).toEqual([written.out]);
    }));

  test.each([
    ["port", { port: 0 }, outOfRange("port")],
    ["port", { port: 65536 }, outOfRange("port")],
    ["port", { port: "4789" }, wrongType("port")],
    ["reqid", { reqid: 0 }, outOfRange("reqid")],
    ["reqid", { reqid: 2 ** 32 }, outOfRange("reqid")],
    ["priority", { priority: -1 }, outOfRange("priority")],
    ["priority", { priority: null }, wrongType("priority")],
    ["family", { family: "ipx" }, outOfRange("family")],
    ["family", { family: undefined }, wrongType("family")],
    ["direction", { direction: "up" }, outOfRange("direction")],
    ["source", { source: "10.0.0.0/33" }, outOfRange("source")],
    ["source", { source: "fd00::1" }, outOfRange("source")],
    ["destination", { destination: "host" }, outOfRange("destination")],
  ])("refuses a wrong %s, %o, and makes nothing", (_, wrong, refusal) =>
    withSandboxes(1, async ([sandbox]) => {
      const policy = { ...out, ...wrong } as EspPolicy;
      expect(await refusalOf(setEspPolicy(sandbox, policy))).toEqual(refusal);
      expect(await policies(sandbox)).toEqual([]);
    }),
  );
});

describe("removeEspPolicy", () => {
  test("removes whatever reqid and priority it has; once", () =>
    withSandboxes(1, async ([sandbox]) => {
      await setEspPolicy(sandbox, out);
      await setEspPolicy(sandbox, in6);
      await removeEspPolicy(sandbox, { direction: "out", family: "inet", port: 4789 });
      expect(await policies(sandbox)).toEqual([written.in6]);
      await expect(removeEspPolicy(sandbox, out)).rejects.toMatchObject({
        code: "ENOENT",
        operation: "removeEspPolicy",
        message: 'removeEspPolicy "out inet udp 4789": ENOENT, no such policy',
      });
      await removeEspPolicy(sandbox, in6);
      expect(await policies(sandbox)).toEqual([]);
    }));
});

describe("listEspPolicies", () => {
  test("gives back what was set, of the reqid alone", () =>
    withSandboxes(1, async ([sandbox]) => {
      const more: EspPolicy[] = [
        { ...out, direction: "in" },
        { ...out, family: "inet6", destination: "fd00::1", priority: 0 },
        { ...out, source: "10.0.0.1", destination: "10.0.0.0/24", port: 65535 },
      ];
      for (const policy of [out, in6, ...more]) await setEspPolicy(sandbox, policy);
      const sorted = (list: readonly EspPolicy[]) => list.map((one) => JSON.stringify(one)).sort();
      const ours = (await listEspPolicies(sandbox, 7)).map((one) => ({ ...one }));
      expect(ours).toHaveLength(4);
      for (const policy of [out, ...more]) expect(ours).toContainEqual(policy);
      expect(sorted(await listEspPolicies(sandbox, 0xffffffff))).toEqual(sorted([in6]));
      expect(await listEspPolicies(sandbox, 8)).toEqual([]);
    }));

  test("passes over those that others have made for something else", () =>
    withSandboxes(1, async ([sandbox]) => {
      const tmpl = "tmpl proto esp reqid 7 mode transport";
      const udp = "policy add src 10.0.0.0/8 dst 10.0.0.0/8 proto udp";
      const others = [
        `${udp} dport 1 dir fwd ${tmpl}`,
        `${udp} dport 2 dir out action block ${tmpl}`,
        `${udp} dport 3 dir out ${tmpl} ${tmpl}`,
        `${udp} dport 4 dir out ${tmpl} level use`,
        `${udp} dport 5 dir out tmpl proto ah reqid 7 mode transport`,
        `${udp} dport 6 dir out tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 7 mode tunnel`,
        `${udp} sport 1 dport 7 dir out ${tmpl}`,
        `${udp} dir out ${tmpl}`,
        `policy add src 10.0.0.0/8 dst 10.0.0.0/8 proto tcp dport 8 dir out ${tmpl}`,
        `policy add src 10.0.0.0/8 dst 10.0.0.0/8 dir out mark 1 ${tmpl}`,
      ];
      for (const words of others) await xfrm(sandbox, words);
      expect(await policies(sandbox)).toHaveLength(others.length);
      expect(await listEspPolicies(sandbox, 7)).toEqual([]);
      await xfrm(sandbox, `${udp} dport 9 dir out priority 3 ${tmpl}`);
      const prefixes = { source: "10.0.0.0/8", destination: "10.0.0.0/8" };
      expect(await listEspPolicies(sandbox, 7)).toEqual([
        { direction: "out", family: "inet", ...prefixes, port: 9, reqid: 7, priority: 3 },
      ]);
    }));
});

describe("what a policy does where there is no state", () => {
  async function withAddresses(run: (left: Sandbox, right: Sandbox) => Promise<void>) {
    await withSandboxes(2, async ([left, right]) => {
      await join(left, right);
      await addAddress(left, { name: "eth0" }, "10.0.0.1/24");
      await addAddress(right, { name: "far0" }, "10.0.0.2/24");
      await run(left, right);
    });
  }

  /** One of the counters of /proc/net/xfrm_stat. */
  async function counter(sandbox: Sandbox, name: string): Promise<number> {
    const text = await inside(sandbox, "cat", "/proc/net/xfrm_stat");
    return Number(new RegExp(`^${name}\\s+(\\d+)`, "m").exec(text)?.[1]);
  }

  const send = (sandbox: Sandbox, port: number) =>
    inside(sandbox, "bash", "-c", `echo hello > /dev/udp/10.0.0.2/${port}`);

  test("out: nothing goes to the port, to others it does", () =>
    withAddresses(async (left, right) => {
      const heard: number[] = [];
      const ports = [4789, 4790];
      const servers = await Promise.all(
        ports.map((port) => bindUdp(right, { address: "10.0.0.2", port })),
      );
      try {
        const came = new Promise<void>((resolve) => {
          servers.forEach((server, n) => {
            server.on("message", () => {
              heard.push(ports[n] ?? 0);
              if (n === 1) resolve();
            });
          });
        });
        await setEspPolicy(left, out);
        await send(left, 4789);
        expect(await counter(left, "XfrmOutNoStates")).toBeGreaterThan(0);
        await send(left, 4790);
        await came;
        expect(heard).toEqual([4790]);
        await removeEspPolicy(left, out);
        const last = new Promise((resolve) => servers[0]?.once("message", resolve));
        await send(left, 4789);
        await last;
      } finally {
        for (const server of servers) server.close();
      }
    }));

  test("in: what comes in plain is dropped", () =>
    withAddresses(async (left, right) => {
      await setEspPolicy(right, { ...out, direction: "in" });
      expect(await counter(right, "XfrmInTmplMismatch")).toBe(0);
      const server = await bindUdp(right, { address: "10.0.0.2", port: 4789 });
      const heard: unknown[] = [];
      server.on("message", (data) => heard.push(data));
      try {
        await send(left, 4789);
        await expect.poll(() => counter(right, "XfrmInTmplMismatch")).toBe(1);
        expect(heard).toEqual([]);
      } finally {
        server.close();
      }
    }));
});

describe("a handle that is closed is refused", () => {
  const closed = openNamespace();
  beforeAll(async () => await (await closed).close());
  afterAll(async () => await (await closed).close());

  test.each([
    ["setEspPolicy", setEspPolicy],
    ["removeEspPolicy", removeEspPolicy],
  ])("by %s", async (_, call) => {
    await expect(call(await closed, out)).rejects.toThrow(/closed/);
  });

  test("by listEspPolicies", async () => {
    await expect(listEspPolicies(await closed, 7)).rejects.toThrow(/closed/);
  });
});
