// Rulesets: whatever can be changed, judged by nft(8); whatever nft(8) makes, read.

import { describe, expect, test } from "vitest";
import { openNamespace } from "../../lib/index.ts";
import { decide, equals, inputLink, rule } from "../../lib/netfilter/rule.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type Change,
  changeRuleset,
  createTable,
  deleteChain,
  deleteElements,
  deleteTable,
  type Element,
  flushChain,
  listChains,
  listElements,
  listRules,
  listSets,
  listTables,
  rulesetGeneration,
  type SetShape,
  type TablePlace,
} from "../../lib/netfilter/ruleset.ts";
import { isSince } from "../support/features.ts";
import { elementsOf, everything, listed, nft } from "../support/nft.ts";
import { refusalOf, type Sandbox, withSandboxes } from "../support/sandbox.ts";

const place: TablePlace = { family: "inet", table: "ours" };
const ports: SetShape = {
  set: "ports",
  key: ["inet_proto", "inet_service"],
  data: ["ipv4_addr", "inet_service"],
};
const accept = decide({ verdict: "accept" });
const port = (number: number, address = "10.0.0.2") => ({
  key: [6, number],
  data: [address, 80],
});

const byVerdict = (one: Element, other: Element) =>
  (one.verdict ?? "") < (other.verdict ?? "") ? -1 : 1;

function withSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  return withSandboxes(1, ([sandbox]) => work(sandbox));
}

describe("tables", () => {
  test("are made, with a comment, and deleted", () =>
    withSandbox(async (sandbox) => {
      await changeRuleset(sandbox, [addTable(place, "of ours"), addTable(place)]);
      expect(await listed(sandbox, "table")).toEqual([{ family: "inet", name: "ours" }]);
      expect(await nft(sandbox, "list ruleset")).toContain('comment "of ours"');
      expect(await listTables(sandbox)).toMatchObject([{ ...place, comment: "of ours" }]);
      await changeRuleset(sandbox, [deleteTable(place)]);
      expect(await listed(sandbox, "table")).toEqual([]);
      expect(await listTables(sandbox)).toEqual([]);
    }));

  test.each(["inet", "ip", "ip6", "bridge", "arp", "netdev"] as const)("of %s are made", (family) =>
    withSandbox(async (sandbox) => {
      await changeRuleset(sandbox, [createTable({ family, table: "ours" })]);
      expect(await listed(sandbox, "table")).toEqual([{ family, name: "ours" }]);
      expect(await listTables(sandbox)).toMatchObject([{ family, table: "ours" }]);
    }),
  );

  test("that are there are refused to be created, and that are not, to be deleted", () =>
    withSandbox(async (sandbox) => {
      await changeRuleset(sandbox, [createTable(place)]);
      const again = changeRuleset(sandbox, [createTable(place)]);
      expect(await refusalOf(again)).toEqual({ code: "EEXIST", field: "changes[0].table" });
      const other = changeRuleset(sandbox, [deleteTable({ family: "ip", table: "ours" })]);
      expect(await refusalOf(other)).toEqual({ code: "ENOENT", field: "changes[0].table" });
    }));
});

describe("chains", () => {
  test("are hooked where they are said to be", () =>
    withSandbox(async (sandbox) => {
      const hooks = ["prerouting", "input", "forward", "output", "postrouting"] as const;
      await changeRuleset(sandbox, [
        addTable(place),
        ...hooks.map((hook, n) =>
          addChain(place, hook, { type: "filter", hook, priority: n * 100 - 200, policy: "drop" }),
        ),
        addChain(place, "nat", { type: "nat", hook: "output", priority: -100 }),
        addChain(place, "route", { type: "route", hook: "output", priority: 7 }),
        addChain(place, "plain"),
      ]);
      const of = { family: "inet", table: "ours" };
      const expected = [
        ...hooks.map((hook, n) => ({
          ...{ ...of, name: hook, type: "filter", hook, prio: n * 100 - 200, policy: "drop" },
        })),
        { ...of, name: "nat", type: "nat", hook: "output", prio: -100, policy: "accept" },
        { ...of, name: "route", type: "route", hook: "output", prio: 7, policy: "accept" },
        { ...of, name: "plain" },
      ];
      expect(await listed(sandbox, "chain")).toEqual(expected);
      const ours = (await listChains(sandbox)).map(({ family, table, chain, ...rest }) => {
        const { type, hook, priority, policy } = rest;
        return { family, table, name: chain, type, hook, prio: priority, policy };
      });
      expect(ours).toEqual(expected);
    }));

  test("are deleted if nobody jumps to them", () =>
    withSandbox(async (sandbox) => {
      const jump = decide({ verdict: "jump", chain: "to" });
      await changeRuleset(sandbox, [
        ...[addTable(place), addChain(place, "from"), addChain(place, "to")],
        addRule(place, "from", jump),
      ]);
      const early = changeRuleset(sandbox, [deleteChain(place, "to")]);
      expect(await refusalOf(early)).toMatchObject({ code: "EBUSY" });
      await changeRuleset(sandbox, [flushChain(place, "from"), deleteChain(place, "to")]);
      expect((await listed(sandbox, "chain")).map(({ name }) => name)).toEqual(["from"]);
      const missing = changeRuleset(sandbox, [deleteChain(place, "to")]);
      expect(await refusalOf(missing)).toEqual({ code: "ENOENT", field: "changes[0].chain" });
    }));
});

describe("sets and maps", () => {
  const of = { family: "inet", table: "ours" };

  test("have the types that nft knows", () =>
    withSandbox(async (sandbox) => {
      const shapes: SetShape[] = [
        { set: "links", key: ["ifname"] },
        { set: "addresses", key: ["ipv6_addr", "ipv4_addr"] },
        { set: "marks", key: ["mark"], data: ["ipv6_addr"] },
        { set: "jumps", key: ["ifname"], data: ["verdict"] },
        ports,
      ];
      await changeRuleset(sandbox, [addTable(place), ...shapes.map((one) => addSet(place, one))]);
      const sets = [...(await listed(sandbox, "set")), ...(await listed(sandbox, "map"))];
      expect(sets).toEqual([
        { ...of, name: "links", type: "ifname" },
        { ...of, name: "addresses", type: ["ipv6_addr", "ipv4_addr"] },
        { ...of, name: "marks", type: "mark", map: "ipv6_addr" },
        { ...of, name: "jumps", type: "ifname", map: "verdict" },
        {
          ...{ ...of, name: "ports", type: ["inet_proto", "inet_service"] },
          map: "ipv4_addr . inet_service",
        },
      ]);
      expect(await listSets(sandbox, place)).toEqual(shapes.map(({ set }) => set));
      const elsewhere = listSets(sandbox, { family: "ip", table: "ours" });
      expect(await refusalOf(elsewhere)).toMatchObject({ code: "ENOENT" });
    }));

  test("have elements of every type added and deleted", () =>
    withSandbox(async (sandbox) => {
      const links: SetShape = { set: "links", key: ["ifname"] };
      const marks: SetShape = { set: "marks", key: ["mark"], data: ["ipv6_addr"] };
      const jumps: SetShape = { set: "jumps", key: ["ifname"], data: ["verdict"] };
      const named = [{ key: ["br0"] }, { key: ["fifteen-bytes-0"] }];
      const marked = [{ key: [258], data: ["fd00::2"] }];
      const jumping = [
        { key: ["br0"], data: { verdict: "jump", chain: "plain" } as const },
        { key: ["br1"], data: { verdict: "drop" } as const },
      ];
      await changeRuleset(sandbox, [
        ...[addTable(place), addChain(place, "plain")],
        ...[links, marks, jumps, ports].map((one) => addSet(place, one)),
        ...addElements(place, links, named),
        ...addElements(place, marks, marked),
        ...addElements(place, jumps, jumping),
        ...addElements(place, ports, [port(8080), { key: [17, 53], data: ["10.0.0.3", 5353] }]),
      ]);
      expect(await elementsOf(sandbox, "set", "links")).toEqual(['"br0"', '"fifteen-bytes-0"']);
      expect(await elementsOf(sandbox, "map", "marks")).toEqual(['[258,"fd00::2"]']);
      expect(await elementsOf(sandbox, "map", "jumps")).toEqual([
        '["br0",{"jump":{"target":"plain"}}]',
        '["br1",{"drop":null}]',
      ]);
      expect(await elementsOf(sandbox, "map", "ports")).toEqual([
        '[{"concat":["tcp",8080]},{"concat":["10.0.0.2",80]}]',
        '[{"concat":["udp",53]},{"concat":["10.0.0.3",5353]}]',
      ]);
      const verdicts = await listElements(sandbox, place, "jumps");
      expect(verdicts.toSorted(byVerdict)).toMatchObject([
        { verdict: "drop" },
        { verdict: "jump", chain: "plain" },
      ]);
      await changeRuleset(sandbox, [
        ...deleteElements(place, links, named.slice(1)),
        ...deleteElements(place, jumps, jumping.slice(0, 1)),
        ...deleteElements(place, ports, [port(8080)]),
      ]);
      expect(await elementsOf(sandbox, "set", "links")).toEqual(['"br0"']);
      expect(await elementsOf(sandbox, "map", "jumps")).toEqual(['["br1",{"drop":null}]']);
      expect(await elementsOf(sandbox, "map", "ports")).toHaveLength(1);
    }));

  test("refuse an element that is there with other data, and to delete one that is not", () =>
    withSandbox(async (sandbox) => {
      await changeRuleset(sandbox, [
        ...[addTable(place), addSet(place, ports)],
        ...addElements(place, ports, [port(1)]),
      ]);
      await changeRuleset(sandbox, addElements(place, ports, [port(1)]));
      const other = addElements(place, ports, [port(2), port(1, "10.0.0.9")]);
      expect(await refusalOf(changeRuleset(sandbox, other))).toEqual({
        code: "EEXIST",
        field: "changes[0].elements",
      });
      const missing = deleteElements(place, ports, [port(1), port(7)]);
      expect(await refusalOf(changeRuleset(sandbox, missing))).toEqual({
        code: "ENOENT",
        field: "changes[0].elements",
      });
      expect(await elementsOf(sandbox, "map", "ports")).toHaveLength(1);
    }));

  test("take 10,000 elements in one batch, and give them back", () =>
    withSandbox(async (sandbox) => {
      const many = Array.from({ length: 10_000 }, (_, n) => port(n + 1));
      const before = await rulesetGeneration(sandbox);
      await changeRuleset(sandbox, [
        ...[addTable(place), addSet(place, ports)],
        ...addElements(place, ports, many),
      ]);
      expect(await rulesetGeneration(sandbox)).toBe(before + 1);
      expect(await elementsOf(sandbox, "map", "ports")).toHaveLength(10_000);
      const keys = (await listElements(sandbox, place, "ports")).map(({ key }) => String(key));
      expect(new Set(keys).size).toBe(10_000);
      await changeRuleset(sandbox, deleteElements(place, ports, many));
      expect(await elementsOf(sandbox, "map", "ports")).toEqual([]);
    }));

  test("take the largest elements that there are, hundreds in one batch", () =>
    withSandbox(async (sandbox) => {
      const chain = "c".repeat(255);
      const jumps: SetShape = {
        set: "jumps",
        key: ["ifname", "ifname", "ifname"],
        data: ["verdict"],
      };
      const data = { verdict: "jump", chain } as const;
      const many = Array.from({ length: 500 }, (_, n) => ({ key: [`a${n}`, "b", "c"], data }));
      await changeRuleset(sandbox, [
        ...[addTable(place), addChain(place, chain), addSet(place, jumps)],
        ...addElements(place, jumps, many),
      ]);
      const elements = await elementsOf(sandbox, "map", "jumps");
      expect(elements).toHaveLength(500);
      const first = { concat: ["a0", "b", "c"] };
      expect(elements[0]).toBe(JSON.stringify([first, { jump: { target: chain } }]));
    }));
});

describe("rules", () => {
  test("stand behind those that are there, and go together", () =>
    withSandbox(async (sandbox) => {
      const from = (link: string) => rule(equals(inputLink, link), accept);
      await changeRuleset(sandbox, [
        ...[addTable(place), addChain(place, "one"), addChain(place, "two")],
        addRule(place, "one", from("a"), "the first"),
        addRule(place, "two", from("b")),
        addRule(place, "one", from("c")),
      ]);
      const witness = (await listed(sandbox, "rule")).map(({ chain, comment, expr }) => {
        return [chain, expr[0].match.right, comment];
      });
      const expected = [
        ["one", "a", "the first"],
        ["one", "c", undefined],
        ["two", "b", undefined],
      ];
      expect(witness).toEqual(expected);
      const ours = (await listRules(sandbox, place)).map(({ chain, comment, expressions }) => {
        const name = new TextDecoder().decode(expressions[1]?.value as Uint8Array);
        return [chain, name.replaceAll("\0", ""), comment];
      });
      expect(ours).toEqual(expected);
      await changeRuleset(sandbox, [flushChain(place, "one")]);
      expect((await listed(sandbox, "rule")).map(({ chain }) => chain)).toEqual(["two"]);
    }));

  test("of other tables are not listed", () =>
    withSandbox(async (sandbox) => {
      await nft(sandbox, "table ip ours { chain c { accept; }; }");
      await changeRuleset(sandbox, [addTable(place), addChain(place, "c")]);
      expect(await listRules(sandbox, place)).toEqual([]);
      expect(await listRules(sandbox, { family: "ip", table: "ours" })).toHaveLength(1);
    }));
});

describe("comments", () => {
  // As long as nft(8) takes them (libnftnl's NFTNL_UDATA_COMMENT_MAXLEN); the kernel takes more.
  test.each([127, 128])("of %i bytes are kept", (length) =>
    withSandbox(async (sandbox) => {
      const text = "é".repeat(40) + "x".repeat(length - 80);
      await changeRuleset(sandbox, [
        ...[addTable(place, text), addChain(place, "c"), addRule(place, "c", accept, text)],
      ]);
      expect((await listed(sandbox, "rule")).map(({ comment }) => comment)).toEqual([text]);
      expect(await nft(sandbox, "list ruleset")).toContain(`\tcomment "${text}"\n`);
      expect((await listTables(sandbox))[0]?.comment).toBe(text);
      expect((await listRules(sandbox, place))[0]?.comment).toBe(text);
    }),
  );

  test("of 129 bytes are refused, however few letters they are", () =>
    withSandbox(async (sandbox) => {
      const text = `${"é".repeat(64)}x`;
      const refused = { code: "ERR_OUT_OF_RANGE", property: "changes[0].comment" };
      const table = changeRuleset(sandbox, [addTable(place, text)]);
      expect(await refusalOf(table)).toEqual(refused);
      const ofRule = changeRuleset(sandbox, [addRule(place, "c", accept, text)]);
      expect(await refusalOf(ofRule)).toEqual(refused);
      expect(await listed(sandbox, "table")).toEqual([]);
    }));

  test("that nft(8) wrote are read, next to what else it notes", () =>
    withSandbox(async (sandbox) => {
      await nft(
        sandbox,
        `table inet ours {
          comment "of a table";
          chain c { tcp dport { 80, 443 } ct state new accept comment "of a rule"; }
        }`,
      );
      expect(await listTables(sandbox)).toMatchObject([{ comment: "of a table" }]);
      expect(await listRules(sandbox, place)).toMatchObject([{ comment: "of a rule" }]);
    }));
});

describe("names", () => {
  const long = (length: number) => "n".repeat(length);
  /** Linux 6.1 does not tell the property: nfnetlink_rcv_batch() checks lengths without saying which. */
  const tooLong = (property: string) => ({
    code: "ERANGE",
    field: isSince("6.18")
      ? `changes[1].${property}`
      : expect.toBeOneOf([`changes[1].${property}`, "changes[1]"]),
  });

  // include/uapi/linux/netfilter/nf_tables.h, NFT_NAME_MAXLEN is 256 with the NUL.
  test("may have 255 bytes", () =>
    withSandbox(async (sandbox) => {
      const of: TablePlace = { family: "inet", table: long(255) };
      await changeRuleset(sandbox, [
        ...[addTable(of), addChain(of, long(255)), addSet(of, { ...ports, set: long(255) })],
      ]);
      expect((await listed(sandbox, "chain")).map(({ name }) => name)).toEqual([long(255)]);
      expect((await listed(sandbox, "map")).map(({ name }) => name)).toEqual([long(255)]);
    }));

  test("that are longer are refused, and which they are is told", () =>
    withSandbox(async (sandbox) => {
      const attempt = (change: Change) =>
        refusalOf(changeRuleset(sandbox, [addTable(place), change]));
      expect(await attempt(addTable({ ...place, table: long(256) }))).toEqual(tooLong("table"));
      expect(await attempt(addChain(place, long(256)))).toEqual(tooLong("chain"));
      expect(await attempt(addSet(place, { ...ports, set: long(256) }))).toEqual(tooLong("set"));
      expect(await listed(sandbox, "table")).toEqual([]);
    }));
});

describe("a batch", () => {
  /** One change of every operation, and one at the end that is refused. */
  const doomed: Change[] = [
    addTable({ family: "ip", table: "new" }),
    ...[addTable(place), addChain(place, "new"), addSet(place, { ...ports, set: "new" })],
    ...addElements(place, ports, [port(2)]),
    ...deleteElements(place, ports, [port(1)]),
    ...[flushChain(place, "there"), addRule(place, "there", accept)],
    ...[deleteChain(place, "empty"), deleteTable({ family: "ip", table: "there" })],
    deleteChain(place, "not there"),
  ];

  async function prepare(sandbox: Sandbox): Promise<void> {
    await nft(sandbox, "table ip there { chain c { accept; }; }");
    await changeRuleset(sandbox, [
      ...[addTable(place), addChain(place, "there"), addChain(place, "empty")],
      ...[addSet(place, ports), ...addElements(place, ports, [port(1)])],
      addRule(place, "there", rule(equals(inputLink, "a"), accept)),
    ]);
  }

  test("whose last change is refused changes nothing, and says which it was", () =>
    withSandbox(async (sandbox) => {
      await prepare(sandbox);
      const before = [await everything(sandbox), await rulesetGeneration(sandbox)];
      const last = doomed.length - 1;
      expect(await refusalOf(changeRuleset(sandbox, doomed))).toEqual({
        code: "ENOENT",
        field: `changes[${last}].chain`,
      });
      expect([await everything(sandbox), await rulesetGeneration(sandbox)]).toEqual(before);
      await changeRuleset(sandbox, doomed.slice(0, last));
      expect([await everything(sandbox), await rulesetGeneration(sandbox)]).not.toEqual(before);
    }));

  test("with a change that cannot be is refused before anything is sent", () =>
    withSandbox(async (sandbox) => {
      const property = "changes[1].family";
      const wrong = ["addTable", { table: "ours", family: "ipx" }] as const;
      const refusal = await refusalOf(changeRuleset(sandbox, [addTable(place), wrong]));
      expect(refusal).toMatchObject({ property });
      const unknown = ["addTable", { ...place, dormant: true }] as const;
      expect(await refusalOf(changeRuleset(sandbox, [unknown]))).toMatchObject({
        property: "changes[0].dormant",
      });
      expect(await listed(sandbox, "table")).toEqual([]);
    }));

  test("of nothing does nothing", () =>
    withSandbox(async (sandbox) => {
      const before = await rulesetGeneration(sandbox);
      await changeRuleset(sandbox, []);
      expect(await rulesetGeneration(sandbox)).toBe(before);
    }));

  test("that many send at once are all made, one after another", () =>
    withSandbox(async (sandbox) => {
      await changeRuleset(sandbox, [addTable(place), addSet(place, ports)]);
      const before = await rulesetGeneration(sandbox);
      const other = await openNamespace({ name: sandbox.name });
      try {
        const changes = Array.from({ length: 100 }, (_, n) =>
          changeRuleset(n % 2 ? sandbox : other, addElements(place, ports, [port(n + 1)])),
        );
        await Promise.all(changes);
      } finally {
        await other.close();
      }
      expect(await elementsOf(sandbox, "map", "ports")).toHaveLength(100);
      expect(await rulesetGeneration(sandbox)).toBe(before + 100);
    }));

  test("leaves the tables of others as they are", () =>
    withSandbox(async (sandbox) => {
      const foreign = "table ip ours { set ports { type inet_service; elements = { 80 }; }; }";
      await nft(sandbox, `${foreign}; table inet theirs { chain c { accept; }; }`);
      const before = await everything(sandbox);
      await prepare(sandbox).catch(() => undefined);
      await changeRuleset(sandbox, [deleteTable(place)]);
      await nft(sandbox, "delete table ip there");
      expect(await everything(sandbox)).toBe(before);
    }));
});

test("values that do not fit are refused, and not cut", () => {
  const links: SetShape = { set: "links", key: ["ifname"] };
  expect(() => addElements(place, links, [{ key: ["sixteen-bytes-00"] }])).toThrow("15 bytes");
  expect(() => addElements(place, ports, [port(65_536)])).toThrow("2 bytes");
  expect(() => addElements(place, ports, [port(-1)])).toThrow("2 bytes");
  expect(() => addElements(place, ports, [port(1.5)])).toThrow("2 bytes");
});

test("lists are whole while the ruleset changes", () =>
  withSandbox(async (sandbox) => {
    const many = Array.from({ length: 3000 }, (_, n) => port(n + 1));
    const all = [addTable(place), addSet(place, ports), ...addElements(place, ports, many)];
    await changeRuleset(sandbox, all);
    const other = await openNamespace({ name: sandbox.name });
    let stop = false;
    const churn = (async () => {
      while (!stop) await changeRuleset(other, [deleteTable(place), ...all]);
    })();
    try {
      for (let n = 0; n < 5; n += 1) {
        const elements = await listElements(sandbox, place, "ports");
        expect(elements).toHaveLength(3000);
      }
    } finally {
      stop = true;
      await churn;
      await other.close();
    }
  }));

test("a handle that is closed is refused", async () => {
  const namespace = await openNamespace();
  await namespace.close();
  await expect(listTables(namespace)).rejects.toThrow(/closed/);
  await expect(changeRuleset(namespace, [addTable(place)])).rejects.toThrow(/closed/);
});
