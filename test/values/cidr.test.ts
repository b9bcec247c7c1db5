// Prefixes and addresses as text, against node:net.

import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cidrContains, cidrsOverlap, formatCidr, parseCidr } from "../../lib/index.ts";

const prefix4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([a, n]) => `${a}/${n}`);
const prefix6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([a, n]) => `${a}/${n}`);
const prefix = fc.oneof(prefix4, prefix6);

describe("a prefix", () => {
  test.each([
    [
      "10.0.0.2/24",
      {
        family: "inet",
        address: "10.0.0.2",
        prefixLength: 24,
        network: "10.0.0.0",
        broadcast: "10.0.0.255",
        first: "10.0.0.1",
        last: "10.0.0.254",
      },
    ],
    [
      "192.168.1.5/30",
      {
        family: "inet",
        address: "192.168.1.5",
        prefixLength: 30,
        network: "192.168.1.4",
        broadcast: "192.168.1.7",
        first: "192.168.1.5",
        last: "192.168.1.6",
      },
    ],
    [
      "10.0.0.3/31",
      {
        family: "inet",
        address: "10.0.0.3",
        prefixLength: 31,
        network: "10.0.0.2",
        first: "10.0.0.2",
        last: "10.0.0.3",
      },
    ],
    [
      "255.255.255.255",
      {
        family: "inet",
        address: "255.255.255.255",
        prefixLength: 32,
        network: "255.255.255.255",
        first: "255.255.255.255",
        last: "255.255.255.255",
      },
    ],
    [
      "1.2.3.4/0",
      {
        family: "inet",
        address: "1.2.3.4",
        prefixLength: 0,
        network: "0.0.0.0",
        broadcast: "255.255.255.255",
        first: "0.0.0.1",
        last: "255.255.255.254",
      },
    ],
    [
      "FD00:0:0:0::5/64",
      {
        family: "inet6",
        address: "fd00::5",
        prefixLength: 64,
        network: "fd00::",
        first: "fd00::1",
        last: "fd00::ffff:ffff:ffff:ffff",
      },
    ],
    [
      "fd00::1/127",
      {
        family: "inet6",
        address: "fd00::1",
        prefixLength: 127,
        network: "fd00::",
        first: "fd00::",
        last: "fd00::1",
      },
    ],
    [
      "::ffff:10.0.0.1",
      {
        family: "inet6",
        address: "::ffff:10.0.0.1",
        prefixLength: 128,
        network: "::ffff:10.0.0.1",
        first: "::ffff:10.0.0.1",
        last: "::ffff:10.0.0.1",
      },
    ],
  ])("%s is taken apart", (text, parts) => {
    expect(parseCidr(text)).toEqual(parts);
  });

  test.each([
    ["::10.0.0.1", "::a00:1/128"],
    ["1:2:3:4:5:6:1.2.3.4/96", "1:2:3:4:5:6:102:304/96"],
    ["1:0:0:2:0:0:0:3/64", "1:0:0:2::3/64"],
    ["1::3:4:5:6:7:8/64", "1:0:3:4:5:6:7:8/64"],
    ["::/0", "::/0"],
  ])("%s is written %s", (text, expected) => {
    expect(formatCidr(parseCidr(text))).toBe(expected);
  });

  test("is the same when it is written and taken apart again", () => {
    fc.assert(
      fc.property(prefix, (text) => {
        const cidr = parseCidr(text);
        expect(parseCidr(formatCidr(cidr))).toEqual(cidr);
        const { address, network, first, last, broadcast = last } = cidr;
        for (const one of [address, network, first, last, broadcast]) {
          expect(cidrContains(text, one)).toBe(true);
        }
      }),
    );
  });

  test("takes exactly the addresses that Node takes", () => {
    const character = fc.constantFrom(..."0123456789abcfx:.%/- ");
    const odd = fc.string({ unit: character, maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(odd, fc.ipV4Extended(), fc.ipV6()), (text) => {
        fc.pre(!text.includes("/") && !text.includes("%"));
        if (isIP(text) === 0) expect(() => parseCidr(text)).toThrow(RangeError);
        else expect(parseCidr(text).family).toBe(isIP(text) === 4 ? "inet" : "inet6");
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    "",
    "/24",
    "10.0.0.2/",
    "10.0.0.2/33",
    "10.0.0.2/-1",
    "10.0.0.2/1.5",
    "10.0.0.2/024",
    "10.0.0.2/24/1",
    "10.0.0.2/24 ",
    "10.0.0.300/24",
    "10.0.0/24",
    "010.0.0.1/24",
    "0xa.0.0.1/24",
    "167772162/24",
    "fd00::1/129",
    "fd00::1%eth0/64",
    "1::2::3/64",
    "::ffff:010.0.0.1/64",
    "::ffff:10.0.1/64",
    "default",
  ])("%j is none", (text) => {
    expect(() => parseCidr(text)).toThrow(
      expect.objectContaining({ name: "RangeError", code: "ERR_OUT_OF_RANGE", property: "cidr" }),
    );
    expect(() => cidrContains("10.0.0.0/8", text)).toThrow(RangeError);
    expect(() => cidrsOverlap(text, "10.0.0.0/8")).toThrow(RangeError);
  });

  test("that is no text is refused as such", () => {
    expect(() => parseCidr(5 as unknown as string)).toThrow(TypeError);
  });

  test("is not written of an address and a length that do not fit", () => {
    for (const prefixLength of [33, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => formatCidr({ address: "10.0.0.1", prefixLength })).toThrow(RangeError);
    }
    expect(() => formatCidr({ address: "10.0.0.1/8", prefixLength: 8 })).toThrow(RangeError);
  });
});

describe("what a prefix contains", () => {
  test.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.1.2.3/8", "10.0.0.0", true],
    ["10.0.0.0/8", "10.1.0.0/16", true],
    ["10.1.0.0/16", "10.0.0.0/8", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["::/0", "10.0.0.1", false],
    ["::ffff:0:0/96", "10.0.0.1", false],
    ["::ffff:0:0/96", "::ffff:10.0.0.1", true],
    ["fd00::/64", "fd00::ffff:0:0:1", true],
    ["fd00::/64", "fd00:0:0:1::", false],
  ])("%s contains %s: %s", (cidr, address, expected) => {
    expect(cidrContains(cidr, address)).toBe(expected);
  });

  test("are itself and every longer prefix of its addresses", () => {
    fc.assert(
      fc.property(prefix, fc.nat(), (text, more) => {
        const { address, prefixLength, family } = parseCidr(text);
        const bits = family === "inet" ? 32 : 128;
        const longer = prefixLength + (more % (bits - prefixLength + 1));
        expect(cidrContains(text, text)).toBe(true);
        expect(cidrContains(text, `${address}/${longer}`)).toBe(true);
      }),
    );
  });
});

test("two prefixes overlap if one contains the other, whichever comes first", () => {
  expect(cidrsOverlap("10.0.0.0/8", "10.1.0.0/16")).toBe(true);
  expect(cidrsOverlap("10.1.0.0/16", "10.0.0.0/8")).toBe(true);
  expect(cidrsOverlap("10.0.0.0/16", "10.1.0.0/16")).toBe(false);
  expect(cidrsOverlap("0.0.0.0/0", "::/0")).toBe(false);
  fc.assert(
    fc.property(prefix4, prefix4, (one, other) => {
      const bounds = (text: string) => {
        const length = parseCidr(text).prefixLength;
        const value = (parseCidr(text).network.split(".").map(Number) as number[]).reduce(
          (sum, octet) => sum * 256 + octet,
          0,
        );
        return [value, value + 2 ** (32 - length) - 1] as const;
      };
      const [low, high] = bounds(one);
      const [otherLow, otherHigh] = bounds(other);
      const expected = low <= otherHigh && otherLow <= high;
      expect(cidrsOverlap(one, other)).toBe(expected);
      expect(cidrsOverlap(other, one)).toBe(expected);
    }),
  );
});
