// What the running kernel can do, asked once per process, so that tests skip by feature.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { release } from "node:os";
import type { TestContext } from "vitest";
import {
  createLink,
  createNamespace,
  type LinkKind,
  type LinkSpec,
  linkKinds,
  type Namespace,
  NetlinkError,
} from "../../lib/index.ts";
import { lacksEsp } from "../../lib/xfrm/support.ts";
import { jar } from "./zookeeper.ts";

/** What a test can need: a kind of link, or something else that kernels may lack. */
export type Feature =
  | LinkKind
  | "ipv6"
  | "user-namespace"
  | "bridge-vlan-filtering"
  | "creation-echo"
  | "etc-netns"
  | "esp"
  | "etcd"
  | "zookeeper"
  | "bird";

/** Whether the running kernel is of this release or newer, for what cannot be asked of it. */
export function isSince(wanted: string): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number.parseFloat);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** The smallest link of a kind; `lower` stands for kinds that lie upon another link. */
function smallest(kind: LinkKind, lower: number): LinkSpec {
  switch (kind) {
    case "macvlan":
    case "macvtap":
    case "ipvlan":
      return { kind, name: "probe", parent: lower };
    case "vlan":
      return { kind, name: "probe", parent: lower, vlanId: 7 };
    case "vxlan":
    case "geneve":
      return { kind, name: "probe", vni: 7, remote: "192.0.2.1" };
    // One that leads nowhere in particular is there as soon as the module is.
    case "gretap":
    case "ipip":
    case "sit":
      return { kind, name: "probe", remote: "192.0.2.1" };
    case "vrf":
      return { kind, name: "probe", table: 7 };
    default:
      return { kind, name: "probe" };
  }
}

/** False if the kernel says that it does not know what is asked; any other refusal is an error. */
async function understands(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "EOPNOTSUPP") return false;
    throw error;
  }
}

/** Whether the kernel tells which name it chose for a link, as it does since Linux 6.2. */
async function tellsCreations(namespace: Namespace): Promise<boolean> {
  try {
    await createLink(namespace, { kind: "veth" });
    return true;
  } catch (error) {
    if (error instanceof TypeError && "property" in error && error.property === "name") {
      return false;
    }
    throw error;
  }
}

async function probeLink(namespace: Namespace, feature: Feature): Promise<boolean> {
  if (feature === "bridge-vlan-filtering") {
    const bridge = { kind: "bridge", name: "probe", vlanFiltering: true } as const;
    return await understands(createLink(namespace, bridge));
  }
  if (feature === "creation-echo") return await tellsCreations(namespace);
  const kind = linkKinds.find((candidate) => candidate === feature);
  if (kind === undefined) throw new Error(`no probe for ${feature}`);
  const { index } = await createLink(namespace, { kind: "veth", name: "lower" });
  return await understands(createLink(namespace, smallest(kind, index)));
}

/** The server, what runs it, and the package by which it is spoken to. */
async function hasZooKeeper(): Promise<boolean> {
  if (!existsSync(jar) || spawnSync("java", ["-version"]).status !== 0) return false;
  return await import("zookeeper").then(
    () => true,
    () => false,
  );
}

async function probe(feature: Feature): Promise<boolean> {
  if (feature === "ipv6") return existsSync("/proc/net/if_inet6");
  if (feature === "user-namespace") {
    return spawnSync("unshare", ["--user", "--map-root-user", "true"]).status === 0;
  }
  if (feature === "etcd") {
    const programs = ["etcd --version", "etcdctl version", "openssl version"].map((line) =>
      line.split(" "),
    );
    return programs.every(([program = "", ...args]) => spawnSync(program, args).status === 0);
  }
  if (feature === "zookeeper") return await hasZooKeeper();
  if (feature === "esp") {
    return (await lacksEsp("inet")) === undefined && (await lacksEsp("inet6")) === undefined;
  }
  if (feature === "bird") return spawnSync("bird", ["--version"]).status === 0;
  // The sandbox has an empty one of its own, where the kernel lets it.
  if (feature === "etc-netns") return existsSync("/etc/netns");
  const namespace = await createNamespace();
  try {
    return await probeLink(namespace, feature);
  } finally {
    await namespace.close();
  }
}

const answers = new Map<Feature, Promise<boolean>>();

/** Whether the running kernel has a feature. */
export async function has(feature: Feature): Promise<boolean> {
  const answer = answers.get(feature) ?? probe(feature);
  answers.set(feature, answer);
  return await answer;
}

/**
 * Whether tests that need a feature are to be skipped; an error if they may not, because the
 * environment says in VETHWORK_REQUIRED_FEATURES, separated by commas, that it must be there.
 */
export async function lacks(feature: Feature): Promise<boolean> {
  if (await has(feature)) return false;
  const required = (process.env.VETHWORK_REQUIRED_FEATURES ?? "").split(",");
  if (required.includes(feature)) {
    throw new Error(`there is no ${feature} here, which VETHWORK_REQUIRED_FEATURES lists`);
  }
  return true;
}

/** Skips the rest of the test if there is no such feature here, as {@link lacks} tells. */
export async function needs(feature: Feature, { skip }: TestContext): Promise<void> {
  if (await lacks(feature)) skip(`there is no ${feature} here`);
}
