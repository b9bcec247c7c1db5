// Servers and clients for the tests of networks: who is reached, and from where it looks.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bindUdp, listen } from "../../lib/index.ts";
import type { Sandbox } from "../support/sandbox.ts";

const run = promisify(execFile);

/** The addresses of host and world on the link between them. The world has no route to networks. */
export const lan = {
  host: "198.51.100.2",
  world: "198.51.100.1",
  host6: "2001:db8:1::2",
  world6: "2001:db8:1::1",
} as const;

/** What the server says to curl(1); `undefined` if nothing within a second and a half. */
export async function curl(
  from: Sandbox,
  address: string,
  port: number,
): Promise<string | undefined> {
  const where = address.includes(":") ? `[${address}]` : address;
  const args = ["-sS", "-g", "--max-time", "1.5", "--noproxy", "*", `http://${where}:${port}/`];
  try {
    return (await run("ip", ["netns", "exec", from.name, "curl", ...args])).stdout;
  } catch {
    return undefined;
  }
}

/** Serves HTTP while a test runs; the body says which server it is, and the client's address. */
export async function serving(
  sandbox: Sandbox,
  port: number,
  test: () => Promise<void>,
  greeting = "",
): Promise<void> {
  const server = await listen(sandbox, { host: "::", port }, (socket) => {
    socket.on("error", () => undefined).resume();
    socket.end(`HTTP/1.0 200 OK\r\n\r\n${greeting}${socket.remoteAddress?.replace("::ffff:", "")}`);
  });
  try {
    await test();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers each datagram with the sender's address while a test runs. */
export async function echoing(
  sandbox: Sandbox,
  port: number,
  test: () => Promise<void>,
): Promise<void> {
  const socket = await bindUdp(sandbox, { address: "0.0.0.0", port });
  socket.on("message", (_, { address, port: from }) => socket.send(address, from, address));
  try {
    await test();
  } finally {
    socket.close();
  }
}

/** Sends a datagram and gives who answered with what; `undefined` if nobody does in ten seconds. */
export async function asked(
  from: Sandbox,
  address: string,
  port: number,
  fromPort = 0,
): Promise<string | undefined> {
  const socket = await bindUdp(from, { address: "0.0.0.0", port: fromPort });
  try {
    const answer = new Promise<string | undefined>((resolve) => {
      socket.on("message", (data, rinfo) => resolve(`${rinfo.address} ${data}`));
      socket.on("error", () => resolve(undefined));
      setTimeout(resolve, 10_000, undefined).unref();
    });
    // Datagrams may be lost.
    const again = setInterval(() => socket.send("hello", port, address), 250);
    socket.send("hello", port, address);
    return await answer.finally(() => clearInterval(again));
  } finally {
    socket.close();
  }
}
