// ICMP echoes from inside, against ping.

import { describe, expect, test } from "vitest";
import { getSysctl, type Namespace, ping } from "../../lib/index.ts";
import { expectReachable } from "../../lib/testing/reachability.ts";
import { withRouter } from "../support/routed.ts";
import { outOfRange, pings, refusalOf, withSandboxes, wrongType } from "../support/sandbox.ts";

describe("an echo", () => {
  test("comes back through a router, as ping's does, and changes no setting", () =>
    withRouter(async ({ left }) => {
      const before = await getSysctl(left, "net.ipv4.ping_group_range");
      expect(await pings(left, "10.2.0.2")).toBe(true);
      expect(await ping(left, "10.2.0.2")).toBeGreaterThan(0);
      // Until the router's own addresses can be used, it cannot look for its neighbours.
      await expectReachable(left, "fd02::2", { timeoutMs: 5000 });
      expect(await pings(left, "fd02::2")).toBe(true);
      expect(await ping(left, "fd02::2")).toBeGreaterThan(0);
      const many = Array.from({ length: 50 }, () => ping(left, "10.2.0.2"));
      expect(await Promise.all(many)).toHaveLength(50);
      // A user namespace cannot write back groups that it has no numbers for.
      const unmapped = before === "65534\t65534";
      expect(await getSysctl(left, "net.ipv4.ping_group_range")).toBe(unmapped ? "0\t0" : before);
    }));

  test("does not come if nobody is there, or there is no way", () =>
    withRouter(async ({ left, right }) => {
      const silent = ping(left, "10.1.0.99", { timeoutMs: 100 });
      await expect(silent).rejects.toMatchObject({ code: "ETIMEDOUT", address: "10.1.0.99" });
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(ping(right, "10.2.0.1", { signal })).rejects.toThrow("enough");
      const later = new AbortController();
      const waiting = ping(left, "10.1.0.99", { signal: later.signal });
      later.abort(new Error("too long"));
      await expect(waiting).rejects.toThrow("too long");
      await withSandboxes(1, async ([alone]) => {
        await expect(ping(alone, "192.0.2.1")).rejects.toMatchObject({ code: "ENETUNREACH" });
      });
    }));

  test.each([
    ["no address", "nowhere", {}, outOfRange("address")],
    ["an address of a number", 1, {}, wrongType("address")],
    ["a link-local address", "fe80::1%eth0", {}, outOfRange("address")],
    ["no time", "::1", { timeoutMs: 0 }, outOfRange("timeoutMs")],
    ["an unknown option", "::1", { count: 3 }, wrongType("count")],
  ])("is refused for %s", async (_, address, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(ping(sandbox, address as string, options as never))).toEqual(refusal);
    });
  });

  test("is refused for what is no namespace", async () => {
    expect(await refusalOf(ping({} as Namespace, "::1"))).toEqual(wrongType("namespace"));
  });
});
