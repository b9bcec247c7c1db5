// Forwarding and settings, against ping through a router and /proc/sys.

import { describe, expect, test } from "vitest";
import {
  addAddress,
  addAlternativeNames,
  addRoute,
  createLink,
  type Family,
  type ForwardingScope,
  getForwarding,
  getSysctl,
  setForwarding,
  setSysctl,
} from "../../lib/index.ts";
import {
  inside,
  outOfRange,
  pings,
  refusalOf,
  type Sandbox,
  withPair,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** What procfs says inside, without the newline. */
async function proc(sandbox: Sandbox, path: string): Promise<string> {
  return (await inside(sandbox, "cat", `/proc/sys/net/${path}`)).trimEnd();
}

/** A veth from a router's link to a guest's eth0, on a network of both families. */
async function attach(router: Sandbox, guest: Sandbox, network: number): Promise<void> {
  const name = `guest${network}`;
  const peer = { name: "eth0", namespace: guest };
  await createLink(router, { kind: "veth", name, up: true, peer });
  const addresses = (host: number) => [`10.0.${network}.${host}/24`, `fd00:${network}::${host}/64`];
  await inside(guest, "ip", "link", "set", "eth0", "up");
  for (const address of addresses(1)) {
    await addAddress(router, { name }, { address, flags: ["noDad"] });
  }
  for (const address of addresses(2)) {
    await addAddress(guest, { name: "eth0" }, { address, flags: ["noDad"] });
  }
  for (const via of [`10.0.${network}.1`, `fd00:${network}::1`]) {
    await addRoute(guest, { to: "default", via });
  }
}

describe("forwarding", () => {
  test.each<[Family, string]>([
    ["inet", "10.0.2.2"],
    ["inet6", "fd00:2::2"],
  ])("of %s is what lets one guest of a router ping another", (family, other) =>
    withSandboxes(3, async ([router, left, right]) => {
      for (const sandbox of [router, left, right]) {
        // A router cannot ask for neighbours while its link-local address is tentative.
        await setSysctl(sandbox, "net.ipv6.conf.all.accept_dad", 0);
        await setSysctl(sandbox, "net.ipv6.conf.default.accept_dad", 0);
      }
      await attach(router, left, 1);
      await attach(router, right, 2);

      expect(await pings(left, family === "inet" ? "10.0.1.1" : "fd00:1::1")).toBe(true);
      expect(await pings(left, other)).toBe(false);
      expect(await setForwarding(router, true, { family })).toBe(false);
      expect(await pings(left, other)).toBe(true);
      expect(await setForwarding(router, false, { family })).toBe(true);
      expect(await pings(left, other)).toBe(false);
      expect(await setForwarding(router, true, { family })).toBe(false);
      expect(await pings(left, other)).toBe(true);
    }),
  );

  test.each<[ForwardingScope, string]>([
    [{}, "ipv4/ip_forward"],
    [{ family: "inet" }, "ipv4/ip_forward"],
    [{ family: "inet6" }, "ipv6/conf/all/forwarding"],
    [{ link: { name: "eth0" } }, "ipv4/conf/eth0/forwarding"],
    [{ link: { name: "eth0" }, family: "inet6" }, "ipv6/conf/eth0/forwarding"],
  ])("for %o is the setting %s, read and written", (scope, path) =>
    withPair(async (sandbox) => {
      expect(await getForwarding(sandbox, scope)).toBe(false);
      expect(await setForwarding(sandbox, true, scope)).toBe(false);
      expect(await proc(sandbox, path)).toBe("1");
      expect(await getForwarding(sandbox, scope)).toBe(true);
      expect(await setForwarding(sandbox, true, scope)).toBe(true);
      await inside(sandbox, "sysctl", "-qw", `net/${path}=0`);
      expect(await getForwarding(sandbox, scope)).toBe(false);
      expect(await proc(sandbox, "ipv4/conf/far0/forwarding")).toBe("0");
      expect(await proc(sandbox, "ipv6/conf/far0/forwarding")).toBe("0");
    }),
  );

  test("of a link goes by its index or another name of it, too", () =>
    withPair(async (sandbox, near, far) => {
      await addAlternativeNames(sandbox, far, ["a-name-of-more-than-15-bytes", "all.too"]);
      await setForwarding(sandbox, true, { link: near });
      expect(await proc(sandbox, "ipv4/conf/eth0/forwarding")).toBe("1");
      await setForwarding(sandbox, true, { link: { name: "a-name-of-more-than-15-bytes" } });
      expect(await proc(sandbox, "ipv4/conf/far0/forwarding")).toBe("1");
      await setForwarding(sandbox, false, { link: { name: "all.too" } });
      expect(await proc(sandbox, "ipv4/conf/far0/forwarding")).toBe("0");
      expect(await proc(sandbox, "ipv4/ip_forward")).toBe("0");
    }));

  test("of a link whose name has a dot is that link's", () =>
    withPair(async (sandbox) => {
      const { index } = await createLink(sandbox, { kind: "bridge", name: "br.1" });
      await setForwarding(sandbox, true, { link: index });
      expect(await proc(sandbox, "ipv4/conf/br.1/forwarding")).toBe("1");
    }));

  test("is refused for links that there are not, and for what it does not know", () =>
    withPair(async (sandbox) => {
      const refused = async (scope: object): Promise<unknown> =>
        await refusalOf(setForwarding(sandbox, true, scope));
      for (const name of ["absent", "all", "default", "..", "../all", "eth0/"]) {
        expect(await refused({ link: { name } })).toEqual({ code: "ENODEV", field: "link" });
      }
      expect(await refused({ link: 999 })).toMatchObject({ code: "ENODEV" });
      expect(await refused({ link: 1.5 })).toEqual(outOfRange("link"));
      expect(await refused({ family: "ipx" })).toEqual(outOfRange("family"));
      expect(await refused({ colour: 1 })).toEqual(wrongType("colour"));
      const one = 1 as unknown as boolean;
      expect(await refusalOf(setForwarding(sandbox, one))).toEqual(wrongType("enabled"));
      expect(await proc(sandbox, "ipv4/conf/all/forwarding")).toBe("0");
      expect(await proc(sandbox, "ipv4/conf/default/forwarding")).toBe("0");
    }));
});

describe("a setting", () => {
  test("goes by the names of sysctl(8)", () =>
    withPair(async (sandbox) => {
      await createLink(sandbox, { kind: "bridge", name: "br.1" });
      for (const name of [
        "net.ipv4.conf.br/1.forwarding",
        "net/ipv4/conf/br.1/forwarding",
        "net.ipv4.ip_forward",
        "net/ipv4/ip_forward",
        "net.core.somaxconn",
      ]) {
        const witness = (await inside(sandbox, "sysctl", "-n", name)).trimEnd();
        expect(await getSysctl(sandbox, name)).toBe(witness);
      }
      expect(await setSysctl(sandbox, "net.ipv4.conf.br/1.forwarding", true)).toBe("0");
      expect(await proc(sandbox, "ipv4/conf/br.1/forwarding")).toBe("1");
      expect(await setSysctl(sandbox, "net/ipv4/conf/br.1/forwarding", 0)).toBe("1");
      expect(await proc(sandbox, "ipv4/conf/br.1/forwarding")).toBe("0");
    }));

  test("is a text, a number or a boolean, and its earlier value is told", () =>
    withPair(async (sandbox) => {
      const range = "net.ipv4.ip_local_port_range";
      expect(await setSysctl(sandbox, range, "2000 3000")).toBe("32768\t60999");
      expect(await proc(sandbox, "ipv4/ip_local_port_range")).toBe("2000\t3000");
      expect(await setSysctl(sandbox, "net.ipv4.ip_default_ttl", 77)).toBe("64");
      expect(await proc(sandbox, "ipv4/ip_default_ttl")).toBe("77");
      expect(await setSysctl(sandbox, "net.ipv4.conf.eth0.rp_filter", -0)).toBe("0");
      expect(await setSysctl(sandbox, "net.ipv4.conf.eth0.accept_local", true)).toBe("0");
      expect(await setSysctl(sandbox, "net.ipv4.conf.eth0.accept_local", false)).toBe("1");
      expect(await setSysctl(sandbox, "net.ipv4.ip_local_reserved_ports", "5,7-9")).toBe("");
      expect(await setSysctl(sandbox, "net.ipv4.ip_local_reserved_ports", "")).toBe("5,7-9");
      expect(await proc(sandbox, "ipv4/ip_local_reserved_ports")).toBe("");
    }));

  test("is the namespace's own", () =>
    withSandboxes(2, async ([left, right]) => {
      await setSysctl(left, "net.ipv4.ip_default_ttl", 77);
      expect(await getSysctl(right, "net.ipv4.ip_default_ttl")).toBe("64");
      expect(await getSysctl(left, "net.ipv4.ip_default_ttl")).toBe("77");
    }));

  test.each([
    "",
    ".",
    "/",
    "net",
    "net.",
    "net/",
    ".net.ipv4",
    "/net/ipv4/ip_forward",
    "kernel.hostname",
    "network.ipv4",
    "net..ipv4",
    "net//ipv4",
    "net/ipv4/",
    "net/../kernel/hostname",
    "net/ipv4/./ip_forward",
    "net.ipv4.conf.//.forwarding",
    "net.ipv4.conf./.forwarding",
    "net/ipv4/ip_forward\0",
  ])("named %j is none, and is refused before anything is done", (name) =>
    withPair(async (sandbox) => {
      expect(await refusalOf(getSysctl(sandbox, name))).toEqual(outOfRange("name"));
      expect(await refusalOf(setSysctl(sandbox, name, 1))).toEqual(outOfRange("name"));
    }),
  );

  test("that there is not, or that is a directory, is refused", () =>
    withPair(async (sandbox) => {
      const code = async (name: string): Promise<unknown> =>
        (await refusalOf(getSysctl(sandbox, name)))?.code;
      expect(await code("net.ipv4.absent")).toBe("ENOENT");
      expect(await code("net.ipv4.ip_forward.x")).toBe("ENOTDIR");
      expect(await code("net.ipv4")).toBe("EISDIR");
      expect(await code("net.ipv4.route.flush")).toBe("EACCES");
    }));

  test("keeps its value when another is refused", () =>
    withPair(async (sandbox) => {
      const name = "net.ipv4.ip_default_ttl";
      const refused = async (value: unknown): Promise<unknown> =>
        await refusalOf(setSysctl(sandbox, name, value as string));
      for (const value of ["x", "", "256", 0, -1]) {
        expect(await refused(value)).toMatchObject({ code: "EINVAL" });
      }
      for (const value of ["1\n2", "1\0", 1.5, 2 ** 53, Number.NaN]) {
        expect(await refused(value)).toEqual(outOfRange("value"));
      }
      for (const value of [undefined, null, 1n, {}]) {
        expect(await refused(value)).toEqual(wrongType("value"));
      }
      const number = 5 as unknown as string;
      expect(await refusalOf(getSysctl(sandbox, number))).toEqual(wrongType("name"));
      expect(await proc(sandbox, "ipv4/ip_default_ttl")).toBe("64");
    }));
});
