// Events, one by one; `ip` and `bridge` are who makes things happen.

import { execFile } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import {
  createLink,
  createNamespace,
  deleteLink,
  deleteNamespace,
  getLink,
  listLinks,
  type NounsOf,
  openNamespace,
  setLink,
  type WatchEvent,
  type WatchedNoun,
  type Watcher,
  type WatchOptions,
  waitForLink,
  watch,
} from "../../lib/index.ts";
import { needs } from "../support/features.ts";
import { refusalOf, type Sandbox, withPair, withSandboxes } from "../support/sandbox.ts";
import { View } from "../support/view.ts";

const run = promisify(execFile);

interface BridgePort {
  readonly hairpin?: boolean;
  readonly bridgeId?: string;
}

/** Has `ip` do something inside. */
async function act(sandbox: Sandbox, command: string): Promise<void> {
  await run("ip", ["-n", sandbox.name, ...command.split(" ")]);
}

/** Takes events until one meets a condition, and returns that one. */
async function until<Noun extends WatchedNoun>(
  watcher: Watcher<Noun>,
  isIt: (event: WatchEvent<Noun>) => boolean,
): Promise<WatchEvent<Noun>> {
  while (true) {
    const { done, value } = await watcher.next();
    if (done === true) throw new Error("the watcher has ended");
    if (isIt(value)) return value;
  }
}

/** Runs a test with a watcher that knows what there is. */
async function watching<const Options extends WatchOptions>(
  sandbox: Sandbox,
  options: Options,
  body: (watcher: Watcher<NounsOf<Options>>) => Promise<void>,
): Promise<void> {
  await using watcher = watch(sandbox, options);
  await watcher.ready();
  await body(watcher);
}

describe("links", () => {
  test("that come, change and go are told, with what has changed", () =>
    withSandboxes(1, async ([sandbox]) => {
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, "link add name one type bridge");
        expect((await watcher.next()).value).toMatchObject({
          type: "added",
          noun: "link",
          initial: false,
          link: { name: "one", kind: "bridge", mtu: 1500 },
        });
        await act(sandbox, "link set dev one mtu 1400");
        expect((await watcher.next()).value).toMatchObject({
          type: "changed",
          noun: "link",
          link: { name: "one", mtu: 1400 },
          previous: { mtu: 1500 },
          changed: ["mtu"],
        });
        await act(sandbox, "link set dev one name two");
        expect((await watcher.next()).value).toMatchObject({
          link: { name: "two" },
          previous: { name: "one" },
          changed: ["name"],
        });
        await act(sandbox, "link del dev two");
        expect((await watcher.next()).value).toMatchObject({
          type: "removed",
          link: { name: "two", mtu: 1400 },
        });
      });
    }));

  test("of a pair are told with their peers", () =>
    withSandboxes(1, async ([sandbox]) => {
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, "link add name near type veth peer name far");
        const first = await watcher.next();
        const second = await watcher.next();
        const told = [first.value, second.value].map((event) =>
          event?.noun === "link" ? event.link : undefined,
        );
        const near = told.find((link) => link?.name === "near");
        const far = told.find((link) => link?.name === "far");
        expect(near).toMatchObject({ peerIndex: far?.index });
        expect(far).toMatchObject({ peerIndex: near?.index });
      });
    }));

  test("whose peer is moved away say so", () =>
    withSandboxes(2, async ([sandbox, other]) => {
      await act(sandbox, "link add name near type veth peer name far");
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, `link set dev far netns ${other.name}`);
        const event = await until(watcher, ({ type }) => type === "changed");
        expect(event).toMatchObject({
          link: { name: "near", peerNamespaceId: expect.any(Number) },
          changed: ["peerNamespaceId"],
        });
      });
    }));

  test("that are moved to another namespace are gone here, and come there", () =>
    withSandboxes(2, async ([sandbox, other]) => {
      await act(sandbox, "link add name near type veth peer name far");
      await using here = watch(sandbox, { links: true });
      await using there = watch(other, { links: true });
      await Promise.all([here.ready(), there.ready()]);
      await act(sandbox, `link set dev far netns ${other.name}`);
      const gone = await until(here, ({ type }) => type === "removed");
      expect(gone).toMatchObject({ link: { name: "far" } });
      const come = await until(there, ({ type }) => type === "added");
      expect(come).toMatchObject({ link: { name: "far", peerNamespaceId: expect.any(Number) } });
    }));

  test("that have the index of another are not the other", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name one index 77 type bridge");
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, "link del dev one");
        await act(sandbox, "link add name two index 77 type bridge");
        // Both have happened before anybody looks: still these are two links.
        await setTimeout(200);
        expect((await watcher.next()).value).toMatchObject({
          type: "removed",
          link: { name: "one", index: 77 },
        });
        expect((await watcher.next()).value).toMatchObject({
          type: "added",
          link: { name: "two", index: 77 },
        });
      });
    }));

  test("that become ports, and are told to be others, are told as ports", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name br0 type bridge");
      await act(sandbox, "link add name port type veth peer name far");
      await watching(sandbox, { links: true }, async (watcher) => {
        const isPort = (event: WatchEvent<"link">) =>
          event.type === "changed" && event.link.name === "port";
        await act(sandbox, "link set dev port master br0");
        const joined = await until(watcher, isPort);
        expect(joined).toMatchObject({
          link: { portKind: "bridge", master: (await getLink(sandbox, { name: "br0" })).index },
          changed: expect.arrayContaining(["master", "port"]),
        });
        await run("bridge", ["-n", sandbox.name, "link", "set", "dev", "port", "hairpin", "on"]);
        // Its state may be told by an event of its own.
        const isHairpin = (event: WatchEvent<"link">) =>
          isPort(event) &&
          event.noun === "link" &&
          (event.link.port as BridgePort).hairpin === true;
        expect(await until(watcher, isHairpin)).toMatchObject({ changed: ["port"] });
        await act(sandbox, "link set dev port nomaster");
        const hasLeft = (event: WatchEvent<"link">) =>
          event.type === "changed" && event.changed.includes("master");
        const left = await until(watcher, hasLeft);
        expect(left).toMatchObject({ link: { name: "port" }, previous: { portKind: "bridge" } });
        expect(left.noun === "link" && "master" in left.link).toBe(false);
      });
    }));

  test("that are ports of a bridge which gets another id are told to be so", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name br0 address 02:00:00:00:00:09 up type bridge");
      await act(sandbox, "link add name port type veth peer name far");
      await act(sandbox, "link set dev far up");
      await act(sandbox, "link set dev port master br0 up");
      await waitForLink(sandbox, { name: "port" }, { carrier: true });
      await watching(sandbox, { links: true }, async (watcher) => {
        for (const [change, id] of [
          ["address 02:00:00:00:00:01", "80:00:02:00:00:00:00:01"],
          ["type bridge priority 4096", "10:00:02:00:00:00:00:01"],
        ]) {
          await act(sandbox, `link set dev br0 ${change}`);
          const event = await until(
            watcher,
            (event) =>
              event.noun === "link" &&
              event.type === "changed" &&
              (event.link.port as BridgePort | undefined)?.bridgeId === id,
          );
          expect(event).toMatchObject({ link: { name: "port", port: { rootId: id } } });
        }
      });
    }));

  test("that are down and changed in what the kernel does not tell of then are told later", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name one type bridge");
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, "link set dev one alias hello");
        const event = await until(watcher, ({ type }) => type === "changed");
        expect(event).toMatchObject({ link: { alias: "hello" }, changed: ["alias"] });
      });
    }));
});

describe("what happens to one object", () => {
  test("before anybody looks is told as one event", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name one type bridge");
      await watching(sandbox, { links: true }, async (watcher) => {
        for (const mtu of [1300, 1301, 1302]) await act(sandbox, `link set dev one mtu ${mtu}`);
        await act(sandbox, "link add name two type bridge");
        await setTimeout(200);
        expect((await watcher.next()).value).toMatchObject({
          type: "changed",
          link: { name: "one", mtu: 1302 },
          previous: { mtu: 1500 },
        });
        expect((await watcher.next()).value).toMatchObject({ type: "added" });
      });
    }));

  test("that comes and goes unseen is not told", () =>
    withSandboxes(1, async ([sandbox]) => {
      await watching(sandbox, { links: true }, async (watcher) => {
        await act(sandbox, "link add name one type bridge");
        await act(sandbox, "link del dev one");
        await act(sandbox, "link add name two type bridge");
        await setTimeout(200);
        expect((await watcher.next()).value).toMatchObject({ link: { name: "two" } });
      });
    }));

  test("that is undone is not told, or as what it is by then", () =>
    withPair(
      async (sandbox, { index }) => {
        await act(sandbox, "address add 10.0.0.1/24 dev eth0");
        await watching(sandbox, { addresses: true }, async (watcher) => {
          await act(sandbox, "address del 10.0.0.1/24 dev eth0");
          await act(sandbox, "address add 10.0.0.1/24 dev eth0");
          await act(sandbox, "address add 10.0.0.2/24 dev eth0");
          await setTimeout(200);
          expect((await watcher.next()).value).toMatchObject({
            type: "added",
            address: { index, address: "10.0.0.2/24" },
          });
        });
      },
      // IPv6 has addresses of its own, which change when they are known to be free.
      { ipv6: false },
    ));
});

describe("a snapshot", () => {
  test("tells all that there is, once, and then what follows", () =>
    withPair(async (sandbox) => {
      await using watcher = watch(sandbox, { links: true, addresses: true, snapshot: true });
      await act(sandbox, "link add name later type bridge");
      const told: WatchEvent<"link" | "address">[] = [];
      await until(watcher, (event) => {
        told.push(event);
        return event.type === "synced";
      });
      const fresh = await listLinks(sandbox);
      const initial = told.filter((event) => event.noun === "link");
      expect(initial.every((event) => event.type === "added")).toBe(true);
      if (initial.length < fresh.length) {
        expect((await watcher.next()).value).toMatchObject({ link: { name: "later" } });
      }
      expect(told.filter(({ type }) => type === "synced")).toHaveLength(1);
      expect(told.some((event) => event.noun === "address" && event.type === "added")).toBe(true);
    }));

  test("is told before what calls made afterwards do", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using watcher = watch(sandbox, { links: true, snapshot: true });
      const making = createLink(sandbox, { kind: "bridge", name: "br0" });
      expect((await watcher.next()).value).toMatchObject({ link: { name: "lo" }, initial: true });
      expect((await watcher.next()).value).toEqual({ type: "synced" });
      expect((await watcher.next()).value).toMatchObject({ link: { name: "br0" }, initial: false });
      await making;
    }));

  test("is not needed for what calls made afterwards do to be told", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using watcher = watch(sandbox, { links: true });
      await createLink(sandbox, { kind: "bridge", name: "br0" });
      expect((await watcher.next()).value).toMatchObject({ type: "added", link: { name: "br0" } });
    }));

  test("agrees with lists while others change everything", () =>
    withSandboxes(1, async ([sandbox]) => {
      const lines = Array.from({ length: 300 }, (_, number) => [
        `link add name near${number} type veth peer name far${number}`,
        `link set dev near${number} mtu 1400`,
        ...(number % 10 === 0 ? [`link del dev far${number}`] : []),
      ]).flat();
      const actor = execFile("ip", ["-n", sandbox.name, "-batch", "-"]);
      const ended = new Promise((resolve) => actor.on("exit", resolve));
      actor.stdin?.end(lines.join("\n"));
      for (let round = 0; round < 10; round += 1) {
        await using watcher = watch(sandbox, { links: true, snapshot: true });
        const view = new View(watcher);
        await watcher.ready();
        if (round === 9) await ended;
        await vi.waitFor(() => expect(view.count("synced")).toBe(1));
        if (round === 9) await view.agrees(sandbox, ["link"]);
        expect(view.lies).toEqual([]);
      }
    }));
});

describe("routes", () => {
  test("are told, and what takes the place of one as its change", () =>
    withPair(async (sandbox, { index }) => {
      await act(sandbox, "address add 10.0.0.1/24 dev eth0");
      await watching(sandbox, { routes: true }, async (watcher) => {
        await act(sandbox, "route add 10.9.0.0/16 via 10.0.0.2");
        expect((await watcher.next()).value).toMatchObject({
          type: "added",
          noun: "route",
          route: { to: "10.9.0.0/16", via: "10.0.0.2", device: index, table: "main" },
        });
        await act(sandbox, "route replace 10.9.0.0/16 via 10.0.0.3");
        expect((await watcher.next()).value).toMatchObject({
          type: "changed",
          route: { via: "10.0.0.3" },
          previous: { via: "10.0.0.2" },
          changed: ["via"],
        });
        await act(sandbox, "route del 10.9.0.0/16");
        expect((await watcher.next()).value).toMatchObject({ type: "removed" });
      });
    }));

  test("that go with a link, of which the kernel says nothing, are told", () =>
    withPair(async (sandbox) => {
      await act(sandbox, "address add 10.0.0.1/24 dev eth0");
      await act(sandbox, "route add 10.9.0.0/16 via 10.0.0.2");
      await watching(sandbox, { routes: true }, async (watcher) => {
        const isOurs = (event: WatchEvent<"route">) =>
          event.noun === "route" && event.route.to === "10.9.0.0/16";
        await act(sandbox, "link set dev far0 down");
        const carrierless = await until(watcher, isOurs);
        expect(carrierless).toMatchObject({ type: "changed", route: { flags: ["linkdown"] } });
        await act(sandbox, "link set dev eth0 down");
        expect(await until(watcher, isOurs)).toMatchObject({ type: "removed" });
      });
    }));

  test("that go with an address are told", () =>
    withPair(async (sandbox) => {
      await act(sandbox, "address add 10.0.0.1/24 dev eth0");
      await act(sandbox, "route add 10.9.0.0/16 dev eth0 src 10.0.0.1");
      await watching(sandbox, { routes: true }, async (watcher) => {
        await act(sandbox, "address del 10.0.0.1/24 dev eth0");
        const event = await until(
          watcher,
          (one) => one.noun === "route" && one.route.to === "10.9.0.0/16",
        );
        expect(event).toMatchObject({ type: "removed" });
      });
    }));

  test("of other tables are told if they are asked for", () =>
    withPair(async (sandbox) => {
      await using main = watch(sandbox, { routes: true });
      await using other = watch(sandbox, { routes: { table: 100 } });
      await using all = watch(sandbox, { routes: { table: "all" } });
      await Promise.all([main.ready(), other.ready(), all.ready()]);
      await act(sandbox, "route add blackhole 10.1.0.0/16 table 100");
      await act(sandbox, "route add blackhole 10.2.0.0/16");
      expect((await main.next()).value).toMatchObject({ route: { to: "10.2.0.0/16" } });
      expect((await other.next()).value).toMatchObject({ route: { to: "10.1.0.0/16" } });
      expect((await all.next()).value).toMatchObject({ route: { table: 100 } });
      expect((await all.next()).value).toMatchObject({ route: { table: "main" } });
    }));

  test("of several ways that are put together and lose one are what lists say", async (context) => {
    await needs("ipv6", context);
    await withPair(async (sandbox) => {
      await act(sandbox, "address add fd00::1/64 dev eth0 nodad");
      await using watcher = watch(sandbox, { routes: { table: "all" }, snapshot: true });
      const view = new View(watcher);
      for (const command of [
        "route add fd01::/64 via fd00::2",
        "route append fd01::/64 via fd00::3",
        "route append fd01::/64 via fd00::4",
        "route del fd01::/64 via fd00::3",
        "route append 10.9.0.0/16 dev eth0",
        "route append 10.9.0.0/16 dev far0",
        "route replace blackhole 10.9.0.0/16",
      ]) {
        await act(sandbox, command);
        await view.agrees(sandbox, ["route"]);
      }
    });
  });
});

describe("addresses", () => {
  test("are told when they can be used", async (context) => {
    await needs("ipv6", context);
    await withPair(async (sandbox) => {
      await watching(sandbox, { addresses: true }, async (watcher) => {
        await act(sandbox, "address add fd00::1/64 dev eth0");
        const isOurs = (event: WatchEvent<"address">) =>
          event.noun === "address" && event.address.address === "fd00::1/64";
        expect(await until(watcher, isOurs)).toMatchObject({
          type: "added",
          address: { flags: expect.arrayContaining(["tentative"]) },
        });
        expect(await until(watcher, isOurs)).toMatchObject({
          type: "changed",
          changed: ["flags"],
          address: { flags: expect.not.arrayContaining(["tentative"]) },
        });
        await act(sandbox, "address del fd00::1/64 dev eth0");
        expect(await until(watcher, isOurs)).toMatchObject({ type: "removed" });
      });
    });
  });
});

describe("neighbours and rules", () => {
  test("that come, change and go are told", () =>
    withPair(async (sandbox, { index }) => {
      await watching(sandbox, { neighbours: true }, async (watcher) => {
        const address = "10.0.0.9";
        await act(sandbox, `neighbour add ${address} lladdr 02:00:00:00:00:09 dev eth0`);
        const isOurs = (event: WatchEvent<"neighbour">) =>
          event.noun === "neighbour" && event.neighbour.address === address;
        expect(await until(watcher, isOurs)).toMatchObject({
          type: "added",
          neighbour: { index, linkAddress: "02:00:00:00:00:09", state: "permanent" },
        });
        await act(sandbox, `neighbour change ${address} lladdr 02:00:00:00:00:0a dev eth0`);
        expect(await until(watcher, isOurs)).toMatchObject({ changed: ["linkAddress"] });
        await act(sandbox, `neighbour del ${address} dev eth0`);
        // Marked as failed first, if somebody is quick enough to see it.
        const gone = await until(watcher, (event) => isOurs(event) && event.type === "removed");
        expect(gone).toMatchObject({ type: "removed" });
      });
    }));

  test("twice there are told twice, and what a link's end does to a rule", () =>
    withSandboxes(1, async ([sandbox]) => {
      await act(sandbox, "link add name one type bridge");
      await watching(sandbox, { rules: true }, async (watcher) => {
        await act(sandbox, "rule add iif one table 100 priority 50");
        expect((await watcher.next()).value).toMatchObject({
          type: "added",
          noun: "rule",
          rule: { priority: 50, table: 100, inputDevice: "one", flags: [] },
        });
        await act(sandbox, "link del dev one");
        expect((await watcher.next()).value).toMatchObject({
          type: "changed",
          rule: { flags: ["inputDeviceDetached"] },
          changed: ["flags"],
        });
        await act(sandbox, "rule del priority 50");
        expect((await watcher.next()).value).toMatchObject({ type: "removed" });
      });
    }));
});

describe("names in /run/netns", () => {
  test("that come and go are told, whoever gives them", () =>
    withSandboxes(1, async ([sandbox]) => {
      await watching(sandbox, { namespaces: true }, async (watcher) => {
        const name = `${sandbox.name}-named`;
        const isOurs = (event: WatchEvent<"namespace">) =>
          event.noun === "namespace" && event.namespace.name === name;
        await run("ip", ["netns", "add", name]);
        const added = await until(watcher, isOurs);
        await using opened = await openNamespace({ name });
        expect(added).toMatchObject({ type: "added", namespace: { inode: opened.inode } });
        await run("ip", ["netns", "delete", name]);
        expect(await until(watcher, isOurs)).toMatchObject({ type: "removed" });
      });
    }));

  test("that stand for another namespace are told as such", () =>
    withSandboxes(1, async ([sandbox]) => {
      const name = `${sandbox.name}-named`;
      await using first = await createNamespace({ name });
      await watching(sandbox, { namespaces: true }, async (watcher) => {
        await deleteNamespace(name);
        await using second = await createNamespace({ name });
        await setTimeout(200);
        const isOurs = (event: WatchEvent<"namespace">) =>
          event.noun === "namespace" && event.namespace.name === name;
        expect(await until(watcher, isOurs)).toMatchObject({
          type: "removed",
          namespace: { inode: first.inode },
        });
        expect(await until(watcher, isOurs)).toMatchObject({
          type: "added",
          namespace: { inode: second.inode },
        });
        await deleteNamespace(name);
      });
    }));

  test("are told in a snapshot, too, beside other nouns", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using watcher = watch(sandbox, { links: true, namespaces: true, snapshot: true });
      const told: unknown[] = [];
      await until(watcher, (event) => {
        if (event.noun === "namespace") told.push(event.namespace);
        return event.type === "synced";
      });
      expect(told).toContainEqual({ name: sandbox.name, inode: sandbox.inode });
    }));
});

describe("a watcher", () => {
  test("ends by leaving the loop, and by close(), which ends who waits", () =>
    withSandboxes(1, async ([sandbox]) => {
      const watcher = watch(sandbox, { links: true, snapshot: true });
      for await (const event of watcher) {
        expect(event).toMatchObject({ link: { name: "lo" } });
        break;
      }
      expect(await watcher.next()).toEqual({ done: true, value: undefined });

      const other = watch(sandbox, { links: true });
      const waiting = [other.next(), other.next()];
      await other.close();
      await other.close();
      expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
      await other.ready();
    }));

  test("ends by its signal, before or after it was opened", () =>
    withSandboxes(1, async ([sandbox]) => {
      const controller = new AbortController();
      const watcher = watch(sandbox, { links: true, signal: controller.signal });
      await watcher.ready();
      const waiting = watcher.next();
      controller.abort();
      expect(await waiting).toEqual({ done: true, value: undefined });
      const late = watch(sandbox, { links: true, signal: controller.signal });
      expect(await late.next()).toEqual({ done: true, value: undefined });
    }));

  test("serves who waits in order", () =>
    withSandboxes(1, async ([sandbox]) => {
      await using watcher = watch(sandbox, { links: true });
      const waiting = [watcher.next(), watcher.next()];
      await createLink(sandbox, { kind: "bridge", name: "one" });
      await createLink(sandbox, { kind: "bridge", name: "two" });
      const names = (await Promise.all(waiting)).map(({ value }) =>
        value?.noun === "link" ? value.link.name : undefined,
      );
      expect(names).toEqual(["one", "two"]);
    }));

  test("goes on when the handle is closed and the name deleted", async () => {
    const name = `vethwork-${process.pid}-orphan`;
    const namespace = await createNamespace({ name });
    await using watcher = watch(namespace, { links: true });
    await using second = await openNamespace({ name });
    await watcher.ready();
    await namespace.close();
    await deleteNamespace(name);
    await createLink(second, { kind: "bridge", name: "br0" });
    expect((await watcher.next()).value).toMatchObject({ link: { name: "br0" } });
    await deleteLink(second, { name: "br0" });
    expect((await watcher.next()).value).toMatchObject({ type: "removed" });
  });

  test("of a closed handle fails, and says so to all who ask", async () => {
    const namespace = await createNamespace();
    await namespace.close();
    const watcher = watch(namespace, { links: true });
    const closed = expect.objectContaining({ code: "ERR_NAMESPACE_CLOSED" });
    await expect(watcher.next()).rejects.toEqual(closed);
    await expect(watcher.ready()).rejects.toEqual(closed);
    expect(await watcher.next()).toEqual({ done: true, value: undefined });
    await watcher.close();
  });

  test("does not take a change of what runs for a change", () =>
    withPair(async (sandbox, near) => {
      await watching(sandbox, { links: true }, async (watcher) => {
        // Promiscuous twice is a count, which the kernel tells of as it tells of everything.
        await setLink(sandbox, near, { mtu: 1400 });
        expect(await until(watcher, ({ type }) => type === "changed")).toMatchObject({
          changed: ["mtu"],
        });
      });
    }));

  const nothing: unknown[] = [undefined, null, 5, "links", [], {}, { links: false }];
  test.each(nothing)("refuses %o, which asks for nothing", (options) =>
    withSandboxes(1, async ([sandbox]) => {
      const attempt = async () => watch(sandbox, options as WatchOptions);
      expect(await refusalOf(attempt())).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
    }),
  );

  const wrong: [object, string, string][] = [
    [{ links: 1 }, "ERR_INVALID_ARG_TYPE", "links"],
    [{ links: null }, "ERR_INVALID_ARG_TYPE", "links"],
    [{ routes: "all" }, "ERR_INVALID_ARG_TYPE", "routes"],
    [{ routes: { table: "nonsense" } }, "ERR_OUT_OF_RANGE", "routes.table"],
    [{ routes: { table: -1 } }, "ERR_OUT_OF_RANGE", "routes.table"],
    [{ routes: { nonsense: 1 } }, "ERR_INVALID_ARG_TYPE", "routes.nonsense"],
    [{ links: true, snapshot: 1 }, "ERR_INVALID_ARG_TYPE", "snapshot"],
    [{ links: true, receiveBuffer: "1" }, "ERR_INVALID_ARG_TYPE", "receiveBuffer"],
    [{ links: true, receiveBuffer: 0 }, "ERR_OUT_OF_RANGE", "receiveBuffer"],
    [{ links: true, receiveBuffer: 1.5 }, "ERR_OUT_OF_RANGE", "receiveBuffer"],
    [{ links: true, receiveBuffer: 2 ** 30 }, "ERR_OUT_OF_RANGE", "receiveBuffer"],
    [{ links: true, signal: {} }, "ERR_INVALID_ARG_TYPE", "signal"],
    [{ links: true, nonsense: true }, "ERR_INVALID_ARG_TYPE", "nonsense"],
  ];
  test.each(wrong)("refuses %o", (options, code, property) =>
    withSandboxes(1, async ([sandbox]) => {
      const attempt = async () => watch(sandbox, options);
      expect(await refusalOf(attempt())).toEqual({ code, property });
    }),
  );

  test.each([undefined, null, 5, {}, "red"])("refuses %o, which is no namespace", async (what) => {
    const attempt = async () => watch(what as unknown as Sandbox, { links: true });
    expect(await refusalOf(attempt())).toEqual({
      code: "ERR_INVALID_ARG_TYPE",
      property: "namespace",
    });
  });
});
