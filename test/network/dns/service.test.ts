// Names served inside real sandboxes at 127.0.0.11, as dig(1) there finds them.

import { once } from "node:events";
import { decode, encode, type Packet } from "dns-packet";
import { describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  bindUdp,
  createLink,
  createNamespace,
  listen,
  type Namespace,
  openNamespace,
  setLink,
  setSysctl,
} from "../../../lib/index.ts";
import {
  type NameService,
  type NameServiceOptions,
  openNameService,
  type ServiceUpstream,
  upstreamsOf,
} from "../../../lib/network/dns/service.ts";
import { View } from "../../../lib/network/dns/view.ts";
import { Zone } from "../../../lib/network/dns/zone.ts";
import { frame } from "../../../lib/values/dns-frames.ts";
import { countSockets } from "../../support/processes.ts";
import {
  inside,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../../support/sandbox.ts";
import { type Dug, understood } from "./lab.ts";

/** What `dig ARGS` in a sandbox says to the service there. */
async function ask(sandbox: Sandbox, { ports }: NameService, ...args: string[]): Promise<Dug> {
  const port = args.includes("+tcp") ? ports.tcp : ports.udp;
  const place = ["@127.0.0.11", "-p", String(port), "+tries=1", "+time=10"];
  return understood(await inside(sandbox, "dig", ...place, ...args));
}

/** A network with two holders of one alias. */
function backend(): Zone {
  const zone = new Zone("backend");
  const id = "0123456789ab";
  zone.add({ name: "web", aliases: ["www", id], addresses: ["172.18.0.2", "fd00:18::2"] });
  zone.add({ name: "db", aliases: ["www"], addresses: ["172.18.0.3"] });
  return zone;
}

/** A sandbox with a service that knows {@link backend}, and the host that it is joined to. */
async function withService(
  test: (place: {
    sandbox: Sandbox;
    host: Sandbox;
    service: NameService;
    zone: Zone;
    view: View;
  }) => Promise<void>,
): Promise<void> {
  await withSandboxes(2, async ([sandbox, host]) => {
    const peer = { name: "veth0", namespace: host };
    const near = await createLink(sandbox, { kind: "veth", name: "eth0", up: true, peer });
    await addAddress(sandbox, near, "172.18.0.9/16");
    await addAddress(host, { name: "veth0" }, "172.18.0.1/16");
    await setLink(host, { name: "veth0" }, { up: true });
    await addRoute(sandbox, { to: "default", via: "172.18.0.1" });
    const view = new View();
    const zone = backend();
    view.add(zone, { store: "db" });
    await using service = await openNameService({ sandbox, host, view });
    await test({ sandbox, host, service, zone, view });
  });
}

/** What a name server says, and that it was asked. */
interface Upstream extends AsyncDisposable {
  /** `"udp 172.18.0.9 example.org A"` */
  readonly asked: string[];
}

type Reply = (query: Packet, transport: "udp" | "tcp") => Partial<Packet> | undefined;

const known: Reply = (query) => {
  const [{ name } = { name: "" }] = query.questions ?? [];
  return { answers: [{ type: "A", name, ttl: 30, data: "198.51.100.9" }] };
};

/** A name server in a namespace. */
async function serve(namespace: Namespace, address: string, reply = known): Promise<Upstream> {
  const asked: string[] = [];
  const answer = (message: Buffer, transport: "udp" | "tcp", from?: string) => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    asked.push(`${transport} ${from} ${question?.name} ${question?.type}`);
    const more = reply(query, transport);
    const { id = 0, questions = [] } = query;
    return more && encode({ type: "response", id, flags: 0x80, questions, ...more });
  };
  const udp = await bindUdp(namespace, { address, port: 53 });
  udp.on("message", (message, from) => {
    const bytes = answer(message, "udp", from.address);
    if (bytes) udp.send(bytes, from.port, from.address);
  });
  const tcp = await listen(namespace, { host: address, port: 53 }, (connection) => {
    connection.on("data", (data) => {
      const bytes = answer(data.subarray(2), "tcp", connection.remoteAddress);
      if (bytes) connection.write(frame(bytes));
    });
  });
  return {
    asked,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

describe("a sandbox", () => {
  test("finds the names of its networks", () =>
    withService(async ({ sandbox, service }) => {
      for (const way of ["+notcp", "+tcp"]) {
        for (const name of ["web", "WEB.Backend", "0123456789ab"]) {
          expect(await ask(sandbox, service, name, way)).toMatchObject({
            status: "NOERROR",
            flags: "qr rd ra",
            answers: [`${name}. 600 IN A 172.18.0.2`],
          });
        }
        expect((await ask(sandbox, service, "store", way)).data).toEqual(["172.18.0.3"]);
        expect((await ask(sandbox, service, "web", "AAAA", way)).data).toEqual(["fd00:18::2"]);
        const empty = { status: "NOERROR", flags: "qr rd ra", answers: [] };
        expect(await ask(sandbox, service, "db", "AAAA", way)).toMatchObject(empty);
        expect(await ask(sandbox, service, "db", "MX", way)).toMatchObject(empty);
        const reverse = ["2.0.18.172.in-addr.arpa. 600 IN PTR web.backend."];
        expect((await ask(sandbox, service, "-x", "172.18.0.2", way)).answers).toEqual(reverse);
        expect((await ask(sandbox, service, "-x", "fd00:18::2", way)).data).toEqual([
          "web.backend.",
        ]);
        const status = await ask(sandbox, service, "web", "+opcode=STATUS", way);
        expect(status).toMatchObject({ status: "NOTIMP" });
        const unknown = await ask(sandbox, service, "01234567", way);
        expect(unknown).toMatchObject({ status: "SERVFAIL", flags: "qr rd" });
      }
    }));

  test("finds several holders of a name in turn, and who comes and goes", () =>
    withService(async ({ sandbox, service, zone, view }) => {
      const firsts = new Set<string | undefined>();
      for (let n = 0; n < 2; n += 1) {
        const { data } = await ask(sandbox, service, "www");
        expect([...data].sort()).toEqual(["172.18.0.2", "172.18.0.3"]);
        firsts.add(data[0]);
      }
      expect(firsts.size).toBe(2);
      const late = zone.add({ name: "late", addresses: ["172.18.0.4"] });
      expect((await ask(sandbox, service, "late")).data).toEqual(["172.18.0.4"]);
      zone.remove(late);
      expect(await ask(sandbox, service, "late")).toMatchObject({ status: "SERVFAIL" });
      view.remove(zone);
      expect(await ask(sandbox, service, "web")).toMatchObject({ status: "SERVFAIL" });
    }));

  test("has its own service alone on its 127.0.0.11", () =>
    withService(async ({ sandbox, host, service }) => {
      const listening = await inside(sandbox, "ss", "-Hlntu");
      const sockets = listening
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/).at(4));
      const { udp, tcp } = service.ports;
      expect(sockets.sort()).toEqual([`127.0.0.11:${tcp}`, `127.0.0.11:${udp}`].sort());
      expect(await inside(host, "ss", "-Hlntu")).toBe("");
    }));
});

describe("names of no network", () => {
  const there = { address: "172.18.0.1", from: "sandbox" } as const;

  test("are asked for from the sandbox, UDP by UDP and TCP by TCP", () =>
    withService(async ({ sandbox, host, service }) => {
      await using upstream = await serve(host, "172.18.0.1");
      service.setUpstreams([there]);
      for (const way of ["+notcp", "+tcp"]) {
        const answers = ["example.org. 30 IN A 198.51.100.9"];
        expect(await ask(sandbox, service, "example.org", way)).toMatchObject({ answers });
      }
      await ask(sandbox, service, "web", "TXT");
      await ask(sandbox, service, "-x", "172.18.0.1");
      expect(upstream.asked).toEqual([
        "udp 172.18.0.9 example.org A",
        "tcp 172.18.0.9 example.org A",
        "udp 172.18.0.9 web TXT",
        "udp 172.18.0.9 1.0.18.172.in-addr.arpa PTR",
      ]);
    }));

  test("are asked for from the host, if its loopback has the server", () =>
    withService(async ({ sandbox, host, service }) => {
      await using upstream = await serve(host, "127.0.0.53");
      service.setUpstreams([{ address: "127.0.0.53", from: "host" }]);
      for (const way of ["+notcp", "+tcp"]) {
        const { data } = await ask(sandbox, service, "example.org", way);
        expect(data).toEqual(["198.51.100.9"]);
      }
      expect(upstream.asked).toEqual([
        "udp 127.0.0.1 example.org A",
        "tcp 127.0.0.1 example.org A",
      ]);
      // There is none on the sandbox's own.
      service.setUpstreams([{ address: "127.0.0.53", from: "sandbox" }]);
      expect(await ask(sandbox, service, "example.org")).toMatchObject({ status: "SERVFAIL" });
    }));

  test("are asked for at another port, and by IPv6", () =>
    withService(async ({ sandbox, host, service }) => {
      await addAddress(host, { name: "veth0" }, { address: "fd00:18::1/64", flags: ["noDad"] });
      await addAddress(sandbox, { name: "eth0" }, { address: "fd00:18::9/64", flags: ["noDad"] });
      await using upstream = await serve(host, "fd00:18::1");
      service.setUpstreams([{ address: "fd00:18::1", port: 53, from: "sandbox" }]);
      for (const way of ["+notcp", "+tcp"]) {
        const { data } = await ask(sandbox, service, "example.org", way);
        expect(data).toEqual(["198.51.100.9"]);
      }
      expect(upstream.asked).toContain("udp fd00:18::9 example.org A");
      service.setUpstreams([{ address: "fd00:18::1", port: 54, from: "sandbox" }]);
      expect(await ask(sandbox, service, "example.org")).toMatchObject({ status: "SERVFAIL" });
    }));

  test("are asked for by TCP of a server with a link-local address", () =>
    withService(async ({ sandbox, host, service }) => {
      await addAddress(host, { name: "veth0" }, { address: "fe80::53/64", flags: ["noDad"] });
      await addAddress(sandbox, { name: "eth0" }, { address: "fe80::9/64", flags: ["noDad"] });
      await using upstream = await serve(host, "fe80::53%veth0");
      service.setUpstreams([{ address: "fe80::53%eth0", from: "sandbox" }]);
      expect((await ask(sandbox, service, "example.org")).data).toEqual(["198.51.100.9"]);
      expect(upstream.asked).toEqual([expect.stringMatching(/^tcp fe80::.* example\.org A$/)]);
    }));

  test("that have long answers are found by TCP", () => {
    const long: Reply = (query, transport) => {
      const name = query.questions?.[0]?.name ?? "";
      const answers = Array.from({ length: 100 }, (_, n) => {
        return { type: "A" as const, name, ttl: 30, data: `198.51.100.${n}` };
      });
      return transport === "tcp" ? { answers } : { flags: 0x280 };
    };
    return withService(async ({ sandbox, host, service }) => {
      await using _ = await serve(host, "172.18.0.1", long);
      service.setUpstreams([there]);
      const cut = await ask(sandbox, service, "example.org", "+ignore");
      expect(cut).toMatchObject({ flags: "qr tc ra", answers: [] });
      expect((await ask(sandbox, service, "example.org", "+tcp")).data).toHaveLength(100);
    });
  });

  test.for([
    ["NXDOMAIN", 3, "NXDOMAIN"],
    ["SERVFAIL", 2, "SERVFAIL"],
    ["REFUSED", 5, "SERVFAIL"],
  ] as const)("of which the server says %s", ([, code, status]) =>
    withService(async ({ sandbox, host, service }) => {
      await using _ = await serve(host, "172.18.0.1", () => ({ flags: 0x80 | code }));
      service.setUpstreams([there]);
      expect(await ask(sandbox, service, "example.org")).toMatchObject({ status, answers: [] });
    }),
  );

  test("come from the next server if one fails, is silent or is not there", () =>
    withService(async ({ sandbox, host, service }) => {
      await addAddress(host, { name: "lo" }, "198.51.100.1/32");
      await addAddress(host, { name: "lo" }, "198.51.100.2/32");
      await using silent = await serve(host, "198.51.100.1", () => undefined);
      await using refusing = await serve(host, "198.51.100.2", () => ({ flags: 0x85 }));
      await using good = await serve(host, "172.18.0.1");
      for (const address of ["198.51.100.1", "198.51.100.2", "172.18.0.77"]) {
        service.setUpstreams([{ address, from: "sandbox" }, there]);
        const { data } = await ask(sandbox, service, `${address}.example.org`);
        expect(data).toEqual(["198.51.100.9"]);
      }
      expect(good.asked).toHaveLength(3);
      expect(refusing.asked).toHaveLength(1);
      expect(silent.asked.length).toBeGreaterThan(0);
    }));

  test("fail at once without servers, those that wait too, and after four seconds of silence", () =>
    withService(async ({ sandbox, host, service }) => {
      await using upstream = await serve(host, "172.18.0.1", () => undefined);
      const failed = { status: "SERVFAIL", flags: "qr rd" };
      expect(await ask(sandbox, service, "example.org")).toMatchObject(failed);
      service.setUpstreams([there]);
      expect(await ask(sandbox, service, "slow.example.org")).toMatchObject(failed);
      const waiting = ask(sandbox, service, "example.org");
      await expect.poll(() => upstream.asked.at(-1)).toContain(" example.org");
      service.setUpstreams([]);
      expect(await waiting).toMatchObject(failed);
    }));

  test("take sockets while they are asked for, and no longer", () =>
    withService(async ({ sandbox, host, service }) => {
      const replies: (() => void)[] = [];
      const upstream = await bindUdp(host, { address: "172.18.0.1", port: 53 });
      upstream.on("message", (message, { port, address }) => {
        const { id = 0, questions = [] } = decode(message);
        const answer = encode({ type: "response", id, questions });
        replies.push(() => upstream.send(answer, port, address));
      });
      const before = countSockets();
      service.setUpstreams([there]);
      expect(countSockets()).toBe(before);
      const client = await bindUdp(sandbox);
      for (let n = 0; n < 20; n += 1) {
        const questions = [{ name: `n${n}.example.org`, type: "A" as const }];
        client.send(encode({ type: "query", id: n, questions }), service.ports.udp, "127.0.0.11");
      }
      await expect.poll(() => replies.length).toBe(20);
      expect(countSockets()).toBe(before + 1 + 20);
      for (const reply of replies) reply();
      await expect.poll(countSockets).toBe(before + 1);
      client.close();
      upstream.close();
    }));
});

test("servers of a resolv.conf are asked from where they can be", () => {
  const nameservers = ["127.0.0.53", "198.51.100.1", "FE80::1%eth0", "::1", "2001:db8::1"];
  expect(upstreamsOf(nameservers)).toEqual([
    { address: "127.0.0.53", from: "host" },
    { address: "198.51.100.1", from: "sandbox" },
    { address: "fe80::1%eth0", from: "host" },
    { address: "::1", from: "host" },
    { address: "2001:db8::1", from: "sandbox" },
  ]);
  for (const wrong of ["dns.example.org", "", "1.2.3", "::1%a b", "1.2.3.4\n"]) {
    const refused = () => upstreamsOf(["198.51.100.1", wrong]);
    expect(refused).toThrow(expect.objectContaining(outOfRange("nameservers[1]")));
  }
});

describe("a service", () => {
  test("is closed once for all, and its ports are free again", () =>
    withSandboxes(1, async ([sandbox]) => {
      const before = countSockets();
      const service = await openNameService({ sandbox, host: sandbox, view: new View() });
      expect(countSockets()).toBe(before + 2);
      await Promise.all([service.close(), service.close()]);
      await service[Symbol.asyncDispose]();
      service.setUpstreams([{ address: "127.0.0.1", from: "host" }]);
      expect(countSockets()).toBe(before);
      const again = await bindUdp(sandbox, { address: "127.0.0.11", port: service.ports.udp });
      again.close();
    }));

  test("leaves nothing behind when it is opened and closed many times, with questions waiting", () =>
    withService(async ({ sandbox, host, service, view }) => {
      await using _ = await serve(host, "172.18.0.1", () => undefined);
      const before = countSockets();
      const asker = await bindUdp(sandbox);
      const questions = [{ name: "example.org", type: "A" as const }];
      const query = encode({ type: "query", id: 1, questions });
      for (let n = 0; n < 300; n += 1) {
        const one = await openNameService({ sandbox, host, view });
        one.setUpstreams([{ address: "172.18.0.1", from: "sandbox" }]);
        asker.send(query, one.ports.udp, "127.0.0.11");
        if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        await one.close();
      }
      await expect.poll(countSockets).toBe(before + 1);
      asker.close();
      expect((await ask(sandbox, service, "web")).data).toEqual(["172.18.0.2"]);
    }));

  test("goes on when the namespaces' handles are closed, but for what it forwards", () =>
    withSandboxes(1, async ([sandbox]) => {
      const before = countSockets();
      const view = new View();
      view.add(backend());
      const handle = await openNamespace({ name: sandbox.name });
      await using service = await openNameService({ sandbox: handle, host: handle, view });
      service.setUpstreams([{ address: "127.0.0.1", from: "host" }]);
      await handle.close();
      expect((await ask(sandbox, service, "web")).data).toEqual(["172.18.0.2"]);
      expect(await ask(sandbox, service, "example.org")).toMatchObject({ status: "SERVFAIL" });
      await service.close();
      expect(countSockets()).toBe(before);
      const again = openNameService({ sandbox: handle, host: sandbox, view });
      await expect(again).rejects.toMatchObject({ code: "ERR_NAMESPACE_CLOSED" });
    }));

  test("has both sockets or none", () =>
    withSandboxes(1, async ([sandbox]) => {
      // One port is left to be chosen, and it is taken for TCP, then for UDP.
      await setSysctl(sandbox, "net.ipv4.ip_local_port_range", "40000 40000");
      const options = { sandbox, host: sandbox, view: new View() };
      const before = countSockets();
      const tcp = await listen(sandbox, { host: "127.0.0.11", port: 0 });
      await expect(openNameService(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
      await new Promise((resolve) => tcp.close(resolve));
      const udp = await bindUdp(sandbox, { address: "127.0.0.11" });
      await expect(openNameService(options)).rejects.toMatchObject({ code: "EADDRINUSE" });
      udp.close();
      await expect.poll(countSockets).toBe(before);
      await using service = await openNameService(options);
      expect(service.ports).toEqual({ udp: 40_000, tcp: 40_000 });
    }));

  test("can be opened before lo is up", () =>
    withSandboxes(1, async ([sandbox]) => {
      await setLink(sandbox, { name: "lo" }, { up: false });
      const view = new View();
      view.add(backend());
      await using service = await openNameService({ sandbox, host: sandbox, view });
      await setLink(sandbox, { name: "lo" }, { up: true });
      expect((await ask(sandbox, service, "web")).data).toEqual(["172.18.0.2"]);
      expect((await ask(sandbox, service, "web", "+tcp")).data).toEqual(["172.18.0.2"]);
    }));

  test("refuses what it does not know, before anything is made", () =>
    withSandboxes(1, async ([sandbox]) => {
      const good = { sandbox, host: sandbox, view: new View() };
      const refused = (more: object) =>
        refusalOf(openNameService({ ...good, ...more } as NameServiceOptions));
      expect(await refused({ sandbox: {} })).toEqual(wrongType("sandbox"));
      expect(await refused({ host: undefined })).toEqual(wrongType("host"));
      expect(await refused({ view: {} })).toEqual(wrongType("view"));
      expect(await refused({ upstreams: [] })).toEqual(wrongType("upstreams"));
      expect(await refusalOf(openNameService(undefined as never))).toEqual(wrongType("options"));
      await using service = await openNameService(good);
      const setting = async (...upstreams: unknown[]) =>
        service.setUpstreams(upstreams as ServiceUpstream[]);
      const fine = { address: "192.0.2.1", from: "host" };
      const at = "upstreams[1]";
      const refusals = [
        [{ ...fine, address: "dns.example.org" }, outOfRange(`${at}.address`)],
        [{ ...fine, address: "192.0.2.1\n" }, outOfRange(`${at}.address`)],
        [{ ...fine, port: 65_536 }, outOfRange(`${at}.port`)],
        [{ ...fine, from: "elsewhere" }, outOfRange(`${at}.from`)],
        [{ address: "192.0.2.1" }, outOfRange(`${at}.from`)],
        [{ ...fine, namespace: sandbox }, wrongType(`${at}.namespace`)],
        ["192.0.2.1", wrongType(at)],
      ] as const;
      for (const [wrong, refusal] of refusals) {
        expect(await refusalOf(setting(fine, wrong))).toEqual(refusal);
      }
      const list = async () => service.setUpstreams("192.0.2.1" as never);
      expect(await refusalOf(list())).toEqual(wrongType("upstreams"));
    }));

  test("is one of a thousand", async () => {
    const spaces: Namespace[] = [];
    const services: NameService[] = [];
    try {
      for (let n = 0; n < 1000; n += 100) {
        const some = Array.from({ length: 100 }, () => createNamespace({ ipv6: false }));
        spaces.push(...(await Promise.all(some)));
      }
      const before = countSockets();
      const zone = new Zone("backend");
      const opening = spaces.map((sandbox, n) => {
        const view = new View();
        zone.add({ name: `box${n}`, addresses: [`10.0.${n >> 8}.${n & 255}`] });
        view.add(zone, { self: `box${n}` });
        return openNameService({ sandbox, host: sandbox, view });
      });
      services.push(...(await Promise.all(opening)));
      expect(countSockets()).toBe(before + 2000);
      const question = encode({ type: "query", questions: [{ name: "self", type: "A" }] });
      for (let n = 0; n < 1000; n += 37) {
        const [space, service] = [spaces[n], services[n]];
        if (space === undefined || service === undefined) throw new Error("too few");
        const client = await bindUdp(space);
        client.send(question, service.ports.udp, "127.0.0.11");
        const [answer] = await once(client, "message");
        client.close();
        const data = `10.0.${n >> 8}.${n & 255}`;
        expect(decode(answer).answers).toMatchObject([{ data }]);
      }
      await Promise.all(services.map((service) => service.close()));
      expect(countSockets()).toBe(before);
    } finally {
      await Promise.all(services.map((service) => service.close()));
      await Promise.all(spaces.map((space) => space.close()));
    }
  });
});
