// A host with two networks behind its firewall, sandboxes on them, and a world outside.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  addAddress,
  addRoute,
  createLink,
  type Namespace,
  setForwarding,
  setLink,
  setSysctl,
  waitForLink,
} from "../../../lib/index.ts";
import {
  Firewall,
  type FirewalledNetwork,
  type PublishedPort,
} from "../../../lib/network/nat/firewall.ts";
import { withoutDetection } from "../../support/routed.ts";
import { type Sandbox, withSandboxes } from "../../support/sandbox.ts";
import { lan } from "../traffic.ts";

const run = promisify(execFile);

export { asked, curl, echoing, lan, serving } from "../traffic.ts";

export const web: FirewalledNetwork = {
  id: "0123456789abcdef",
  link: "br-web",
  subnets: ["10.11.0.0/24", "fd11::/64"],
  ...{ masquerade: true, internal: false, icc: true },
};
export const other: FirewalledNetwork = {
  ...{ ...web, id: "fedcba9876543210", link: "br-other" },
  subnets: ["10.12.0.0/24", "fd12::/64"],
};

/** Where the sandboxes are; the host has the first address of each network. */
export const at = {
  a: { four: "10.11.0.2", six: "fd11::2", gateway: "10.11.0.1", gateway6: "fd11::1" },
  b: { four: "10.11.0.3", six: "fd11::3", gateway: "10.11.0.1", gateway6: "fd11::1" },
  c: { four: "10.12.0.2", six: "fd12::2", gateway: "10.12.0.1", gateway6: "fd12::1" },
} as const;

/** All there is: `a` and `b` on `web`, `c` on `other`. */
export interface Lab {
  readonly host: Sandbox;
  readonly world: Sandbox;
  readonly a: Sandbox;
  readonly b: Sandbox;
  readonly c: Sandbox;
  /** Knows both networks, as they are said above or changed. */
  readonly firewall: Firewall;
}

async function bridge(host: Namespace, name: string, four: string, six: string): Promise<void> {
  const link = await createLink(host, { kind: "bridge", name, up: true });
  await addAddress(host, link, `${four}/24`);
  await addAddress(host, link, { address: `${six}/64`, flags: ["noDad"] });
  await setSysctl(host, `net/ipv4/conf/${name}/route_localnet`, 1);
}

async function attach(host: Namespace, name: "a" | "b" | "c", sandbox: Namespace): Promise<void> {
  const { four, six, gateway, gateway6 } = at[name];
  const master = { name: name === "c" ? other.link : web.link };
  const peer = { name: "eth0", namespace: sandbox };
  await createLink(host, { kind: "veth", name: `to-${name}`, up: true, master, peer });
  const eth0 = { name: "eth0" };
  await setLink(sandbox, eth0, { up: true });
  await addAddress(sandbox, eth0, `${four}/24`);
  await addAddress(sandbox, eth0, { address: `${six}/64`, flags: ["noDad"] });
  await addRoute(sandbox, { to: "default", via: gateway });
  await addRoute(sandbox, { to: "default", via: gateway6 });
}

async function joinWorld(host: Namespace, world: Namespace): Promise<void> {
  const lan0 = { name: "lan0" };
  const peer = { ...lan0, namespace: world };
  await createLink(host, { kind: "veth", name: "lan0", up: true, peer });
  await setLink(world, lan0, { up: true });
  await addAddress(host, lan0, `${lan.host}/24`);
  await addAddress(world, lan0, `${lan.world}/24`);
  const flags = ["noDad"] as const;
  await addAddress(host, lan0, { address: `${lan.host6}/64`, flags });
  await addAddress(world, lan0, { address: `${lan.world6}/64`, flags });
  await addRoute(host, { to: "default", via: lan.world });
  await addRoute(host, { to: "default", via: lan.world6 });
}

/** Waits until the kernel, which is told of carriers later, sends by the links. */
async function settle(namespace: Namespace, links: readonly string[]): Promise<void> {
  const up = { operationalState: "up" } as const;
  await Promise.all(links.map((name) => waitForLink(namespace, { name }, up)));
}

/** Runs a test with all of it; networks can be other than said above. */
export async function withLab(
  test: (lab: Lab) => Promise<void>,
  networks: readonly FirewalledNetwork[] = [web, other],
): Promise<void> {
  await withSandboxes(2, ([host, world]) =>
    withSandboxes(3, async ([a, b, c]) => {
      for (const each of [host, world, a, b, c]) await withoutDetection(each);
      await setForwarding(host, true);
      await setForwarding(host, true, { family: "inet6" });
      await joinWorld(host, world);
      await bridge(host, web.link, at.a.gateway, at.a.gateway6);
      await bridge(host, other.link, at.c.gateway, at.c.gateway6);
      for (const [name, sandbox] of Object.entries({ a, b, c })) {
        await attach(host, name as "a" | "b" | "c", sandbox);
      }
      await settle(host, ["lan0", web.link, other.link, "to-a", "to-b", "to-c"]);
      await settle(world, ["lan0"]);
      for (const sandbox of [a, b, c]) await settle(sandbox, ["eth0"]);
      const firewall = new Firewall(host);
      for (const network of networks) await firewall.addNetwork(network);
      await test({ host, world, a, b, c, firewall });
    }),
  );
}

/** A port of the host that leads to port 80 of `a`, or elsewhere. */
export function published(changes: Partial<PublishedPort> = {}): PublishedPort {
  return {
    ...{ protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 },
    ...{ address: at.a.four, port: 80, network: web.id },
    ...changes,
  };
}

/** The connections of a protocol that conntrack(8) lists. */
export async function tracked(sandbox: Sandbox, protocol: string): Promise<string[]> {
  const args = ["netns", "exec", sandbox.name, "conntrack", "-L", "-p", protocol];
  const lists = ["ipv4", "ipv6"].map(
    async (family) => (await run("ip", [...args, "-f", family])).stdout,
  );
  return (await Promise.all(lists)).flatMap((text) => text.split("\n").filter(Boolean));
}
