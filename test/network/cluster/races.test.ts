// Several hosts that want the same at once: a name, a number, an address, a network that another removes.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetworkError } from "../../../lib/network/index.ts";
import { AddressBook } from "../../../scripts/chaos/judge.mjs";
import { Random } from "../../../scripts/random.mjs";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { lacks } from "../../support/features.ts";
import { refused } from "../refused.ts";
import { type Placed, whole, withEtcdCluster } from "./etcd-lab.ts";
import type { Host } from "./lab.ts";

describe.skipIf(await lacks("etcd"))("at once", { timeout: 240_000 }, () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await startEtcd();
  }, 60_000);
  afterAll(() => etcd.end());

  test("one of two gets a name, and one number is had by one network", () =>
    withEtcdCluster(
      etcd,
      async ({ hosts, store }) => {
        for (let round = 0; round < 5; round += 1) {
          const name = `n${round}`;
          const named = hosts.map(({ controller }) =>
            refused(() => controller.createNetwork({ name, driver: "overlay" })),
          );
          const codes = (await Promise.all(named)).map((refusal) => refusal?.code).sort();
          expect(codes).toEqual(["NETWORK_EXISTS", "NETWORK_EXISTS", undefined]);
          const options = { vxlanid_list: `${7000 + round}` };
          const numbered = hosts.map(({ controller, name: host }) =>
            refused(() =>
              controller.createNetwork({ name: `${name}-${host}`, driver: "overlay", options }),
            ),
          );
          const taken = (await Promise.all(numbered)).map((refusal) => refusal?.code).sort();
          expect(taken).toEqual(["NUMBER_TAKEN", "NUMBER_TAKEN", undefined]);
        }
        const networks = (await hosts[0]?.controller.listNetworks()) ?? [];
        expect(networks).toHaveLength(10);
        const numbers = networks.map(({ settings }) => settings.number);
        expect(new Set(numbers).size).toBe(10);
        expect((await store.list("cluster/names/")).entries).toHaveLength(10);
        expect((await store.list("ipam/_cluster/subnets/")).entries).toHaveLength(10);
      },
      { count: 3 },
    ));

  test("a network is removed, or connected to, and never both", () =>
    withEtcdCluster(etcd, async ({ hosts, store }) => {
      const [one, two] = hosts as [Host, Host];
      const b = await two.create("b");
      const outcomes = new Set<string>();
      for (let round = 0; round < 12; round += 1) {
        await one.controller.createNetwork({ name: "web", driver: "overlay" });
        const [removal, connection] = await Promise.all([
          refused(() => one.controller.deleteNetwork("web")),
          refused(() => two.controller.connect("web", b.name)),
        ]);
        outcomes.add(`${removal?.code} ${connection?.code}`);
        if (connection === undefined) {
          expect(removal?.code).toBe("NETWORK_IN_USE");
          await two.controller.disconnect("web", b.name);
          await one.controller.deleteNetwork("web");
        } else {
          expect(connection.code).toBe("NETWORK_MISSING");
          if (removal !== undefined) await one.controller.deleteNetwork("web");
        }
        expect(await two.controller.plan()).toEqual([]);
        expect((await store.list("cluster/")).entries.map(({ key }) => key)).toEqual([
          "cluster/hosts/h1",
          "cluster/hosts/h2",
        ]);
      }
      expect(outcomes.size).toBeGreaterThan(0);
    }));

  test("five hosts with twenty endpoints each give no address twice", () =>
    withEtcdCluster(
      etcd,
      async (lab) => {
        const { hosts, store } = lab;
        await hosts[0]?.controller.createNetwork({ name: "web", driver: "overlay" });
        const book = new AddressBook();
        await book.follow(store);
        const random = new Random(11);
        const there: Placed[] = [];
        const refusals: unknown[] = [];
        const work = hosts.map(async (host) => {
          const own = new Random(random.integer(0, 2 ** 31));
          const mine = new Map<string, Placed>();
          const turn = async (word: string) => {
            const before = mine.get(word);
            try {
              if (before === undefined) {
                const sandbox = await host.create(word, { networks: ["web"] });
                const { connections } = await host.controller.inspectSandbox(sandbox.name);
                const address = connections
                  .find(({ network }) => network.name === "web")
                  ?.endpoint.addresses[0]?.split("/")[0];
                mine.set(word, { sandbox, address: address ?? "" });
              } else {
                await host.controller.deleteSandbox(before.sandbox.name);
                mine.delete(word);
              }
            } catch (error) {
              refusals.push(error instanceof NetworkError ? `${error}` : error);
            }
          };
          for (let round = 0; round < 6; round += 1) {
            const words = Array.from({ length: 20 }, (_, n) => `${host.name}-e${n}`);
            await Promise.all(words.filter(() => own.chance(0.4)).map(turn));
          }
          // Some stay, so that there is something to look at.
          for (const word of [...mine.keys()].slice(3)) await turn(word);
          there.push(...mine.values());
        });
        await Promise.all(work);
        expect(refusals).toEqual([]);
        await book.close();
        expect(book.wrong).toEqual([]);
        expect(there.length).toBeGreaterThan(5);
        await whole(hosts, "web", there);
        expect((await store.list("ipam/_cluster/held/")).entries).toHaveLength(there.length);
      },
      { count: 5, cluster: { ttlMs: 20_000 } },
    ));
});
