// Three sandboxes in a row, the middle one routing between the others.

import {
  addAddress,
  addRoute,
  createLink,
  type Namespace,
  setForwarding,
  setLink,
  setSysctl,
} from "../../lib/index.ts";
import { type Sandbox, withSandboxes } from "./sandbox.ts";

/** `left` (10.1.0.2, fd01::2) and `right` (10.2.0.2, fd02::2), joined by `router`. */
export interface Routed {
  readonly left: Sandbox;
  readonly router: Sandbox;
  readonly right: Sandbox;
}

async function wire(end: Sandbox, router: Sandbox, side: 1 | 2): Promise<void> {
  const peer = { name: `side${side}`, namespace: router };
  const near = await createLink(end, { kind: "veth", name: "eth0", up: true, peer });
  const far = { name: `side${side}` };
  await Promise.all([
    addAddress(end, near, `10.${side}.0.2/24`),
    addAddress(end, near, { address: `fd0${side}::2/64`, flags: ["noDad"] }),
    addAddress(router, far, `10.${side}.0.1/24`),
    addAddress(router, far, { address: `fd0${side}::1/64`, flags: ["noDad"] }),
    setLink(router, far, { up: true }),
  ]);
  await addRoute(end, { to: "default", via: `10.${side}.0.1` });
  await addRoute(end, { to: "default", via: `fd0${side}::1` });
}

/** Has later links ask for neighbours at once, not when their own addresses are known to be free. */
export async function withoutDetection(namespace: Namespace): Promise<void> {
  await setSysctl(namespace, "net/ipv6/conf/all/accept_dad", 0);
  await setSysctl(namespace, "net/ipv6/conf/default/accept_dad", 0);
}

/** Runs a test with them. */
export function withRouter<T>(test: (routed: Routed) => Promise<T>): Promise<T> {
  return withSandboxes(3, async ([left, router, right]) => {
    for (const each of [left, router, right]) await withoutDetection(each);
    await setForwarding(router, true);
    await setForwarding(router, true, { family: "inet6" });
    await wire(left, router, 1);
    await wire(right, router, 2);
    return await test({ left, router, right });
  });
}
