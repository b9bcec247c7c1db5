// Addresses, against `ip address`.

import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  type Address,
  type AddressSpec,
  addAddress,
  flushAddresses,
  listAddresses,
  removeAddress,
  replaceAddress,
} from "../../lib/index.ts";
import {
  inside,
  ip,
  join,
  outOfRange,
  refusalOf,
  type Sandbox,
  withPair,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** What `ip` says of the addresses of eth0, without IPv6's link-local one. */
async function shown(sandbox: Sandbox) {
  const [link] = await ip(sandbox, "address", "show", "dev", "eth0");
  return link.addr_info.filter(({ local }: { local: string }) => !local.startsWith("fe80:"));
}

async function listed(sandbox: Sandbox): Promise<Address[]> {
  const addresses = await listAddresses(sandbox, { link: { name: "eth0" } });
  return addresses.filter(({ address }) => !address.startsWith("fe80:"));
}

describe("what is added", () => {
  test("an IPv4 address has everything that was said of it", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, {
        address: "10.9.0.1/24",
        broadcast: "10.9.0.77",
        label: "eth0:web",
        scope: "link",
        flags: ["noPrefixRoute"],
        validLifetime: 1000,
        preferredLifetime: 500,
        metric: 77,
        protocol: 99,
      });

      const [info, ...others] = await shown(sandbox);
      expect(others).toEqual([]);
      expect(info).toMatchObject({
        family: "inet",
        local: "10.9.0.1",
        prefixlen: 24,
        broadcast: "10.9.0.77",
        label: "eth0:web",
        scope: "link",
        metric: 77,
        noprefixroute: true,
        dynamic: true,
      });
      expect(info.valid_life_time).toBeOneOf([999, 1000]);
      expect(info.preferred_life_time).toBeOneOf([499, 500]);
      const [address] = await listed(sandbox);
      expect(address).toMatchObject({ protocol: 99, metric: 77, label: "eth0:web" });
      expect(await ip(sandbox, "route", "show", "10.9.0.0/24")).toEqual([]);
    }));

  test("an IPv6 address has everything that was said of it", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, {
        address: "fd00::1/64",
        flags: ["noDad", "homeAddress", "noPrefixRoute", "manageTemporaryAddresses"],
        validLifetime: 1000,
        preferredLifetime: 0,
        metric: 77,
        protocol: 99,
      });

      const [info] = await shown(sandbox);
      expect(info).toMatchObject({
        family: "inet6",
        local: "fd00::1",
        prefixlen: 64,
        scope: "global",
        metric: 77,
        nodad: true,
        home: true,
        noprefixroute: true,
        mngtmpaddr: true,
        deprecated: true,
        preferred_life_time: 0,
      });
      expect(info.valid_life_time).toBeOneOf([999, 1000]);
      const [address] = await listed(sandbox);
      expect(address?.protocol).toBe(99);
    }));

  test("a text is an address with its prefix length, or alone", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, "10.0.0.2/24");
      await addAddress(sandbox, { name: "eth0" }, "10.0.1.2");
      await addAddress(sandbox, near.index, { address: "fd00::2", flags: ["noDad"] });

      expect(await shown(sandbox)).toMatchObject([
        { local: "10.0.0.2", prefixlen: 24, label: "eth0", scope: "global" },
        { local: "10.0.1.2", prefixlen: 32, label: "eth0", scope: "global" },
        { local: "fd00::2", prefixlen: 128, scope: "global" },
      ]);
      expect(await ip(sandbox, "route", "show", "10.0.0.0/24")).toMatchObject([
        { dev: "eth0", protocol: "kernel", prefsrc: "10.0.0.2" },
      ]);
    }));

  test.each([
    [{ address: "10.0.0.2/24" }, "10.0.0.255"],
    [{ address: "10.0.0.2/30" }, "10.0.0.3"],
    [{ address: "10.1.2.3/9" }, "10.127.255.255"],
    [{ address: "10.0.0.2/31" }, undefined],
    [{ address: "10.0.0.2/32" }, undefined],
    [{ address: "10.0.0.2/24", broadcast: "0.0.0.0" }, undefined],
    [{ address: "10.0.0.2/24", peer: "10.0.0.3" }, undefined],
    [{ address: "127.0.1.1/24" }, undefined],
  ])("the broadcast address of %o is %s", (spec: AddressSpec, broadcast) =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, spec);

      const [info] = await shown(sandbox);
      expect(info.broadcast).toBe(broadcast);
      const [address] = await listed(sandbox);
      expect(address?.broadcast).toBe(broadcast);
    }),
  );

  test("an address of 127.0.0.0/8 has the scope host", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, "127.0.1.1/24");
      await addAddress(sandbox, near, { address: "127.0.2.1/24", scope: 42 });

      expect((await shown(sandbox)).map((info: { scope: string }) => info.scope)).toEqual([
        "host",
        "42",
      ]);
      expect((await listed(sandbox)).map(({ scope }) => scope)).toEqual(["host", 42]);
    }));

  test("a peer is the far end's address, of either family", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, { address: "10.0.0.1/24", peer: "10.7.0.1" });
      await addAddress(sandbox, near, { address: "fd00::1/64", peer: "fd07::1", flags: ["noDad"] });

      expect(await shown(sandbox)).toMatchObject([
        { local: "10.0.0.1", address: "10.7.0.1", prefixlen: 24 },
        { local: "fd00::1", address: "fd07::1", prefixlen: 64 },
      ]);
      expect(await listed(sandbox)).toMatchObject([
        { address: "10.0.0.1/24", peer: "10.7.0.1" },
        { address: "fd00::1/64", peer: "fd07::1" },
      ]);
    }));

  test("any address is shown as it was given, and is gone when it is removed", () =>
    withPair(async (sandbox, near) => {
      const octet = fc.integer({ min: 0, max: 255 });
      const prefix = fc.tuple(octet, octet, octet, fc.integer({ min: 8, max: 32 }));
      await fc.assert(
        fc.asyncProperty(prefix, async ([b, c, d, prefixlen]) => {
          const local = `10.${b}.${c}.${d}`;
          await addAddress(sandbox, near, `${local}/${prefixlen}`);
          expect(await shown(sandbox)).toMatchObject([{ local, prefixlen }]);
          await removeAddress(sandbox, near, `${local}/${prefixlen}`);
          expect(await listed(sandbox)).toEqual([]);
        }),
        { numRuns: 25 },
      );
    }));

  test("a hundred addresses can be added at once", () =>
    withPair(async (sandbox, near) => {
      const texts = Array.from({ length: 100 }, (_, n) => `10.0.${n}.1/24`);
      await Promise.all(texts.map((text) => addAddress(sandbox, near, text)));

      const addresses = (await shown(sandbox)).map(
        (info: { local: string; prefixlen: number }) => `${info.local}/${info.prefixlen}`,
      );
      expect(addresses.sort()).toEqual(texts.sort());
    }));
});

describe("what is listed", () => {
  test("an IPv4 address that ip added is listed with everything that ip said", () =>
    withPair(async (sandbox, near) => {
      const words =
        "address add 10.9.0.1/24 broadcast 10.9.0.77 label eth0:web scope link metric 77";
      await ip(sandbox, ...words.split(" "), "dev", "eth0", "noprefixroute");

      expect(await listed(sandbox)).toEqual([
        {
          index: near.index,
          family: "inet",
          address: "10.9.0.1/24",
          broadcast: "10.9.0.77",
          label: "eth0:web",
          scope: "link",
          flags: ["permanent", "noPrefixRoute"],
          validLifetime: "forever",
          preferredLifetime: "forever",
          metric: 77,
        },
      ]);
    }));

  test("an IPv6 address that ip added is listed with everything that ip said", () =>
    withPair(async (sandbox, near) => {
      const words =
        "address add fd00::1 peer fd07::1/64 metric 77 valid_lft 1000 preferred_lft 500";
      await ip(sandbox, ...words.split(" "), "dev", "eth0", "nodad", "home");

      const [address, ...others] = await listed(sandbox);
      expect(others).toEqual([]);
      expect(address).toEqual({
        index: near.index,
        family: "inet6",
        address: "fd00::1/64",
        peer: "fd07::1",
        scope: "global",
        flags: ["noDad", "homeAddress"],
        validLifetime: expect.toBeOneOf([999, 1000]),
        preferredLifetime: expect.toBeOneOf([499, 500]),
        metric: 77,
      });
    }));

  test("the flags that the kernel sets are listed", () =>
    withPair(async (sandbox) => {
      // One probe a second, so that an address is tentative for longer than any test lasts.
      await inside(sandbox, "sysctl", "-qw", "net.ipv6.conf.eth0.dad_transmits=10000");
      await ip(sandbox, "address", "add", "10.0.0.1/24", "dev", "eth0");
      await ip(sandbox, "address", "add", "10.0.0.2/24", "dev", "eth0");
      await ip(sandbox, "address", "add", "fd00::1/64", "dev", "eth0");
      const words = "address add fd00::2/64 dev eth0 nodad preferred_lft 0";
      await ip(sandbox, ...words.split(" "));

      const flags = new Map((await listed(sandbox)).map((row) => [row.address, row.flags]));
      expect(flags.get("10.0.0.1/24")).toEqual(["permanent"]);
      expect(flags.get("10.0.0.2/24")).toEqual(["secondary", "permanent"]);
      expect(flags.get("fd00::1/64")).toEqual(["tentative", "permanent"]);
      expect(flags.get("fd00::2/64")).toEqual(["noDad", "deprecated", "permanent"]);
    }));

  test("an address that is another's already is found out", () =>
    withSandboxes(2, async ([left, right]) => {
      const [near, far] = await join(left, right);
      await addAddress(left, near, { address: "fd00::1/64", flags: ["noDad"] });
      await addAddress(right, far, "fd00::1/64");

      await vi.waitFor(
        async () => {
          const addresses = await listAddresses(right, { family: "inet6", link: far });
          const flags = addresses.find(({ address }) => address === "fd00::1/64")?.flags;
          expect(flags).toEqual(["dadFailed", "tentative", "permanent"]);
        },
        { timeout: 10_000 },
      );
    }));

  test("the addresses that the kernel made say so", () =>
    withPair(async (sandbox) => {
      const lo = await listAddresses(sandbox, { link: 1 });
      expect(lo).toMatchObject([
        { address: "127.0.0.1/8", scope: "host", label: "lo" },
        { address: "::1/128", scope: "host", protocol: 1 },
      ]);
      const [local] = await listAddresses(sandbox, { link: { name: "eth0" } });
      expect(local).toMatchObject({ scope: "link", protocol: 3 });
    }));

  test("a filter chooses by link, by family and by both", () =>
    withPair(async (sandbox, near, far) => {
      await addAddress(sandbox, near, "10.0.0.1/24");
      await addAddress(sandbox, far, "10.0.1.1/24");
      const indices = async (filter: Parameters<typeof listAddresses>[1]): Promise<string[]> =>
        (await listAddresses(sandbox, filter)).map((row) => `${row.index} ${row.family}`).sort();

      const four = [`${near.index} inet`, `${far.index} inet`];
      const six = [`${near.index} inet6`, `${far.index} inet6`];
      expect(await indices({})).toEqual(["1 inet", "1 inet6", ...four, ...six].sort());
      expect(await indices({ family: "inet" })).toEqual(["1 inet", ...four].sort());
      expect(await indices({ link: near })).toEqual([four[0], six[0]]);
      expect(await indices({ link: { name: "far0" }, family: "inet6" })).toEqual([six[1]]);
      expect(await indices({ link: 1, family: "inet6" })).toEqual(["1 inet6"]);
    }));

  test("a namespace without IPv6 has no IPv6 addresses and takes none", () =>
    withPair(
      async (sandbox, near) => {
        expect(await listAddresses(sandbox, { family: "inet6" })).toEqual([]);
        const work = addAddress(sandbox, near, "fd00::1/64");
        expect(await refusalOf(work)).toMatchObject({ code: "EACCES" });
      },
      { ipv6: false },
    ));
});

describe("what is replaced", () => {
  test("an address that is not there is added", () =>
    withPair(async (sandbox, near) => {
      await replaceAddress(sandbox, near, "10.0.0.1/24");
      expect(await shown(sandbox)).toMatchObject([{ local: "10.0.0.1", prefixlen: 24 }]);
    }));

  test("an address that is there gets other lifetimes and another metric", () =>
    withPair(async (sandbox, near) => {
      for (const address of ["10.0.0.1/24", "fd00::1/64"]) {
        await addAddress(sandbox, near, { address, flags: ["noDad"] });
        await replaceAddress(sandbox, near, { address, validLifetime: 1000, metric: 9 });
      }

      const infos = await shown(sandbox);
      expect(infos).toMatchObject([
        { local: "10.0.0.1", metric: 9 },
        { local: "fd00::1", metric: 9 },
      ]);
      for (const { valid_life_time } of infos) expect(valid_life_time).toBeOneOf([999, 1000]);
    }));
});

describe("what is removed", () => {
  test.each(["10.0.0.1/24", "fd00::1/64"])("%s is gone from ip", (address) =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, { address, flags: ["noDad"] });
      await removeAddress(sandbox, near, address);
      expect(await shown(sandbox)).toEqual([]);
    }),
  );

  test("a listed address will do, whatever it has", () =>
    withPair(async (sandbox, near) => {
      await ip(
        sandbox,
        ..."address add 10.0.0.1 peer 10.7.0.1/24 dev eth0 label eth0:x".split(" "),
      );
      await ip(sandbox, ..."address add fd00::1 peer fd07::1/64 dev eth0 nodad".split(" "));
      await ip(
        sandbox,
        ..."address add 10.3.0.1/8 dev eth0 metric 5 valid_lft 9 preferred_lft 8".split(" "),
      );
      for (const address of await listed(sandbox)) await removeAddress(sandbox, near, address);
      expect(await shown(sandbox)).toEqual([]);
    }));

  test("of two addresses alike, the label or the peer says which goes", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, { address: "10.0.0.1/24", label: "eth0:a" });
      await addAddress(sandbox, near, { address: "10.0.0.1/24", peer: "10.7.0.1" });

      const labelled = { address: "10.0.0.1/24", label: "eth0:b" };
      expect(await refusalOf(removeAddress(sandbox, near, labelled))).toMatchObject({
        code: "EADDRNOTAVAIL",
      });
      await removeAddress(sandbox, near, { address: "10.0.0.1/24", peer: "10.7.0.1" });
      expect(await shown(sandbox)).toMatchObject([{ local: "10.0.0.1", label: "eth0:a" }]);
    }));

  test("everything is flushed, IPv6's link-local address and secondary ones included", () =>
    withPair(async (sandbox, near) => {
      await addAddress(sandbox, near, "10.0.0.1/24");
      await addAddress(sandbox, near, "10.0.0.2/24");
      await addAddress(sandbox, near, "10.0.0.3/24");
      await addAddress(sandbox, near, { address: "fd00::1/64", peer: "fd07::1", flags: ["noDad"] });

      expect(await flushAddresses(sandbox, near)).toBe(5);
      const [link] = await ip(sandbox, "address", "show", "dev", "eth0");
      expect(link.addr_info).toEqual([]);
      expect(await flushAddresses(sandbox, { name: "eth0" })).toBe(0);
      const [other] = await ip(sandbox, "address", "show", "dev", "far0");
      expect(other.addr_info).toMatchObject([{ family: "inet6", scope: "link" }]);
    }));

  test("everything of one family is flushed, secondary addresses that are promoted included", () =>
    withPair(async (sandbox, near) => {
      await inside(sandbox, "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1");
      await addAddress(sandbox, near, "10.0.0.1/24");
      await addAddress(sandbox, near, "10.0.0.2/24");

      expect(await flushAddresses(sandbox, near, { family: "inet" })).toBe(2);
      const [link] = await ip(sandbox, "address", "show", "dev", "eth0");
      expect(link.addr_info).toMatchObject([{ family: "inet6", scope: "link" }]);
    }));
});

describe("what is refused", () => {
  test.each<[string | AddressSpec, object]>([
    ["10.0.0.300/24", outOfRange("address")],
    ["10.0.0.1/33", outOfRange("address")],
    ["fd00::1/129", outOfRange("address")],
    ["10.0.0.1/1.5", outOfRange("address")],
    ["10.0.0.1/-1", outOfRange("address")],
    ["10.0.0.1/", outOfRange("address")],
    ["10.0.1/24", outOfRange("address")],
    ["", outOfRange("address")],
    [{ address: "10.0.0.1/24", peer: "10.0.0.256" }, outOfRange("peer")],
    [{ address: "10.0.0.1/24", peer: "fd00::1" }, outOfRange("peer")],
    [{ address: "10.0.0.1/24", broadcast: "everyone" }, outOfRange("broadcast")],
    [{ address: "10.0.0.1/24", label: "" }, outOfRange("label")],
    [{ address: "10.0.0.1/24", label: "sixteen-letters!" }, outOfRange("label")],
    [{ address: "10.0.0.1/24", scope: 256 }, outOfRange("scope")],
    [{ address: "10.0.0.1/24", metric: 1.5 }, outOfRange("metric")],
    [{ address: "10.0.0.1/24", metric: -1 }, outOfRange("metric")],
    [{ address: "10.0.0.1/24", metric: 2 ** 53 }, outOfRange("metric")],
    [{ address: "10.0.0.1/24", metric: Number.NaN }, outOfRange("metric")],
    [{ address: "10.0.0.1/24", protocol: 256 }, outOfRange("protocol")],
    [{ address: "10.0.0.1/24", validLifetime: 2 ** 32 }, outOfRange("validLifetime")],
    [
      { address: "10.0.0.1/24", validLifetime: 5, preferredLifetime: 6 },
      outOfRange("preferredLifetime"),
    ],
    [{ address: "10.0.0.1/24", validLifetime: 0 }, { code: "EINVAL" }],
    ["ff02::1/64", { code: "EADDRNOTAVAIL" }],
  ])("%o, and nothing is changed", (spec, refusal) =>
    withPair(async (sandbox, near) => {
      for (const work of [addAddress, replaceAddress]) {
        expect(await refusalOf(work(sandbox, near, spec))).toMatchObject(refusal);
      }
      expect(await shown(sandbox)).toEqual([]);
    }),
  );

  test("what is no address spec by its type", () =>
    withPair(async (sandbox, near) => {
      const refused = async (spec: unknown) =>
        await refusalOf(addAddress(sandbox, near, spec as AddressSpec));
      expect(await refused({})).toEqual(wrongType("address"));
      expect(await refused(undefined)).toEqual(wrongType("address"));
      expect(await refused({ address: "10.0.0.1/24", colour: 1 })).toEqual(wrongType("colour"));
      expect(await refused({ address: "10.0.0.1/24", family: "inet" })).toEqual(
        wrongType("family"),
      );
      expect(await refused({ address: "10.0.0.1/24", index: 1 })).toEqual(wrongType("index"));
      expect(await refused({ address: "10.0.0.1/24", flags: ["x"] })).toEqual(wrongType("flags"));
      expect(await refused({ address: "10.0.0.1/24", flags: "noDad" })).toEqual(wrongType("flags"));
      expect(await refused({ address: "10.0.0.1/24", metric: "1" })).toEqual(wrongType("metric"));
      expect(await refused({ address: "10.0.0.1/24", scope: "here" })).toEqual(outOfRange("scope"));
      expect(await refused({ address: "10.0.0.1/24", label: null })).toEqual(wrongType("label"));
      expect(await shown(sandbox)).toEqual([]);
    }));

  test("an address that the link has", () =>
    withPair(async (sandbox, near) => {
      for (const address of ["10.0.0.1/24", "fd00::1/64"]) {
        await addAddress(sandbox, near, { address, flags: ["noDad"] });
        expect(await refusalOf(addAddress(sandbox, near, address))).toMatchObject({
          code: "EEXIST",
        });
      }
      expect(await shown(sandbox)).toHaveLength(2);
    }));

  test("the removal of an address that the link does not have, or not so", () =>
    withPair(async (sandbox, near, far) => {
      for (const address of ["10.0.0.1/24", "fd00::1/64"]) {
        await addAddress(sandbox, near, { address, flags: ["noDad"] });
      }
      const gone = { code: "EADDRNOTAVAIL" };
      const refused = async (address: string): Promise<unknown> =>
        await refusalOf(removeAddress(sandbox, near, address));
      expect(await refused("10.0.0.2/24")).toMatchObject(gone);
      expect(await refused("10.0.0.1/25")).toMatchObject(gone);
      expect(await refused("10.0.0.1")).toMatchObject(gone);
      expect(await refused("fd00::1/65")).toMatchObject(gone);
      expect(await refusalOf(removeAddress(sandbox, far, "10.0.0.1/24"))).toMatchObject(gone);
      expect(await refused("10.0.0.1/x")).toEqual(outOfRange("address"));
      const match = { address: "10.0.0.1/24", colour: 1 };
      expect(await refusalOf(removeAddress(sandbox, near, match))).toEqual(wrongType("colour"));
      expect(await shown(sandbox)).toHaveLength(2);
    }));

  test("a link that there is not", () =>
    withPair(async (sandbox) => {
      const named = { code: "ENODEV", field: "link" };
      const link = { name: "absent" };
      expect(await refusalOf(addAddress(sandbox, link, "10.0.0.1/24"))).toEqual(named);
      expect(await refusalOf(replaceAddress(sandbox, link, "10.0.0.1/24"))).toEqual(named);
      expect(await refusalOf(removeAddress(sandbox, link, "10.0.0.1/24"))).toEqual(named);
      expect(await refusalOf(listAddresses(sandbox, { link }))).toEqual(named);
      expect(await refusalOf(flushAddresses(sandbox, link))).toEqual(named);
      const numbered = { code: "ENODEV", field: undefined };
      expect(await refusalOf(addAddress(sandbox, 999, "10.0.0.1/24"))).toEqual(numbered);
      expect(await refusalOf(addAddress(sandbox, 999, "fd00::1/64"))).toEqual(numbered);
      expect(await refusalOf(removeAddress(sandbox, 999, "fd00::1/64"))).toEqual(numbered);
      expect(await refusalOf(listAddresses(sandbox, { link: 999 }))).toEqual(numbered);
      const broken = refusalOf(addAddress(sandbox, 1.5, "10.0.0.1/24"));
      expect(await broken).toEqual(outOfRange("link"));
    }));

  test("a filter that is none", () =>
    withPair(async (sandbox) => {
      const family = "ipx" as "inet";
      expect(await refusalOf(listAddresses(sandbox, { family }))).toEqual(outOfRange("family"));
      const other = { label: "eth0" } as object;
      expect(await refusalOf(listAddresses(sandbox, other))).toEqual(wrongType("label"));
    }));
});
