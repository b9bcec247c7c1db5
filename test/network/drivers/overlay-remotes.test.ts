// What a part of an overlay knows of other hosts: what it was told, and nothing besides.

import { describe, expect, test } from "vitest";
import type { Remote } from "../../../lib/network/drivers/driver.ts";
import { bridge, inside, ip } from "../../support/sandbox.ts";
import {
  across,
  endpointOf,
  hostAddress,
  hostsKnown,
  macsKnown,
  type Part,
  remoteOf,
  withHosts,
} from "./overlay-lab.ts";

const [hostTwo, hostThree] = [hostAddress(2), hostAddress(3)];

/** What has to be known of remotes, as the witnesses say it. */
function told(remotes: readonly Remote[]) {
  return {
    hosts: remotes.map(({ mac, host }) => `${mac} ${host} permanent`).sort(),
    macs: remotes
      .flatMap(({ mac, addresses }) => addresses.map((one) => `${one} ${mac} PERMANENT`))
      .sort(),
  };
}

async function known(part: Part) {
  return { hosts: await hostsKnown(part), macs: await macsKnown(part) };
}

const set = (part: Part, remotes: readonly Remote[]) =>
  across.setRemotes(part.host, part.network, remotes);

const change = (part: Part, come: readonly Remote[], gone: readonly Remote[]) =>
  across.changeRemotes(part.host, part.network, { come, gone });

const look = (part: Part, remotes: readonly Remote[]) =>
  across.inspectRemotes(part.host, part.network, remotes);

/** Says something to the kernel about the VXLAN, behind the driver's back. */
async function meddle({ room }: Part, command: string): Promise<void> {
  const [program = "", ...args] = command.split(" ");
  await inside(room, program, ...args);
}

/** Runs a test with one part of a network. */
const withPart = (work: (part: Part) => Promise<void>) =>
  withHosts(async ({ plan, part }) => work(await part(await plan("net"), 1)));

describe("what an overlay knows of other hosts", () => {
  test("is what it was told last", () =>
    withPart(async (part) => {
      const first = [remoteOf(2, hostTwo), remoteOf(3, hostTwo), remoteOf(4, hostThree)];
      await set(part, first);
      expect(await known(part)).toEqual(told(first));
      await set(part, first);
      expect(await known(part)).toEqual(told(first));
      const then = [remoteOf(3, hostThree), remoteOf(5, hostTwo)];
      await set(part, then);
      expect(await known(part)).toEqual(told(then));
      await set(part, []);
      expect(await known(part)).toEqual(told([]));
    }));

  test("is not of endpoints of its own host, nor twice of one", () =>
    withPart(async (part) => {
      const remotes = [remoteOf(1, hostAddress(1)), remoteOf(2, hostThree), remoteOf(2, hostTwo)];
      await set(part, remotes);
      expect(await known(part)).toEqual(told([remoteOf(2, hostTwo)]));
      await change(part, remotes, []);
      expect(await known(part)).toEqual(told([remoteOf(2, hostTwo)]));
    }));

  test("is in the kernel's form, however it was written", () =>
    withPart(async (part) => {
      const { mac } = endpointOf(10);
      const written = {
        ...{ id: "e", host: hostTwo, addresses: ["fd00:9:0:0::A"], mac: mac.toUpperCase() },
      };
      await set(part, [written]);
      const kernels = { ...written, addresses: ["fd00:9::a"], mac };
      expect(await known(part)).toEqual(told([kernels]));
      expect(await look(part, [written])).toEqual([]);
      await change(part, [], [written]);
      expect(await known(part)).toEqual(told([]));
    }));

  test("changes with what comes and goes, and only so far", () =>
    withPart(async (part) => {
      const [two, three] = [remoteOf(2, hostTwo), remoteOf(3, hostTwo)];
      await change(part, [two, three], []);
      expect(await known(part)).toEqual(told([two, three]));
      await change(part, [two], [three]);
      await change(part, [], [three]);
      expect(await known(part)).toEqual(told([two]));
      const moved = remoteOf(2, hostThree);
      await change(part, [moved], [two]);
      expect(await known(part)).toEqual(told([moved]));
      // Heard late.
      await change(part, [], [two]);
      expect(await known(part)).toEqual(told([moved]));
      // Another endpoint has the address by now.
      const heir = { ...moved, mac: "02:00:00:00:00:99", host: hostTwo };
      await change(part, [heir], []);
      await change(part, [], [moved]);
      expect(await known(part)).toEqual(told([heir]));
    }));

  test("holds three thousand endpoints, more than neighbour tables hold otherwise", () =>
    withPart(async (part) => {
      const remotes = Array.from({ length: 3000 }, (_, n) => {
        const [high, low] = [n >> 8, n & 255];
        const pair = [high, low].map((byte) => byte.toString(16).padStart(2, "0"));
        return {
          ...{ id: `endpoint ${n}`, host: n % 2 === 0 ? hostTwo : hostThree },
          addresses: [`10.10.${high}.${low}`, `fd00:10::${(n + 1).toString(16)}`],
          mac: `02:42:0a:0a:${pair.join(":")}`,
        };
      });
      await set(part, remotes);
      expect(await known(part)).toEqual(told(remotes));
      expect(await look(part, remotes)).toEqual([]);
      await set(part, remotes.slice(1000));
      expect(await known(part)).toEqual(told(remotes.slice(1000)));
      await change(part, remotes.slice(0, 1000), remotes.slice(2000));
      expect(await known(part)).toEqual(told(remotes.slice(0, 2000)));
    }));
});

describe("what an overlay knows amiss of other hosts", () => {
  const [two, three] = [remoteOf(2, hostTwo), remoteOf(3, hostThree)];
  const { ip: address, mac } = endpointOf(2);
  const fdb = (verb: string, rest: string) => `bridge fdb ${verb} ${rest} dev vxlan0 self`;
  const neigh = (verb: string, rest: string) => `ip neigh ${verb} ${rest} dev vxlan0`;
  const stranger = "02:00:00:00:00:aa";
  const cases = [
    { name: "an entry is gone", commands: [fdb("del", mac)], problems: [mac] },
    {
      ...{ name: "a neighbour is gone", problems: [address] },
      commands: [neigh("del", address)],
    },
    {
      ...{ name: "an entry leads to another host", problems: [mac] },
      commands: [fdb("replace", `${mac} dst ${hostThree}`)],
    },
    {
      ...{ name: "an entry leads to another port", problems: [mac] },
      commands: [fdb("del", mac), fdb("add", `${mac} dst ${hostTwo} port 4790`)],
    },
    {
      ...{ name: "an entry leads to another network", problems: [mac] },
      commands: [fdb("del", mac), fdb("add", `${mac} dst ${hostTwo} vni 77`)],
    },
    {
      ...{ name: "an entry may be forgotten", problems: [mac] },
      commands: [fdb("del", mac), `${fdb("add", `${mac} dst ${hostTwo}`)} dynamic`],
    },
    {
      ...{ name: "a neighbour has another MAC address", problems: [address] },
      commands: [neigh("replace", `${address} lladdr ${stranger} nud permanent`)],
    },
    {
      ...{ name: "a neighbour may be forgotten", problems: [address] },
      commands: [neigh("replace", `${address} lladdr ${mac} nud reachable`)],
    },
    {
      ...{ name: "there is an entry of somebody else", problems: [stranger] },
      commands: [fdb("add", `${stranger} dst ${hostTwo}`)],
    },
    {
      ...{ name: "what is for nobody is flooded to hosts", problems: ["00:00:00:00:00:00"] },
      commands: [hostTwo, hostThree].map((host) => fdb("append", `00:00:00:00:00:00 dst ${host}`)),
    },
    {
      ...{ name: "there is a neighbour of somebody else", problems: ["10.9.0.77"] },
      commands: [neigh("add", `10.9.0.77 lladdr ${stranger} nud noarp`)],
    },
    {
      ...{ name: "the VXLAN was down for a while", problems: [address] },
      commands: ["ip link set vxlan0 down", "ip link set vxlan0 up"],
    },
  ];

  test.each(cases)("is found and mended: $name", ({ commands, problems }) =>
    withPart(async (part) => {
      const remotes = [two, three];
      await set(part, remotes);
      expect(await look(part, remotes)).toEqual([]);
      for (const command of commands) await meddle(part, command);
      expect(await known(part)).not.toEqual(told(remotes));
      const [finding, ...more] = await look(part, remotes);
      expect(more).toEqual([]);
      expect(finding?.subject).toBe('network "net"');
      for (const problem of problems) expect(finding?.problem).toContain(problem);
      await finding?.repair();
      expect(await known(part)).toEqual(told(remotes));
      expect(await look(part, remotes)).toEqual([]);
    }),
  );

  test("is found and mended: an entry leads to a group of next hops, which no other replaces", () =>
    withPart(async (part) => {
      await set(part, [two]);
      const onHost = (command: string) => inside(part.host, "ip", ...command.split(" "));
      await onHost(`nexthop add id 1 via ${hostThree} fdb`);
      await onHost("nexthop add id 2 group 1 fdb");
      await meddle(part, fdb("del", mac));
      await meddle(part, `bridge fdb add ${mac} dev vxlan0 nhid 2 self`);
      const [finding] = await look(part, [two]);
      expect(finding?.problem).toContain(mac);
      await finding?.repair();
      expect(await known(part)).toEqual(told([two]));
      expect(await look(part, [two])).toEqual([]);
    }));

  test("is found and mended: an entry of somebody else in another's place, by what comes", () =>
    withPart(async (part) => {
      await meddle(part, `bridge fdb add ${mac} dst ${hostThree} dev vxlan0 self`);
      await meddle(part, `ip neigh add ${address} lladdr ${stranger} dev vxlan0`);
      await change(part, [two], []);
      expect(await known(part)).toEqual(told([two]));
    }));

  test("is everything where the VXLAN, or all of the part, is gone", () =>
    withPart(async (part) => {
      await set(part, [two]);
      await meddle(part, "ip link del vxlan0");
      const findings = await look(part, [two]);
      expect(findings).toHaveLength(1);
      await expect(findings[0]?.repair()).rejects.toMatchObject({ code: "ENODEV" });
      await inside(part.host, "ip", "netns", "del", part.room.name);
      expect(await look(part, [two])).toHaveLength(1);
      await expect(set(part, [two])).rejects.toMatchObject({ code: "DRIVER_FAILED" });
      await expect(change(part, [two], [])).rejects.toMatchObject({ code: "DRIVER_FAILED" });
    }));

  test("leaves the bridge's own entries, and groups, alone", () =>
    withPart(async (part) => {
      const before = await bridge(part.room, "fdb", "show", "br", "br0");
      await set(part, [two]);
      await set(part, []);
      expect(await bridge(part.room, "fdb", "show", "br", "br0")).toEqual(before);
      const addresses = await ip(part.room, "addr", "show", "up");
      expect(addresses.flatMap(({ addr_info }) => addr_info ?? [])).toEqual([]);
    }));
});
