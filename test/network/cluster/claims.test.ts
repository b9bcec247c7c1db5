// What a host claims when its place changes hands, while other controllers of it work.

import { expect, test } from "vitest";
import {
  type Commit,
  type Controller,
  openController,
  type Store,
} from "../../../lib/network/index.ts";
import { reaches } from "../model/lab.ts";
import { addressOf, type Host, settled, withCluster } from "./lab.ts";

const ttlMs = 1000;
const cluster = { ttlMs };

/** A store with which something is done once, before or after a commit that has a key of some kind. */
function interrupted(
  store: Store,
  { of, at, work }: { of: RegExp; at: "before" | "after"; work: () => Promise<unknown> },
): Store {
  let done = false;
  const commit = async (changes: Commit) => {
    const isIt = !done && changes.put?.some(({ key }) => of.test(key));
    if (isIt) done = true;
    if (isIt && at === "before") await work();
    const outcome = await store.commit(changes);
    if (isIt && at === "after") await work();
    return outcome;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A further controller that takes a host's place. */
async function another({ host, name, address }: Host, store: Store): Promise<Controller> {
  const options = { address, ttlMs, repairMs: 1000 };
  return await openController({ host, store, name, waitMs: 30_000, cluster: options });
}

/** How many endpoints others know, and how many addresses are held. */
async function counts(store: Store): Promise<[number, number]> {
  const members = await store.list("cluster/members/");
  const held = await store.list("ipam/_cluster/held/");
  return [members.entries.length, held.entries.length];
}

/** Time for every lease of a test to end that nobody renews. */
const leasesEnd = () => new Promise((resolve) => setTimeout(resolve, 3 * ttlMs));

test("more endpoints of both families than one commit takes are all claimed", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one] = hosts as [Host];
      await one.controller.createNetwork({ name: "web", driver: "overlay", ipv6: true });
      const words = Array.from({ length: 14 }, (_, n) => `s${n}`);
      for (const word of words) await one.create(word, { networks: ["web"] });
      await one.controller.close();
      await one.open();
      await leasesEnd();
      expect(await counts(store)).toEqual([14, 28]);
      await settled(hosts, "web");
    },
    { count: 1, cluster },
  ));

test("an endpoint that is disconnected while it is claimed is known to nobody", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one] = hosts as [Host];
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const [a] = [
        await one.create("a", { networks: ["web"] }),
        await one.create("b", { networks: ["web"] }),
      ];
      const work = () => one.controller.disconnect("web", a.name);
      const next = await another(
        one,
        interrupted(one.store, { of: /^cluster\/members\//, at: "before", work }),
      );
      expect(await counts(store)).toEqual([1, 1]);
      expect(await next.plan()).toEqual([]);
      await next.close();
    },
    { count: 1, cluster },
  ));

test("an endpoint that is connected while the place changes hands keeps its address", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one] = hosts as [Host];
      const further: Controller[] = [];
      const work = async () => further.push(await another(one, store));
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      await one.controller.close();
      await one.open({
        store: interrupted(one.store, { of: /\/endpoints\//, at: "after", work }),
      });
      await one.create("a", { networks: ["web"] });
      expect(further).toHaveLength(1);
      await leasesEnd();
      expect(await counts(store)).toEqual([1, 1]);
      for (const controller of further) await controller.close();
    },
    { count: 1, cluster },
  ));

test("what a process had asked for when it ended is given back by the next", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one, two] = hosts as [Host, Host];
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      await one.create("a", { networks: ["web"] });
      // As if it had been killed between the address and the note of what it is for.
      const { entries } = await store.list("ipam/_cluster/held/");
      const key = entries[0]?.key.replace(/[^/]+$/, "10.0.0.77") ?? "";
      await store.commit({ put: [{ key, value: { holder: "h2/gone" } }] });
      await two.controller.close();
      await two.open();
      await two.controller.reconcile();
      expect(await counts(store)).toEqual([1, 1]);
    },
    { cluster },
  ));

test("a host may have any name, also that of what hosts share", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one, two] = hosts as [Host, Host];
      await two.controller.close();
      await two.open({ name: "cluster" });
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: ["web"] });
      await two.controller.close();
      await two.open({ name: "cluster" });
      // What it begins with is to give back what none of its own has.
      await two.controller.createNetwork({ name: "own" });
      await settled([one, { ...two, name: "cluster" }], "web");
      const held = (await store.list("ipam/_cluster/held/")).entries;
      expect(held).toHaveLength(2);
      expect(await reaches(a, await addressOf(two, b, "web"))).toBe(true);
    },
    { cluster },
  ));
