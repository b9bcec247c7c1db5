// Whether a host's firewall sees what only goes through a bridge.

import { inside, type Sandbox } from "../../support/sandbox.ts";

/** Has bridged packets be shown to the host's firewall, or not, where the kernel can do so. */
export async function showBridged(host: Sandbox, shown: 0 | 1): Promise<void> {
  const script = `for key in iptables ip6tables; do
    file=/proc/sys/net/bridge/bridge-nf-call-$key; [ ! -e $file ] || echo ${shown} > $file; done`;
  await inside(host, "sh", "-c", script);
}
