// Datagram sockets inside a namespace, against ss and Node's own errors.

import dgram from "node:dgram";
import { once } from "node:events";
import { beforeAll, describe, expect, test } from "vitest";
import {
  bindUdp,
  listAddresses,
  type Namespace,
  openNamespace,
  setLink,
  waitForAddress,
  waitForLink,
} from "../../lib/index.ts";
import { expectReachable } from "../../lib/testing/reachability.ts";
import { withRouter } from "../support/routed.ts";
import { inside, outOfRange, refusalOf, withSandboxes, wrongType } from "../support/sandbox.ts";

beforeAll(async () => {
  // Where Node's own sockets are, which ours are compared with.
  await using home = await openNamespace();
  await setLink(home, { name: "lo" }, { up: true });
});

/** The link-local address of a link, once it may be used. */
async function linkLocalOf(namespace: Namespace, name: string): Promise<string> {
  const ready = { timeoutMs: 5000 };
  for (;;) {
    const link = await waitForLink(namespace, { name }, { up: true }, ready);
    const addresses = await listAddresses(namespace, { link, family: "inet6" });
    const local = addresses.find(({ scope }) => scope === "link");
    const [address = ""] = local?.address.split("/") ?? [];
    if (address === "") continue;
    await waitForAddress(namespace, link, address, ready);
    return address;
  }
}

describe("datagram sockets", () => {
  test.each([
    ["IPv4", "0.0.0.0", "10.2.0.2", "10.1.0.2"],
    ["IPv6", "::", "fd02::2", "fd01::2"],
  ])("echo by %s through a router", (_, any, to, from) =>
    withRouter(async ({ left, right }) => {
      const server = await bindUdp(right, { port: 7, address: any });
      server.on("message", (message, { port, address }) => server.send(message, port, address));
      const client = await bindUdp(left, { address: any });
      const answered = once(client, "message");
      client.send("echo", 7, to);
      const [message, sender] = await answered;
      expect(String(message)).toBe("echo");
      expect(sender).toMatchObject({ address: to, port: 7 });
      expect(await inside(right, "ss", "-Hlun", "sport", "=", "7")).toContain(":7");
      expect(client.address().port).toBeGreaterThan(0);
      expect(from).toBeTruthy();
      server.close();
      client.close();
    }),
  );

  test("survive datagrams from link-local addresses, and hear the next one", () =>
    withRouter(async ({ left, router }) => {
      const server = await bindUdp(router, { port: 7, address: "::" });
      const heard = once(server, "message");
      await expectReachable(left, "fd01::1", { timeoutMs: 5000 });
      const own = await linkLocalOf(left, "eth0");
      const local = await bindUdp(left, { address: `${own}%eth0` });
      const client = await bindUdp(left, { address: "::" });
      local.send("from a link-local address", 7, await linkLocalOf(router, "side1"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      client.send("from another", 7, "fd01::1");
      expect(String((await heard)[0])).toBe("from another");
      for (const socket of [server, local, client]) socket.close();
    }));

  test("fail as Node's own do", () =>
    withSandboxes(1, async ([sandbox]) => {
      const held = await bindUdp(sandbox, { port: 4713, address: "127.0.0.1" });
      const own = dgram.createSocket("udp4").bind(4713, "127.0.0.1");
      await once(own, "listening");
      for (const address of ["127.0.0.1", "192.0.2.1"]) {
        const socket = dgram.createSocket("udp4").bind(4713, address);
        const [theirs] = await once(socket, "error");
        socket.close();
        const ours = await bindUdp(sandbox, { port: 4713, address }).catch((error) => error);
        expect({ message: ours.message, ...ours }).toEqual({ message: theirs.message, ...theirs });
      }
      held.close();
      own.close();
    }));

  test("share a port if they are told to, and close by their signal", () =>
    withSandboxes(1, async ([sandbox]) => {
      const control = new AbortController();
      const options = { port: 53, reusePort: true, signal: control.signal };
      const sockets = [await bindUdp(sandbox, options), await bindUdp(sandbox, options)];
      const closed = sockets.map((socket) => once(socket, "close"));
      control.abort();
      await Promise.all(closed);
      expect(await inside(sandbox, "ss", "-Hlun")).toBe("");
    }));

  test.each([
    ["a port above", { port: 65536 }, outOfRange("port")],
    ["an address that is none", { address: "here" }, outOfRange("address")],
    ["an address of a number", { address: 1 }, wrongType("address")],
    ["a flag that is none", { reusePort: 1 }, wrongType("reusePort")],
    ["a size below", { receiveBufferSize: 0 }, outOfRange("receiveBufferSize")],
    ["an unknown option", { colour: 1 }, wrongType("colour")],
  ])("are refused %s", async (_, options, refusal) => {
    await withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(bindUdp(sandbox, options as never))).toEqual(refusal);
    });
  });

  test("are refused what is no namespace", async () => {
    expect(await refusalOf(bindUdp({} as Namespace))).toEqual(wrongType("namespace"));
  });
});
