// Records made by chance: whatever of them the kernel accepts reads back equal.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addRoute,
  addRule,
  createLink,
  deleteLink,
  type LinkSpec,
  listRoutes,
  listRules,
  NetlinkError,
  removeRoute,
  removeRule,
} from "../../lib/index.ts";
import { type Sandbox, withPair, withSandboxes } from "../support/sandbox.ts";

/** Does what the kernel may refuse; undefined if it does. */
async function accepted<T>(work: Promise<T>): Promise<T | true | undefined> {
  return await work.then(
    (value) => value ?? true,
    (error: unknown) => {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    },
  );
}

/** Runs a property often, and expects that the kernel accepted a good part. */
async function oftenEnough<T>(
  records: fc.Arbitrary<T>,
  holds: (record: T) => Promise<boolean>,
): Promise<void> {
  let taken = 0;
  const property = fc.asyncProperty(records, async (record) => {
    if (await holds(record)) taken += 1;
  });
  await fc.assert(property, { numRuns: 100 });
  expect(taken).toBeGreaterThan(20);
}

const some = <T extends object>(properties: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(properties, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
const upTo = (most: number, least = 0) => fc.integer({ min: least, max: most });
/** The kernel counts in ticks of its own, of which a second has no fraction. */
const interval = fc.bigInt({ min: 1n, max: 1000n }).map((seconds) => seconds * 100n);

const bridges = some({
  ageingTime: upTo(1000).map((seconds) => seconds * 100),
  stp: fc.boolean(),
  priority: upTo(65_535),
  groupForwardMask: upTo(65_535).map((mask) => mask & ~7),
  fdbMaxLearned: upTo(2 ** 31),
  multicastRouter: fc.constantFrom("disabled", "query", "permanent"),
  multicastSnooping: fc.boolean(),
  multicastQueryUseInterfaceAddress: fc.boolean(),
  multicastHashMax: upTo(12).map((bits) => 2 ** bits),
  multicastLastMemberCount: upTo(2 ** 31),
  multicastStartupQueryCount: upTo(2 ** 31),
  multicastLastMemberInterval: interval,
  multicastMembershipInterval: interval,
  multicastQuerierInterval: interval,
  multicastStatistics: fc.boolean(),
  multicastIgmpVersion: upTo(3, 2),
  multicastMldVersion: upTo(2, 1),
  callIptables: fc.boolean(),
  noLinkLocalLearning: fc.boolean(),
});

const vxlans = some({
  remote: fc.constantFrom("192.0.2.7", "198.51.100.1"),
  local: fc.constantFrom("192.0.2.1", "203.0.113.9"),
  ttl: upTo(255, 1),
  tos: upTo(255).map((tos) => tos & 0xfc),
  sourcePortRange: fc
    .tuple(upTo(65_535, 1), upTo(65_535, 1))
    .map(([one, other]) => ({ low: Math.min(one, other), high: Math.max(one, other) })),
  destinationPort: upTo(65_535, 1),
  learning: fc.boolean(),
  // 0 stands for the default.
  ageingSeconds: upTo(100_000, 1),
  maxAddresses: upTo(2 ** 31),
  proxy: fc.boolean(),
  routeShortCircuit: fc.boolean(),
  l2Miss: fc.boolean(),
  l3Miss: fc.boolean(),
  udpChecksum: fc.boolean(),
});

const macs = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map(([first = 0, ...rest]) => [(first & 0xfe) | 2, ...rest])
  .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":"));

const common = some({
  address: macs,
  mtu: upTo(9000, 68),
  group: upTo(2 ** 31 - 1),
  alias: fc.stringMatching(/^[ -~]{1,200}$/),
});

const words = fc.stringMatching(/^[a-z][a-z0-9._-]{0,13}$/);

describe("a link", () => {
  test.for([
    ["bridge", bridges, {}],
    ["vxlan", vxlans, { vni: 42 }],
    ["veth", fc.constant({}), {}],
  ] as const)("of kind %s", async ([kind, options, needed]) => {
    await withSandboxes(1, async ([sandbox]) => {
      await oftenEnough(fc.tuple(words, common, options), async ([name, shared, own]) => {
        const spec = { ...shared, ...needed, ...own, kind, name } as LinkSpec;
        const made = await accepted(createLink(sandbox, spec));
        if (typeof made !== "object") return false;
        await deleteLink(sandbox, made);
        expect(made).toMatchObject({ ...spec });
        return true;
      });
    });
  });
});

const prefixes = fc
  .tuple(upTo(0xffff_ffff), upTo(32, 1))
  .map(([bits, length]) => {
    const kept = length === 32 ? bits : (bits & ~(2 ** (32 - length) - 1)) >>> 0;
    const bytes = [24, 16, 8, 0].map((shift) => (kept >>> shift) & 255);
    return `${bytes.join(".")}/${length}`;
  })
  .filter((text) => !/^(0|127|22[4-9]|2[3-5]\d)\./.test(text));

const routes = fc.tuple(
  fc.record({ to: prefixes }),
  some({
    metric: upTo(2 ** 31, 1),
    table: upTo(2 ** 31, 256),
    protocol: fc.constantFrom("static", "bird", "dhcp"),
    scope: fc.constantFrom("link", "host"),
    metrics: fc.record({ mtu: upTo(9000, 68), window: upTo(2 ** 31, 1) }),
  }),
);

test("a route", () =>
  withPair(async (left) => {
    await oftenEnough(routes, async ([needed, own]) => {
      const spec = { ...needed, ...own };
      const device = { name: "eth0" };
      if (!(await accepted(addRoute(left, { ...spec, device })))) return false;
      const found = await listRoutes(left, { table: own.table ?? "main" });
      await removeRoute(left, { to: spec.to, table: own.table ?? "main", device });
      expect(found).toContainEqual(expect.objectContaining(spec));
      return true;
    });
  }));

const rules = some({
  from: prefixes,
  to: prefixes,
  priority: upTo(30_000, 1),
  table: upTo(2 ** 31, 256),
  mark: upTo(2 ** 31, 1),
  invert: fc.boolean(),
  protocol: fc.constantFrom("static", "bird"),
});

test("a rule", () =>
  withSandboxes(1, async ([sandbox]: readonly Sandbox[]) => {
    if (sandbox === undefined) throw new Error("no sandbox");
    await oftenEnough(rules, async (own) => {
      const spec = { priority: 1000, table: 100, family: "inet" as const, ...own };
      if (!(await accepted(addRule(sandbox, spec)))) return false;
      const found = await listRules(sandbox, { family: "inet" });
      await removeRule(sandbox, spec);
      expect(found).toContainEqual(expect.objectContaining(spec));
      return true;
    });
  }));
