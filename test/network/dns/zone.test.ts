// Which names a network takes, and what becomes of them.

import { describe, expect, test } from "vitest";
import { type HolderSpec, Zone } from "../../../lib/network/dns/zone.ts";
import { outOfRange, wrongType } from "../../support/sandbox.ts";

const address = "172.18.0.2";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a zone", () => {
  test.for([
    "a",
    "_service",
    "web-1",
    "a.b.c",
    "0123456789ab",
    "123456789012",
    "x".repeat(63),
    "bücher",
    "日本",
  ])("takes the name %s", (name) => {
    const zone = new Zone("backend");
    const holder = zone.add({ name, addresses: [address] });
    expect(zone.find(holder.name)?.take("A").records).toHaveLength(1);
    expect(zone.find(`${holder.name}.backend`)?.take("A").records).toHaveLength(1);
    zone.remove(holder);
    expect(zone.find(holder.name)).toBeUndefined();
  });

  test.for([
    "",
    ".",
    "web.",
    ".web",
    "a..b",
    "-web",
    "a.-b",
    "a b",
    "a/b",
    "..",
    "a\nb",
    "a\tb",
    "a\0b",
    "web#",
    "x".repeat(64),
    "x".repeat(300),
    "é".repeat(300),
    `${"x.".repeat(126)}xx`,
    "10.0.0.1",
    "::1",
    "１.２.３.４",
    "*",
    "é b",
  ])("refuses the name %j, wherever it is given", (name) => {
    const zone = new Zone("backend");
    const refused = (spec: HolderSpec) => thrownBy(() => zone.add(spec));
    expect(refused({ name, addresses: [address] })).toMatchObject(outOfRange("name"));
    const aliases = ["web", name];
    const spec = { name: "db", aliases, addresses: [address] };
    expect(refused(spec)).toMatchObject(outOfRange("aliases[1]"));
    expect(thrownBy(() => new Zone(name))).toMatchObject(outOfRange("network"));
    // Nothing of it was added.
    expect(zone.find("db")).toBeUndefined();
    expect(zone.find("web")).toBeUndefined();
  });

  test("refuses a name that is too long with the network's behind it", () => {
    const zone = new Zone("x".repeat(63));
    const name = Array.from({ length: 3 }, () => "y".repeat(63)).join(".");
    const error = thrownBy(() => zone.add({ name, addresses: [address] }));
    expect(error).toMatchObject(outOfRange("name"));
    const aliases = [name];
    const other = thrownBy(() => zone.add({ name: "web", aliases, addresses: [address] }));
    expect(other).toMatchObject(outOfRange("aliases[0]"));
    expect(zone.find("web")).toBeUndefined();
  });

  test.for(["", "172.18.0", "172.18.0.2/24", "172.018.0.2", "fe80::1%eth0", "web", "172.18.0.2\n"])(
    "refuses the address %j",
    (wrong) => {
      const zone = new Zone("backend");
      const error = thrownBy(() => zone.add({ name: "web", addresses: [address, wrong] }));
      expect(error).toMatchObject(outOfRange("addresses[1]"));
      expect(zone.find("web")).toBeUndefined();
    },
  );

  test("refuses what is of the wrong type, missing or unknown", () => {
    const zone = new Zone("backend");
    const refused = (spec: unknown) => thrownBy(() => zone.add(spec as HolderSpec));
    expect(refused(undefined)).toMatchObject(wrongType("spec"));
    expect(refused({ name: "web" })).toMatchObject(wrongType("addresses"));
    expect(refused({ name: "web", addresses: [] })).toMatchObject(outOfRange("addresses"));
    expect(refused({ name: "web", addresses: address })).toMatchObject(wrongType("addresses"));
    expect(refused({ name: 5, addresses: [address] })).toMatchObject(wrongType("name"));
    const unknown = { name: "web", addresses: [address], ttl: 5 };
    expect(refused(unknown)).toMatchObject(wrongType("ttl"));
  });

  test("answers for one who has a name alone, and for the others when he is gone", () => {
    const zone = new Zone("backend");
    const other = zone.add({ name: "web", aliases: ["api"], addresses: ["172.18.0.3"] });
    const alone = zone.add({ name: "api", addresses: ["172.18.0.9"], alone: true });
    const answered = () =>
      zone
        .find("api")
        ?.take("A")
        .records.map((one) => [...one].slice(-4));
    expect(answered()).toEqual([[172, 18, 0, 9]]);
    expect(zone.find("api.backend")?.take("A").records).toHaveLength(1);
    expect(zone.find("web")?.take("A").records).toHaveLength(1);
    zone.remove(alone);
    expect(answered()).toEqual([[172, 18, 0, 3]]);
    zone.remove(other);
    expect(zone.size).toBe(0);
  });

  test("is as it was when all have gone", () => {
    const zone = new Zone("backend");
    const names = ["web", "www", "web.backend", "2.0.18.172.in-addr.arpa", "2.ip6.arpa"];
    for (let round = 0; round < 100; round += 1) {
      const holders = Array.from({ length: 20 }, (_, n) =>
        zone.add({ name: `h${n}`, aliases: names, addresses: [address, `fd00::${n}`] }),
      );
      expect(zone.find("www")?.take("A").records).toHaveLength(20);
      for (const holder of holders) zone.remove(holder);
      for (const name of names) expect(zone.find(name)).toBeUndefined();
    }
    expect(zone.size).toBe(0);
  });

  test("gives each of a thousand holders its turn, whoever comes and goes", () => {
    const zone = new Zone("backend");
    const holders = Array.from({ length: 1000 }, (_, n) =>
      zone.add({ name: `h${n}`, aliases: ["web"], addresses: [`10.0.${n >> 8}.${n & 255}`] }),
    );
    const web = zone.find("web");
    const turns = () => new Set(Array.from({ length: 1000 }, () => web?.take("A").first)).size;
    expect(turns()).toBe(1000);
    for (const holder of holders.slice(0, 500)) zone.remove(holder);
    expect(turns()).toBe(500);
    expect(web?.take("A").records).toHaveLength(500);
  });
});
