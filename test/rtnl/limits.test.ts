// Calls that a signal or a deadline gives up.

import { describe, expect, test, vi } from "vitest";
import {
  createEndpoints,
  createLink,
  DeadlineError,
  deleteEndpoints,
  deleteLink,
  findLink,
  getLink,
  listLinks,
  setLink,
} from "../../lib/index.ts";
import { withSandboxes } from "../support/sandbox.ts";

describe("a signal", () => {
  test("that was aborted before refuses the call, with its reason", () =>
    withSandboxes(1, async ([sandbox]) => {
      const reason = new Error("changed my mind");
      const given = sandbox.limited({ signal: AbortSignal.abort(reason) });
      await expect(createLink(given, { kind: "bridge", name: "br0" })).rejects.toBe(reason);
      expect(await findLink(sandbox, { name: "br0" })).toBeUndefined();
    }));

  test("drops what was not yet sent, and nothing else", () =>
    withSandboxes(1, async ([sandbox]) => {
      const controller = new AbortController();
      const given = sandbox.limited({ signal: controller.signal });
      // Keeps the queue busy, so that the calls after it are still waiting.
      const specs = Array.from({ length: 100 }, (_, n) => ({ host: { name: `host${n}` } }));
      const endpoints = createEndpoints(sandbox, specs);
      const bridges = Array.from({ length: 20 }, (_, n) =>
        createLink(given, { kind: "bridge", name: `br${n}` }),
      );
      const kept = setLink(sandbox, 1, { alias: "kept" });
      controller.abort();
      const outcomes = await Promise.allSettled(bridges);
      await kept;
      const busy = (await endpoints).flatMap(({ endpoint }) => (endpoint ? [endpoint] : []));
      await deleteEndpoints(sandbox, busy);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { name: "AbortError" } });
      }
      expect(await listLinks(sandbox, { kind: "bridge" })).toEqual([]);
      expect((await getLink(sandbox, 1)).alias).toBe("kept");
    }));

  test("leaves a call that was sent to the kernel", () =>
    withSandboxes(1, async ([sandbox]) => {
      const controller = new AbortController();
      const given = sandbox.limited({ signal: controller.signal });
      const bridge = await createLink(given, { kind: "bridge", name: "br0" });
      const deletion = deleteLink(given, bridge);
      // A deletion lingers a moment for others, and takes some 16 ms once it is sent.
      await new Promise((resolve) => setTimeout(resolve, 8));
      controller.abort();
      await deletion;
      expect(await findLink(sandbox, bridge)).toBeUndefined();
    }));
});

describe("a deadline", () => {
  test("that passes says whether the call was sent", () =>
    withSandboxes(1, async ([sandbox]) => {
      const pairs = await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          createLink(sandbox, { kind: "veth", name: `a${n}`, peer: { name: `b${n}` } }),
        ),
      );
      // The kernel takes tens of milliseconds for as many, all of them at once.
      const hurried = sandbox.limited({ timeoutMs: 15 });
      const outcomes = await Promise.allSettled(pairs.map((link) => deleteLink(hurried, link)));
      const late = outcomes.flatMap((outcome) =>
        outcome.status === "rejected" ? [outcome.reason as DeadlineError] : [],
      );
      for (const error of late) expect(error).toBeInstanceOf(DeadlineError);
      const sent = late.find((error) => error.sent);
      expect(sent).toMatchObject({ code: "ERR_DEADLINE", operation: "deleteLink" });
      // What was sent happens, what was not does not.
      const unsent = late.filter((error) => !error.sent).length;
      const left = async () => (await listLinks(sandbox, { kind: "veth" })).length;
      await vi.waitFor(async () => expect(await left()).toBe(2 * unsent), { timeout: 5000 });

      const specs = Array.from({ length: 100 }, (_, n) => ({ host: { name: `host${n}` } }));
      const endpoints = createEndpoints(sandbox, specs); // keeps the queue busy
      const spec = { kind: "bridge", name: "br1" } as const;
      const waiting = createLink(sandbox.limited({ timeoutMs: 5 }), spec);
      const early = await waiting.catch((error: unknown) => error);
      const made = (await endpoints).flatMap(({ endpoint }) => (endpoint ? [endpoint] : []));
      await deleteEndpoints(sandbox, made);
      expect(early).toMatchObject({ code: "ERR_DEADLINE", sent: false });
      expect(await findLink(sandbox, { name: "br1" })).toBeUndefined();
    }));

  test("that is kept changes nothing", () =>
    withSandboxes(1, async ([sandbox]) => {
      const unhurried = sandbox.limited({
        timeoutMs: 10_000,
        signal: new AbortController().signal,
      });
      expect(await listLinks(unhurried)).toHaveLength(1);
      await expect(getLink(unhurried, 99)).rejects.toMatchObject({ code: "ENODEV" });
    }));

  test("has to be a time", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31]) {
        expect(() => sandbox.limited({ timeoutMs })).toThrow(RangeError);
      }
      expect(() => sandbox.limited({ colour: 1 } as object)).toThrow(TypeError);
    }));
});

test("a limited handle is closed with the one that it was made of", () =>
  withSandboxes(1, async ([sandbox]) => {
    const given = sandbox.limited({ timeoutMs: 1000 });
    expect(given.inode).toBe(sandbox.inode);
    await createLink(given, { kind: "veth", name: "a", peer: { name: "b", namespace: given } });
    await sandbox.close();
    await expect(listLinks(given)).rejects.toMatchObject({ code: "ERR_NAMESPACE_CLOSED" });
  }));
