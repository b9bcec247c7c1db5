// Whatever happens, in whatever order: in the end the view is what fresh lists say.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { type WatchOptions, watch } from "../../lib/index.ts";
import { type Sandbox, withSandboxes } from "../support/sandbox.ts";
import { View } from "../support/view.ts";

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const links = ["v0", "v1", "v2", "v3", "w0", "w1", "w2", "w3", "br0", "br1", "x0"];

/**
 * What `ip` can be told to do. LINK is a link's name, A, B and C are small numbers, AWAY another
 * namespace, ON is on or off. Most of it fails most of the time, which is fine.
 */
const commands = [
  "link add name vA type veth peer name wA",
  "link add name vA type veth peer name wA",
  "link add name vA type veth peer name wA netns AWAY",
  "link add name br0 type bridge",
  "link add name br1 type bridge stp_state 1",
  "link add name x0 link LINK type macvlan mode bridge",
  "link del dev LINK",
  "link set dev LINK up",
  "link set dev LINK up",
  "link set dev LINK up",
  "link set dev LINK down",
  "link set dev LINK mtu 130A",
  "link set dev LINK address 02:00:00:00:0A:0B",
  "link set dev LINK alias alias-A",
  "link set dev LINK master br0",
  "link set dev LINK master br1",
  "link set dev LINK nomaster",
  "link set dev LINK name vA",
  "link set dev LINK netns AWAY",
  "link property add dev LINK altname other-A",
  "link property del dev LINK altname other-A",
  "link set dev LINK type bridge_slave hairpin ON",
  "link set dev LINK type bridge_slave state A",
  "address add 10.A.B.C/24 dev LINK",
  "address add 10.A.B.C/24 dev LINK",
  "address add 10.A.B.C/8 dev LINK",
  "address add fd00:A::C/64 dev LINK",
  "address add fd00:A::C/64 dev LINK nodad",
  "address del 10.A.B.C/24 dev LINK",
  "address del fd00:A::C/64 dev LINK",
  "address replace 10.A.B.C/24 dev LINK metric B",
  "address flush dev LINK",
  "route add 172.16.A.0/24 dev LINK",
  "route add 172.16.A.0/24 via 10.A.B.9",
  "route append 172.16.A.0/24 via 10.A.B.8",
  "route replace 172.16.A.0/24 dev LINK",
  "route change 172.16.A.0/24 dev LINK mtu 1200",
  "route del 172.16.A.0/24",
  "route add 172.17.A.0/24 nexthop dev v0 nexthop dev v1",
  "route add 172.18.A.0/24 dev LINK src 10.A.B.C",
  "route add blackhole 172.19.A.0/24 table 10A",
  "route flush table 10A",
  "route add fd01:A::/64 via fd00:A::9 dev LINK",
  "route append fd01:A::/64 via fd00:B::9 dev LINK",
  "route replace fd01:A::/64 via fd00:B::8 dev LINK",
  "route del fd01:A::/64",
  "route del fd01:A::/64 via fd00:B::9",
  "route add fd02:A::/64 dev LINK",
  "route replace fd02:A::/64 dev LINK",
  "route add fd03:A::/64 nexthop via fd00:A::9 dev v0 nexthop via fd00:B::8 dev v1",
  "route add fd04:A::/64 dev LINK src fd00:A::C",
  "nexthop add id 1A dev LINK",
  "nexthop replace id 1A dev LINK",
  "nexthop del id 1A",
  "route add 172.20.A.0/24 nhid 1B",
  "route add fd05:A::/64 nhid 1B",
  "rule add from 10.A.0.0/16 table 10B priority 100A",
  "rule del priority 100A",
  "rule add iif LINK table 100 priority 110A",
  "rule del priority 110A",
  "rule add from 10.9.0.0/16 goto 100A priority 900",
  "rule del priority 900",
  "rule add to fd00::/16 table 100 priority 100A",
  "neighbour add 10.A.0.7 lladdr 02:00:00:00:00:07 dev LINK",
  "neighbour replace 10.A.0.7 lladdr 02:00:00:00:00:08 nud stale dev LINK",
  "neighbour replace 10.A.0.6 nud noarp dev LINK",
  "neighbour del 10.A.0.7 dev LINK",
  "neighbour flush dev LINK",
  "neighbour replace fd00:A::7 lladdr 02:00:00:00:00:09 nud reachable dev LINK",
];

function randomCommand(random: (below: number) => number, away: string): string {
  const values: Readonly<Record<string, string>> = {
    LINK: links[random(links.length)] ?? "",
    AWAY: away,
    ON: random(2) === 0 ? "on" : "off",
    A: String(random(4)),
    B: String(random(4)),
    C: String(1 + random(5)),
  };
  const command = commands[random(commands.length)] ?? "";
  // Within words of capitals only; "A" in "10A" counts.
  return command.replace(/LINK|AWAY|ON|A|B|C/g, (name) => values[name] ?? name);
}

/** A batch ends where `ip` does not understand, so they are small. */
async function act(sandbox: Sandbox, some: readonly string[]): Promise<void> {
  const actor = execFile("ip", ["-n", sandbox.name, "-force", "-batch", "-"]);
  actor.stdin?.on("error", () => undefined);
  actor.stdin?.end(`${some.join("\n")}\n`);
  await once(actor, "exit");
}

const nouns = ["link", "address", "route", "neighbour", "rule"] as const;
const everything = {
  links: true,
  addresses: true,
  routes: { table: "all" },
  neighbours: true,
  rules: true,
} as const satisfies WatchOptions;

// Others are tried by VETHWORK_SEEDS="5 6 7".
const seeds = (process.env.VETHWORK_SEEDS ?? "").match(/\d+/g) ?? [];
const cases: [number, WatchOptions][] = [
  ...seeds.map((seed): [number, WatchOptions] => [Number(seed), { snapshot: true }]),
  [1, { snapshot: true }],
  [2, { snapshot: true }],
  [3, { snapshot: true }],
  [4, { snapshot: true, receiveBuffer: 1 }],
];

test.each(cases)("seed %i, %o", { timeout: 120_000 }, (seed, options) =>
  withSandboxes(2, async ([sandbox, other]) => {
    const random = randomNumbers(seed);
    await using watcher = watch(sandbox, { ...everything, ...options });
    const view = new View(watcher);
    await watcher.ready();
    for (let round = 0; round < 6; round += 1) {
      for (let batch = 0; batch < 30; batch += 1) {
        const some = Array.from({ length: 8 }, () => randomCommand(random, other.name));
        await act(sandbox, some);
        if (random(4) === 0) await setTimeout(random(40));
      }
      await view.agrees(sandbox, nouns);
    }
    expect(view.events.length).toBeGreaterThan(300);
  }),
);
