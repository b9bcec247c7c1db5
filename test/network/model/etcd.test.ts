// Controllers whose plan is in etcd: of one host, one after the other and side by side.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Controller, openController, openEtcdStore } from "../../../lib/network/index.ts";
import { type Etcd, etcdctl, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { dig, reaches } from "./lab.ts";

describe.skipIf(await lacks("etcd"))("networks in etcd", { timeout: 120_000 }, () => {
  let etcd: Etcd;
  let plans = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  /** Runs a test with controllers of one host, each with a handle of its own on the store. */
  async function withHost(
    test: (
      open: () => Promise<Controller>,
      place: (controller: Controller, word: string) => Promise<Sandbox>,
    ) => Promise<void>,
  ): Promise<void> {
    await withSandboxes(1, async ([host]) => {
      plans += 1;
      const prefix = `plans/${plans}/`;
      const handles: AsyncDisposable[] = [];
      const open = async () => {
        const store = await openEtcdStore({ endpoints: etcd.endpoints, prefix });
        const controller = await openController({ host, store, name: "plan" });
        handles.unshift(controller, store);
        return controller;
      };
      const place = async (controller: Controller, word: string) => {
        const name = `${host.name}-${word}`;
        await controller.createSandbox({ name, networks: ["web"] });
        const sandbox = Object.assign(await controller.openSandbox(name), { name });
        handles.unshift(sandbox);
        return sandbox;
      };
      try {
        await test(open, place);
      } finally {
        const last = await open();
        await last.purge();
        for (const handle of handles) await handle[Symbol.asyncDispose]();
      }
      const left = await etcdctl(etcd.server, "get", "--prefix", "--keys-only", prefix);
      const keys = left.split("\n").filter((key) => key !== "" && !key.endsWith("/turn"));
      expect(keys).toEqual([`${prefix}head`]);
    });
  }

  test("have sandboxes that reach each other, also by their names", () =>
    withHost(async (open, place) => {
      const controller = await open();
      await controller.createNetwork({ name: "web", subnets: [{ subnet: "10.50.0.0/24" }] });
      const [a, b] = [await place(controller, "a"), await place(controller, "b")];
      expect(await reaches(a, "10.50.0.3")).toBe(true);
      expect(await dig(a, b.name)).toEqual(["10.50.0.3"]);
      expect(await controller.plan()).toEqual([]);
    }));

  test("are taken over by the next controller, which has them as they are", () =>
    withHost(async (open, place) => {
      const first = await open();
      await first.createNetwork({ name: "web", subnets: [{ subnet: "10.50.0.0/24" }] });
      const a = await place(first, "a");
      const next = await open();
      await first.close();
      expect((await next.listSandboxes()).map(({ name }) => name)).toEqual([a.name]);
      const b = await place(next, "b");
      await expect.poll(() => dig(a, b.name), { timeout: 20_000 }).toEqual(["10.50.0.3"]);
      expect(await reaches(a, "10.50.0.3")).toBe(true);
      expect(await refused(() => next.createSandbox({ name: a.name }))).toMatchObject({
        code: "SANDBOX_EXISTS",
      });
    }));

  test("are changed by two controllers in turn, of which each sees what the other did", () =>
    withHost(async (open, place) => {
      const [one, other] = [await open(), await open()];
      await one.createNetwork({ name: "web" });
      const words = Array.from({ length: 8 }, (_, number) => `s${number}`);
      const placed = await Promise.all(
        words.map((word, number) => place(number % 2 === 0 ? one : other, word)),
      );
      for (const controller of [one, other]) {
        const { connections } = await controller.inspectNetwork("web");
        expect(new Set(connections.flatMap(({ endpoint }) => endpoint.addresses)).size).toBe(8);
        expect(await controller.plan()).toEqual([]);
      }
      expect(placed).toHaveLength(8);
    }));

  test("go on after etcd was started anew", () =>
    withHost(async (open, place) => {
      const controller = await open();
      await controller.createNetwork({ name: "web" });
      const a = await place(controller, "a");
      await etcd.server.restart();
      const b = await place(controller, "b");
      const sandbox = await controller.inspectSandbox(b.name);
      const [address = ""] = sandbox.connections.flatMap(({ endpoint }) => endpoint.addresses);
      expect(await reaches(a, address.replace(/\/.*/, ""))).toBe(true);
      expect(await controller.plan()).toEqual([]);
    }));
});
