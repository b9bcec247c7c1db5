// Counters by name, against real packets and `ip -s`.

import { expect, test } from "vitest";
import { addAddress, type Counters, getCounters, listCounters } from "../../lib/index.ts";
import {
  inside,
  ip,
  join,
  outOfRange,
  refusalOf,
  type Sandbox,
  withPair,
  withSandboxes,
} from "../support/sandbox.ts";

/** Our names of the counters that `ip` shows, by its own, of which `stats64` has two halves. */
const names = {
  rx: {
    packets: "rxPackets",
    bytes: "rxBytes",
    errors: "rxErrors",
    dropped: "rxDropped",
    multicast: "multicast",
    length_errors: "rxLengthErrors",
    over_errors: "rxOverErrors",
    crc_errors: "rxCrcErrors",
    frame_errors: "rxFrameErrors",
    fifo_errors: "rxFifoErrors",
    missed_errors: "rxMissedErrors",
    nohandler: "rxNohandler",
  },
  tx: {
    packets: "txPackets",
    bytes: "txBytes",
    errors: "txErrors",
    dropped: "txDropped",
    collisions: "collisions",
    aborted_errors: "txAbortedErrors",
    carrier_errors: "txCarrierErrors",
    fifo_errors: "txFifoErrors",
    heartbeat_errors: "txHeartbeatErrors",
    window_errors: "txWindowErrors",
  },
} as const;

/** What `ip -s -s` says of a link's counters, by our names. */
async function shown(sandbox: Sandbox, link: string): Promise<Record<string, bigint>> {
  const [{ stats64 }] = await ip(sandbox, "-s", "-s", "link", "show", "dev", link);
  const halves = ["rx", "tx"] as const;
  return Object.fromEntries(
    halves.flatMap((half) =>
      Object.entries(names[half])
        .filter(([word]) => word in stats64[half])
        .map(([word, name]) => [name, BigInt(stats64[half][word])]),
    ),
  );
}

/** Two sandboxes, 10.0.0.1 on eth0 and 10.0.0.2 on far0, where nothing is sent unasked. */
async function withQuietEnds(
  work: (left: Sandbox, right: Sandbox) => Promise<void>,
): Promise<void> {
  await withSandboxes(
    2,
    async ([left, right]) => {
      const [near, far] = await join(left, right);
      await addAddress(left, near, "10.0.0.1/24");
      await addAddress(right, far, "10.0.0.2/24");
      await work(left, right);
    },
    { ipv6: false },
  );
}

test("each ping is a packet and its bytes, there and back, at both ends", () =>
  withQuietEnds(async (left, right) => {
    await inside(left, "ping", "-n", "-c", "1", "10.0.0.2"); // and the ARP that goes before
    const before = await getCounters(left, { name: "eth0" });
    await inside(left, "ping", "-n", "-f", "-c", "100", "-s", "56", "10.0.0.2");
    const near = await getCounters(left, { name: "eth0" });
    const far = await getCounters(right, { name: "far0" });

    const frame = 14n + 20n + 8n + 56n; // Ethernet, IPv4, ICMP, payload
    expect(near.txPackets - before.txPackets).toBe(100n);
    expect(near.rxPackets - before.rxPackets).toBe(100n);
    expect(near.txBytes - before.txBytes).toBe(100n * frame);
    expect(near.rxBytes - before.rxBytes).toBe(100n * frame);
    expect([far.rxPackets, far.rxBytes]).toEqual([near.txPackets, near.txBytes]);
    expect([far.txPackets, far.txBytes]).toEqual([near.rxPackets, near.rxBytes]);
    expect(near).toMatchObject(await shown(left, "eth0"));
    expect(far).toMatchObject(await shown(right, "far0"));
  }));

test("a packet that finds nobody is counted as dropped", () =>
  withQuietEnds(async (left, right) => {
    await ip(right, "link", "set", "far0", "down");
    const before = await getCounters(left, { name: "eth0" });
    await ip(left, ..."neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0".split(" "));
    await inside(left, "ping", "-n", "-c", "1", "-W", "0.1", "10.0.0.2").catch(() => undefined);

    const after = await getCounters(left, { name: "eth0" });
    expect(after).toMatchObject(await shown(left, "eth0"));
    expect(after.txPackets).toBe(before.txPackets);
  }));

test("there are 25 counters of 64 bits, and the link's index", () =>
  withPair(async (sandbox, near) => {
    const { index, ...counters } = await getCounters(sandbox, near);
    expect(index).toBe(near.index);
    const values = Object.values(counters);
    expect(values).toHaveLength(25);
    expect(values.every((value) => typeof value === "bigint")).toBe(true);
  }));

test("a list has every link, each with what it has alone", () =>
  withQuietEnds(async (left) => {
    await inside(left, "ping", "-n", "-f", "-c", "10", "127.0.0.1");
    await inside(left, "ping", "-n", "-f", "-c", "10", "10.0.0.2");

    const list = await listCounters(left);
    const each: Counters[] = [];
    for (const { ifindex } of await ip(left, "link")) each.push(await getCounters(left, ifindex));
    expect(list).toEqual(each);
    expect(list.length).toBeGreaterThanOrEqual(2);
    expect(list.find(({ index }) => index === 1)).toMatchObject(await shown(left, "lo"));
    expect(list.find(({ index }) => index === 1)?.rxPackets).toBe(20n);
  }));

test("a link that there is not is refused", () =>
  withPair(async (sandbox) => {
    const named = await refusalOf(getCounters(sandbox, { name: "absent" }));
    expect(named).toEqual({ code: "ENODEV", field: "link" });
    expect(await refusalOf(getCounters(sandbox, 999))).toMatchObject({ code: "ENODEV" });
    expect(await refusalOf(getCounters(sandbox, -1))).toEqual(outOfRange("link"));
    expect(await refusalOf(getCounters(sandbox, 1.5))).toEqual(outOfRange("link"));
    expect(await refusalOf(getCounters(sandbox, 2 ** 53))).toEqual(outOfRange("link"));
  }));
