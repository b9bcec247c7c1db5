// Waiting for a link, an address, a route: by what `ip` does meanwhile.

import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import {
  addAddress,
  createLink,
  createNamespace,
  deleteLink,
  getLink,
  type LinkCondition,
  type LinkReference,
  NetlinkError,
  type RouteCondition,
  setLink,
  type WaitOptions,
  WaitTimeoutError,
  waitForAddress,
  waitForLink,
  waitForRoute,
} from "../../lib/index.ts";
import { leaksSince, takeStock } from "../../lib/testing/leaks.ts";
import { needs } from "../support/features.ts";
import { foreign } from "../support/foreign.ts";
import { join, refusalOf, type Sandbox, withPair, withSandboxes } from "../support/sandbox.ts";

const run = promisify(execFile);

async function act(sandbox: Sandbox, command: string): Promise<void> {
  await run("ip", ["-n", sandbox.name, ...command.split(" ")]);
}

/** Waits for something that is not there yet, and makes it. */
async function meanwhile<T>(waiting: Promise<T>, work: () => Promise<unknown>): Promise<T> {
  let early = false;
  const settled = waiting.finally(() => {
    early = true;
  });
  settled.catch(() => undefined);
  await setTimeout(50);
  expect(early).toBe(false);
  await work();
  return await settled;
}

describe("waitForLink", () => {
  test("gives a link that is there at once", () =>
    withSandboxes(1, async ([sandbox]) => {
      const link = await waitForLink(sandbox, { name: "lo" });
      expect(link).toMatchObject({ index: 1, name: "lo" });
      expect(await waitForLink(sandbox, 1, { up: true, type: "loopback" })).toEqual(link);
      expect(await waitForLink(sandbox, link, (one) => one?.up === true)).toEqual(link);
    }));

  test("waits for one that is to come, by its name, index or alternative name", () =>
    withSandboxes(1, async ([sandbox]) => {
      const create = () => act(sandbox, "link add name br0 index 50 type bridge");
      const link = await meanwhile(waitForLink(sandbox, { name: "br0" }), create);
      expect(link).toEqual(await getLink(sandbox, { name: "br0" }));
      await deleteLink(sandbox, link);
      expect(await meanwhile(waitForLink(sandbox, 50), create)).toMatchObject({ name: "br0" });
      const name = () => act(sandbox, "link property add dev br0 altname other");
      const other = await meanwhile(waitForLink(sandbox, { name: "other" }), name);
      expect(other.index).toBe(50);
    }));

  test("waits until a link is as it is wanted", () =>
    withPair(async (sandbox, near) => {
      await setLink(sandbox, { name: "far0" }, { up: false });
      const wanted = { operationalState: "up", carrier: true } as const;
      const raise = () => act(sandbox, "link set dev far0 up");
      const link = await meanwhile(waitForLink(sandbox, near, wanted), raise);
      expect(link).toMatchObject({ index: near.index, operationalState: "up" });
    }));

  test("waits until it is gone", () =>
    withPair(async (sandbox, near) => {
      const waiting = waitForLink(sandbox, near, (link) => link === undefined);
      expect(await meanwhile(waiting, () => act(sandbox, "link del dev far0"))).toBeUndefined();
      const absent = (link: unknown) => link === undefined;
      expect(await waitForLink(sandbox, { name: "nobody" }, absent)).toBeUndefined();
    }));

  test("means whichever link has the name", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name one type bridge");
      await act(sandbox, "link add name two type bridge");
      const swap = async () => {
        await act(sandbox, "link set dev one name three");
        await act(sandbox, "link set dev two name one");
      };
      const two = await getLink(sandbox, { name: "two" });
      const waiting = waitForLink(sandbox, { name: "one" }, { index: two.index });
      expect(await meanwhile(waiting, swap)).toMatchObject({ index: two.index, name: "one" });
    }));

  test("sees what calls made before have done", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (let round = 0; round < 50; round += 1) {
        const creating = createLink(sandbox, { kind: "veth", name: `n${round}` });
        const waiting = waitForLink(sandbox, { name: `n${round}` }, { mtu: 1400 });
        const setting = setLink(sandbox, { name: `n${round}` }, { mtu: 1400 });
        const [link] = await Promise.all([waiting, creating, setting]);
        expect(link.mtu).toBe(1400);
      }
    }));

  test("gives up at its deadline, and says what there was", () =>
    withSandboxes(1, async ([sandbox]) => {
      const waiting = waitForLink(sandbox, { name: "lo" }, { mtu: 7 }, { timeoutMs: 50 });
      const error = await waiting.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(WaitTimeoutError);
      expect(error).toMatchObject({
        code: "ERR_WAIT_TIMEOUT",
        operation: "waitForLink",
        last: { name: "lo", mtu: 65536 },
      });
      const absent = waitForLink(sandbox, { name: "nobody" }, {}, { timeoutMs: 50 });
      await expect(absent).rejects.toMatchObject({ last: undefined });
    }));

  test("gives up when it is aborted, with the reason", () =>
    withSandboxes(1, async ([sandbox]) => {
      const reason = new Error("enough");
      const controller = new AbortController();
      const waiting = waitForLink(sandbox, { name: "nobody" }, {}, controller);
      await expect(meanwhile(waiting, async () => controller.abort(reason))).rejects.toBe(reason);
      const late = waitForLink(sandbox, { name: "lo" }, {}, { signal: AbortSignal.abort(reason) });
      await expect(late).rejects.toBe(reason);
    }));

  test("rejects with what the function throws", () =>
    withSandboxes(1, async ([sandbox]) => {
      const fail = () => {
        throw new Error("of the caller");
      };
      await expect(waitForLink(sandbox, 1, fail)).rejects.toThrow("of the caller");
    }));

  const wrong: [unknown, unknown, unknown, string, string][] = [
    [undefined, {}, {}, "ERR_INVALID_ARG_TYPE", "link"],
    [{}, {}, {}, "ERR_INVALID_ARG_TYPE", "link"],
    [{ name: 5 }, {}, {}, "ERR_INVALID_ARG_TYPE", "link.name"],
    [{ name: "" }, {}, {}, "ERR_OUT_OF_RANGE", "link.name"],
    [0, {}, {}, "ERR_OUT_OF_RANGE", "link"],
    [1.5, {}, {}, "ERR_OUT_OF_RANGE", "link"],
    [1, null, {}, "ERR_INVALID_ARG_TYPE", undefined as unknown as string],
    [1, { operState: "up" }, {}, "ERR_INVALID_ARG_TYPE", "condition.operState"],
    [1, {}, { timeoutMs: 0 }, "ERR_OUT_OF_RANGE", "timeoutMs"],
    [1, {}, { timeoutMs: "1" }, "ERR_INVALID_ARG_TYPE", "timeoutMs"],
    [1, {}, { signal: 1 }, "ERR_INVALID_ARG_TYPE", "signal"],
    [1, {}, { nonsense: 1 }, "ERR_INVALID_ARG_TYPE", "nonsense"],
    [1, {}, null, "ERR_INVALID_ARG_TYPE", "options"],
  ];
  test.each(wrong)("refuses %o, %o, %o", (link, condition, options, code, property) =>
    withSandboxes(1, async ([sandbox]) => {
      const waiting = waitForLink(
        sandbox,
        link as LinkReference,
        condition as LinkCondition,
        options as WaitOptions,
      );
      expect(await refusalOf(waiting)).toEqual({ code, property: property ?? "condition" });
    }),
  );
});

describe("waitForAddress", () => {
  test("waits until it is there and known to be nobody else's", async (context) => {
    await needs("ipv6", context);
    await withPair(async (sandbox, near) => {
      const add = () => act(sandbox, "address add fd00::1/64 dev eth0");
      const address = await meanwhile(waitForAddress(sandbox, near, "fd00::1"), add);
      expect(address).toMatchObject({ address: "fd00::1/64", index: near.index });
      expect(address.flags).not.toContain("tentative");
    });
  });

  test("rejects if another host has it", async (context) => {
    await needs("ipv6", context);
    await withSandboxes(2, async ([sandbox, other]) => {
      await join(sandbox, other);
      await waitForLink(sandbox, { name: "eth0" }, { operationalState: "up" });
      await addAddress(other, { name: "far0" }, { address: "fd00::1/64", flags: ["noDad"] });
      const waiting = waitForAddress(sandbox, { name: "eth0" }, "fd00::1/64");
      const add = () => act(sandbox, "address add fd00::1/64 dev eth0");
      const error = await meanwhile(waiting, add).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(NetlinkError);
      expect(error).toMatchObject({ code: "EADDRINUSE", operation: "waitForAddress" });
      expect(String(error)).toContain("dadFailed");
    });
  });

  test("takes IPv4 addresses, a length that has to be right, and links that are to come", () =>
    withSandboxes(1, async ([sandbox]) => {
      const make = async () => {
        await act(sandbox, "link add name br0 type bridge");
        await act(sandbox, "address add 10.0.0.1/25 dev lo");
        await act(sandbox, "address add 10.0.0.1/16 dev br0");
        await act(sandbox, "address add 10.0.0.1/24 dev br0");
      };
      const waiting = waitForAddress(sandbox, { name: "br0" }, "10.0.0.1/24");
      const address = await meanwhile(waiting, make);
      expect(address).toMatchObject({ address: "10.0.0.1/24", label: "br0" });
      expect(await waitForAddress(sandbox, 1, "10.0.0.1")).toMatchObject({
        address: "10.0.0.1/25",
      });
    }));

  test("gives up, and refuses what is no address", () =>
    withSandboxes(1, async ([sandbox]) => {
      const late = waitForAddress(sandbox, 1, "10.0.0.1", { timeoutMs: 30 });
      await expect(late).rejects.toMatchObject({ code: "ERR_WAIT_TIMEOUT", last: undefined });
      for (const [address, code] of [
        ["nonsense", "ERR_OUT_OF_RANGE"],
        ["10.0.0.1/33", "ERR_OUT_OF_RANGE"],
        [5, "ERR_INVALID_ARG_TYPE"],
        [undefined, "ERR_INVALID_ARG_TYPE"],
      ] as const) {
        const waiting = waitForAddress(sandbox, 1, address as string);
        expect(await refusalOf(waiting)).toEqual({ code, property: "address" });
      }
    }));
});

describe("waitForRoute", () => {
  test("waits until there is one with all that is wanted", () =>
    withPair(async (sandbox, near) => {
      await act(sandbox, "address add 10.0.0.1/24 dev eth0");
      const waiting = waitForRoute(sandbox, { to: "default", via: "10.0.0.3", device: near });
      const route = await meanwhile(waiting, async () => {
        await act(sandbox, "route add default via 10.0.0.2 metric 5");
        await act(sandbox, "route replace default via 10.0.0.3 metric 5");
      });
      expect(route).toMatchObject({ to: "default", via: "10.0.0.3", metric: 5 });
    }));

  test("knows prefixes, tables, families, metrics and several ways", () =>
    withPair(async (sandbox) => {
      await act(sandbox, "address add 10.0.0.1/24 dev eth0");
      await act(sandbox, "route add 10.9.0.0/16 table 100 nexthop via 10.0.0.2 nexthop dev far0");
      await act(sandbox, "route add blackhole 10.8.1.2 metric 9");
      const found: RouteCondition[] = [
        { to: "10.9.7.7/16", table: 100 },
        { to: "10.9.0.0/16", table: 100, via: "10.0.0.2", device: { name: "eth0" } },
        { to: "10.9.0.0/16", table: 100, device: { name: "far0" } },
        { to: "10.8.1.2", metric: 9, family: "inet" },
      ];
      for (const condition of found) {
        expect(await waitForRoute(sandbox, condition)).toMatchObject({ family: "inet" });
      }
      const absent: RouteCondition[] = [
        { to: "10.9.0.0/16" },
        { to: "10.9.0.0/16", table: 100, via: "10.0.0.2", device: { name: "far0" } },
        { to: "10.8.1.2", metric: 8 },
        { to: "default", family: "inet6" },
      ];
      for (const condition of absent) {
        const waiting = waitForRoute(sandbox, condition, { timeoutMs: 30 });
        await expect(waiting).rejects.toMatchObject({ code: "ERR_WAIT_TIMEOUT" });
      }
    }));

  const wrong: [unknown, string, string][] = [
    [undefined, "ERR_INVALID_ARG_TYPE", "route"],
    [{}, "ERR_INVALID_ARG_TYPE", "to"],
    [{ to: "nonsense" }, "ERR_OUT_OF_RANGE", "to"],
    [{ to: "10.0.0.0/8", family: "inet6" }, "ERR_OUT_OF_RANGE", "family"],
    [{ to: "default", family: "ipx" }, "ERR_OUT_OF_RANGE", "family"],
    [{ to: "default", via: "nonsense" }, "ERR_OUT_OF_RANGE", "via"],
    [{ to: "default", via: "10.0.0.1/24" }, "ERR_OUT_OF_RANGE", "via"],
    [{ to: "default", device: "eth0" }, "ERR_INVALID_ARG_TYPE", "device"],
    [{ to: "default", table: "nonsense" }, "ERR_OUT_OF_RANGE", "table"],
    [{ to: "default", metric: "1" }, "ERR_INVALID_ARG_TYPE", "metric"],
    [{ to: "default", nonsense: 1 }, "ERR_INVALID_ARG_TYPE", "nonsense"],
  ];
  test.each(wrong)("refuses %o", (condition, code, property) =>
    withSandboxes(1, async ([sandbox]) => {
      const waiting = waitForRoute(sandbox, condition as RouteCondition);
      expect(await refusalOf(waiting)).toEqual({ code, property });
    }),
  );
});

test("waiting leaves nothing behind, however it ends", () =>
  withSandboxes(1, async ([sandbox]) => {
    await waitForLink(sandbox, 1);
    const stock = takeStock();
    for (let round = 0; round < 100; round += 1) {
      await waitForLink(sandbox, 1, { up: true });
      const absent = { name: "nobody" };
      await waitForLink(sandbox, absent, {}, { timeoutMs: 1 }).catch(() => undefined);
      await waitForAddress(sandbox, absent, "10.0.0.1", { timeoutMs: 1 }).catch(() => undefined);
      await refusalOf(waitForLink(sandbox, 1, { nonsense: 1 } as LinkCondition));
    }
    expect(await leaksSince(stock, { ignore: foreign })).toEqual([]);
  }));

test("a closed handle is refused", async () => {
  const namespace = await createNamespace();
  await namespace.close();
  const closed = { code: "ERR_NAMESPACE_CLOSED" };
  await expect(waitForLink(namespace, 1)).rejects.toMatchObject(closed);
  await expect(waitForAddress(namespace, 1, "10.0.0.1")).rejects.toMatchObject(closed);
  await expect(waitForRoute(namespace, { to: "default" })).rejects.toMatchObject(closed);
});
