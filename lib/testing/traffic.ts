// An exact amount of traffic, for tests of counters.

import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import { bindUdp } from "../inside/udp.ts";
import type { Namespace } from "../rtnl/namespace.ts";

/** How much is sent. */
export interface TrafficOptions {
  /** How many datagrams. Default: 1. */
  readonly packets?: number;
  /** Bytes of payload in each, 1 to 65507. Default: 100. A link counts headers as well. */
  readonly bytes?: number;
}

/** What was sent, and what of it came. */
export interface Traffic {
  readonly packets: number;
  /** Bytes of payload that were sent. */
  readonly bytes: number;
  readonly received: number;
}

function count(property: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw invalidArgument("range", property, `must be an integer from 1 to ${most}`);
  }
  return value;
}

/** Few at a time, so that no queue on the way overflows. */
const burst = 50;
/** How long the last datagrams are waited for. */
const patienceMs = 1000;

/**
 * Sends UDP datagrams from one namespace to an address of another, and counts what comes.
 *
 * @throws {RangeError | TypeError} if an argument is bad.
 */
export async function sendTraffic(
  from: Namespace,
  to: Namespace,
  address: string,
  options: TrafficOptions = {},
): Promise<Traffic> {
  refuseUnknown("options", options, ["packets", "bytes"]);
  const packets = count("packets", options.packets ?? 1, 1_000_000);
  const bytes = count("bytes", options.bytes ?? 100, 65_507);
  if (isIP(address) === 0) throw invalidArgument("range", "address", "must be an IP address");
  const sink = await bindUdp(to, { address, receiveBufferSize: 4 * 1024 * 1024 });
  const source = await bindUdp(from, { address: address.includes(":") ? "::" : "0.0.0.0" });
  let received = 0;
  sink.on("message", () => {
    received += 1;
  });
  try {
    const payload = Buffer.alloc(bytes);
    const { port } = sink.address();
    for (let sent = 0; sent < packets; sent += 1) {
      await new Promise<void>((resolve, reject) => {
        source.send(payload, port, address, (error) => (error ? reject(error) : resolve()));
      });
      if (sent % burst === burst - 1) await sleep(1);
    }
    const deadline = performance.now() + patienceMs;
    while (received < packets && performance.now() < deadline) await sleep(2);
    return { packets, bytes: packets * bytes, received };
  } finally {
    source.close();
    sink.close();
  }
}
