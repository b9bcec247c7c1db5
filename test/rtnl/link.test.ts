// Links of whatever kind, against `ip link`, ping, and lists under churn.

import { describe, expect, test } from "vitest";
import {
  addAddress,
  addAlternativeNames,
  createLink,
  deleteLink,
  deleteLinks,
  findLink,
  getLink,
  type Link,
  type LinkSpec,
  listLinks,
  moveLink,
  type Namespace,
  NetlinkError,
  openNamespace,
  removeAlternativeNames,
  renameLink,
  setLink,
} from "../../lib/index.ts";
import { has, needs } from "../support/features.ts";
import { bridge, inside, ip, pings, withSandboxes } from "../support/sandbox.ts";

const nearMac = "02:00:00:00:00:01";
const farMac = "02:00:00:00:00:02";

function names(links: readonly { readonly name: string }[]): string[] {
  return links.map((link) => link.name).sort();
}

/** A spec that the types refuse, as JavaScript callers can still write it. */
function untyped(spec: object): LinkSpec {
  return spec as LinkSpec;
}

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("createLink", () => {
  test("makes a veth whose peer is born in another namespace, as it was asked for", async () => {
    await withSandboxes(2, async ([left, right]) => {
      const peer = { name: "eth0", namespace: right, address: farMac, mtu: 1400 };
      const near = await createLink(left, { kind: "veth", name: "near0", address: nearMac, peer });
      const far = await getLink(right, { name: "eth0" });
      expect(near).toMatchObject({ name: "near0", kind: "veth", address: nearMac, up: false });
      expect(far).toMatchObject({ name: "eth0", kind: "veth", address: farMac, mtu: 1400 });
      expect(far).toMatchObject({ index: near.peerIndex, peerIndex: near.index, up: false });
      const [witness] = await ip(right, "link", "show", "eth0");
      expect(witness).toMatchObject({ ifname: "eth0", address: farMac, mtu: 1400 });
      expect(witness.flags).not.toContain("UP");
      expect(names(await listLinks(left))).toEqual(["lo", "near0"]);
    });
  });

  test("makes a veth that packets pass", async () => {
    await withSandboxes(2, async ([left, right]) => {
      const peer = { name: "eth0", namespace: right };
      const near = await createLink(left, { kind: "veth", name: "near0", up: true, peer });
      expect(near.up).toBe(true);
      await setLink(right, { name: "eth0" }, { up: true });
      await addAddress(left, near, { address: "192.0.2.1/24" });
      await addAddress(right, { name: "eth0" }, { address: "192.0.2.2/24" });
      expect(await pings(left, "192.0.2.2")).toBe(true);
      expect(await pings(right, "192.0.2.1")).toBe(true);
    });
  });

  test("sets index, group, queues, MTU and master in the one message", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const master = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const link = await createLink(sandbox, {
        kind: "veth",
        name: "port0",
        index: 77,
        group: 5,
        mtu: 1300,
        transmitQueues: 3,
        receiveQueues: 4,
        transmitQueueLength: 50,
        master,
      });
      const facts = { index: 77, group: 5, mtu: 1300, transmitQueues: 3, receiveQueues: 4 };
      expect(link).toMatchObject({ ...facts, transmitQueueLength: 50, master: master.index });
      const [witness] = await ip(sandbox, "link", "show", "port0");
      expect(witness).toMatchObject({ ifindex: 77, group: "5", mtu: 1300, master: "br0" });
      expect(witness).toMatchObject({ num_tx_queues: 3, num_rx_queues: 4, txqlen: 50 });
    });
  });

  test("returns what getLink returns", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const made = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const { carrierChanges: _, ...facts } = await getLink(sandbox, made);
      expect(made).toMatchObject({ ...facts, queueDiscipline: expect.any(String) });
    });
  });

  test("names a link by its kind if it is given no name", async (context) => {
    await needs("creation-echo", context);
    await withSandboxes(1, async ([sandbox]) => {
      const { name } = await createLink(sandbox, { kind: "veth" });
      expect(name).toMatch(/^veth\d+$/);
    });
  });

  test("needs a name where the kernel does not tell what it chose", async (context) => {
    if (await has("creation-echo")) context.skip("this kernel tells");
    await withSandboxes(1, async ([sandbox]) => {
      const refused = createLink(sandbox, { kind: "veth" });
      const needed = { code: "ERR_INVALID_ARG_TYPE", property: "name" };
      await expect(refused).rejects.toMatchObject(needed);
      expect(await ip(sandbox, "link")).toHaveLength(1);
    });
  });

  test("sets the alias, which needs a message of its own", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0", alias: "uplink ü" });
      expect(link.alias).toBe("uplink ü");
      expect((await getLink(sandbox, link)).alias).toBe("uplink ü");
      const [witness] = await ip(sandbox, "link", "show", "br0");
      expect(witness.ifalias).toBe("uplink ü");
    });
  });

  test.each([
    ["quotes", "say \"when\" \\ or 'never'"],
    ["control characters", "a\tb\nc\u0001d\u001fe\u007ff"],
    ["characters of many bytes", "ü€𝄞"],
    ["a backslash at the end", "a\\"],
  ])("reads text with %s as it was written", async (_, alias) => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0", alias });
      expect(link.alias).toBe(alias);
      expect((await listLinks(sandbox, { kind: "bridge" })).at(0)?.alias).toBe(alias);
      // Not ip, whose own JSON breaks on some of these.
      const witness = await inside(sandbox, "cat", "/sys/class/net/br0/ifalias");
      expect(witness).toBe(`${alias}\n`);
    });
  });

  test("leaves nothing behind if the alias is refused", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const spec = { kind: "bridge", name: "br0", alias: "a".repeat(256) } as const;
      await expect(createLink(sandbox, spec)).rejects.toThrow(RangeError);
      expect(names(await listLinks(sandbox))).toEqual(["lo"]);
    });
  });

  test("makes a link in another namespace", async () => {
    await withSandboxes(2, async ([here, there]) => {
      const link = await createLink(here, { kind: "bridge", name: "br0", namespace: there });
      expect(link).toEqual(await getLink(there, { name: "br0" }));
      expect(names(await listLinks(here))).toEqual(["lo"]);
      expect(names(await ip(there, "link").then(renamed))).toEqual(["br0", "lo"]);
    });
  });

  test("needs a name to make a link in another namespace", async () => {
    await withSandboxes(2, async ([here, there]) => {
      const refused = createLink(here, { kind: "bridge", namespace: there });
      await expect(refused).rejects.toMatchObject({ property: "name" });
      expect(names(await listLinks(there))).toEqual(["lo"]);
    });
  });

  test("makes a macvlan in a sandbox, on a parent in the host", async (context) => {
    await needs("macvlan", context);
    await withSandboxes(2, async ([host, guest]) => {
      const parent = await createLink(host, { kind: "veth", name: "uplink" });
      const link = await createLink(host, {
        kind: "macvlan",
        name: "eth0",
        mode: "bridge",
        parent,
        namespace: guest,
      });
      expect(link).toMatchObject({ name: "eth0", mode: "bridge", parent: parent.index });
      expect(link.parentNamespaceId).toBeGreaterThanOrEqual(0);
      const [witness] = await ip(guest, "link", "show", "eth0");
      expect(witness).toMatchObject({
        link_index: parent.index,
        linkinfo: { info_kind: "macvlan" },
      });
      expect(await findLink(host, { name: "eth0" })).toBeUndefined();
    });
  });
});

/** The names of what `ip link` lists, as this library calls them. */
function renamed(rows: readonly { ifname: string }[]): { name: string }[] {
  return rows.map(({ ifname }) => ({ name: ifname }));
}

describe("getLink, findLink and listLinks", () => {
  test("find a link by name, by index and by a link object", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const found = await getLink(sandbox, { name: "br0" });
      expect(await getLink(sandbox, link.index)).toEqual(found);
      expect(await getLink(sandbox, link)).toEqual(found);
      expect(await findLink(sandbox, { index: link.index })).toEqual(found);
    });
  });

  test("say that there is no such link", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      await expect(getLink(sandbox, { name: "none" })).rejects.toMatchObject({ code: "ENODEV" });
      await expect(getLink(sandbox, 4711)).rejects.toMatchObject({ code: "ENODEV" });
      expect(await findLink(sandbox, { name: "none" })).toBeUndefined();
      expect(await findLink(sandbox, 4711)).toBeUndefined();
    });
  });

  test("list every link, as ip does", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "veth", name: "a0", peer: { name: "a1" } });
      await createLink(sandbox, { kind: "bridge", name: "br0" });
      const ours = (await listLinks(sandbox)).map(({ index, name, mtu }) => ({ index, name, mtu }));
      const theirs = (await ip(sandbox, "link")).map((row) => ({
        index: row.ifindex,
        name: row.ifname,
        mtu: row.mtu,
      }));
      expect(ours).toEqual(theirs);
    });
  });

  test("list by master and by kind", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const master = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await createLink(sandbox, { kind: "veth", name: "a0", master, peer: { name: "a1" } });
      await createLink(sandbox, { kind: "veth", name: "b0", master, peer: { name: "b1" } });
      const list = async (filter: object): Promise<string[]> =>
        names(await listLinks(sandbox, filter));
      expect(await list({ master })).toEqual(["a0", "b0"]);
      expect(await list({ master: { name: "br0" } })).toEqual(["a0", "b0"]);
      expect(await list({ kind: "bridge" })).toEqual(["br0"]);
      expect(await list({ kind: "veth" })).toEqual(["a0", "a1", "b0", "b1"]);
      expect(await list({ kind: "veth", master })).toEqual(["a0", "b0"]);
    });
  });

  test("read lo, which has no kind", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const lo = await getLink(sandbox, 1);
      expect(lo).toMatchObject({ name: "lo", type: "loopback", mtu: 65536, up: true });
      expect(lo).not.toHaveProperty("kind");
      expect(lo.flags).toContain("loopback");
    });
  });
});

describe("setLink", () => {
  test("raises and lowers a link, sets its MTU, its MAC, its group and its flags", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0", peer: { name: "a1" } });
      const changes = {
        up: true,
        mtu: 1234,
        address: "02:00:00:00:00:33",
        group: 9,
        transmitQueueLength: 10,
        promiscuous: true,
        allMulticast: true,
        multicast: false,
        arp: false,
      };
      await setLink(sandbox, link, changes);
      const after = await getLink(sandbox, link);
      const { mtu, address, group, transmitQueueLength } = changes;
      expect(after).toMatchObject({ mtu, address, group, transmitQueueLength, up: true });
      const flags = ["up", "noArp", "promiscuous", "allMulticast"];
      expect(after.flags).toEqual(expect.arrayContaining(flags));
      expect(after.flags).not.toContain("multicast");
      const [witness] = await ip(sandbox, "link", "show", "a0");
      expect(witness).toMatchObject({ mtu, address, group: "9", txqlen: 10 });
      expect(witness.flags).toEqual(expect.arrayContaining(["UP", "NOARP", "PROMISC", "ALLMULTI"]));
      await setLink(sandbox, link, { up: false, promiscuous: false, arp: true, multicast: true });
      const flagsAfter = (await getLink(sandbox, link)).flags;
      expect(flagsAfter).toEqual(expect.arrayContaining(["multicast", "allMulticast"]));
      for (const flag of ["up", "promiscuous", "noArp"]) expect(flagsAfter).not.toContain(flag);
    });
  });

  test("changes nothing that is not named", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0", up: true, group: 3 });
      const before = await getLink(sandbox, link);
      await setLink(sandbox, link, { mtu: 1400 });
      expect(await getLink(sandbox, link)).toEqual({ ...before, mtu: 1400 });
    });
  });

  test("puts a link into a bridge and takes it out again", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const master = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const link = await createLink(sandbox, { kind: "veth", name: "a0" });
      await setLink(sandbox, link, { master: { name: "br0" } });
      expect((await getLink(sandbox, link)).master).toBe(master.index);
      expect(names((await bridge(sandbox, "link")).map(renamedRow))).toEqual(["a0"]);
      await setLink(sandbox, link, { master: 0 });
      expect(await getLink(sandbox, link)).not.toHaveProperty("master");
      expect(await bridge(sandbox, "link")).toEqual([]);
    });
  });

  test("sets and removes an alias", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await setLink(sandbox, link, { alias: "first" });
      expect((await getLink(sandbox, link)).alias).toBe("first");
      await setLink(sandbox, link, { alias: "" });
      expect(await getLink(sandbox, link)).not.toHaveProperty("alias");
    });
  });

  test("changes options of the link's own kind", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await setLink(sandbox, link, { kind: "bridge", stp: true, ageingTime: 1000 });
      expect(await getLink(sandbox, link)).toMatchObject({ stp: true, ageingTime: 1000 });
      const [witness] = await ip(sandbox, "link", "show", "br0");
      expect(witness.linkinfo.info_data).toMatchObject({ stp_state: 1, ageing_time: 1000 });
    });
  });

  test("says how IPv6 addresses are made", async (context) => {
    await needs("ipv6", context);
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await setLink(sandbox, link, { ipv6AddressGeneration: "none" });
      expect((await getLink(sandbox, link)).ipv6AddressGeneration).toBe("none");
      const [witness] = await ip(sandbox, "link", "show", "br0");
      expect(witness.inet6_addr_gen_mode).toBe("none");
    });
  });

  test("renames links, several at once", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const numbers = Array.from({ length: 20 }, (_, number) => number);
      const links = await Promise.all(
        numbers.map((number) => createLink(sandbox, { kind: "ifb", name: `old${number}` })),
      );
      await Promise.all(links.map((link, number) => renameLink(sandbox, link, `new${number}`)));
      const after = names(renamed(await ip(sandbox, "link")));
      expect(after).toEqual([...numbers.map((number) => `new${number}`), "lo"].sort());
    });
  });

  test("answers 300 calls in flight in their order", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0" });
      const answered: number[] = [];
      const calls = Array.from({ length: 300 }, async (_, number) => {
        await setLink(sandbox, link, { mtu: 1000 + number });
        answered.push(number);
      });
      await Promise.all(calls);
      expect(answered).toEqual(Array.from({ length: 300 }, (_, number) => number));
      expect((await getLink(sandbox, link)).mtu).toBe(1299);
    });
  });

  test("reads its own writes on one handle", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0" });
      const answers = Array.from({ length: 50 }, (_, number) => {
        void setLink(sandbox, link, { mtu: 1000 + number });
        return getLink(sandbox, link);
      });
      const mtus = (await Promise.all(answers)).map(({ mtu }) => mtu);
      expect(mtus).toEqual(Array.from({ length: 50 }, (_, number) => 1000 + number));
    });
  });
});

function renamedRow(row: { ifname: string }): { name: string } {
  return { name: row.ifname };
}

describe("moveLink", () => {
  test("moves a link, under a new name and index", async () => {
    await withSandboxes(2, async ([from, to]) => {
      const link = await createLink(from, { kind: "veth", name: "a0", up: true });
      await moveLink(from, link, to, { name: "moved0", index: 88 });
      expect(await findLink(from, { name: "a0" })).toBeUndefined();
      expect(await getLink(to, 88)).toMatchObject({ name: "moved0", up: false });
      expect((await ip(to, "link", "show", "moved0"))[0].ifindex).toBe(88);
    });
  });

  test("refuses a name that is taken there, and leaves the link where it is", async () => {
    await withSandboxes(2, async ([from, to]) => {
      const link = await createLink(from, { kind: "veth", name: "a0" });
      await createLink(to, { kind: "bridge", name: "a0" });
      await expect(moveLink(from, link, to)).rejects.toMatchObject({ code: "EEXIST" });
      expect(await getLink(from, link)).toMatchObject({ name: "a0" });
    });
  });

  test("does not move lo", async () => {
    await withSandboxes(2, async ([from, to]) => {
      await expect(moveLink(from, 1, to)).rejects.toMatchObject({ code: "EINVAL" });
    });
  });
});

describe("deleteLink and deleteLinks", () => {
  test("delete a link, and a veth's peer with it", async () => {
    await withSandboxes(2, async ([left, right]) => {
      const peer = { name: "eth0", namespace: right };
      const link = await createLink(left, { kind: "veth", name: "a0", peer });
      await deleteLink(left, link);
      expect(names(renamed(await ip(left, "link")))).toEqual(["lo"]);
      expect(names(renamed(await ip(right, "link")))).toEqual(["lo"]);
    });
  });

  test("delete many together, by name, index and link", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const links: Link[] = await Promise.all(
        Array.from({ length: 40 }, (_, n) => createLink(sandbox, { kind: "veth", name: `v${n}` })),
      );
      await createLink(sandbox, { kind: "bridge", name: "stays", group: 7 });
      const references = links.map((link, number) =>
        number % 3 === 0 ? { name: link.name } : number % 3 === 1 ? link.index : link,
      );
      await deleteLinks(sandbox, references);
      expect(names(renamed(await ip(sandbox, "link")))).toEqual(["lo", "stays"]);
      expect((await getLink(sandbox, { name: "stays" })).group).toBe(7);
    });
  });

  test("count a link that is gone, or named twice, as deleted", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "veth", name: "a0", peer: { name: "a1" } });
      await createLink(sandbox, { kind: "bridge", name: "br0" });
      const references = ["a0", "none", "a1", "br0", "br0"].map((name) => ({ name }));
      await deleteLinks(sandbox, references);
      expect(names(renamed(await ip(sandbox, "link")))).toEqual(["lo"]);
      await deleteLinks(sandbox, []);
    });
  });

  test("say which are left, and delete the others", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "bridge", name: "br0" });
      await createLink(sandbox, { kind: "bridge", name: "br1" });
      const references = ["br0", "lo", "br1"].map((name) => ({ name }));
      const error = await rejection(deleteLinks(sandbox, references));
      expect(error).toBeInstanceOf(AggregateError);
      const { errors } = error as AggregateError;
      expect(errors).toHaveLength(1);
      expect(errors[0]).toBeInstanceOf(NetlinkError);
      expect(errors[0]).toMatchObject({ operation: "deleteLink" });
      const after = await ip(sandbox, "link");
      expect(names(renamed(after))).toEqual(["lo"]);
      expect(after[0].group).toBe("default");
    });
  });

  test("say that there is no such link", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const deletion = deleteLink(sandbox, { name: "none" });
      await expect(deletion).rejects.toMatchObject({ code: "ENODEV", operation: "deleteLink" });
      await expect(deleteLink(sandbox, 4711)).rejects.toMatchObject({ code: "ENODEV" });
      await expect(deleteLink(sandbox, 1)).rejects.toMatchObject({ code: "EOPNOTSUPP" });
    });
  });
});

describe("alternative names", () => {
  const long = "n".repeat(100);

  test("are added, used as names and removed", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      await addAlternativeNames(sandbox, link, ["uplink", long]);
      expect((await getLink(sandbox, link)).alternativeNames).toEqual(["uplink", long]);
      expect((await ip(sandbox, "link", "show", "br0"))[0].altnames).toEqual(["uplink", long]);
      expect((await getLink(sandbox, { name: "uplink" })).index).toBe(link.index);
      await setLink(sandbox, { name: long }, { mtu: 1400 });
      expect((await getLink(sandbox, { name: long })).mtu).toBe(1400);
      await removeAlternativeNames(sandbox, { name: long }, [long]);
      expect((await getLink(sandbox, link)).alternativeNames).toEqual(["uplink"]);
      await deleteLink(sandbox, { name: "uplink" });
      expect(names(renamed(await ip(sandbox, "link")))).toEqual(["lo"]);
    });
  });

  test("are refused if taken, and cannot be removed if absent", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "bridge", name: "br0" });
      const taken = addAlternativeNames(sandbox, link, ["lo"]);
      await expect(taken).rejects.toMatchObject({ code: "EEXIST" });
      const absent = removeAlternativeNames(sandbox, link, ["none"]);
      await expect(absent).rejects.toMatchObject({ code: "ENOENT" });
      const tooLong = addAlternativeNames(sandbox, link, ["n".repeat(128)]);
      await expect(tooLong).rejects.toBeInstanceOf(Error);
      expect(await getLink(sandbox, link)).not.toHaveProperty("alternativeNames");
    });
  });
});

describe("what the kernel refuses says why", () => {
  test("EEXIST for a name that is taken", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "bridge", name: "br0" });
      const again = createLink(sandbox, { kind: "bridge", name: "br0" });
      await expect(again).rejects.toBeInstanceOf(NetlinkError);
      await expect(again).rejects.toMatchObject({ code: "EEXIST", operation: "createLink" });
    });
  });

  test("EEXIST for a peer's name that is taken, and nothing left behind", async () => {
    await withSandboxes(2, async ([left, right]) => {
      await createLink(right, { kind: "bridge", name: "eth0" });
      const peer = { name: "eth0", namespace: right };
      const refused = createLink(left, { kind: "veth", name: "a0", peer });
      await expect(refused).rejects.toMatchObject({ code: "EEXIST" });
      expect(names(await listLinks(left))).toEqual(["lo"]);
    });
  });

  test("ENODEV with the property that names the missing link", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0" });
      const refused = setLink(sandbox, link, { master: { name: "none" } });
      await expect(refused).rejects.toMatchObject({ code: "ENODEV", field: "master" });
      const underlay = createLink(sandbox, {
        kind: "macvlan",
        name: "a1",
        parent: { name: "none" },
      });
      await expect(underlay).rejects.toMatchObject({ code: "ENODEV", field: "parent" });
      const itself = setLink(sandbox, { name: "none" }, { up: true });
      await expect(itself).rejects.toMatchObject({ code: "ENODEV", field: "link" });
    });
  });

  test("EINVAL with the range that the kernel tells, for an MTU out of range", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const link = await createLink(sandbox, { kind: "veth", name: "a0" });
      const refused = setLink(sandbox, link, { mtu: 67 });
      await expect(refused).rejects.toMatchObject({ code: "EINVAL" });
      await expect(refused).rejects.toThrow(/mtu/);
      expect((await getLink(sandbox, link)).mtu).toBe(1500);
    });
  });

  test.each([
    ["mtu", { mtu: 67 }],
    ["mtu", { mtu: 65_536 }],
    ["peer.mtu", { peer: { mtu: 67 } }],
    ["peer.mtu", { peer: { mtu: 65_536 } }],
  ])(
    "a range for a veth's %s, which the kernel refuses without a word",
    async (property, given) => {
      await withSandboxes(1, async ([sandbox]) => {
        const refused = createLink(sandbox, { kind: "veth", name: "v0", ...given });
        await expect(refused).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE", property });
        expect(await ip(sandbox, "link")).toHaveLength(1);
      });
    },
  );

  test("ENOTCONN for a veth peer that is to be born up, and nothing left behind", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const spec = untyped({ kind: "veth", name: "a0", peer: { name: "a1", up: true } });
      const refused = createLink(sandbox, spec);
      await expect(refused).rejects.toMatchObject({ code: "ENOTCONN" });
      expect(names(renamed(await ip(sandbox, "link")))).toEqual(["lo"]);
    });
  });
});

describe("wrong arguments are refused before anything is sent", () => {
  const range = { name: "RangeError", code: "ERR_OUT_OF_RANGE" };
  const type = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
  const wrong: [string, object, object][] = [
    ["a name of 16 bytes", { name: "n".repeat(16) }, { ...range, property: "name" }],
    ["a name of 8 two-byte letters", { name: "ü".repeat(8) }, { ...range, property: "name" }],
    ["an empty name", { name: "" }, { ...range, property: "name" }],
    ["a name with NUL", { name: "a\0b" }, { ...range, property: "name" }],
    ["a name that is no text", { name: 7 }, { ...type, property: "name" }],
    ["a property that does not exist", { colour: "red" }, { ...type, property: "colour" }],
    ["a property of another kind", { stp: true }, { ...type, property: "stp" }],
    ["a property that is only reported", { carrierChanges: 1 }, { ...type }],
    ["a fraction", { mtu: 1.5 }, { ...range, property: "mtu" }],
    ["a negative number", { mtu: -1 }, { ...range, property: "mtu" }],
    ["not a number", { mtu: Number.NaN }, { ...range, property: "mtu" }],
    ["2 ** 53", { mtu: 2 ** 53 }, { ...range, property: "mtu" }],
    ["2 ** 32", { mtu: 2 ** 32 }, { ...range, property: "mtu" }],
    ["2n ** 64n", { mtu: 2n ** 64n }, { ...range, property: "mtu" }],
    ["null", { mtu: null }, { ...type, property: "mtu" }],
    ["a number as text", { mtu: "1500" }, { ...type, property: "mtu" }],
    ["a function", { mtu: () => 1500 }, { ...type, property: "mtu" }],
    ["a MAC address that is none", { address: "02:00:00" + ":zz" }, { property: "address" }],
    ["a peer's name of 16 bytes", { peer: { name: "n".repeat(16) } }, { property: "peer.name" }],
    ["an unknown property of a peer", { peer: { colour: 1 } }, { property: "peer.colour" }],
    ["a peer that is no object", { peer: 7 }, { ...type, property: "peer" }],
    ["an unknown property of a master", { master: { title: "x" } }, { ...type }],
    ["a namespace that is none", { namespace: {}, name: "a0" }, { ...type, property: "namespace" }],
    ["group 2 ** 31", { group: 2 ** 31 }, { ...range, property: "group" }],
    ["no queues", { transmitQueues: 0 }, { ...range, property: "transmitQueues" }],
  ];

  test.each(wrong)("%s", async (_, properties, expected) => {
    await withSandboxes(1, async ([sandbox]) => {
      const spec = { kind: "veth", name: "a0", ...properties };
      const error = await rejection(createLink(sandbox, untyped(spec)));
      expect(error).toMatchObject(expected);
      expect(names(await listLinks(sandbox))).toEqual(["lo"]);
    });
  });

  test("a kind that is missing", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const refused = createLink(sandbox, untyped({ name: "a0" }));
      await expect(refused).rejects.toMatchObject({ ...type, property: "kind" });
    });
  });

  test("a kind that the kernel does not know is the kernel's to refuse", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const refused = createLink(sandbox, untyped({ kind: "telepathy", name: "a0" }));
      await expect(refused).rejects.toMatchObject({ code: "EOPNOTSUPP" });
    });
  });

  test("an object that contains itself", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const peer: Record<string, unknown> = {};
      peer.peer = peer;
      const error = await rejection(
        createLink(sandbox, untyped({ kind: "veth", name: "a0", peer })),
      );
      expect(error).toMatchObject(type);
    });
  });

  test("an object that is no namespace", async () => {
    const nowhere = {} as Namespace;
    await expect(listLinks(nowhere)).rejects.toThrow(TypeError);
  });

  test("a getter that throws", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const spec = {
        kind: "veth",
        get name(): string {
          throw new Error("not today");
        },
      };
      await expect(createLink(sandbox, untyped(spec))).rejects.toThrow("not today");
    });
  });

  test("a handle that is closed", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const handle = await openNamespace({ name: sandbox.name });
      await handle.close();
      const closed = { code: "ERR_NAMESPACE_CLOSED" };
      await expect(listLinks(handle)).rejects.toMatchObject(closed);
      await expect(createLink(handle, { kind: "veth", name: "a0" })).rejects.toMatchObject(closed);
    });
  });
});

describe("a list that is taken while links come and go", () => {
  test("has every link that was there all the time", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const stable = Array.from({ length: 40 }, (_, number) => `stable${number}`);
      await Promise.all(stable.map((name) => createLink(sandbox, { kind: "ifb", name })));
      await using other = await openNamespace({ name: sandbox.name });
      let over = false;
      let made = 0;
      const churn = (async () => {
        while (!over) {
          const batch = ["a0", "b0", "c0", "d0"].map((name) =>
            createLink(other, { kind: "veth", name }),
          );
          await deleteLinks(other, await Promise.all(batch));
          made += batch.length;
        }
      })();
      try {
        for (let round = 0; round < 100; round += 1) {
          const listed = new Set(names(await listLinks(sandbox)));
          expect(stable.filter((name) => !listed.has(name))).toEqual([]);
        }
      } finally {
        over = true;
        await churn;
      }
      expect(made).toBeGreaterThan(0);
    });
  });
});
