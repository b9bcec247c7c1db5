// MAC addresses as text.

import fc from "fast-check";
import { expect, test } from "vitest";
import { isMac, normaliseMac, randomMac } from "../../lib/index.ts";

const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 6, maxLength: 6 });
const pairs = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(16).padStart(2, "0"));

test("six octets with colons are a MAC address, of any case", () => {
  fc.assert(
    fc.property(octets, (bytes) => {
      const text = pairs(bytes).join(":");
      expect(isMac(text)).toBe(true);
      expect(isMac(text.toUpperCase())).toBe(true);
      expect(normaliseMac(text)).toBe(text);
    }),
  );
});

test("every common form is brought into one", () => {
  fc.assert(
    fc.property(octets, fc.boolean(), (bytes, upper) => {
      const cased = (text: string) => (upper ? text.toUpperCase() : text);
      const expected = pairs(bytes).join(":");
      const digits = pairs(bytes).join("");
      expect(normaliseMac(cased(expected))).toBe(expected);
      expect(normaliseMac(cased(pairs(bytes).join("-")))).toBe(expected);
      expect(normaliseMac(cased(digits))).toBe(expected);
      expect(normaliseMac(cased(digits.replace(/(....)(?!$)/g, "$1.")))).toBe(expected);
    }),
  );
});

test.each([
  "",
  "02:00:00:00:00",
  "02:00:00:00:00:00:00",
  "2:0:0:0:0:1",
  "02:00:00:00:00:0g",
  "02:00-00:00:00:01",
  "02:00:00:00:00:01\n",
  " 02:00:00:00:00:01",
  "0200.0000.00011",
  "02000000001",
])("%j is no MAC address", (text) => {
  expect(isMac(text)).toBe(false);
  expect(() => normaliseMac(text)).toThrow(RangeError);
});

test("forms other than the library's own are no MAC address until they are brought into it", () => {
  for (const text of ["02-00-00-00-00-01", "0200.0000.0001", "020000000001"]) {
    expect(isMac(text)).toBe(false);
    expect(normaliseMac(text)).toBe("02:00:00:00:00:01");
  }
});

test("a random MAC address is locally administered and unicast, and another each time", () => {
  const macs = Array.from({ length: 1000 }, () => randomMac());
  for (const mac of macs) {
    expect(isMac(mac)).toBe(true);
    expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
  }
  expect(new Set(macs).size).toBe(1000);
  expect(new Set(macs.map((mac) => mac.slice(0, 2))).size).toBeGreaterThan(32);
});
