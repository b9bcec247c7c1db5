// Hosts that are gone for good: removed from the store, and what becomes of one that comes back.

import { expect, test } from "vitest";
import {
  type Commit,
  type Controller,
  openController,
  type Put,
  type Store,
} from "../../../lib/network/index.ts";
import { ip } from "../../support/sandbox.ts";
import { reaches } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { follow, untilGone } from "./gone.ts";
import { addressOf, type Host, settled, withCluster } from "./lab.ts";

const cluster = { ttlMs: 1000 };
const patience = { timeout: 30_000 };

const present = { code: "HOST_PRESENT" };
const missing = { code: "HOST_MISSING" };

/** All that the store has, but for the signs of life of those who are there. */
async function entriesOf(store: Store): Promise<unknown[]> {
  const { entries } = await store.list("");
  return entries
    .filter(({ key }) => !/\/(lock|names)$|^cluster\/hosts\//.test(key))
    .map(({ key, value }) => [key, value]);
}

/** The keys of what the store says of a host. */
async function tracesOf(store: Store, name: string): Promise<string[]> {
  const { entries } = await store.list("");
  const isOf = (text: string) => new RegExp(`\\b${name}\\b`).test(text);
  return entries
    .filter(({ key, value }) => isOf(key) || isOf(JSON.stringify(value)))
    .map(({ key }) => key);
}

/** A controller beside those of the lab, whose host has no plan. */
async function bystander({ host }: Host, store: Store): Promise<Controller> {
  return await openController({ host, store, name: "bystander", serveNames: false });
}

/** A store with which something is done before the commit that takes a plan away. */
function interrupted(store: Store, work: () => Promise<unknown>): Store {
  const commit = async (changes: Commit) => {
    if ((changes.deletePrefix ?? []).length > 0) await work();
    return await store.commit(changes);
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("one that is gone is removed with all there is of it, and begins anew when it comes back", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one, two] = hosts as [Host, Host];
      const web = await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const net = await one.controller.createNetwork({
        ...{ name: "net", driver: "routed", ipv6: true },
        subnets: [{ subnet: "10.5.0.0/16" }, { subnet: "fd05::/64" }],
      });
      await two.controller.createNetwork({ name: "own" });
      const networks = ["web", "net", "own"];
      const a = await one.create("a", { networks: ["web", "net"] });
      const b = await two.create("b", { networks, ports: ["8080:80"] });
      await settled(hosts, "web");
      const before = await entriesOf(store);
      const remove = (name: string) => () => one.controller.removeHost(name);

      expect(await refused(remove("h2"))).toEqual(present);
      expect(await refused(remove("h1"))).toEqual(present);
      expect(await refused(remove("h9"))).toEqual(missing);
      expect(await refused(remove("_cluster"))).toMatchObject({ code: "ERR_OUT_OF_RANGE" });
      expect(await one.controller.listAbsentHosts()).toEqual([]);
      expect(await entriesOf(store)).toEqual(before);
      await two.controller.close();
      // Its place is its own until the lease has ended.
      expect(await refused(remove("h2"))).toEqual(present);
      await untilGone(store, "h2");
      expect(await one.controller.listAbsentHosts()).toEqual([
        { name: "h2", absent: true, address: two.address, sandboxes: 1 },
      ]);

      expect((await tracesOf(store, "h2")).length).toBeGreaterThan(10);
      await one.controller.removeHost("h2");
      expect(await tracesOf(store, "h2")).toEqual([]);
      expect(await one.controller.listAbsentHosts()).toEqual([]);
      expect(await refused(remove("h2"))).toEqual(missing);
      expect(await one.controller.plan()).toEqual([]);

      await two.open();
      expect((await one.controller.listHosts()).map(({ name }) => name)).toEqual(["h1", "h2"]);
      expect(await two.controller.listSandboxes()).toEqual([]);
      const taken = () => two.controller.createSandbox({ name: b.name, mode: "none" });
      expect(await refused(taken)).toMatchObject({ code: "NAMESPACE_EXISTS" });
      // Whoever is in a namespace keeps it, with its links.
      await b.close();
      const ids = [web.id, net.id];
      const left = await follow(two, ids);
      // The bridges of two networks; the routes to one; the sandbox, and the part of the third.
      expect(left).toEqual(["link", "link", "namespace", "namespace", "route", "route"]);
      expect(await follow(two, ids)).toEqual([]);
      const repairs = await two.controller.reconcile();
      expect(repairs.map(({ subject, error }) => [subject, error])).toEqual([
        ["the firewall", undefined],
      ]);
      expect(await two.controller.plan()).toEqual([]);
      for (const family of ["-4", "-6"]) {
        expect(await ip(two.host, family, "route", "show", "proto", "118")).toEqual([]);
      }

      // The kernel takes its time to let go of what was in a namespace.
      let again = b;
      const create = async () => {
        again = await two.create("b", { networks: ["web", "net"] });
      };
      await expect.poll(() => refused(create), patience).toBeUndefined();
      await settled(hosts, "web");
      for (const [network, position] of [["web"], ["net", 0], ["net", 1]] as const) {
        const address = await addressOf(two, again, network, position);
        await expect.poll(() => reaches(a, address), patience).toBe(true);
      }
    },
    { cluster, underlay: "IPv6" },
  ));

test("one that comes back at that moment, in whatever way, stays as it is", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one, two] = hosts as [Host, Host];
      await one.controller.createNetwork({ name: "web", driver: "overlay" });
      const a = await one.create("a", { networks: ["web"] });
      const b = await two.create("b", { networks: ["web"] });
      await settled(hosts, "web");
      const { host } = two;
      const ways: (() => Promise<unknown>)[] = [
        () => two.open({ serveNames: false }),
        // Without a place: it serves names, or has changed something.
        async () =>
          Object.assign(two, { controller: await openController({ host, store, name: "h2" }) }),
        async () => {
          const controller = await openController({ host, store, name: "h2", serveNames: false });
          Object.assign(two, { controller });
          await controller.plan();
        },
      ];
      for (const comeBack of ways) {
        await two.controller.close();
        await untilGone(store, "h2");
        const before = await entriesOf(store);
        const controller = await bystander(one, interrupted(store, comeBack));
        expect(await refused(() => controller.removeHost("h2"))).toEqual(present);
        await controller.close();
        expect(await entriesOf(store)).toEqual(expect.arrayContaining(before));
        expect((await two.controller.listSandboxes()).map(({ name }) => name)).toEqual([b.name]);
      }
      await two.controller.close();
      await two.open();
      await settled(hosts, "web");
      expect(await reaches(a, await addressOf(two, b, "web"))).toBe(true);
    },
    { cluster },
  ));

test("a controller that was idle meanwhile goes on, with nothing", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one] = hosts as [Host];
      const open = () =>
        openController({ host: one.host, store, name: "idle", serveNames: false, table: "idle" });
      const idle = await open();
      const events: string[] = [];
      const ending = new AbortController();
      const watching = (async () => {
        for await (const { type, action } of idle.watch({ signal: ending.signal })) {
          events.push(`${type} ${action}`);
        }
      })().catch(() => undefined);
      await idle.createNetwork({ name: "lost" });
      const name = `${one.host.name}-idle`;
      await idle.createSandbox({ name, networks: ["lost"] });
      expect(await refused(() => one.controller.removeHost("idle"))).toEqual(present);
      expect(await one.controller.listAbsentHosts()).toMatchObject([{ name: "idle", busy: true }]);
      // Another one takes the lock, and ends: nobody has it then.
      const other = await open();
      await other.createNetwork({ name: "more" });
      await other.close();
      await untilGone(store, "idle");
      expect(await one.controller.listAbsentHosts()).toEqual([
        { name: "idle", absent: true, sandboxes: 1 },
      ]);
      await one.controller.removeHost("idle");
      expect(await tracesOf(store, "idle")).toEqual([]);
      await expect
        .poll(() => events, patience)
        .toEqual([
          ...["network create", "sandbox create", "network connect", "network create"],
          ...["network disconnect", "network destroy", "network destroy", "sandbox destroy"],
        ]);
      ending.abort();
      await watching;
      expect(await idle.listNetworks()).toEqual([]);
      expect(await idle.listSandboxes()).toEqual([]);
      expect(await follow({ ...one, controller: idle }, [])).toHaveLength(3);
      await idle.reconcile();
      // It knows what addresses there were before.
      await idle.createNetwork({ name: "lost" });
      await idle.createSandbox({ name, networks: ["lost"] });
      expect(await idle.plan()).toEqual([]);
      await idle.purge();
      await idle.close();
      // The kernel takes its time to let go of what was in the first namespace.
      const links = async () => (await ip(one.host, "link")).map(({ ifname }) => ifname);
      await expect.poll(links, patience).toEqual(["lo", "up0"]);
    },
    { count: 1, cluster },
  ));

test("what is in the store of a host without a lease goes, too, however much it is", () =>
  withCluster(
    async ({ hosts, store }) => {
      const [one] = hosts as [Host];
      const network = "0".repeat(64);
      const at = { network, host: "old", hostAddress: "192.0.2.9" };
      const members = Array.from({ length: 90 }, (_, n): Put => {
        const id = `${n}`.padStart(64, "0");
        const sandbox = { id, name: `s${n}`, hostname: `s${n}` };
        const value = { ...at, id, sandbox, mac: "02:00:00:00:00:01", addresses: [], aliases: [] };
        return { key: `cluster/members/${network}/${id}`, value };
      });
      const block = { ...at, subnet: "10.9.0.0/24" };
      const held = (host: string, address: string) => ({
        key: `ipam/_cluster/held/10.9.0.0/24/${address}`,
        value: { holder: `${host}/endpoint` },
      });
      const others = [held("older", "10.9.0.2"), held("h1", "10.9.0.3")];
      await store.commit({ put: members });
      await store.commit({
        put: [
          { key: `cluster/blocks/${network}/10.9.0.0/24`, value: block },
          ...[held("old", "10.9.0.4"), ...others],
        ],
      });
      expect(await tracesOf(store, "old")).toHaveLength(92);
      await one.controller.removeHost("old");
      expect(await tracesOf(store, "old")).toEqual([]);
      const { entries } = await store.list("ipam/_cluster/held/");
      expect(entries.map(({ key }) => key)).toEqual(others.map(({ key }) => key));
      await store.commit({ delete: others.map(({ key }) => key) });
    },
    { count: 1 },
  ));
