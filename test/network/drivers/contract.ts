// What every driver has to keep to, as tests: its verbs in order, again, and with failures in between.

import { describe, expect, test } from "vitest";
import type { Driver, NetworkOptions } from "../../../lib/network/index.ts";
import { inside, ip, type Sandbox } from "../../support/sandbox.ts";
import { type Lab, withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";

/** A driver under test. */
export interface DriverCase {
  readonly driver: Driver;
  /** What a network of it is made with, on a host that has been prepared. */
  readonly network: Omit<NetworkOptions, "name">;
  readonly prepare?: (host: Sandbox) => Promise<unknown>;
  /** Takes away what `prepare` made. */
  readonly restore?: (host: Sandbox) => Promise<unknown>;
}

const verbs = ["createNetwork", "deleteNetwork", "connect", "disconnect"] as const;

/** A driver like another, under a name of its own, one of whose verbs fails before or after its work. */
function failing(driver: Driver, verb: (typeof verbs)[number], when: "before" | "after") {
  const state = { armed: false };
  const own = driver[verb] as (...args: unknown[]) => Promise<void>;
  const faulty = {
    ...driver,
    name: "faulty",
    [verb]: async (...args: unknown[]) => {
      if (state.armed && when === "before") throw new Error("as if the kernel had refused");
      await own(...args);
      if (state.armed) throw new Error("as if the answer had been lost");
    },
  } as Driver;
  return { faulty, state };
}

const linksOf = async (sandbox: Sandbox) => (await ip(sandbox, "link")).map(({ ifname }) => ifname);

/** What kernel and store have of networks, said by witnesses; not who has which turn or lease. */
async function allOf({ host, store }: Lab) {
  const keys = (await store.list("")).entries.map(({ key }) => key);
  return {
    links: await linksOf(host),
    rules: await inside(host, "nft", "list", "ruleset"),
    plan: keys.filter((key) => !/(\/turn|\/lock|\/names)$|\/waiting\//.test(key)),
  };
}

const foreignMac = "02:00:5e:00:53:07";

/** Puts a link of somebody else where one of ours is to be. */
async function obstruct(sandbox: Sandbox, name: string): Promise<void> {
  const args = ["link", "add", name, "address", foreignMac, "type", "ifb"];
  await inside(sandbox, "ip", ...args);
}

/** Somebody else's link is as it was. */
async function expectForeign(sandbox: Sandbox, name: string): Promise<void> {
  const [link] = await ip(sandbox, "link", "show", name);
  expect(link).toMatchObject({ address: foreignMac, linkinfo: { info_kind: "ifb" } });
}

/** Like another driver, but somebody else is faster: his link has the name that the driver wants. */
function outrun(driver: Driver, where: "host" | "sandbox") {
  const state: { armed: boolean; link: string; sandbox?: Sandbox } = { armed: true, link: "" };
  const meet = async (place: typeof where, name: string) => {
    if (place !== where || !state.armed || state.sandbox === undefined) return;
    state.link = name;
    await obstruct(state.sandbox, name);
  };
  const beaten: Driver = {
    ...{ ...driver, name: "beaten" },
    createNetwork: async (host, network) => {
      await meet("host", String(network.settings.link));
      await driver.createNetwork(host, network);
    },
    connect: async (place) => {
      await meet("sandbox", place.endpoint.link);
      await driver.connect(place);
    },
  };
  return { beaten, state };
}

/** Defines the tests for a driver. */
export function testDriver(name: string, { driver, network, prepare, restore }: DriverCase): void {
  const own = { ...driver, name: "own" };
  const withDriver = (work: (lab: Lab) => Promise<void>, drivers: Driver[]) =>
    withLab(
      async (lab) => {
        await prepare?.(lab.host);
        try {
          await work(lab);
        } finally {
          await lab.controller.purge();
          await restore?.(lab.host);
        }
      },
      { drivers },
    );

  describe(`the driver ${name}`, () => {
    test("makes networks and endpoints, and takes away exactly those", () =>
      withDriver(
        async ({ host, controller, create }) => {
          const before = await linksOf(host);
          await controller.createNetwork({ ...network, name: "net", driver: "own" });
          const a = await create("a", { networks: ["net"] });
          const b = await create("b", { networks: [] });
          await controller.connect("net", b.name);
          expect(await linksOf(a)).toHaveLength(2);
          expect(await linksOf(b)).toHaveLength(2);
          const { connections } = await controller.inspectNetwork("net");
          for (const { sandbox, endpoint } of connections) {
            const [link] = await ip(sandbox.name === a.name ? a : b, "link", "show", endpoint.link);
            expect(link).toMatchObject({
              address: endpoint.mac,
              flags: expect.arrayContaining(["UP"]),
            });
          }
          expect(await controller.plan()).toEqual([]);
          await controller.disconnect("net", b.name);
          expect(await linksOf(b)).toEqual(["lo"]);
          expect(await linksOf(a)).toHaveLength(2);
          await controller.deleteSandbox(a.name);
          await controller.deleteNetwork("net");
          expect(await linksOf(host)).toEqual(before);
        },
        [own],
      ));

    test("undoes what is not there without a word, and twice", () =>
      withDriver(
        async ({ host, controller, create }) => {
          const made = await controller.createNetwork({ ...network, name: "net", driver: "own" });
          const a = await create("a", { networks: ["net"] });
          const [connection] = (await controller.inspectSandbox(a.name)).connections;
          if (connection === undefined) throw new Error("it is not connected");
          const place = { host, network: made, endpoint: connection.endpoint };
          await own.disconnect({ ...place, sandbox: a });
          await own.disconnect({ ...place, sandbox: a });
          await own.disconnect(place);
          await controller.deleteSandbox(a.name);
          await own.deleteNetwork(host, made, []);
          await own.deleteNetwork(host, made, []);
          await controller.deleteNetwork("net");
        },
        [own],
      ));

    test("mends links that others have deleted", () =>
      withDriver(
        async ({ controller, create }) => {
          await controller.createNetwork({ ...network, name: "net", driver: "own" });
          const a = await create("a", { networks: ["net"] });
          const { execFileSync } = await import("node:child_process");
          execFileSync("ip", ["-n", a.name, "link", "del", "eth0"]);
          expect(await controller.plan()).not.toEqual([]);
          expect((await controller.reconcile()).map(({ error }) => error)).not.toContainEqual(
            expect.anything(),
          );
          expect(await controller.plan()).toEqual([]);
          expect(await linksOf(a)).toHaveLength(2);
        },
        [own],
      ));

    test("takes no link of somebody else in a sandbox for its own", () => {
      const { beaten, state } = outrun(driver, "sandbox");
      return withDriver(
        async (lab) => {
          const { controller, create } = lab;
          await controller.createNetwork({ ...network, name: "net", driver: "beaten" });
          const a = await create("a", { networks: [] });
          state.sandbox = a;
          const before = await allOf(lab);
          const attempt = () => refused(() => controller.connect("net", a.name));
          expect(await attempt()).toEqual({ code: "DRIVER_FAILED" });
          await expectForeign(a, state.link);
          expect(await linksOf(a)).toHaveLength(2);
          expect(await allOf(lab)).toEqual(before);
          await inside(a, "ip", "link", "del", state.link);
          state.armed = false;
          await controller.connect("net", a.name);
          expect(await controller.plan()).toEqual([]);
        },
        [beaten],
      );
    });

    if (driver.hostLink !== undefined) {
      test("takes no link of somebody else on the host for an endpoint's", () =>
        withDriver(
          async (lab) => {
            const { host, controller, create } = lab;
            await controller.createNetwork({ ...network, name: "net", driver: "fixed" });
            const a = await create("a", { networks: [] });
            await obstruct(host, "fixed0");
            const before = await allOf(lab);
            const attempt = () => refused(() => controller.connect("net", a.name));
            expect(await attempt()).toEqual({ code: "DRIVER_FAILED" });
            await expectForeign(host, "fixed0");
            expect(await linksOf(a)).toEqual(["lo"]);
            expect(await allOf(lab)).toEqual(before);
            await inside(host, "ip", "link", "del", "fixed0");
            await controller.connect("net", a.name);
            expect(await linksOf(host)).toContain("fixed0");
          },
          [{ ...driver, name: "fixed", hostLink: () => "fixed0" }],
        ));
    }

    if (driver.traits.routed) {
      test("takes no link of somebody else for its network's", () => {
        const { beaten, state } = outrun(driver, "host");
        return withDriver(
          async (lab) => {
            state.sandbox = lab.host;
            const options = { ...network, name: "net", driver: "beaten" };
            const before = await allOf(lab);
            const attempt = () => refused(() => lab.controller.createNetwork(options));
            expect(await attempt()).toEqual({ code: "DRIVER_FAILED" });
            await expectForeign(lab.host, state.link);
            await inside(lab.host, "ip", "link", "del", state.link);
            expect(await allOf(lab)).toEqual(before);
          },
          [beaten],
        );
      });
    }

    test("that fails to look is told of, and what else is wrong is mended", () => {
      const state = { armed: false };
      const fail = () => Promise.reject(new Error("as if the kernel had refused"));
      const blind: Driver = {
        ...{ ...driver, name: "blind" },
        inspectNetwork: (...args) => (state.armed ? fail() : driver.inspectNetwork(...args)),
        inspectEndpoint: (place) => (state.armed ? fail() : driver.inspectEndpoint(place)),
      };
      return withDriver(
        async ({ controller, create }) => {
          await controller.createNetwork({ ...network, name: "net", driver: "blind" });
          const a = await create("a", { networks: ["net"] });
          const b = await create("b", { networks: ["bridge"] });
          await inside(b, "ip", "link", "del", "eth0");
          state.armed = true;
          const subjects = (await controller.plan()).map(({ subject }) => subject);
          expect(subjects).toContain('network "net"');
          expect(subjects).toContain(`sandbox "${a.name}" on network "net"`);
          const repairs = await controller.reconcile();
          const failed = repairs.filter(({ error }) => error !== undefined);
          expect(failed.map(({ subject }) => subject)).toEqual(
            subjects.filter((subject) => subject.includes('"net"')),
          );
          expect(await linksOf(b)).toHaveLength(2);
          state.armed = false;
          expect(await controller.plan()).toEqual([]);
        },
        [blind],
      );
    });

    const faults = verbs.flatMap((verb) => [[verb, "before"] as const, [verb, "after"] as const]);
    test.each(faults)("that fails in %s %s its work leaves nothing behind", (verb, when) => {
      const { faulty, state } = failing(driver, verb, when);
      return withDriver(
        async (lab) => {
          const { host, controller, create, named, store } = lab;
          const options = { ...network, name: "net", driver: "faulty" };
          const before = await linksOf(host);
          const all = await allOf(lab);
          const failure = { code: "DRIVER_FAILED" };
          if (verb === "createNetwork") {
            state.armed = true;
            await expect(controller.createNetwork(options)).rejects.toMatchObject(failure);
            expect(await allOf(lab)).toEqual(all);
            state.armed = false;
            await controller.createNetwork(options);
            return;
          }
          await controller.createNetwork(options);
          const a = await create("a", { networks: [] });
          const between = await linksOf(host);
          if (verb === "connect") {
            state.armed = true;
            await expect(controller.connect("net", a.name)).rejects.toMatchObject(failure);
            const sandbox = { name: named("b"), networks: ["net"] };
            await expect(controller.createSandbox(sandbox)).rejects.toMatchObject(failure);
            expect(await linksOf(a)).toEqual(["lo"]);
            expect(await linksOf(host)).toEqual(between);
            expect((await controller.listSandboxes()).map((one) => one.name)).toEqual([a.name]);
            expect((await store.list("ipam/lab/held/")).entries).toEqual([]);
            state.armed = false;
            await controller.connect("net", a.name);
            expect(await controller.plan()).toEqual([]);
            return;
          }
          await controller.connect("net", a.name);
          state.armed = true;
          const remove = () =>
            verb === "disconnect"
              ? controller.disconnect("net", a.name)
              : controller.deleteSandbox(a.name).then(() => controller.deleteNetwork("net"));
          await expect(remove()).rejects.toMatchObject(failure);
          state.armed = false;
          // What could not be removed is removed by whoever comes next.
          await controller.purge();
          expect(await linksOf(host)).toEqual(before);
          expect(await allOf(lab)).toEqual(all);
        },
        [faulty],
      );
    });
  });
}
