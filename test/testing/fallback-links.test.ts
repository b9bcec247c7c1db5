// Links that nobody made are not what a test leaves behind.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Appearance, isFallback } from "../../lib/testing/fallback-links.ts";
import { needs } from "../support/features.ts";

const zeros = (length: number): string => Array(length).fill("00").join(":");
const allOnes = "ff:ff:ff:ff:ff:ff";

describe("a link of a module's", () => {
  // As Linux 6.1 reports them.
  test.each<Appearance>([
    { name: "tunl0", kind: "ipip", address: zeros(4), broadcast: zeros(4) },
    { name: "gre0", kind: "gre", address: zeros(4), broadcast: zeros(4) },
    { name: "gretap0", kind: "gretap", address: zeros(6), broadcast: allOnes },
    { name: "erspan0", kind: "erspan", address: zeros(6), broadcast: allOnes },
    { name: "ip_vti0", kind: "vti", address: zeros(4), broadcast: zeros(4) },
    { name: "sit0", kind: "sit", address: zeros(4), broadcast: zeros(4) },
    { name: "ip6tnl0", kind: "ip6tnl", address: zeros(16), broadcast: zeros(16) },
    { name: "ip6gre0", kind: "ip6gre", address: zeros(16), broadcast: zeros(16) },
    { name: "ip6_vti0", kind: "vti6", address: zeros(16), broadcast: zeros(16) },
  ])("is $name of the kind $kind", (link) => {
    expect(isFallback(link)).toBe(true);
  });

  const real = { name: "tunl0", kind: "ipip", address: zeros(4), broadcast: zeros(4) };
  const tap = { name: "gretap0", kind: "gretap", address: zeros(6), broadcast: allOnes };
  test.each<[string, Appearance]>([
    ["another name", { ...real, name: "tunl1" }],
    ["another kind", { ...real, kind: "gre" }],
    ["no kind", { name: "tunl0", address: zeros(4), broadcast: zeros(4) }],
    ["a near end", { ...real, address: "c0:00:02:01" }],
    ["a far end", { ...real, broadcast: "c0:00:02:02" }],
    ["a far end of one bit", { ...real, broadcast: "00:00:00:01" }],
    ["a MAC address", { ...tap, address: "8e:4c:20:2f:83:8c" }],
    ["no address", { name: "tunl0", kind: "ipip" }],
    ["neither name nor kind", { name: "lo", address: zeros(6), broadcast: zeros(6) }],
  ])("is not one with %s", (_, link) => {
    expect(isFallback(link)).toBe(false);
  });
});

describe("what counts as left behind", () => {
  interface Told {
    readonly links: readonly string[];
    readonly leaks: readonly string[];
  }

  function tell(...bridges: string[]): Told {
    const script = fileURLToPath(new URL("../fixtures/links-left.mjs", import.meta.url));
    const args = ["--net", process.execPath, script, ...bridges];
    const { stdout, stderr } = spawnSync("unshare", args, { encoding: "utf8" });
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  }

  test("is a bridge, whether it is called like one or not", ({ skip }) => {
    const { links } = tell();
    const free = ["ip6_vti0", "ip_vti0", "erspan0"].find((name) => !links.includes(name));
    if (free === undefined) return skip("all names are taken here");
    expect(tell("br0", free).leaks).toEqual([`links left behind: br0, ${free}`]);
  });

  test("is not what came with a module", async (context) => {
    await needs("ipip", context); // which loads it
    const { links, leaks } = tell();
    if (!links.includes("tunl0")) context.skip("modules put no links into namespaces here");
    expect(leaks).toEqual([]);
  });
});
