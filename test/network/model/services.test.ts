// Services: one name and address for several sandboxes, by real connections.

import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { connect, listen } from "../../../lib/index.ts";
import { openController } from "../../../lib/network/index.ts";
import { inside, ip, type Sandbox } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { addressOn, dig, type Lab, type Placed, withLab } from "./lab.ts";

const port = 7000;

/** Serves in a sandbox until the test ends: tells who it is, and stays connected. */
async function speaking(sandbox: Placed, servers: Set<() => Promise<void>>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = await listen(sandbox, { host: "::", port }, (socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.resume().write(sandbox.name);
  });
  servers.add(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}

/** Who answers at an address, if anybody does within a second. */
async function answerer(from: Sandbox, host: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(1000);
  try {
    const socket = await connect(from, { host, port, signal });
    const [data] = await once(socket, "data", { signal });
    socket.destroy();
    return String(data);
  } catch {
    return undefined;
  }
}

/** Who answers in many attempts, each once. */
async function answerers(from: Sandbox, host: string, attempts = 40): Promise<string[]> {
  const all = Array.from({ length: attempts }, () => answerer(from, host));
  return [...new Set(await Promise.all(all))].map(String).sort();
}

/** A network with a client and three sandboxes that answer, each with the alias `api`. */
interface Scene extends Lab {
  readonly client: Placed;
  readonly holders: readonly [Placed, Placed, Placed];
}

const behind = { network: "web", aliases: ["api"] };

async function withScene(test: (scene: Scene) => Promise<void>, ipv6 = false): Promise<void> {
  await withLab(async (lab) => {
    const servers = new Set<() => Promise<void>>();
    await lab.controller.createNetwork({ name: "web", ipv6 });
    const make = async (word: string) => {
      const sandbox = await lab.create(word, { networks: [behind] });
      await speaking(sandbox, servers);
      return sandbox;
    };
    try {
      const client = await lab.create("client", { networks: ["web"] });
      await test({ ...lab, client, holders: [await make("a"), await make("b"), await make("c")] });
    } finally {
      await Promise.all(Array.from(servers, (close) => close()));
    }
  });
}

/** The tables that nft(8) sees in a sandbox. */
async function tablesIn(sandbox: Sandbox): Promise<string[]> {
  const text = await inside(sandbox, "nft", "list", "tables");
  return text.split("\n").filter((line) => line !== "" && !line.includes("vethwork-names"));
}

const namesOf = (sandboxes: readonly Placed[]) => sandboxes.map(({ name }) => name).sort();

describe("a service", () => {
  test("is one name and address for all who have the alias, by turns", () =>
    withScene(async ({ controller, client, holders }) => {
      const service = await controller.createService({ network: "web", name: "api" });
      const [virtual = ""] = service.addresses;
      expect(await dig(client, "api")).toEqual([virtual]);
      expect(await dig(client, "API.web")).toEqual([virtual]);
      expect(await answerers(client, virtual)).toEqual(namesOf(holders));
      expect(await answerers(client, "api")).toEqual(namesOf(holders));
      // Those behind it are led to it, too, themselves included.
      expect(await answerers(holders[0], virtual)).toEqual(namesOf(holders));
      expect(await controller.inspectService("web", "api")).toMatchObject({
        ...{ id: service.id, name: "api", addresses: [virtual] },
        holders: namesOf(holders).map((name) => ({ sandbox: { name } })),
      });
      expect(await controller.listServices("web")).toEqual([service]);
      expect(await controller.plan()).toEqual([]);
      // Nobody has the address, so nobody is given it.
      for (const each of [client, ...holders]) {
        expect(JSON.stringify(await ip(each, "addr"))).not.toContain(`"${virtual}"`);
      }
    }));

  test("follows those who come and go, and ends connections with them", () =>
    withScene(async (scene) => {
      const { controller, client, holders, create, named } = scene;
      const [a, b, c] = holders;
      const { addresses } = await controller.createService({ network: "web", name: "api" });
      const [virtual = ""] = addresses;
      const held = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = await connect(client, { host: virtual, port });
          const [name] = await once(socket, "data");
          return { socket, name: String(name) };
        }),
      );
      await controller.deleteSandbox(a.name);
      expect(await answerers(client, virtual)).toEqual(namesOf([b, c]));
      await controller.disconnect("web", b.name);
      expect(await answerers(client, virtual)).toEqual(namesOf([c]));
      // It is on the network no more: neither its table nor its address is left.
      expect(await tablesIn(b)).toEqual([]);
      for (const { socket, name } of held) {
        if (name === c.name) {
          expect(socket.destroyed).toBe(false);
          socket.destroy();
          continue;
        }
        // What is sent goes to somebody who knows nothing of it.
        const [error] = await Promise.all([
          once(socket, "error").catch((thrown) => [thrown]),
          socket.write("still there?"),
        ]);
        expect(error[0].code).toBe("ECONNRESET");
      }
      await controller.connect("web", b.name, { aliases: ["API"] });
      expect(await answerers(client, virtual)).toEqual(namesOf([b, c]));
      const late = await create("late", { networks: ["web"] });
      expect(await answerers(late, virtual)).toEqual(namesOf([b, c]));
      await controller.deleteSandbox(c.name);
      await controller.deleteSandbox(b.name);
      expect(await answerer(client, virtual)).toBeUndefined();
      expect(await dig(client, "api")).toEqual([virtual]);
      expect(await controller.plan()).toEqual([]);
      await controller.createSandbox({ name: named("again"), networks: [behind] });
      expect((await controller.inspectService("web", "api")).holders).toHaveLength(1);
      expect(await controller.plan()).toEqual([]);
    }));

  test("has an address of each family, and takes those that are named", () =>
    withScene(async ({ controller, client, holders }) => {
      const { subnets } = await controller.getNetwork("web");
      const virtual6 = `${subnets[1]?.subnet.split("::")[0]}::77`;
      const service = await controller.createService({
        ...{ network: "web", name: "api", addresses: ["172.17.0.99", virtual6] },
      });
      expect(service.addresses).toEqual(["172.17.0.99", virtual6]);
      expect(await dig(client, "AAAA", "api")).toEqual([virtual6]);
      for (const virtual of service.addresses) {
        expect(await answerers(client, virtual)).toEqual(namesOf(holders));
      }
      expect(await controller.plan()).toEqual([]);
    }, true));

  test("that is removed leaves its name to those who have it, and nothing else", () =>
    withScene(async (scene) => {
      const { controller, client, holders, store } = scene;
      const keys = async () => (await store.list("")).entries.map(({ key }) => key);
      const before = await keys();
      const { addresses } = await controller.createService({ network: "web", name: "api" });
      expect(await tablesIn(client)).toEqual([`table ip vethwork-${addresses[0]}`]);
      await controller.deleteService("web", "api");
      for (const each of [client, ...holders]) expect(await tablesIn(each)).toEqual([]);
      const own = holders.map((each) => addressOn(scene, each, "web"));
      expect((await dig(client, "api")).sort()).toEqual((await Promise.all(own)).sort());
      expect(await keys()).toEqual(before);
      expect(await controller.plan()).toEqual([]);
    }));

  test("whose tables others change is mended", () =>
    withScene(async ({ controller, client, holders }) => {
      const { addresses } = await controller.createService({ network: "web", name: "api" });
      const table = ["ip", `vethwork-${addresses[0]}`];
      const damages = [
        ["flush", "ruleset"],
        ["delete", "table", ...table],
        ["flush", "chain", ...table, "output"],
        ["flush", "map", ...table, "holders"],
      ];
      for (const damage of damages) {
        await inside(client, "nft", ...damage);
        const [finding] = await controller.plan();
        expect(finding?.subject).toBe(`sandbox "${client.name}"`);
        expect(finding?.problem).toMatch(/led to api/);
        await controller.reconcile();
        expect(await controller.plan()).toEqual([]);
        expect(await answerers(client, addresses[0] ?? "")).toEqual(namesOf(holders));
      }
    }));

  test("goes on with a sandbox whose namespace is made anew", () =>
    withScene(async ({ controller, client, holders }) => {
      const { addresses } = await controller.createService({ network: "web", name: "api" });
      const { execFileSync } = await import("node:child_process");
      execFileSync("ip", ["netns", "del", client.name]);
      await controller.reconcile();
      expect(await controller.plan()).toEqual([]);
      await using anew = await controller.openSandbox(client.name);
      const from = Object.assign(anew, { name: client.name });
      expect(await answerers(from, addresses[0] ?? "")).toEqual(namesOf(holders));
    }));

  test("knows all of many who come at once", () =>
    withLab(async ({ controller, create, named }) => {
      await controller.createNetwork({ name: "web" });
      const client = await create("client", { networks: ["web"] });
      const { addresses } = await controller.createService({ network: "web", name: "api" });
      const names = Array.from({ length: 20 }, (_, n) => named(`s${n}`));
      await Promise.all(
        names.map((name) => controller.createSandbox({ name, networks: [behind] })),
      );
      expect(await controller.plan()).toEqual([]);
      const listed = await inside(
        client,
        ...["nft", "list", "map", "ip", `vethwork-${addresses[0]}`, "holders"],
      );
      expect(listed.match(/ : 172\.17\.0\./g)).toHaveLength(20);
      const half = names.slice(0, 10);
      await Promise.all(half.map((name) => controller.deleteSandbox(name)));
      expect(await controller.plan()).toEqual([]);
      expect((await controller.inspectService("web", "api")).holders).toHaveLength(10);
    }));
});

describe("services", () => {
  test("of one network are several, of several networks may have one name", () =>
    withScene(async ({ controller, client, holders, store, host }) => {
      await controller.createNetwork({ name: "back" });
      const one = await controller.createService({ network: "web", name: "api" });
      const two = await controller.createService({ network: "web", name: "other" });
      const three = await controller.createService({ network: "back", name: "api" });
      const ids = (await controller.listServices()).map(({ id }) => id).sort();
      expect(ids).toEqual([one.id, two.id, three.id].sort());
      expect(await answerers(client, one.addresses[0] ?? "")).toEqual(namesOf(holders));
      expect(await answerer(client, two.addresses[0] ?? "")).toBeUndefined();
      // What a controller that ended was removing goes with the next one's first act.
      const keys = (await store.list("hosts/lab/services/")).entries;
      const left = keys.find(({ key }) => key.endsWith(one.id));
      const value = { ...(left?.value as object), state: "deleting" };
      await store.commit({ put: [{ key: left?.key ?? "", value }] });
      await using next = await openController({ host, store, name: "lab" });
      await next.reconcile();
      expect((await next.listServices("web")).map(({ name }) => name)).toEqual(["other"]);
      expect(await tablesIn(client)).toEqual([]);
      expect(await next.plan()).toEqual([]);
      await controller.deleteService("web", two.id);
      await next.deleteService("back", "API");
      expect(await controller.listServices()).toEqual([]);
    }));

  test("that cannot be are refused, and change nothing", () =>
    withScene(async ({ controller, store }) => {
      await controller.createService({ network: "web", name: "api" });
      const before = (await store.list("")).entries.map(({ key }) => key);
      const attempt = (options: object) =>
        refused(() => controller.createService({ network: "web", name: "x", ...options }));
      expect(await attempt({ name: "API" })).toMatchObject({ code: "SERVICE_EXISTS" });
      expect(await attempt({ network: "nope" })).toEqual({ code: "NETWORK_MISSING" });
      expect(await attempt({ addresses: ["172.17.0.2"] })).toMatchObject({ code: "ADDRESS_TAKEN" });
      expect(await attempt({ addresses: ["172.17.0.0"] })).toEqual({ code: "ADDRESS_RESERVED" });
      expect(await attempt({ addresses: ["10.0.0.1"] })).toEqual({ code: "ADDRESS_OUTSIDE" });
      expect(await attempt({ addresses: ["fd00::1"] })).toEqual({ code: "ADDRESS_OUTSIDE" });
      expect(await attempt({ name: "a.b" })).toMatchObject({ property: "name" });
      expect(await attempt({ name: 7 })).toMatchObject({ property: "name" });
      expect(await attempt({ ports: [] })).toMatchObject({ property: "ports" });
      expect(await refused(() => controller.deleteService("web", "nope"))).toEqual({
        code: "SERVICE_MISSING",
      });
      expect(await refused(() => controller.inspectService("nope", "api"))).toEqual({
        code: "NETWORK_MISSING",
      });
      expect((await store.list("")).entries.map(({ key }) => key)).toEqual(before);
      const same = ["y", "y", "y"].map((name) => attempt({ name }));
      expect((await Promise.all(same)).filter((one) => one === undefined)).toHaveLength(1);
    }));

  test("keep their network, and are not on the predefined one", () =>
    withLab(async ({ controller, create }) => {
      await create("a");
      expect(
        await refused(() => controller.createService({ network: "bridge", name: "api" })),
      ).toEqual({ code: "MODE_CONFLICT" });
      await controller.createNetwork({ name: "web" });
      await controller.createService({ network: "web", name: "api" });
      expect(await refused(() => controller.deleteNetwork("web"))).toEqual({
        ...{ code: "NETWORK_IN_USE", conflict: "api" },
      });
      await controller.deleteService("web", "api");
      await controller.deleteNetwork("web");
    }));
});
