// The tables inside sandboxes: where names are asked for, and virtual addresses.

import { describe, expect, test } from "vitest";
import { addAddress, bindUdp, listen, openNamespace } from "../../../lib/index.ts";
import { redirectNames, spreadAddress, stopRedirecting } from "../../../lib/network/nat/sandbox.ts";
import { everything, listed, nft } from "../../support/nft.ts";
import { inside, type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import { at, curl, serving, withLab } from "./lab.ts";

const foreign = "table ip theirs { chain c { type nat hook output priority 0; }; }";

/** Answers UDP and TCP at two ports of 127.0.0.11 with different words. */
async function withNameServers(
  sandbox: Sandbox,
  test: (ports: { udp: number; tcp: number }) => Promise<void>,
): Promise<void> {
  const address = "127.0.0.11";
  const udp = await bindUdp(sandbox, { address, port: 0 });
  udp.on("message", (_, { address: to, port }) => udp.send("by udp", port, to));
  const tcp = await listen(sandbox, { host: address, port: 0 }, (socket) => {
    socket.on("error", () => undefined).resume();
    socket.end("by tcp");
  });
  try {
    const bound = tcp.address();
    if (bound === null || typeof bound === "string") throw new Error("no port");
    await test({ udp: udp.address().port, tcp: bound.port });
  } finally {
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
  }
}

/** What bash(1) hears from a port, "udp" or "tcp"; `undefined` if nobody is there. */
async function heard(sandbox: Sandbox, protocol: "udp" | "tcp", address: string, port: number) {
  const script = `exec 3<>/dev/${protocol}/${address}/${port}; echo >&3; head -c 6 <&3`;
  return await inside(sandbox, "timeout", "2", "bash", "-c", script).catch(() => undefined);
}

describe("redirectNames", () => {
  test("leads questions for names to the ports, and nothing else", () =>
    withSandboxes(1, async ([sandbox]) => {
      await addAddress(sandbox, { name: "lo" }, "127.0.0.11/8");
      await nft(sandbox, foreign);
      await withNameServers(sandbox, async (ports) => {
        expect(await heard(sandbox, "tcp", "127.0.0.11", 53)).toBeUndefined();
        await redirectNames(sandbox, ports);
        expect(await heard(sandbox, "udp", "127.0.0.11", 53)).toBe("by udp");
        expect(await heard(sandbox, "tcp", "127.0.0.11", 53)).toBe("by tcp");
        expect(await heard(sandbox, "tcp", "127.0.0.1", 53)).toBeUndefined();
        expect(await heard(sandbox, "tcp", "127.0.0.11", 54)).toBeUndefined();
      });
    }));

  test("leaves port 53 of other addresses to the sandbox", () =>
    withSandboxes(1, async ([sandbox]) => {
      await redirectNames(sandbox, { udp: 1, tcp: 1 });
      const own = await listen(sandbox, { host: "127.0.0.1", port: 53 }, (socket) => {
        socket.on("error", () => undefined).resume();
        socket.end("my own");
      });
      try {
        expect(await heard(sandbox, "tcp", "127.0.0.1", 53)).toBe("my own");
      } finally {
        await new Promise((resolve) => own.close(resolve));
      }
    }));

  test("forgets what was said before, and stops; twice is no harm", () =>
    withSandboxes(1, async ([sandbox]) => {
      await nft(sandbox, foreign);
      const before = await everything(sandbox);
      await redirectNames(sandbox, { udp: 1000, tcp: 1001 });
      await redirectNames(sandbox, { udp: 2000, tcp: 2001 });
      const text = await nft(sandbox, "list table ip vethwork-names");
      expect(text).toMatch(/udp dport 53 dnat (ip )?to 127\.0\.0\.11:2000/);
      expect(text).toMatch(/tcp dport 53 dnat (ip )?to 127\.0\.0\.11:2001/);
      expect(text).not.toMatch(/:100\d/);
      await stopRedirecting(sandbox);
      await stopRedirecting(sandbox);
      expect(await everything(sandbox)).toBe(before);
    }));
});

describe("spreadAddress", () => {
  const virtual = "10.99.0.1";
  const virtual6 = "fd99::1";

  /** Which servers answer so many connections to an address. */
  async function answers(from: Sandbox, address: string, count: number): Promise<string[]> {
    const all = new Set<string>();
    for (let n = 0; n < count; n += 1) all.add((await curl(from, address, 80))?.[0] ?? "nobody");
    return [...all].sort();
  }

  test("spreads connections over all holders, of IPv4 and of IPv6", () =>
    withLab(async ({ a, b, host }) => {
      await spreadAddress(host, virtual, [at.a.four, at.b.four]);
      await spreadAddress(host, virtual6, [at.a.six, at.b.six]);
      const serve = (test: () => Promise<void>) =>
        serving(a, 80, () => serving(b, 80, test, "b "), "a ");
      await serve(async () => {
        // All by one of two, as chance would have it once in 2 to the power of 39.
        expect(await answers(host, virtual, 40)).toEqual(["a", "b"]);
        expect(await answers(host, virtual6, 40)).toEqual(["a", "b"]);
        expect(await answers(host, at.a.four, 5)).toEqual(["a"]);
      });
    }));

  test("gives a sandbox the holders of its own network", () =>
    withLab(async ({ a, b }) => {
      await spreadAddress(a, virtual, [at.b.four]);
      await serving(b, 80, async () => {
        expect(await curl(a, virtual, 80)).toBe(at.a.four);
        expect(await curl(b, virtual, 80)).toBeUndefined();
      });
    }));

  test("may lead to the sandbox itself", () =>
    withLab(async ({ a }) => {
      await spreadAddress(a, virtual, [at.a.four]);
      await serving(a, 80, async () => expect(await curl(a, virtual, 80)).toBeDefined());
    }));

  test("changes holders in one step: connections with those who stay go on", () =>
    withLab(async ({ a, b, host }) => {
      await spreadAddress(host, virtual, [at.a.four]);
      const echo = await listen(a, { host: "0.0.0.0", port: 7 }, (socket) => {
        socket.on("error", () => undefined).pipe(socket);
      });
      try {
        const text = "printf one >&3; head -c 3 <&3; sleep 1; printf two >&3; head -c 3 <&3";
        const open = inside(host, "bash", "-c", `exec 3<>/dev/tcp/${virtual}/7; ${text}`);
        const states = () => inside(host, "ss", "-Htn", "state", "established");
        await expect.poll(states).toContain(`${virtual}:7`);
        await spreadAddress(host, virtual, [at.a.four, at.b.four]);
        await serving(
          b,
          80,
          () =>
            serving(a, 80, async () => {
              expect(await answers(host, virtual, 20)).toContain("b");
            }),
          "b ",
        );
        expect(await open).toBe("onetwo");
      } finally {
        await new Promise((resolve) => echo.close(resolve));
      }
    }));

  test("without holders is nobody's, twice is no harm, and others' tables stay", () =>
    withSandboxes(1, async ([sandbox]) => {
      await nft(sandbox, foreign);
      const before = await everything(sandbox);
      for (const address of [virtual, virtual6]) {
        await spreadAddress(sandbox, address, []);
        await spreadAddress(sandbox, address, [address === virtual ? at.a.four : at.a.six]);
      }
      expect(await listed(sandbox, "table")).toHaveLength(3);
      for (const address of [virtual, virtual6, virtual]) await spreadAddress(sandbox, address, []);
      expect(await everything(sandbox)).toBe(before);
    }));

  test("has a hundred holders in its map, each once", () =>
    withSandboxes(1, async ([sandbox]) => {
      const holders = Array.from({ length: 100 }, (_, n) => `10.98.0.${n + 1}`);
      await spreadAddress(sandbox, virtual, holders);
      const [map] = await listed(sandbox, "map");
      const values: [number, string][] = map.elem;
      expect(values.map(([, holder]) => holder).toSorted()).toEqual(holders.toSorted());
      expect(await nft(sandbox, "list ruleset")).toContain("numgen random mod 100");
    }));

  test("can be listed by nft, address by address", () =>
    withSandboxes(1, async ([sandbox]) => {
      await spreadAddress(sandbox, virtual6, [at.a.six]);
      const [{ family, name }] = await listed(sandbox, "table");
      expect(await nft(sandbox, `list table ${family} ${name}`)).toContain(at.a.six);
    }));
});

test("a sandbox that is closed refuses", async () => {
  const namespace = await openNamespace();
  await namespace.close();
  await expect(redirectNames(namespace, { udp: 1, tcp: 2 })).rejects.toThrow(/closed/);
  await expect(spreadAddress(namespace, "10.0.0.1", [])).rejects.toThrow(/closed/);
});
