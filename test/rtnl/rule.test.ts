// Routing rules, against `ip rule`.

import { describe, expect, test } from "vitest";
import { addRule, listRules, type Rule, type RuleSpec, removeRule } from "../../lib/index.ts";
import {
  ip,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

async function inSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await withSandboxes(1, async (sandboxes) => {
    for (const sandbox of sandboxes) await work(sandbox);
  });
}

/** What `ip` says of the rules that the kernel did not make by itself. */
async function shown(sandbox: Sandbox, family: "-4" | "-6" = "-4") {
  const rules = await ip(sandbox, family, "rule");
  return rules.filter(({ protocol }) => protocol !== "kernel");
}

async function listed(sandbox: Sandbox): Promise<Rule[]> {
  return (await listRules(sandbox)).filter(({ protocol }) => protocol !== "kernel");
}

const everything = {
  from: "10.0.0.0/8",
  to: "10.1.0.0/16",
  tos: 16,
  table: 100,
  priority: 500,
  invert: true,
  mark: 1,
  markMask: 255,
  inputDevice: "eth0",
  outputDevice: "eth1",
  suppressPrefixLength: 3,
  suppressGroup: 4,
  realm: 0x30004,
  uidRange: { first: 0, last: 0 },
  protocol: "static",
  ipProtocol: 6,
  sourcePorts: { first: 1, last: 2 },
  destinationPorts: { first: 80, last: 80 },
} as const;

const everythingInWords =
  "not from 10.0.0.0/8 to 10.1.0.0/16 tos 0x10 fwmark 1/255 iif eth0 oif eth1 uidrange 0-0 " +
  "ipproto tcp sport 1-2 dport 80 lookup 100 suppress_prefixlength 3 suppress_ifgroup 4 " +
  "realms 3/4 pref 500 proto static";

const everythingShown = {
  priority: 500,
  not: null,
  src: "10.0.0.0",
  srclen: 8,
  dst: "10.1.0.0",
  dstlen: 16,
  tos: "0x10",
  fwmark: "0x1",
  fwmask: "0xff",
  iif: "eth0",
  iif_detached: null,
  oif: "eth1",
  oif_detached: null,
  uid_start: 0,
  uid_end: 0,
  ipproto: "tcp",
  sport_start: 1,
  sport_end: 2,
  dport: 80,
  table: "100",
  suppress_prefixlen: 3,
  suppress_ifgroup: "4",
  flow_from: "3",
  flow_to: "4",
  protocol: "static",
};

describe("what is added", () => {
  test("an IPv4 rule has everything that was said of it", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, everything);
      expect(await shown(sandbox)).toEqual([everythingShown]);
    }));

  test("an IPv6 rule has everything that was said of it", () =>
    inSandbox(async (sandbox) => {
      const { realm, ...rest } = everything;
      await addRule(sandbox, { ...rest, from: "fd00::/8", to: "fd01::/16" });

      const { flow_from, flow_to, ...expected } = everythingShown;
      expect(await shown(sandbox, "-6")).toEqual([
        { ...expected, src: "fd00::", srclen: 8, dst: "fd01::", dstlen: 16 },
      ]);
    }));

  test("a rule looks in the table main unless it is said, of the family that is said", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, { priority: 5 });
      await addRule(sandbox, { priority: 6, family: "inet6" });
      await addRule(sandbox, { priority: 7, table: 2 ** 32 - 1 });

      expect(await shown(sandbox)).toMatchObject([
        { priority: 5, src: "all", table: "main" },
        { priority: 7, table: "4294967295" },
      ]);
      expect(await shown(sandbox, "-6")).toMatchObject([{ priority: 6, table: "main" }]);
    }));

  test("a rule comes before all others but the first unless its priority is said", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, { table: 100 });
      await addRule(sandbox, { table: 101 });
      await addRule(sandbox, { table: 102, priority: 0 });

      expect(await shown(sandbox)).toMatchObject([
        { priority: 0, table: "102" },
        { priority: 32764, table: "101" },
        { priority: 32765, table: "100" },
      ]);
    }));

  test("a rule can do something else than to look in a table", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, { priority: 5, action: "blackhole" });
      await addRule(sandbox, { priority: 6, action: "unreachable" });
      await addRule(sandbox, { priority: 7, action: "prohibit" });
      await addRule(sandbox, { priority: 8, action: "nop" });
      await addRule(sandbox, { priority: 9, goto: 32766 });
      await addRule(sandbox, { priority: 10, goto: 4000 });
      await addRule(sandbox, { priority: 11, l3mdev: true });

      expect(await shown(sandbox)).toMatchObject([
        { priority: 5, action: "blackhole" },
        { priority: 6, action: "unreachable" },
        { priority: 7, action: "prohibit" },
        { priority: 8, nop: null },
        { priority: 9, goto: 32766 },
        { priority: 10, goto: 4000, unresolved: null },
        { priority: 11, l3mdev: null },
      ]);
      expect((await listed(sandbox)).map(({ action, table }) => [action, table])).toEqual([
        ["blackhole", undefined],
        ["unreachable", undefined],
        ["prohibit", undefined],
        ["nop", undefined],
        ["goto", undefined],
        ["goto", undefined],
        ["table", undefined],
      ]);
    }));
});

describe("what is listed", () => {
  test("an IPv4 rule that ip added is listed with everything that ip said", () =>
    inSandbox(async (sandbox) => {
      await ip(sandbox, "rule", "add", ...everythingInWords.split(" "));
      expect(await listed(sandbox)).toEqual([
        {
          family: "inet",
          action: "table",
          flags: ["invert", "inputDeviceDetached", "outputDeviceDetached"],
          ...everything,
        },
      ]);
    }));

  test("an IPv6 rule that ip added is listed with everything that ip said", () =>
    inSandbox(async (sandbox) => {
      const words = "from fd00::/8 to fd01::1 fwmark 5 lookup local pref 9 proto bird";
      await ip(sandbox, "-6", "rule", "add", ...words.split(" "));
      expect(await listed(sandbox)).toEqual([
        {
          family: "inet6",
          from: "fd00::/8",
          to: "fd01::1/128",
          mark: 5,
          markMask: 0xffffffff,
          table: "local",
          action: "table",
          invert: false,
          priority: 9,
          protocol: "bird",
          flags: [],
        },
      ]);
    }));

  test("the rules that the kernel made are listed, of both families or of one", () =>
    inSandbox(async (sandbox) => {
      const made = (family: string, priority: number, table: string): object =>
        expect.objectContaining({ family, priority, table, protocol: "kernel", action: "table" });
      const four = [
        made("inet", 0, "local"),
        made("inet", 32766, "main"),
        made("inet", 32767, "default"),
      ];
      const six = [made("inet6", 0, "local"), made("inet6", 32766, "main")];
      expect(await listRules(sandbox)).toEqual([...four, ...six]);
      expect(await listRules(sandbox, { family: "inet" })).toEqual(four);
      expect(await listRules(sandbox, { family: "inet6" })).toEqual(six);
    }));

  test("a goto without an aim says so", () =>
    inSandbox(async (sandbox) => {
      await ip(sandbox, "rule", "add", "goto", "400", "pref", "9");
      expect(await listed(sandbox)).toMatchObject([
        { action: "goto", goto: 400, flags: ["unresolved"] },
      ]);
    }));
});

describe("what is removed", () => {
  test("a spec that has part of what the rule has will do", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, everything);
      await addRule(sandbox, { from: "fd00::/8", table: 100, priority: 7 });
      await removeRule(sandbox, { priority: 500 });
      expect(await shown(sandbox)).toEqual([]);
      await removeRule(sandbox, { from: "fd00::/8" });
      expect(await listed(sandbox)).toEqual([]);
    }));

  test("a listed rule will do, whatever it has", () =>
    inSandbox(async (sandbox) => {
      for (const words of [
        everythingInWords,
        "goto 600 pref 9",
        "prohibit pref 10 from 10.3.0.1",
        "nop pref 0",
        "l3mdev pref 11",
        "lookup 4000000000 pref 12 iif lo",
      ]) {
        await ip(sandbox, "rule", "add", ...words.split(" "));
      }
      await ip(sandbox, "-6", "rule", "add", ..."from fd00::/8 lookup 7".split(" "));
      const rules = await listed(sandbox);
      expect(rules).toHaveLength(7);
      for (const rule of rules) await removeRule(sandbox, rule);
      expect(await shown(sandbox)).toEqual([]);
      expect(await shown(sandbox, "-6")).toEqual([]);
      expect(await listRules(sandbox)).toHaveLength(5);
    }));
});

describe("what is refused", () => {
  test.each<[RuleSpec, object]>([
    [{ from: "10.0.0.300/8" }, outOfRange("from")],
    [{ to: "10.0.0.0/33" }, outOfRange("to")],
    [{ from: "10.0.0.0/1.5" }, outOfRange("from")],
    [{ from: "10.0.0.0/8", to: "fd00::/8" }, outOfRange("to")],
    [{ from: "10.0.0.0/8", family: "inet6" }, outOfRange("from")],
    [{ priority: 1.5 }, outOfRange("priority")],
    [{ priority: -1 }, outOfRange("priority")],
    [{ priority: 2 ** 53 }, outOfRange("priority")],
    [{ tos: 256 }, outOfRange("tos")],
    [{ tos: 3 }, { code: "EINVAL" }],
    [{ mark: 2 ** 32 }, outOfRange("mark")],
    [{ inputDevice: "sixteen-letters!" }, outOfRange("inputDevice")],
    [{ outputDevice: "" }, outOfRange("outputDevice")],
    [{ ipProtocol: 256 }, outOfRange("ipProtocol")],
    [{ sourcePorts: { first: 0, last: 65536 } }, outOfRange("sourcePorts.last")],
    [{ sourcePorts: { first: 5, last: 1 } }, { code: "EINVAL" }],
    [{ destinationPorts: { first: 0, last: 1 } }, { code: "EINVAL" }],
    [{ uidRange: { first: 5, last: 1 } }, { code: "EINVAL" }],
    [{ goto: 5, priority: 100 }, { code: "EINVAL" }],
    [{ table: 2 ** 32 }, outOfRange("table")],
  ])("%o, and nothing is changed", (spec, refusal) =>
    inSandbox(async (sandbox) => {
      expect(await refusalOf(addRule(sandbox, spec))).toMatchObject(refusal);
      expect(await listed(sandbox)).toEqual([]);
    }),
  );

  test("what is no rule spec by its type", () =>
    inSandbox(async (sandbox) => {
      const refused = async (spec: object): Promise<unknown> =>
        await refusalOf(addRule(sandbox, spec));
      expect(await refused({ colour: 1 })).toEqual(wrongType("colour"));
      expect(await refused({ flags: [] })).toEqual(wrongType("flags"));
      expect(await refused({ uidRange: { first: 1 } })).toEqual(wrongType("uidRange.last"));
      expect(await refused({ uidRange: [1, 2] })).toEqual(wrongType("uidRange"));
      expect(await refused({ invert: 1 })).toEqual(wrongType("invert"));
      expect(await refused({ table: "all" })).toEqual(outOfRange("table"));
      expect(await refused({ action: "dance" })).toEqual(outOfRange("action"));
      expect(await listed(sandbox)).toEqual([]);
    }));

  test("a rule that there is", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, everything);
      expect(await refusalOf(addRule(sandbox, everything))).toMatchObject({ code: "EEXIST" });
      expect(await listed(sandbox)).toHaveLength(1);
    }));

  test("the removal of a rule that there is not, or not so", () =>
    inSandbox(async (sandbox) => {
      await addRule(sandbox, everything);
      for (const spec of [
        { priority: 501 },
        { priority: 500, table: 101 },
        { priority: 500, from: "10.0.0.0/9" },
        { priority: 500, protocol: "boot" },
        { priority: 500, family: "inet6" },
      ] as const) {
        expect(await refusalOf(removeRule(sandbox, spec))).toMatchObject({ code: "ENOENT" });
      }
      const unknown = { priority: 500, colour: 1 };
      expect(await refusalOf(removeRule(sandbox, unknown))).toEqual(wrongType("colour"));
      expect(await shown(sandbox)).toEqual([everythingShown]);
    }));

  test("a filter that is none", () =>
    inSandbox(async (sandbox) => {
      const refused = async (filter: object): Promise<unknown> =>
        await refusalOf(listRules(sandbox, filter));
      expect(await refused({ family: "ipx" })).toEqual(outOfRange("family"));
      expect(await refused({ table: 1 })).toEqual(wrongType("table"));
    }));
});
