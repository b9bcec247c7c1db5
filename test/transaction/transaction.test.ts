// Transactions: what they leave and what they undo, by what `ip` sees before and after.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import {
  addAddress,
  createLink,
  deleteLink,
  getLink,
  openNamespace,
  openTransaction,
  RollbackError,
  type Transaction,
  transaction,
} from "../../lib/index.ts";
import {
  inside,
  ip,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** Everything that the steps below change, as other programs see it. */
async function stateOf(sandbox: Sandbox): Promise<object> {
  const [links, addresses, routes, rules, neighbours] = await Promise.all([
    ip(sandbox, "link"),
    ip(sandbox, "address"),
    ip(sandbox, "route", "show", "table", "all"),
    ip(sandbox, "rule"),
    ip(sandbox, "neigh"),
  ]);
  // Those of link-local addresses come when the kernel has found these to be free.
  const given = routes.filter(({ dst }) => !dst.startsWith("fe80:"));
  const settled = { links, addresses, routes: given, rules, neighbours };
  const forwarding = await inside(sandbox, "cat", "/proc/sys/net/ipv4/ip_forward");
  return { ...JSON.parse(JSON.stringify(settled, withoutClocks)), forwarding };
}

/** A bridge tells what its timers show, an address whether it is still asked for. */
function withoutClocks(key: string, value: unknown): unknown {
  const clocks = ["used", "tentative"];
  return key.endsWith("_timer") || clocks.includes(key) ? undefined : value;
}

/** What was there before: a bridge that is up with an address. */
async function furnish(sandbox: Sandbox): Promise<void> {
  const bridge = await createLink(sandbox, { kind: "bridge", name: "old0", up: true });
  await addAddress(sandbox, bridge, "192.0.2.1/24");
}

/** One change of each kind. */
const steps: readonly [string, (tx: Transaction, sandbox: Sandbox) => Promise<unknown>][] = [
  [
    "createLink",
    (tx, sandbox) => tx.createLink(sandbox, { kind: "bridge", name: "br0", up: true }),
  ],
  [
    "createLink of a veth",
    (tx, sandbox) =>
      tx.createLink(sandbox, {
        kind: "veth",
        name: "v0",
        peer: { name: "v1" },
        master: { name: "br0" },
      }),
  ],
  [
    "setLink",
    (tx, sandbox) => tx.setLink(sandbox, { name: "old0" }, { mtu: 1400, alias: "changed" }),
  ],
  [
    "setLink of its kind",
    (tx, sandbox) =>
      tx.setLink(sandbox, { name: "old0" }, { kind: "bridge", ageingTime: 1000, group: 7 }),
  ],
  [
    "setLink of flags",
    (tx, sandbox) => tx.setLink(sandbox, { name: "old0" }, { arp: false, promiscuous: true }),
  ],
  [
    "setLink of a port",
    (tx, sandbox) =>
      tx.setLink(sandbox, { name: "v0" }, { portKind: "bridge", port: { hairpin: true, cost: 7 } }),
  ],
  ["addAddress", (tx, sandbox) => tx.addAddress(sandbox, { name: "br0" }, "10.0.0.1/24")],
  ["addAddress of IPv6", (tx, sandbox) => tx.addAddress(sandbox, { name: "old0" }, "fd00::1/64")],
  ["addRoute", (tx, sandbox) => tx.addRoute(sandbox, { to: "10.9.0.0/16", via: "192.0.2.9" })],
  [
    "addRule",
    (tx, sandbox) => tx.addRule(sandbox, { from: "10.0.0.0/8", table: 100, priority: 500 }),
  ],
  [
    "addNeighbour",
    (tx, sandbox) =>
      tx.addNeighbour(
        sandbox,
        { name: "old0" },
        { address: "192.0.2.7", linkAddress: "02:00:00:00:00:07" },
      ),
  ],
  ["setForwarding", (tx, sandbox) => tx.setForwarding(sandbox, true)],
  ["setSysctl", (tx, sandbox) => tx.setSysctl(sandbox, "net.ipv4.ip_default_ttl", 99)],
  [
    "addAlternativeNames",
    (tx, sandbox) => tx.addAlternativeNames(sandbox, { name: "old0" }, ["uplink"]),
  ],
  ["createEndpoints", (tx, sandbox) => tx.createEndpoints(sandbox, [{ host: { name: "end0" } }])],
];

const failure = new Error("the step after");

describe("a transaction that fails", () => {
  test.each(steps.map(([name], position) => [name, position] as const))(
    "after %s leaves everything as it was",
    async (_, position) => {
      await withSandboxes(
        1,
        async ([sandbox]) => {
          await furnish(sandbox);
          const before = await stateOf(sandbox);
          const doomed = transaction(async (tx) => {
            for (const [, step] of steps.slice(0, position + 1)) await step(tx, sandbox);
            expect(await stateOf(sandbox)).not.toEqual(before);
            throw failure;
          });
          await expect(doomed).rejects.toBe(failure);
          expect(await stateOf(sandbox)).toEqual(before);
        },
        { ipv6: position > 6 },
      );
    },
  );

  test("waits for calls that still run before it undoes them", () =>
    withSandboxes(1, async ([sandbox]) => {
      const before = await stateOf(sandbox);
      const doomed = transaction(async (tx) => {
        await Promise.all([
          ...Array.from({ length: 20 }, (_, n) =>
            tx.createLink(sandbox, { kind: "bridge", name: `br${n}` }),
          ),
          Promise.reject(failure),
        ]);
      });
      await expect(doomed).rejects.toBe(failure);
      expect(await stateOf(sandbox)).toEqual(before);
    }));

  test("undoes namespaces, and steps of the caller's own, the last one first", () =>
    withSandboxes(1, async ([sandbox]) => {
      const name = `tx-${process.pid}`;
      const undone: string[] = [];
      const doomed = transaction(async (tx) => {
        tx.onRollback(() => undone.push("first"));
        const made = await tx.createNamespace({ name });
        await tx.createLink(sandbox, { kind: "veth", name: "v0", peer: { namespace: made } });
        tx.onRollback(async () => undone.push("second"));
        throw failure;
      });
      await expect(doomed).rejects.toBe(failure);
      expect(undone).toEqual(["second", "first"]);
      expect(await refusalOf(openNamespace({ name }))).toMatchObject({ code: "ENOENT" });
    }));

  test("takes what is gone for undone, and reports what is left without hiding the cause", () =>
    withSandboxes(1, async ([sandbox]) => {
      const left = new Error("cannot be undone");
      const doomed = transaction(async (tx) => {
        const bridge = await tx.createLink(sandbox, { kind: "bridge", name: "br0" });
        await tx.addAddress(sandbox, bridge, "10.0.0.1/24");
        tx.onRollback(() => Promise.reject(left));
        await tx.createLink(sandbox, { kind: "bridge", name: "br1" });
        await deleteLink(sandbox, bridge);
        throw failure;
      });
      const error = await doomed.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RollbackError);
      expect(error).toMatchObject({ code: "ERR_ROLLBACK", cause: failure, errors: [left] });
      expect((await ip(sandbox, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
    }));

  test("because a call of it is refused says what was refused", () =>
    withSandboxes(1, async ([sandbox]) => {
      const before = await stateOf(sandbox);
      const doomed = transaction(async (tx) => {
        await tx.createLink(sandbox, { kind: "bridge", name: "br0" });
        await tx.createLink(sandbox, { kind: "bridge", name: "br0" });
      });
      await expect(doomed).rejects.toMatchObject({ code: "EEXIST", operation: "createLink" });
      expect(await stateOf(sandbox)).toEqual(before);
    }));
});

describe("a transaction that is committed", () => {
  test("keeps everything, and returns what its work returns", () =>
    withSandboxes(1, async ([sandbox]) => {
      const link = await transaction(async (tx) => {
        const made = await tx.createLink(sandbox, { kind: "bridge", name: "br0" });
        await tx.setLink(sandbox, made, { up: true });
        return made;
      });
      expect(await getLink(sandbox, link)).toMatchObject({ name: "br0", up: true });
    }));

  test("by await using is rolled back unless it is committed", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const commit of [false, true]) {
        await using tx = openTransaction();
        await tx.createLink(sandbox, { kind: "bridge", name: `br-${commit}` });
        if (commit) await tx.commit();
      }
      expect((await ip(sandbox, "link")).map(({ ifname }) => ifname)).toEqual(["lo", "br-true"]);
    }));

  test("can be used no more", () =>
    withSandboxes(1, async ([sandbox]) => {
      const tx = openTransaction();
      await tx.commit();
      await tx.commit();
      await tx.rollback();
      const ended = { code: "ERR_TRANSACTION_ENDED", message: "the transaction was committed" };
      await expect(tx.createLink(sandbox, { kind: "bridge" })).rejects.toMatchObject(ended);
      expect(() => tx.onRollback(() => {})).toThrow("committed");
      const other = openTransaction();
      await other.rollback();
      await expect(other.commit()).rejects.toMatchObject({ code: "ERR_TRANSACTION_ENDED" });
      expect(await ip(sandbox, "link")).toHaveLength(1);
    }));

  test("leaves nobody who listens for signals", async () => {
    const listeners = process.listenerCount("SIGTERM");
    const tx = openTransaction();
    expect(process.listenerCount("SIGTERM")).toBe(listeners + 1);
    await tx.commit();
    expect(process.listenerCount("SIGTERM")).toBe(listeners);
  });
});

describe("a process that is told to stop", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "by %s undoes what is open, and ends by the signal",
    (signal) =>
      withSandboxes(1, async ([sandbox]) => {
        const script = new URL("../fixtures/open-transaction.mjs", import.meta.url).pathname;
        const child = spawn(process.execPath, [script, sandbox.name], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await once(createInterface({ input: child.stdout }), "line");
        expect(await ip(sandbox, "link")).toHaveLength(3);
        const ended = once(child, "exit");
        child.kill(signal);
        expect(await ended).toEqual([null, signal]);
        expect(await ip(sandbox, "link")).toHaveLength(1);
      }),
  );
});

describe("what is refused", () => {
  test("work that is none, a step that is none, an unknown option", async () => {
    expect(await refusalOf(transaction(1 as never))).toEqual(wrongType("work"));
    const unknown = async () => openTransaction({ colour: 1 } as never);
    expect(await refusalOf(unknown())).toEqual(wrongType("colour"));
    await using tx = openTransaction();
    const step = async () => tx.onRollback(1 as never);
    expect(await refusalOf(step())).toEqual(wrongType("undo"));
  });
});
