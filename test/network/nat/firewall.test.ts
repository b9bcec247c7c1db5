// The firewall's table: what is changed for what, what differs and how it is mended.

import { describe, expect, test } from "vitest";
import { openNamespace } from "../../../lib/index.ts";
import {
  Firewall,
  type FirewallPlan,
  foreignDrops,
  publishedMaps,
} from "../../../lib/network/nat/firewall.ts";
import { elementsOf, everything, listed, nft } from "../../support/nft.ts";
import { refusalOf, type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import {
  asked,
  at,
  curl,
  echoing,
  lan,
  other,
  published,
  serving,
  tracked,
  web,
  withLab,
} from "./lab.ts";

const ports = [
  published(),
  published({ hostAddress: lan.host, hostPort: 8081 }),
  published({ protocol: "udp", hostAddress: "::", hostPort: 53, address: at.a.six }),
  published({ hostAddress: lan.host6, hostPort: 8081, address: at.a.six }),
];
const plan: FirewallPlan = { networks: [web, other], ports };

const foreign = `
  table inet theirs { chain forward { type filter hook forward priority 10; policy accept;
    tcp dport 22 accept comment "kept"
  } }
  table ip vethwork { set s { type ipv4_addr; elements = { 10.0.0.1 }; } }`;

async function withFirewall(
  test: (host: Sandbox, firewall: Firewall) => Promise<void>,
): Promise<void> {
  await withSandboxes(1, async ([host]) => {
    const firewall = new Firewall(host);
    for (const network of plan.networks) await firewall.addNetwork(network);
    await firewall.publish(plan.ports);
    await test(host, firewall);
  });
}

/** All but elements, with handles: what stays the same if only elements change. */
async function frame(host: Sandbox): Promise<string> {
  return (await everything(host)).replaceAll(/elements = \{[^}]*\}\s*/g, "");
}

describe("a table of the firewall's name that is somebody else's", () => {
  const theirs = "table inet vethwork { chain forward { type filter hook forward priority 10; } }";

  test("is left as it is, and told of", () =>
    withSandboxes(1, async ([host]) => {
      await nft(host, theirs);
      const before = await everything(host);
      const firewall = new Firewall(host);
      const taken = expect.objectContaining({ code: "TABLE_TAKEN" });
      await expect(firewall.addNetwork(web)).rejects.toEqual(taken);
      await expect(firewall.restore(plan)).rejects.toEqual(taken);
      await firewall.removeNetwork(web);
      await firewall.restore({ networks: [], ports: [] }).catch(() => undefined);
      expect(await firewall.differences(plan)).toEqual(["the table vethwork is somebody else's"]);
      expect(await everything(host)).toBe(before);
    }));
});

describe("the table", () => {
  test("is there as long as there is a network", () =>
    withSandboxes(1, async ([host]) => {
      const firewall = new Firewall(host);
      await firewall.removeNetwork(web);
      await firewall.addNetwork(web);
      expect(await listed(host, "table")).toMatchObject([{ family: "inet", name: "vethwork" }]);
      expect(await nft(host, "list ruleset")).toContain('comment "made by vethwork');
      await firewall.addNetwork(other);
      await firewall.removeNetwork(web);
      expect(await listed(host, "table")).toHaveLength(1);
      await firewall.removeNetwork(other);
      expect(await listed(host, "table")).toEqual([]);
      await firewall.removeNetwork(other);
    }));

  test("says the links' names, and can be saved and loaded again by nft", () =>
    withFirewall(async (host, firewall) => {
      const text = await nft(host, "list ruleset");
      expect(text).toMatch(/"br-web" : jump into-0123456789ab/);
      expect(await elementsOf(host, "set", "bridges")).toEqual(['"br-other"', '"br-web"']);
      await nft(host, `flush ruleset\n${text}`);
      expect(await nft(host, "list ruleset")).toBe(text);
      expect(await firewall.differences(plan)).toEqual([]);
    }));

  test("may have another name, and two do not meet", () =>
    withFirewall(async (host, firewall) => {
      const second = new Firewall(host, { table: "second" });
      await second.addNetwork({ ...web, link: "br-second" });
      expect(
        await second.differences({ networks: [{ ...web, link: "br-second" }], ports: [] }),
      ).toEqual([]);
      expect(await firewall.differences(plan)).toEqual([]);
      await second.removeNetwork({ ...web, link: "br-second" });
      expect((await listed(host, "table")).map(({ name }) => name)).toEqual(["vethwork"]);
    }));

  test("has one element more in each map for a network, and four chains", () =>
    withSandboxes(1, async ([host]) => {
      const firewall = new Firewall(host);
      await firewall.addNetwork(web);
      const before = await listed(host, "rule");
      const chains = (await listed(host, "chain")).length;
      await firewall.addNetwork(other);
      const own = (await listed(host, "rule")).filter(
        ({ chain }) => !chain.endsWith("-fedcba987654"),
      );
      expect(own).toEqual(before);
      expect(await listed(host, "chain")).toHaveLength(chains + 4);
      for (const map of ["into", "out-of", "arriving", "leaving"]) {
        expect(await elementsOf(host, "map", map)).toHaveLength(2);
      }
      await firewall.removeNetwork(other);
      expect(await listed(host, "rule")).toEqual(before);
      expect(await listed(host, "chain")).toHaveLength(chains);
    }));

  test("takes a network once, however often it is added, and with new settings", () =>
    withFirewall(async (host, firewall) => {
      const before = await listed(host, "rule");
      await firewall.addNetwork(web);
      expect(await listed(host, "rule")).toHaveLength(before.length);
      expect(await firewall.differences(plan)).toEqual([]);
      const changed = { ...web, masquerade: false };
      await firewall.addNetwork(changed);
      expect(await firewall.differences({ networks: [changed, other], ports })).toEqual([]);
      expect(await firewall.differences(plan)).toEqual([
        "the chain leaving-0123456789ab has other rules",
      ]);
    }));

  test("leaves what others have as it is", () =>
    withSandboxes(1, async ([host]) => {
      await nft(host, foreign);
      const before = await everything(host);
      const firewall = new Firewall(host);
      await firewall.addNetwork(web);
      await firewall.publish([published()]);
      await firewall.restore({ networks: [web], ports: [] });
      await firewall.removeNetwork(web);
      expect(await everything(host)).toBe(before);
    }));
});

describe("publish and unpublish", () => {
  test("change elements in one batch, and no rule, set or chain", () =>
    withFirewall(async (host, firewall) => {
      const before = await frame(host);
      const generation = await firewall.generation();
      const more = [
        ...[1, 2, 3].map((n) => published({ hostPort: 9000 + n })),
        published({ hostAddress: "::", hostPort: 9000, address: at.a.six }),
      ];
      await firewall.publish(more);
      expect(await firewall.generation()).toBe(generation + 1);
      expect(await frame(host)).toBe(before);
      expect(await elementsOf(host, "map", "ports4")).toHaveLength(4);
      expect(await elementsOf(host, "map", "ports6")).toHaveLength(2);
      await firewall.unpublish(more);
      expect(await firewall.generation()).toBe(generation + 2);
      expect(await frame(host)).toBe(before);
      expect(await firewall.differences(plan)).toEqual([]);
    }));

  test("put each port into the map that it belongs to", () =>
    withFirewall(async (host) => {
      const concat = (...values: unknown[]) => ({ concat: values });
      const all = await Promise.all(publishedMaps.map((map) => elementsOf(host, "map", map)));
      expect(all.map((elements) => elements.map((one) => JSON.parse(one)))).toEqual([
        [[concat("tcp", 8080), concat(at.a.four, 80)]],
        [[concat(lan.host, "tcp", 8081), concat(at.a.four, 80)]],
        [[concat("udp", 53), concat(at.a.six, 80)]],
        [[concat(lan.host6, "tcp", 8081), concat(at.a.six, 80)]],
      ]);
    }));

  test("of many at once take few batches, and nobody's port fails for another's", () =>
    withFirewall(async (host, firewall) => {
      const generation = await firewall.generation();
      const many = Array.from({ length: 200 }, (_, n) => published({ hostPort: 10_000 + n }));
      const taken = published({ hostPort: 8080, address: at.b.four });
      await Promise.all(many.slice(0, 100).map((port) => firewall.publish([port])));
      expect((await firewall.generation()) - generation).toBeLessThanOrEqual(3);
      const results = await Promise.all([
        ...many.slice(100).map((port) => refusalOf(firewall.publish([port]))),
        refusalOf(firewall.publish([taken])),
      ]);
      expect(results.slice(0, -1)).toEqual(Array.from({ length: 100 }, () => undefined));
      expect(results.at(-1)).toMatchObject({ code: "EEXIST" });
      expect(await elementsOf(host, "map", "ports4")).toHaveLength(201);
      await Promise.all(many.map((port) => firewall.unpublish([port])));
      expect(await firewall.differences(plan)).toEqual([]);
    }));

  test("pass over what is not published, and what is published is gone then", () =>
    withFirewall(async (host, firewall) => {
      await firewall.unpublish([published({ hostPort: 1 }), ...ports]);
      expect(await firewall.differences({ ...plan, ports: [] })).toEqual([]);
      await firewall.unpublish(ports);
      await nft(host, "delete table inet vethwork");
      await firewall.unpublish(ports);
      expect(await refusalOf(firewall.publish(ports))).toMatchObject({ code: "ENOENT" });
    }));
});

describe("connections of a port", () => {
  test("that is given back are forgotten, so that the next one gets them", () =>
    withLab(async ({ host, world, a, b, firewall }) => {
      const port = published({ protocol: "udp", hostPort: 5000, port: 53 });
      await firewall.publish([port]);
      const from = 40_000;
      await echoing(a, 53, async () => {
        expect(await asked(world, lan.host, 5000, from)).toBe(`${lan.host} ${lan.world}`);
      });
      expect((await tracked(host, "udp")).join()).toContain(`src=${at.a.four}`);
      await firewall.unpublish([port]);
      expect((await tracked(host, "udp")).join()).not.toContain(`src=${at.a.four}`);
      await firewall.publish([{ ...port, address: at.b.four }]);
      await echoing(b, 53, async () => {
        // The same client, from the same port: it would still be led to the former one.
        expect(await asked(world, lan.host, 5000, from)).toBe(`${lan.host} ${lan.world}`);
      });
      expect((await tracked(host, "udp")).join()).toContain(`src=${at.b.four}`);
    }));

  test("of another address or family of the host are not forgotten", () =>
    withLab(async ({ host, world, a, firewall }) => {
      const one = published({
        protocol: "udp",
        hostAddress: "127.0.0.1",
        hostPort: 5000,
        port: 53,
      });
      const another = { ...one, hostAddress: lan.host };
      await firewall.publish([one, another]);
      await echoing(a, 53, async () => {
        expect(await asked(world, lan.host, 5000)).toBeDefined();
        expect(await asked(host, "127.0.0.1", 5000)).toBeDefined();
      });
      const destinations = async () =>
        (await tracked(host, "udp")).flatMap(
          (line) => /dst=(\S+) sport=\d+ dport=5000/.exec(line)?.[1] ?? [],
        );
      expect((await destinations()).toSorted()).toEqual(["127.0.0.1", lan.host]);
      await firewall.unpublish([one]);
      expect(await destinations()).toEqual([lan.host]);
      await firewall.unpublish([{ ...another, hostAddress: "::" }]);
      expect(await destinations()).toEqual([lan.host]);
      await firewall.unpublish([another]);
      expect(await destinations()).toEqual([]);
    }));

  test("and of addresses that were given back are forgotten, both ways", () =>
    withLab(async ({ host, world, a, b, firewall }) => {
      await serving(world, 80, async () => {
        expect(await curl(a, lan.world, 80)).toBe(lan.host);
        expect(await curl(a, lan.world6, 80)).toBe(lan.host6);
        expect(await curl(b, lan.world, 80)).toBe(lan.host);
      });
      await firewall.publish([published()]);
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
      });
      const before = (await tracked(host, "tcp")).join();
      for (const address of [at.a.four, at.a.six, at.b.four]) expect(before).toContain(address);
      await firewall.forget([at.a.four, at.a.six]);
      const after = (await tracked(host, "tcp")).join();
      expect(after).not.toContain(`${at.a.four} `);
      expect(after).not.toContain(`${at.a.six} `);
      expect(after).toContain(`${at.b.four} `);
      await firewall.forget([]);
    }));
});

describe("differences and restore", () => {
  test("find nothing where everything is as planned", () =>
    withFirewall(async (_, firewall) => {
      expect(await firewall.differences(plan)).toEqual([]);
    }));

  const damages = [
    ["flush ruleset", ["the table vethwork is gone"]],
    ["flush chain inet vethwork published", ["the chain published has other rules"]],
    ["flush chain inet vethwork guard", ["the chain guard has other rules"]],
    [
      "add rule inet vethwork into-0123456789ab accept",
      ["the chain into-0123456789ab has other rules"],
    ],
    ["insert rule inet vethwork forward drop", ["the chain forward has other rules"]],
    [
      "flush chain inet vethwork guard; delete chain inet vethwork guard",
      ["the chain guard is gone"],
    ],
    ["chain inet vethwork forward { policy drop; }", ["the chain forward is hooked elsewhere"]],
    ["add chain inet vethwork more", ["the chain more is not of the plan"]],
    ["delete element inet vethwork bridges { br-web }", ["bridges lacks br-web"]],
    ["delete element inet vethwork out-of { br-other }", ["out-of lacks br-other"]],
    ["delete element inet vethwork ports4 { tcp . 8080 }", ["ports4 lacks 6 8080"]],
    [
      `delete element inet vethwork ports4-at { ${lan.host} . tcp . 8081 }`,
      [`ports4-at lacks ${lan.host} 6 8081`],
    ],
    ["delete element inet vethwork ports6 { udp . 53 }", ["ports6 lacks 17 53"]],
    [
      "add element inet vethwork ports4 { tcp . 1 : 10.0.0.1 . 1, tcp . 2 : 10.0.0.1 . 1 }",
      ["ports4 has 2 that are not of the plan"],
    ],
    [
      "delete element inet vethwork ports4 { tcp . 8080 }; " +
        "add element inet vethwork ports4 { tcp . 8080 : 10.9.9.9 . 80 }",
      ["ports4 lacks 6 8080", "ports4 has 1 that are not of the plan"],
    ],
  ] as const;

  test.each(damages)("find and mend: %s", (damage, expected) =>
    withFirewall(async (host, firewall) => {
      const before = await nft(host, "list ruleset");
      await nft(host, damage);
      expect(await firewall.differences(plan)).toEqual(expected);
      const generation = await firewall.generation();
      await firewall.restore(plan);
      expect(await firewall.generation()).toBe(generation + 1);
      expect(await firewall.differences(plan)).toEqual([]);
      expect((await nft(host, "list ruleset")).split("\n").toSorted()).toEqual(
        before.split("\n").toSorted(),
      );
    }),
  );

  test("find a table that nobody needs, and take it away", () =>
    withFirewall(async (host, firewall) => {
      const empty = { networks: [], ports: [] };
      const found = await firewall.differences(empty);
      expect(found).toEqual(["the table vethwork is there without a network"]);
      await firewall.restore(empty);
      expect(await listed(host, "table")).toEqual([]);
      expect(await firewall.differences(empty)).toEqual([]);
    }));

  test("leave the tables of others alone", () =>
    withFirewall(async (host, firewall) => {
      await nft(host, foreign);
      const theirs = async () => [
        await nft(host, "list table inet theirs"),
        await nft(host, "list table ip vethwork"),
      ];
      const before = await theirs();
      await nft(host, "flush chain inet vethwork forward");
      await firewall.restore(plan);
      expect(await theirs()).toEqual(before);
    }));

  test("have ports work again after nft flush ruleset", () =>
    withLab(async ({ host, world, a, firewall }) => {
      await firewall.publish([published()]);
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        await nft(host, "flush ruleset");
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        await firewall.restore({ networks: [web, other], ports: [published()] });
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
      });
    }));
});

test("the generation rises with whatever anybody changes", () =>
  withFirewall(async (host, firewall) => {
    const before = await firewall.generation();
    expect(await firewall.generation()).toBe(before);
    await nft(host, "add table ip theirs");
    expect(await firewall.generation()).toBe(before + 1);
  }));

describe("foreignDrops", () => {
  test("finds nothing where only our table is, or others accept", () =>
    withFirewall(async (host) => {
      await nft(host, foreign);
      await nft(
        host,
        "table ip x { chain c { type filter hook forward priority 0; policy accept; }; chain d { drop; }; }",
      );
      expect(await foreignDrops(host)).toEqual([]);
    }));

  test("finds chains that drop by themselves, of every family, hook and priority", () =>
    withFirewall(async (host) => {
      // As iptables-nft makes them.
      await nft(
        host,
        `table ip filter {
          chain INPUT { type filter hook input priority filter; policy drop; ct state established accept; }
          chain FORWARD { type filter hook forward priority filter; policy drop; }
          chain OUTPUT { type filter hook output priority filter; policy accept; }
        }
        table ip6 filter { chain FORWARD { type filter hook forward priority filter; policy drop; } }
        table inet early { chain in { type filter hook input priority -10; policy drop; } }
        table ip raw { chain PREROUTING { type filter hook prerouting priority raw; policy drop; } }
        table bridge ours { chain ports { type filter hook forward priority -200; policy drop; } }`,
      );
      expect(await foreignDrops(host)).toEqual([
        { family: "ip", table: "filter", chain: "INPUT", hook: "input", priority: 0, empty: false },
        {
          family: "ip",
          table: "filter",
          chain: "FORWARD",
          hook: "forward",
          priority: 0,
          empty: true,
        },
        {
          family: "ip6",
          table: "filter",
          chain: "FORWARD",
          hook: "forward",
          priority: 0,
          empty: true,
        },
        { family: "inet", table: "early", chain: "in", hook: "input", priority: -10, empty: true },
        {
          family: "ip",
          table: "raw",
          chain: "PREROUTING",
          hook: "prerouting",
          priority: -300,
          empty: true,
        },
        {
          family: "bridge",
          table: "ours",
          chain: "ports",
          hook: "forward",
          priority: -200,
          empty: true,
        },
      ]);
    }));

  test("knows our table by family and name, and passes over those that sleep", () =>
    withFirewall(async (host) => {
      const drop = (hook: string) =>
        `chain c { type filter hook ${hook} priority 0; policy drop; }`;
      await nft(host, `table ip vethwork { ${drop("forward")}; }`);
      await nft(host, `table ip sleeping { flags dormant; ${drop("forward")}; }`);
      expect(await foreignDrops(host)).toMatchObject([{ family: "ip", table: "vethwork" }]);
      expect(await foreignDrops(host, "another")).toMatchObject([{ family: "ip" }]);
    }));

  test("finds what really keeps packets away", () =>
    withLab(async ({ host, world, a, firewall }) => {
      await firewall.publish([published()]);
      await serving(a, 80, async () => {
        await nft(
          host,
          "table ip f { chain c { type filter hook forward priority 10; policy drop; }; }",
        );
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        expect(await foreignDrops(host)).toHaveLength(1);
        await nft(host, "delete table ip f");
        await nft(
          host,
          "table ip f { chain c { type filter hook input priority 10; policy drop; }; }",
        );
        expect(await curl(host, "127.0.0.1", 8080)).toBeUndefined();
        expect(await foreignDrops(host)).toHaveLength(1);
      });
    }));
});

test("a firewall of a host that is closed refuses", async () => {
  const namespace = await openNamespace();
  const firewall = new Firewall(namespace);
  await namespace.close();
  await expect(firewall.addNetwork(web)).rejects.toThrow(/closed/);
  await expect(firewall.publish(ports)).rejects.toThrow(/closed/);
});
