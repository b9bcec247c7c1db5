// Who reaches whom, by real packets.

import { once } from "node:events";
import { type AddressInfo, isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import { connect } from "../inside/connect.ts";
import { listen } from "../inside/listen.ts";
import { ping } from "../inside/ping.ts";
import { bindUdp } from "../inside/udp.ts";
import { listAddresses } from "../rtnl/address.ts";
import { Namespace } from "../rtnl/namespace.ts";
import { getRoute } from "../rtnl/route.ts";

/** How somebody is to be reached. */
export interface ReachOptions {
  /** Default: `"icmp"`, an echo. */
  readonly protocol?: "icmp" | "tcp" | "udp";
  /**
   * The port, for `tcp` and `udp`. Default: one that this function serves itself in the namespace
   * that is to be reached.
   */
  readonly port?: number;
  /** The address of the namespace that is to be reached. Default: its first one that is global. */
  readonly address?: string;
  /**
   * Milliseconds in which it is tried again and again. Default: 5000 for what is to be reached, since
   * the kernel may take a second until a new link has its carrier; 1000 for what is not.
   */
  readonly timeoutMs?: number;
}

/** A namespace, or an address. */
export type Target = Namespace | string;

interface Aim {
  readonly address: string;
  readonly namespace: Namespace | undefined;
  readonly protocol: "icmp" | "tcp" | "udp";
  readonly port: number | undefined;
  readonly timeoutMs: number;
}

async function aimAt(target: Target, options: ReachOptions, usualMs: number): Promise<Aim> {
  refuseUnknown("options", options, ["protocol", "port", "address", "timeoutMs"]);
  const { protocol = "icmp", port, timeoutMs = usualMs } = options;
  if (!["icmp", "tcp", "udp"].includes(protocol)) {
    throw invalidArgument("range", "protocol", 'must be one of "icmp", "tcp", "udp"');
  }
  if (target instanceof Namespace) {
    const address = options.address ?? (await addressOf(target));
    return { address, namespace: target, protocol, port, timeoutMs };
  }
  if (typeof target !== "string" || isIP(target) === 0) {
    throw invalidArgument("type", "to", "must be a Namespace or an IP address");
  }
  if (protocol !== "icmp" && port === undefined) {
    throw invalidArgument("type", "port", "is needed where the target is an address");
  }
  return { address: target, namespace: undefined, protocol, port, timeoutMs };
}

async function addressOf(namespace: Namespace): Promise<string> {
  const addresses = await listAddresses(namespace);
  const found = addresses.find(({ scope }) => scope === "global");
  if (found === undefined) {
    throw invalidArgument("range", "to", "has no address that could be reached");
  }
  return found.address.split("/")[0] ?? found.address;
}

/** Echoes what comes, in the target, unless something serves there already. */
async function serveTcp({ namespace, port, address }: Aim) {
  if (namespace === undefined || port !== undefined) return { port: port ?? 0, close: () => {} };
  const server = await listen(namespace, { port: 0, host: address }, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  const bound = server.address() as AddressInfo;
  return { port: bound.port, close: () => server.close() };
}

async function tryTcp(from: Namespace, aim: Aim): Promise<void> {
  const served = await serveTcp(aim);
  try {
    const signal = AbortSignal.timeout(aim.timeoutMs);
    const socket = await connect(from, { port: served.port, host: aim.address, signal });
    try {
      // Where others serve, a connection is all that can be asked for.
      if (aim.port === undefined) {
        const echoed = once(socket, "data", { signal });
        socket.write("vethwork");
        await echoed;
      }
    } finally {
      socket.destroy();
    }
  } finally {
    served.close();
  }
}

async function tryUdp(from: Namespace, aim: Aim): Promise<void> {
  const { namespace, address, timeoutMs } = aim;
  const any = address.includes(":") ? "::" : "0.0.0.0";
  const own = namespace !== undefined && aim.port === undefined;
  const server = own ? await bindUdp(namespace, { address }) : undefined;
  server?.on("message", (message, sender) => server.send(message, sender.port, sender.address));
  const client = await bindUdp(from, { address: any });
  try {
    const echoed = once(client, "message", { signal: AbortSignal.timeout(timeoutMs) });
    client.send("vethwork", aim.port ?? server?.address().port ?? 0, address);
    await echoed;
  } finally {
    client.close();
    server?.close();
  }
}

async function attempt(from: Namespace, aim: Aim): Promise<void> {
  if (aim.protocol === "tcp") return await tryTcp(from, aim);
  if (aim.protocol === "udp") return await tryUdp(from, aim);
  await ping(from, aim.address, { timeoutMs: aim.timeoutMs });
}

/** How long one attempt may take: the first packet can be lost while a neighbour is looked for. */
const attemptMs = 500;
const pauseMs = 20;

/** Attempts until one succeeds, the time is over, or the answer is definite. */
async function reach(from: Namespace, aim: Aim): Promise<void> {
  const deadline = performance.now() + aim.timeoutMs;
  for (;;) {
    const left = deadline - performance.now();
    try {
      return await attempt(from, { ...aim, timeoutMs: Math.max(1, Math.min(attemptMs, left)) });
    } catch (error) {
      const refused = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
      if (refused || performance.now() + pauseMs >= deadline) throw error;
    }
    await sleep(pauseMs);
  }
}

/** What the kernel would do with a packet to there, for the message of a failed expectation. */
async function wayTo(from: Namespace, address: string): Promise<string> {
  try {
    const { device, via = "the link itself", source } = await getRoute(from, address);
    return `the route there leads via ${via} by link ${device}, from ${source}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Expects that `from` reaches `to`: by an ICMP echo, a TCP connection that echoes, or a UDP datagram
 * that comes back.
 *
 * @throws {Error} if not, with what was tried, what went wrong, and which way the kernel would send.
 * @throws {RangeError | TypeError} if an argument is bad.
 */
export async function expectReachable(
  from: Namespace,
  to: Target,
  options: ReachOptions = {},
): Promise<void> {
  const aim = await aimAt(to, options, 5000);
  try {
    await reach(from, aim);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const way = await wayTo(from, aim.address);
    throw new Error(`${aim.address} was not reached by ${aim.protocol}: ${reason}; ${way}`, {
      cause,
    });
  }
}

/**
 * Expects that `from` does not reach `to`, for as long as `timeoutMs`.
 *
 * @throws {Error} if it does.
 * @throws {RangeError | TypeError} if an argument is bad.
 */
export async function expectUnreachable(
  from: Namespace,
  to: Target,
  options: ReachOptions = {},
): Promise<void> {
  const aim = await aimAt(to, options, 1000);
  try {
    await reach(from, aim);
  } catch {
    return;
  }
  throw new Error(
    `${aim.address} was reached by ${aim.protocol}; ${await wayTo(from, aim.address)}`,
  );
}
