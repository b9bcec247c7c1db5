// The links that modules of tunnels put into each namespace, which nobody made and nobody can delete.

import { type Link, listLinks } from "../rtnl/link.ts";
import { openNamespace } from "../rtnl/namespace.ts";

/**
 * Kinds by names. They come when the module is loaded, or the namespace is made, unless
 * `net.core.fb_tunnels_only_for_init_net` is against it, and take what is for no other tunnel.
 *
 * @see net/ipv4/ip_tunnel.c, `ip_tunnel_init_net()`, and who calls it: ipip.c, ip_gre.c, ip_vti.c
 * @see net/ipv6: sit.c, ip6_tunnel.c, ip6_gre.c, ip6_vti.c
 */
const fallbacks: ReadonlyMap<string, string> = new Map([
  ["tunl0", "ipip"],
  ["gre0", "gre"],
  ["gretap0", "gretap"],
  ["erspan0", "erspan"],
  ["ip_vti0", "vti"],
  ["sit0", "sit"],
  ["ip6tnl0", "ip6tnl"],
  ["ip6gre0", "ip6gre"],
  ["ip6_vti0", "vti6"],
]);

const zeros = /^00(:00)*$/;
const ones = /^ff(:ff)*$/;

/** What a fallback link is known by; the library has no tables for some of their kinds. */
export type Appearance = Pick<Link, "name" | "address" | "broadcast"> & { readonly kind?: string };

/**
 * Whether a link is one of them. A tunnel of a test's own that is called the same has an address: its
 * near or far end, or a random MAC address where packets are those of Ethernet.
 */
export function isFallback({ name, kind, address = "", broadcast = "" }: Appearance): boolean {
  if (kind === undefined || fallbacks.get(name) !== kind) return false;
  return zeros.test(address) && (zeros.test(broadcast) || ones.test(broadcast));
}

/** Those of the process's links that are none; the kernel is asked only if one is called like one. */
export async function withoutFallbacks(names: readonly string[]): Promise<readonly string[]> {
  if (!names.some((name) => fallbacks.has(name))) return names;
  await using namespace = await openNamespace();
  const links: readonly Appearance[] = await listLinks(namespace);
  const found = new Set(links.filter(isFallback).map(({ name }) => name));
  return names.filter((name) => !found.has(name));
}
