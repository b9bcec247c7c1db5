// What gets through the firewall, and how it looks then: real traffic between namespaces.

import { describe, expect, test } from "vitest";
import { addRoute, removeAddress, replaceAddress, setLink, setSysctl } from "../../../lib/index.ts";
import { inside } from "../../support/sandbox.ts";
import { asked, at, curl, echoing, lan, other, published, serving, web, withLab } from "./lab.ts";

describe("what leaves a network", () => {
  test("looks as if it came from the host", () =>
    withLab(async ({ world, a }) => {
      await serving(world, 80, async () => {
        expect(await curl(a, lan.world, 80)).toBe(lan.host);
        expect(await curl(a, lan.world6, 80)).toBe(lan.host6);
      });
    }));

  test("keeps its address without masquerading", () =>
    withLab(
      async ({ world, a, c }) => {
        await addRoute(world, { to: "10.11.0.0/24", via: lan.host });
        await addRoute(world, { to: "fd11::/64", via: lan.host6 });
        await serving(world, 80, async () => {
          expect(await curl(a, lan.world, 80)).toBe(at.a.four);
          expect(await curl(a, lan.world6, 80)).toBe(at.a.six);
          expect(await curl(c, lan.world, 80)).toBe(lan.host);
        });
      },
      [{ ...web, masquerade: false }, other],
    ));

  test("keeps its address within the network", () =>
    withLab(async ({ host, a, b }) => {
      await serving(b, 80, async () => {
        expect(await curl(a, at.b.four, 80)).toBe(at.a.four);
        expect(await curl(a, at.b.six, 80)).toBe(at.a.six);
      });
      await serving(host, 80, async () => {
        expect(await curl(a, at.a.gateway, 80)).toBe(at.a.four);
      });
    }));
});

describe("what wants in", () => {
  test("is let in from the host, and not from outside or another network", () =>
    withLab(async ({ host, world, a, c }) => {
      await addRoute(world, { to: "10.11.0.0/24", via: lan.host });
      await addRoute(world, { to: "fd11::/64", via: lan.host6 });
      await serving(a, 80, async () => {
        expect(await curl(host, at.a.four, 80)).toBe(at.a.gateway);
        expect(await curl(host, at.a.six, 80)).toBe(at.a.gateway6);
        for (const address of [at.a.four, at.a.six]) {
          expect(await curl(world, address, 80)).toBeUndefined();
          expect(await curl(c, address, 80)).toBeUndefined();
        }
      });
    }));

  test("to loopback addresses of the host by way of a bridge is dropped", () =>
    withLab(async ({ host, a }) => {
      await removeAddress(a, { name: "lo" }, "127.0.0.1/8");
      await setSysctl(a, "net/ipv4/conf/eth0/route_localnet", 1);
      await addRoute(a, { to: "127.0.0.1/32", via: at.a.gateway, source: at.a.four });
      await serving(host, 7000, async () => {
        expect(await curl(a, "127.0.0.1", 7000)).toBeUndefined();
        // The witness that nothing else keeps it away.
        await inside(host, "nft", "flush", "chain", "inet", "vethwork", "guard");
        expect(await curl(a, "127.0.0.1", 7000)).toBe(at.a.four);
      });
    }));
});

describe("a published port", () => {
  test("of TCP is reached from outside, the host, siblings, others and itself", () =>
    withLab(async ({ host, world, a, b, c, firewall }) => {
      await setLink(host, { name: "to-a" }, { portKind: "bridge", port: { hairpin: true } });
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        await firewall.publish([published()]);
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        expect(await curl(host, lan.host, 8080)).toBe(lan.host);
        expect(await curl(host, "127.0.0.1", 8080)).toBe(at.a.gateway);
        expect(await curl(host, "127.1.2.3", 8080)).toBe(at.a.gateway);
        expect(await curl(b, lan.host, 8080)).toBe(at.a.gateway);
        expect(await curl(b, at.a.gateway, 8080)).toBe(at.a.gateway);
        expect(await curl(c, lan.host, 8080)).toBeDefined();
        expect(await curl(a, lan.host, 8080)).toBe(at.a.gateway);
        await firewall.unpublish([published()]);
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
        expect(await curl(host, "127.0.0.1", 8080)).toBeUndefined();
      });
    }));

  test("of UDP answers from the address that was asked", () =>
    withLab(async ({ host, world, a, b, c, firewall }) => {
      await setLink(host, { name: "to-a" }, { portKind: "bridge", port: { hairpin: true } });
      await firewall.publish([published({ protocol: "udp", hostPort: 5000, port: 53 })]);
      await echoing(a, 53, async () => {
        expect(await asked(world, lan.host, 5000)).toBe(`${lan.host} ${lan.world}`);
        expect(await asked(host, "127.0.0.1", 5000)).toBe(`127.0.0.1 ${at.a.gateway}`);
        expect(await asked(host, lan.host, 5000)).toBe(`${lan.host} ${lan.host}`);
        expect(await asked(b, lan.host, 5000)).toBe(`${lan.host} ${at.a.gateway}`);
        expect(await asked(c, lan.host, 5000)).toMatch(`${lan.host} `);
        expect(await asked(a, lan.host, 5000)).toBe(`${lan.host} ${at.a.gateway}`);
      });
    }));

  test("of IPv6 is reached by that", () =>
    withLab(async ({ host, world, a, b, c, firewall }) => {
      await setLink(host, { name: "to-a" }, { portKind: "bridge", port: { hairpin: true } });
      await firewall.publish([published({ hostAddress: "::", address: at.a.six })]);
      await serving(a, 80, async () => {
        expect(await curl(world, lan.host6, 8080)).toBe(lan.world6);
        expect(await curl(host, lan.host6, 8080)).toBe(lan.host6);
        expect(await curl(b, lan.host6, 8080)).toBe(at.a.gateway6);
        expect(await curl(c, lan.host6, 8080)).toBeDefined();
        expect(await curl(a, lan.host6, 8080)).toBe(at.a.gateway6);
        expect(await curl(world, lan.host, 8080)).toBeUndefined();
      });
    }));

  test("of IPv6 is refused at once by ::1, from where no packet gets out of the host", () =>
    withLab(async ({ host, a, firewall }) => {
      const url = "http://[::1]:8080/";
      const attempt = () =>
        inside(host, "curl", "-sS", "-g", "--max-time", "5", "--noproxy", "*", url);
      await firewall.publish([published({ hostAddress: "::", address: at.a.six })]);
      await serving(a, 80, async () => {
        const refused = 7; // EXIT CODES in curl(1)
        await expect(attempt()).rejects.toMatchObject({ code: refused });
      });
      await serving(host, 8080, async () => expect(await attempt()).toBe("::1"));
    }));

  test("of one address is reached by that alone, before one of all", () =>
    withLab(async ({ host, world, a, b, firewall }) => {
      await firewall.publish([
        published({ hostAddress: "127.0.0.1" }),
        published({ hostAddress: lan.host, hostPort: 8081 }),
        published({ hostAddress: lan.host6, hostPort: 8081, address: at.a.six }),
        published({ hostPort: 8081, address: at.b.four }),
      ]);
      await serving(a, 80, () =>
        serving(
          b,
          80,
          async () => {
            expect(await curl(host, "127.0.0.1", 8080)).toBe(at.a.gateway);
            expect(await curl(world, lan.host, 8080)).toBeUndefined();
            expect(await curl(world, lan.host, 8081)).toBe(lan.world);
            expect(await curl(world, lan.host6, 8081)).toBe(lan.world6);
            expect(await curl(host, "127.0.0.1", 8081)).toBe(`b ${at.a.gateway}`);
          },
          "b ",
        ),
      );
    }));

  test("does not take what is for addresses of others", () =>
    withLab(async ({ world, a, firewall }) => {
      await firewall.publish([published()]);
      await serving(world, 8080, async () => {
        expect(await curl(a, lan.world, 8080)).toBe(lan.host);
      });
    }));
});

describe("an internal network", () => {
  const networks = [{ ...web, internal: true }, other];

  test("is reached by nobody, and reaches nobody, but for itself and the host", () =>
    withLab(async ({ host, world, a, b, c }) => {
      await addRoute(world, { to: "10.11.0.0/24", via: lan.host });
      await serving(a, 80, async () => {
        expect(await curl(b, at.a.four, 80)).toBe(at.b.four);
        expect(await curl(host, at.a.four, 80)).toBe(at.a.gateway);
        expect(await curl(world, at.a.four, 80)).toBeUndefined();
        expect(await curl(c, at.a.four, 80)).toBeUndefined();
      });
      for (const server of [world, c]) {
        await serving(server, 80, async () => {
          const address = server === world ? lan.world : at.c.four;
          expect(await curl(a, address, 80)).toBeUndefined();
        });
      }
    }, networks));

  test("does not reach the published ports of other networks either", () =>
    withLab(async ({ a, c, world, firewall }) => {
      const port = { address: at.c.four, network: other.id };
      await firewall.publish([published(port)]);
      await serving(c, 80, async () => {
        expect(await curl(world, lan.host, 8080)).toBe(lan.world);
        expect(await curl(a, lan.host, 8080)).toBeUndefined();
        expect(await curl(a, at.a.gateway, 8080)).toBeUndefined();
      });
    }, networks));
});

test("without communication inside, what the host would route back is dropped", () =>
  withLab(
    async ({ host, a, b }) => {
      // Alone on the link, so that everything goes by the host.
      for (const [sandbox, { four, gateway }] of [
        [a, at.a],
        [b, at.b],
      ] as const) {
        await setSysctl(host, "net/ipv4/conf/all/send_redirects", 0);
        await setSysctl(host, `net/ipv4/conf/${web.link}/send_redirects`, 0);
        await removeAddress(sandbox, { name: "eth0" }, `${four}/24`);
        await replaceAddress(sandbox, { name: "eth0" }, `${four}/32`);
        await addRoute(sandbox, { to: `${gateway}/32`, device: { name: "eth0" } });
        await addRoute(sandbox, { to: "default", via: gateway });
      }
      await serving(b, 80, async () => {
        expect(await curl(a, at.b.four, 80)).toBeUndefined();
        await inside(host, "nft", "flush", "chain", "inet", "vethwork", "into-0123456789ab");
        expect(await curl(a, at.b.four, 80)).toBe(at.a.four);
      });
    },
    [{ ...web, icc: false }, other],
  ));
