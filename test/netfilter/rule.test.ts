// Rules: ours and those that nft(8) makes of the same words are the same, for it and for us.

import { describe, expect, test } from "vitest";
import {
  decide,
  decideBy,
  destinationPort,
  differs,
  type Expression,
  equals,
  inputLink,
  inSet,
  ip6Destination,
  ip6Source,
  ipDestination,
  ipSource,
  isAnswer,
  isForThisHost,
  isTranslated,
  masquerade,
  outputLink,
  protocol,
  rule,
  spreadBy,
  translateBy,
  translateTo,
  version,
  versions,
  within,
} from "../../lib/netfilter/rule.ts";
import { addRule, changeRuleset, listChains, listRules } from "../../lib/netfilter/ruleset.ts";
import { nft } from "../support/nft.ts";
import { refusalOf, type Sandbox, withSandboxes } from "../support/sandbox.ts";

const place = { family: "inet", table: "t" } as const;

/** What rules refer to. */
const surroundings = `
  table inet t {
    set links { type ifname; }
    map jumps { type ifname : verdict; }
    map ports4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    map ports6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
    map holders { typeof numgen random mod 3 : ip daddr; }
    map holders6 { typeof numgen random mod 5 : ip6 daddr; }
    chain to { }
    chain ours { type nat hook prerouting priority 0; }
    chain theirs { type nat hook prerouting priority 0; }
    chain ours-post { type nat hook postrouting priority 0; }
    chain theirs-post { type nat hook postrouting priority 0; }
    chain ours-plain { }
    chain theirs-plain { }
  }`;

/** Our expressions, and the same rule in the words of nft(8). */
const samples: readonly (readonly [words: string, expressions: Expression[]])[] = [
  ["accept", decide({ verdict: "accept" })],
  ["drop", decide({ verdict: "drop" })],
  ["return", decide({ verdict: "return" })],
  ["jump to", decide({ verdict: "jump", chain: "to" })],
  ["goto to", decide({ verdict: "goto", chain: "to" })],
  ['iifname "eth0"', equals(inputLink, "eth0")],
  ['oifname != "eth0"', differs(outputLink, "eth0")],
  ["meta nfproto ipv4 ip saddr 10.0.0.1", ipv4(equals(ipSource, "10.0.0.1"))],
  ["meta nfproto ipv4 ip daddr != 10.0.0.1", ipv4(differs(ipDestination, "10.0.0.1"))],
  ["meta nfproto ipv6 ip6 saddr fd00::1", ipv6(equals(ip6Source, "fd00::1"))],
  ["meta nfproto ipv6 ip6 daddr fd00::1", ipv6(equals(ip6Destination, "fd00::1"))],
  ["meta nfproto ipv4 ip saddr 10.0.0.0/25", ipv4(within(ipSource, "10.0.0.7/25"))],
  [
    "meta nfproto ipv4 ip daddr 10.1.2.3/32 accept",
    ipv4(equals(ipDestination, "10.1.2.3"), decide({ verdict: "accept" })),
  ],
  ["meta nfproto ipv4 ip saddr 10.0.0.0/24", ipv4(within(ipSource, "10.0.0.7/24"))],
  ["meta nfproto ipv4 ip saddr 127.0.0.0/8", ipv4(within(ipSource, "127.0.0.0/8"))],
  ["meta nfproto ipv4 ip daddr 10.1.2.3", ipv4(within(ipDestination, "10.1.2.3/32"))],
  ["meta nfproto ipv6 ip6 daddr fd00:0:0:7::/64", ipv6(within(ip6Destination, "fd00:0:0:7::/64"))],
  ["meta nfproto ipv6 ip6 saddr fd00::/61", ipv6(within(ip6Source, "fd00:0:0:7::/61"))],
  ["meta l4proto tcp", equals(protocol, 6)],
  ["meta l4proto udp udp dport 53", rule(equals(protocol, 17), equals(destinationPort, 53))],
  ["ct state established,related", isAnswer()],
  ["ct status dnat", isTranslated()],
  ["fib daddr type local", isForThisHost()],
  ["iifname @links", inSet([inputLink], "links")],
  ["oifname vmap @jumps", decideBy([outputLink], "jumps")],
];

function ipv4(...statements: Expression[][]): Expression[] {
  return rule(equals(version, versions.ip), ...statements);
}

function ipv6(...statements: Expression[][]): Expression[] {
  return rule(equals(version, versions.ip6), ...statements);
}

const translations: typeof samples = [
  [
    "meta nfproto ipv4 dnat ip to ip daddr . meta l4proto . th dport map @ports4",
    ipv4(translateBy("ip", [ipDestination, protocol, destinationPort], "ports4")),
  ],
  [
    "meta nfproto ipv6 dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6",
    ipv6(translateBy("ip6", [ip6Destination, protocol, destinationPort], "ports6")),
  ],
  ["meta l4proto tcp dnat ip to 10.0.0.2:80", tcp(translateTo("ip", "10.0.0.2", 80))],
  ["meta l4proto tcp dnat ip6 to [fd00::2]:80", tcp(translateTo("ip6", "fd00::2", 80))],
  ["dnat ip to numgen random mod 3 map @holders", spreadBy("ip", 3, "holders")],
  ["dnat ip6 to numgen random mod 5 map @holders6", spreadBy("ip6", 5, "holders6")],
];

function tcp(statement: Expression[]): Expression[] {
  return rule(equals(protocol, 6), statement);
}

/** A chain's rules, as nft(8) says them. */
async function rulesIn(sandbox: Sandbox, chain: string): Promise<string[]> {
  const text = await nft(sandbox, `list chain inet t ${chain}`);
  return text.split("\n").flatMap((line) => /^\t\t(?!type )(.*)/.exec(line)?.[1] ?? []);
}

async function expressionsIn(sandbox: Sandbox, chain: string) {
  const rules = await listRules(sandbox, place);
  return rules.filter((one) => one.chain === chain).map(({ expressions }) => expressions);
}

async function compare(sandbox: Sandbox, words: string, expressions: Expression[], suffix: string) {
  await nft(sandbox, `add rule inet t theirs${suffix} ${words}`);
  await changeRuleset(sandbox, [addRule(place, `ours${suffix}`, expressions)]);
  const theirs = await rulesIn(sandbox, `theirs${suffix}`);
  expect(await rulesIn(sandbox, `ours${suffix}`)).toEqual(theirs);
  expect(theirs).toHaveLength(1);
  const ours = await expressionsIn(sandbox, `ours${suffix}`);
  expect(ours).toEqual(await expressionsIn(sandbox, `theirs${suffix}`));
  expect(ours).toMatchObject([expressions]);
}

function withSurroundings(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  return withSandboxes(1, async ([sandbox]) => {
    await nft(sandbox, surroundings);
    await work(sandbox);
  });
}

describe("our rule is nft's", () => {
  test.each(samples)("%s", (words, expressions) =>
    withSurroundings((sandbox) => compare(sandbox, words, expressions, "-plain")),
  );

  test.each(translations)("%s", (words, expressions) =>
    withSurroundings((sandbox) => compare(sandbox, words, expressions, "")),
  );

  test("masquerade", () =>
    withSurroundings((sandbox) => compare(sandbox, "masquerade", masquerade(), "-post")));
});

/** Every expression, key, operator and flag that we know by name. */
const known = [
  "meta protocol ip",
  "meta mark 0x00000001",
  "meta mark set 0x00000002",
  "iif 1",
  "oif 1",
  'iifname "a"',
  'oifname "a"',
  "meta nfproto ipv6",
  "meta l4proto udp",
  "meta pkttype broadcast",
  "ip ttl < 5",
  "ip ttl <= 5",
  "ip ttl > 5",
  "ip ttl >= 5",
  "ip ttl != 5",
  "ether saddr 02:00:00:00:00:01",
  "tcp sport 7",
  "ct state new",
  "ct direction original",
  "ct status assured",
  "ct mark 0x00000003",
  "meta l4proto tcp ct original proto-dst 80",
  "ct original ip daddr 10.0.0.1",
  "fib saddr oif 1",
  'fib saddr . iif oifname "a"',
  "fib daddr type multicast",
  "fib daddr . iif oif missing",
  "counter packets 3 bytes 4",
  "meta mark set numgen inc mod 4 offset 7",
  "reject with tcp reset",
  "reject with icmpx host-unreachable",
  "meta nfproto ipv4 reject with icmp admin-prohibited",
  "continue",
];
const knownNat = [
  "masquerade random",
  "masquerade fully-random,persistent",
  "snat ip to 10.0.0.1-10.0.0.9 persistent",
  "meta l4proto tcp snat ip to 10.0.0.1:1000-2000 random",
  "meta l4proto tcp masquerade to :1000-2000",
];

describe("what nft made is read, and made again as it was", () => {
  async function again(sandbox: Sandbox, words: string, suffix: string) {
    await nft(sandbox, `add rule inet t theirs${suffix} ${words}`);
    const [read] = await expressionsIn(sandbox, `theirs${suffix}`);
    const given = read?.map((expression) => ({ ...expression })) ?? [];
    await changeRuleset(sandbox, [addRule(place, `ours${suffix}`, given)]);
    expect(await rulesIn(sandbox, `ours${suffix}`)).toEqual(
      await rulesIn(sandbox, `theirs${suffix}`),
    );
    expect(await expressionsIn(sandbox, `ours${suffix}`)).toEqual([read]);
  }

  test.each(known)("%s", (words) => withSurroundings((sandbox) => again(sandbox, words, "-plain")));

  test.each(knownNat)("%s", (words) =>
    withSurroundings((sandbox) => again(sandbox, words, "-post")),
  );
});

test("an expression that we do not know is listed by its name, and cannot be made", () =>
  withSurroundings(async (sandbox) => {
    await nft(sandbox, "add rule inet t theirs-plain limit rate 3/second accept");
    const [read] = await expressionsIn(sandbox, "theirs-plain");
    expect(read).toMatchObject([{ name: "limit" }, { name: "immediate", verdict: "accept" }]);
    const made = changeRuleset(sandbox, [addRule(place, "ours-plain", [{ name: "limitless" }])]);
    expect(await refusalOf(made)).toBeDefined();
    expect(await rulesIn(sandbox, "ours-plain")).toEqual([]);
  }));

test("a rule that names a set, a chain or a property that is not there is refused", () =>
  withSurroundings(async (sandbox) => {
    const attempt = (expressions: Expression[]) =>
      refusalOf(changeRuleset(sandbox, [addRule(place, "ours-plain", expressions)]));
    const noSet = await attempt(inSet([inputLink], "none"));
    expect(noSet).toMatchObject({ code: "ENOENT", field: expect.stringMatching(/^changes\[0\]/) });
    const noChain = await attempt(decide({ verdict: "jump", chain: "none" }));
    expect(noChain).toMatchObject({ code: "ENOENT" });
    expect(await attempt([{ name: "masq", colour: "red" }])).toMatchObject({
      property: "changes[0].expressions[0].colour",
    });
  }));

test("chains of every family and hook are read by the names that nft has for them", () =>
  withSandboxes(1, async ([sandbox]) => {
    const of = {
      inet: ["prerouting", "input", "forward", "output", "postrouting"],
      ip: ["prerouting", "input", "forward", "output", "postrouting"],
      ip6: ["prerouting", "input", "forward", "output", "postrouting"],
      bridge: ["prerouting", "input", "forward", "output", "postrouting"],
      arp: ["input", "output"],
    };
    const device = "chain c-ingress { type filter hook ingress device lo priority -7; }\n";
    const tables = Object.entries(of).map(([family, hooks]) => {
      const chains = hooks.map(
        (hook) => `chain c-${hook} { type filter hook ${hook} priority -7; policy drop; }\n`,
      );
      return `table ${family} t { ${chains.join("")} }`;
    });
    await nft(sandbox, `${tables.join("\n")}\ntable netdev t { ${device} }`);
    const chains = await listChains(sandbox);
    expect(chains).toHaveLength(23);
    for (const { chain, hook, priority } of chains) {
      expect([hook, priority]).toEqual([chain.slice("c-".length), -7]);
    }
  }));
