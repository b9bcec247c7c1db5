// What two hosts share by their keys, and nobody else.

import { createECDH } from "node:crypto";
import { expect, test } from "vitest";
import { HostKey } from "../../../lib/network/cluster/host-key.ts";

const hex = (secret: Uint8Array | undefined) => secret && Buffer.from(secret).toString("hex");

test("two hosts come to the same secret, and any other pair to another one", () => {
  const [one, two, three] = [new HostKey(), new HostKey(), new HostKey()];
  const pairs = [
    [one, two],
    [one, three],
    [two, three],
  ] as const;
  const secrets = pairs.map(([left, right]) => {
    const secret = hex(left.secretWith(right.publicKey));
    expect(hex(right.secretWith(left.publicKey))).toBe(secret);
    return secret;
  });
  expect(new Set(secrets).size).toBe(3);
  expect(secrets.every((secret) => /^[0-9a-f]{64}$/.test(secret ?? ""))).toBe(true);
});

test("what is no key of the curve is shared with nobody", () => {
  const key = new HostKey();
  const other = createECDH("secp384r1");
  for (const text of ["", "x", "AAAA", `A${key.publicKey}`, other.generateKeys("base64url")]) {
    expect(key.secretWith(text)).toBeUndefined();
  }
});
