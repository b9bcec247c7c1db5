// Whether the kernel has what ESP between hosts needs.

import { NetlinkError } from "../errors.ts";
import type { Family } from "../rtnl/address.ts";
import { createNamespace, type Namespace } from "../rtnl/namespace.ts";
import { listEspPolicies } from "./policy.ts";
import { addEspState } from "./state.ts";

/** Documentation addresses, which nobody has (RFC 5737, RFC 3849). */
const probes = {
  inet: { source: "192.0.2.1", destination: "192.0.2.2" },
  inet6: { source: "2001:db8::1", destination: "2001:db8::2" },
} as const;

const options = { inet: "CONFIG_INET_ESP", inet6: "CONFIG_INET6_ESP" } as const;
const versions = { inet: "IPv4", inet6: "IPv6" } as const;

/** The code that work is refused with; undefined if it is done. */
async function codeOfRefusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError && error.code !== "EPERM") return error.code;
    throw error;
  }
}

async function lacksEspIn(namespace: Namespace, family: Family): Promise<string | undefined> {
  // A kernel without the protocol of netlink and one without ESP refuse with the same code.
  if ((await codeOfRefusal(listEspPolicies(namespace, 1))) === "EPROTONOSUPPORT") {
    return "the kernel has no IPsec (CONFIG_XFRM_USER)";
  }
  const state = { ...probes[family], spi: 256, reqid: 1, key: new Uint8Array(36) };
  const code = await codeOfRefusal(addEspState(namespace, state));
  switch (code) {
    case undefined:
      return undefined;
    case "EPROTONOSUPPORT":
      return `the kernel has no ESP for ${versions[family]} (${options[family]})`;
    // It is looked for before ESP, which nowadays brings it along; the second if parts of it are missing.
    case "ENOSYS":
    case "ENOENT":
      return `the kernel has no AES-GCM for ESP (CONFIG_CRYPTO_GCM, ${options[family]})`;
    default:
      return `the kernel refuses a state of ESP with AES-GCM (${code})`;
  }
}

/**
 * What the kernel lacks for ESP of a family, as a sentence, `"the kernel has no ESP for IPv4
 * (CONFIG_INET_ESP)"`; undefined if it lacks nothing. It is tried in a namespace of its own, of which
 * nothing is left; the kernel may load modules for it.
 *
 * Needs `CAP_SYS_ADMIN`, as {@link createNamespace} does.
 *
 * @throws {NetlinkError} `EPERM` without the capability.
 * @see net/xfrm/xfrm_state.c, `xfrm_get_type()`; net/xfrm/xfrm_user.c, `attach_aead()`
 */
export async function lacksEsp(family: Family = "inet"): Promise<string | undefined> {
  const namespace = await createNamespace({ loopback: false });
  try {
    return await lacksEspIn(namespace, family);
  } finally {
    await namespace.close();
  }
}
