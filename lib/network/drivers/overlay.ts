// Networks over hosts: a VXLAN on each, which is told where the endpoints of the others are.

import type { Driver } from "./driver.ts";
import { encryption } from "./overlay/encryption.ts";
import { connect, disconnect, inspectEndpoint } from "./overlay/ports.ts";
import { changeRemotes, inspectRemotes, setRemotes } from "./overlay/remotes.ts";
import { createSegment, deleteSegment, inspectSegment } from "./overlay/segment.ts";
import { planNetwork, planPart, wholeSettings } from "./overlay/settings.ts";

/** A bridge has so many ports at most, the VXLAN aside. @see net/bridge/br_private.h, `BR_MAX_PORTS` */
const mostPorts = 1022;

/** A bridge of its own on each host that has endpoints, in a namespace, and a VXLAN between them. */
export const overlay: Driver = {
  name: "overlay",
  traits: { addresses: true, routed: false, names: true },
  across: {
    remotes: "endpoints",
    numbers: (settings) => wholeSettings({ settings }).numbers,
    planPart,
    setRemotes,
    changeRemotes,
    inspectRemotes,
    encryption,
  },
  planNetwork,
  mostEndpoints: () => mostPorts,
  linkPrefix: (network) => wholeSettings(network).linkPrefix,
  createNetwork: createSegment,
  deleteNetwork: deleteSegment,
  connect,
  disconnect,
  inspectNetwork: inspectSegment,
  inspectEndpoint,
};
