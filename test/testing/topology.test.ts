// The fixtures of vethwork/testing, against ip, ping and what is left of them.

import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { addAddress, createLink, getCounters, listLinks, setLink } from "../../lib/index.ts";
import {
  expectReachable,
  expectUnreachable,
  leaksSince,
  sandbox,
  sendTraffic,
  takeStock,
  topology,
} from "../../lib/testing/index.ts";
import { foreign } from "../support/foreign.ts";
import { outOfRange, refusalOf, wrongType } from "../support/sandbox.ts";

const routed = {
  namespaces: { client: {}, router: { forwarding: true }, server: {} },
  wires: [
    {
      ends: [
        { namespace: "client", link: "eth0", addresses: ["10.1.0.2/24", "fd01::2/64"] },
        { namespace: "router", link: "left", addresses: ["10.1.0.1/24", "fd01::1/64"] },
      ],
    },
    {
      ends: [
        { namespace: "server", link: "eth0", addresses: ["10.2.0.2/24", "fd02::2/64"] },
        { namespace: "router", link: "right", addresses: ["10.2.0.1/24", "fd02::1/64"] },
      ],
      mtu: 1400,
    },
  ],
  routes: [
    { namespace: "client", to: "default", via: "10.1.0.1" },
    { namespace: "client", to: "default", via: "fd01::1" },
    { namespace: "server", to: "default", via: "10.2.0.1" },
    { namespace: "server", to: "default", via: "fd02::1" },
  ],
} as const;

const names = () => readdirSync("/run/netns");
const patient = { timeoutMs: 5000 };
const brief = { timeoutMs: 200 };

describe("a topology", () => {
  test("is as its literal says: reached through the router by every protocol", () =>
    topology(routed, async ({ namespaces: { client, server } }) => {
      for (const protocol of ["icmp", "tcp", "udp"] as const) {
        await expectReachable(client, server, { protocol, ...patient });
        await expectReachable(server, client, { protocol, address: "fd01::2", ...patient });
      }
      const links = await listLinks(server);
      expect(links.find(({ name }) => name === "eth0")?.mtu).toBe(1400);
    }));

  test("can be cut and mended, and is then as before", () =>
    topology(routed, async ({ namespaces: { client, router, server }, cut, mend }) => {
      await expectReachable(client, server, patient);
      await cut("router", "server");
      await expectUnreachable(client, server, brief);
      await expectUnreachable(client, server, { protocol: "tcp", ...brief });
      await expectReachable(client, router, patient);
      await mend("server", "router");
      await expectReachable(client, server, patient);
      await expectReachable(client, server, { address: "fd02::2", ...patient });
      expect(await refusalOf(cut("client", "server"))).toEqual(outOfRange("namespace"));
    }));

  test("has its bridges, and names that ip knows, and leaves nothing", async () => {
    const name = `lab-${process.pid}`;
    const stock = takeStock();
    await topology(
      {
        namespaces: { host: { name, ipv6: false }, a: { ipv6: false }, b: { ipv6: false } },
        bridges: [{ namespace: "host", name: "br0", addresses: ["10.0.0.1/24"] }],
        wires: (["a", "b"] as const).map((end, n) => ({
          ends: [
            { namespace: end, link: "eth0", addresses: [`10.0.0.${n + 2}/24`] },
            { namespace: "host", link: `port${n}`, bridge: "br0" },
          ] as const,
        })),
      },
      async ({ namespaces: { host, a, b } }) => {
        const ports = execFileSync("ip", ["-n", name, "-br", "link", "show", "master", "br0"]);
        expect(String(ports).trim().split("\n")).toHaveLength(2);
        await expectReachable(a, b);
        await expectReachable(a, host);
        await expectReachable(host, "10.0.0.3");
      },
    );
    expect(await leaksSince(stock, { ignore: foreign })).toEqual([]);
  });

  test("goes if its test fails, or something of it cannot be made", async () => {
    const name = `lab-${process.pid}`;
    const failing = topology({ namespaces: { one: { name } } }, async () => {
      expect(names()).toContain(name);
      throw new Error("the test failed");
    });
    await expect(failing).rejects.toThrow("the test failed");
    expect(names()).not.toContain(name);
    const impossible = topology({
      namespaces: { one: { name } },
      routes: [{ namespace: "one", to: "10.0.0.0/8", via: "192.0.2.1" }],
    });
    await expect(impossible).rejects.toMatchObject({ code: "ENETUNREACH" });
    expect(names()).not.toContain(name);
  });

  const end = { namespace: "one", link: "a" } as const;
  test.each([
    [
      "an unknown namespace",
      { wires: [{ ends: [end, { ...end, namespace: "two" }] }] },
      outOfRange("wires[0].ends[1].namespace"),
    ],
    [
      "an unknown bridge",
      { wires: [{ ends: [end, { ...end, bridge: "br0" }] }] },
      outOfRange("wires[0].ends[1].bridge"),
    ],
    [
      "a bad address",
      { wires: [{ ends: [end, { ...end, addresses: ["10.0.0.1"] }] }] },
      outOfRange("wires[0].ends[1].addresses[0]"),
    ],
    ["one end", { wires: [{ ends: [end] }] }, wrongType("wires[0].ends")],
    ["an unknown property", { colour: 1 }, wrongType("colour")],
    [
      "a bridge elsewhere",
      { bridges: [{ namespace: "two", name: "br0" }] },
      outOfRange("bridges[0].namespace"),
    ],
    [
      "a route elsewhere",
      { routes: [{ namespace: "two", to: "default" }] },
      outOfRange("routes[0].namespace"),
    ],
    [
      "an option that is none",
      { namespaces: { one: { colour: 1 } } },
      wrongType("namespaces.one.colour"),
    ],
  ])("is refused with %s, before anything is made", async (_, mistake, refusal) => {
    const literal = { namespaces: { one: { name: `lab-${process.pid}` } }, ...mistake };
    expect(await refusalOf(topology(literal as never))).toEqual(refusal);
    expect(names()).not.toContain(`lab-${process.pid}`);
  });
});

describe("a sandbox", () => {
  test("goes with its callback, and when it is disposed of", async () => {
    const name = `box-${process.pid}`;
    const inode = await sandbox(
      async (box) => {
        expect(names()).toContain(name);
        return box.inode;
      },
      { name },
    );
    expect(inode).toBeGreaterThan(0);
    expect(names()).not.toContain(name);
    {
      await using box = await sandbox();
      expect((await listLinks(box)).map((link) => link.name)).toEqual(["lo"]);
      expect(box.name).toBeUndefined();
    }
    expect(await refusalOf(sandbox({ colour: 1 } as never))).toEqual(wrongType("colour"));
  });
});

describe("an expectation", () => {
  test("that fails says what was tried, and which way the kernel would go", () =>
    topology(routed, async ({ namespaces: { client, server } }) => {
      const address = "10.2.0.99";
      await expect(expectReachable(client, address, brief)).rejects.toThrow(
        /^10\.2\.0\.99 was not reached by icmp: .*; the route there leads via 10\.1\.0\.1 by link \d+/,
      );
      const port = { protocol: "tcp", port: 81, ...patient } as const;
      await expect(expectReachable(client, server, port)).rejects.toThrow("ECONNREFUSED");
      await expect(expectUnreachable(client, server, patient)).rejects.toThrow(
        "was reached by icmp",
      );
    }));

  test("about an address needs a port, a namespace an address", async () => {
    await using box = await sandbox();
    expect(await refusalOf(expectReachable(box, "::1", { protocol: "tcp" }))).toEqual(
      wrongType("port"),
    );
    expect(await refusalOf(expectReachable(box, box))).toEqual(outOfRange("to"));
    expect(await refusalOf(expectReachable(box, "nowhere"))).toEqual(wrongType("to"));
    const protocol = "sctp" as "tcp";
    expect(await refusalOf(expectReachable(box, "::1", { protocol }))).toEqual(
      outOfRange("protocol"),
    );
  });
});

describe("traffic", () => {
  test("is as much as was asked for, by the counters of the links", () =>
    topology(routed, async ({ namespaces: { client, server } }) => {
      await expectReachable(client, server, patient);
      const before = await getCounters(server, { name: "eth0" });
      const sent = await sendTraffic(client, server, "10.2.0.2", { packets: 300, bytes: 1000 });
      expect(sent).toEqual({ packets: 300, bytes: 300_000, received: 300 });
      const after = await getCounters(server, { name: "eth0" });
      // Headers of UDP, IPv4 and Ethernet.
      const expected = 300n * (1000n + 8n + 20n + 14n);
      expect(after.rxBytes - before.rxBytes).toBeGreaterThanOrEqual(expected);
      expect(after.rxPackets - before.rxPackets).toBeGreaterThanOrEqual(300n);
      const none = sendTraffic(client, server, "10.2.0.2", { packets: 0 });
      expect(await refusalOf(none)).toEqual(outOfRange("packets"));
    }));
});

describe("leaks", () => {
  test("are named", async () => {
    const stock = takeStock();
    const name = `vethwork-${process.pid}-leak`;
    const box = await sandbox({ name });
    const file = openSync("/dev/zero", "r");
    const patience = { patienceMs: 100, ignore: foreign };
    const leaks = await leaksSince(stock, patience);
    expect(leaks).toContainEqual(expect.stringMatching(/^descriptors left behind: .*\/dev\/zero/));
    expect(leaks).toContain(`namespaces left behind: ${name}`);
    closeSync(file);
    await box[Symbol.asyncDispose]();
    expect(await leaksSince(stock, { ignore: foreign })).toEqual([]);
  });

  test("are not what the event loop keeps from its first stream on", () => {
    const script = new URL("../fixtures/first-stream.mjs", import.meta.url).pathname;
    const directory = mkdtempSync(join(tmpdir(), "vethwork-"));
    try {
      // A pipe would be a stream from the start.
      const output = openSync(join(directory, "output"), "w");
      spawnSync(process.execPath, [script], { stdio: ["ignore", output, output] });
      closeSync(output);
      expect(readFileSync(join(directory, "output"), "utf8")).toBe("[]\n");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("a test process", () => {
  test("can go on inside user namespaces, whoever it is", () => {
    const script = new URL("../fixtures/enter-namespaces.mjs", import.meta.url).pathname;
    const { stdout, stderr, status } = spawnSync(process.execPath, [script, "argument"], {
      encoding: "utf8",
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: "lo argument\n", stderr: "", status: 3 });
  });
});

test("a sandbox is joined with another by a veth as any namespace is", async () => {
  await using left = await sandbox({ ipv6: false });
  await using right = await sandbox({ ipv6: false });
  const veth = await createLink(left, {
    kind: "veth",
    name: "a",
    up: true,
    peer: { name: "b", namespace: right },
  });
  await setLink(right, { name: "b" }, { up: true });
  await addAddress(left, veth, "10.0.0.1/24");
  await addAddress(right, { name: "b" }, "10.0.0.2/24");
  await expectReachable(left, right);
});
