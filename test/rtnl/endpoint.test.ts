// Endpoints made in bulk, against `ip`, ping and what is left of failed ones.

import { describe, expect, test } from "vitest";
import {
  addAddress,
  createEndpoints,
  createLink,
  deleteEndpoints,
  type Endpoint,
  type EndpointResult,
  listLinks,
  listNamespaces,
  listRoutes,
} from "../../lib/index.ts";
import { ip, linkInUse, pings, type Sandbox, withSandboxes } from "../support/sandbox.ts";

async function bridgeIn(host: Sandbox): Promise<void> {
  const bridge = await createLink(host, { kind: "bridge", name: "br0", up: true });
  await addAddress(host, bridge, "10.0.0.1/16");
}

function made(results: readonly EndpointResult[]): Endpoint[] {
  return results.map(({ endpoint, error }) => {
    if (endpoint === undefined) throw error;
    return endpoint;
  });
}

describe("endpoints", () => {
  test("are reached from the host and from each other, as ip sees them too", () =>
    withSandboxes(
      1,
      async ([host]) => {
        await bridgeIn(host);
        const names = [0, 1, 2].map((n) => `endpoint-${process.pid}-${n}`);
        const endpoints = made(
          await createEndpoints(
            host,
            names.map((name, n) => ({
              namespace: { name, ipv6: true },
              mac: `02:00:00:00:00:0${n}`,
              mtu: 1400,
              address: [`10.0.0.${n + 2}/16`, `fd00::${n + 2}/64`],
              gateway: "10.0.0.1",
              host: { name: `host${n}`, master: { name: "br0" }, group: 3 },
            })),
          ),
        );
        for (const [n, { namespace, index, hostIndex }] of endpoints.entries()) {
          const inner = { name: names[n] } as Sandbox;
          expect(await linkInUse(inner, "eth0")).toMatchObject({
            ifindex: index,
            link_index: hostIndex,
            mtu: 1400,
            address: `02:00:00:00:00:0${n}`,
          });
          const [outer] = await ip(host, "link", "show", `host${n}`);
          expect(outer).toMatchObject({ ifindex: hostIndex, master: "br0", mtu: 1400 });
          expect(outer.flags).toContain("UP");
          expect((await ip(inner, "link", "show", "lo"))[0].flags).toContain("UP");
          expect((await listRoutes(namespace)).map(({ to }) => to)).toContain("default");
          expect(await pings(host, `10.0.0.${n + 2}`)).toBe(true);
          expect(await pings(inner, `10.0.0.${((n + 1) % 3) + 2}`)).toBe(true);
        }
        await deleteEndpoints(host, endpoints);
        await deleteEndpoints(host, endpoints);
        expect((await listLinks(host)).map(({ name }) => name).sort()).toEqual(["br0", "lo"]);
        expect((await listNamespaces(host)).map(({ name }) => name)).not.toContain(names[0]);
      },
      { ipv6: false },
    ));

  test("come by the hundred, each with its own address", () =>
    withSandboxes(
      1,
      async ([host]) => {
        await bridgeIn(host);
        const endpoints = made(
          await createEndpoints(
            host,
            Array.from({ length: 200 }, (_, n) => ({
              address: `10.0.1.${n}/16`,
              host: { name: `host${n}`, master: { name: "br0" } },
            })),
          ),
        );
        expect(new Set(endpoints.map(({ namespace }) => namespace.inode)).size).toBe(200);
        expect(await listLinks(host, { master: { name: "br0" } })).toHaveLength(200);
        expect(await pings(host, "10.0.1.199")).toBe(true);
        await deleteEndpoints(host, endpoints);
        expect(await listLinks(host, { kind: "veth" })).toEqual([]);
      },
      { ipv6: false },
    ));

  test("that fail say which step, leave nothing, and do not disturb the others", () =>
    withSandboxes(
      1,
      async ([host]) => {
        await bridgeIn(host);
        const name = `endpoint-${process.pid}-taken`;
        const results = await createEndpoints(host, [
          { address: "10.0.0.2/16", host: { name: "good0", master: { name: "br0" } } },
          { host: { name: "br0" } },
          { host: { name: "bad1", master: { name: "none" } }, namespace: { name } },
          { gateway: "10.9.9.9", address: "10.0.0.3/16", host: { name: "bad2" }, mtu: 1280 },
          { host: { name: "good1" }, namespace: { name } },
          { host: { name: "bad3" }, address: "255.255.255.255/33".replace("33", "32") },
        ]);
        const outcomes = results.map(({ error }) => error && `${error.operation} ${error.code}`);
        expect(outcomes.slice(0, 3)).toEqual([undefined, "createLink EEXIST", "setLink ENODEV"]);
        expect(outcomes[3]).toMatch(/^addRoute (ENETUNREACH|EINVAL)$/);
        expect(outcomes[4]).toBeUndefined();
        const links = (await listLinks(host)).map((link) => link.name);
        expect(links).toEqual(expect.arrayContaining(["lo", "br0", "good0", "good1"]));
        for (const bad of ["bad1", "bad2"]) expect(links).not.toContain(bad);
        const endpoints = results.flatMap(({ endpoint }) => (endpoint ? [endpoint] : []));
        await deleteEndpoints(host, endpoints);
        expect((await listNamespaces(host)).map((entry) => entry.name)).not.toContain(name);
      },
      { ipv6: false },
    ));

  test("with a bad argument are refused together, before anything is made", () =>
    withSandboxes(1, async ([host]) => {
      const good = { host: { name: "good" } };
      const bad: [object, string][] = [
        [{ ...good, colour: 1 }, "colour"],
        [{ ...good, mtu: 1.5 }, "mtu"],
        [{ ...good, address: "10.0.0.300/24" }, "address"],
        [{ ...good, mac: "nonsense" }, "address"],
        [{ host: { name: "sixteen-bytes-16" } }, "peer.name"],
        [{ ...good, namespace: { name: "../etc" } }, "namespace.name"],
      ];
      for (const [spec, path] of bad) {
        const refusal = createEndpoints(host, [good, spec as typeof good]);
        await expect(refusal).rejects.toThrow(new RegExp(`^\\[1\\].*${path}`));
      }
      expect((await listLinks(host)).map(({ name }) => name)).toEqual(["lo"]);
    }));

  test("keep their place among the host's calls while they are checked, turn by turn", () =>
    withSandboxes(
      1,
      async ([host]) => {
        const order: string[] = [];
        const spec = (n: number) => ({ host: { name: `host${n}`, master: { name: "br0" } } });
        const bridge = createLink(host, { kind: "bridge", name: "br0", up: true });
        const creation = createEndpoints(
          host,
          Array.from({ length: 200 }, (_, n) => spec(n)),
        );
        const later = listLinks(host, { kind: "veth" });
        const closing = host.close();
        const note = (what: string) => () => void order.push(what);
        await Promise.all([
          bridge.then(note("bridge")),
          creation.then(note("endpoints")),
          later.then(note("list")),
          closing.then(note("close")),
        ]);
        expect(order.indexOf("close")).toBeGreaterThan(order.indexOf("bridge"));
        expect(await later).toHaveLength(200);
        await Promise.all(made(await creation).map(({ namespace }) => namespace.close()));
      },
      { ipv6: false },
    ));

  test("of which a late one is bad are not made, and the host's later calls go on", () =>
    withSandboxes(1, async ([host]) => {
      const specs = Array.from({ length: 100 }, (_, n) => ({ host: { name: `host${n}` } }));
      const creation = createEndpoints(host, [...specs, { host: { name: "sixteen-bytes-16" } }]);
      const later = listLinks(host);
      await expect(creation).rejects.toThrow(/^\[100\]/);
      expect((await later).map(({ name }) => name)).toEqual(["lo"]);
      expect(await listLinks(host)).toHaveLength(1);
    }));

  test("of a closed host are refused", () =>
    withSandboxes(1, async ([host]) => {
      await host.close();
      await expect(createEndpoints(host, [])).rejects.toMatchObject({
        code: "ERR_NAMESPACE_CLOSED",
      });
    }));
});
