// The networks without a network: "host", the host's own, and "none".

import { NetworkError } from "../errors.ts";
import type { Driver } from "./driver.ts";

/** A driver that makes nothing. A sandbox is on its network by its mode, without an endpoint. */
function nothing(name: string): Driver {
  return {
    name,
    traits: { addresses: false, routed: false, names: false },
    planNetwork: async (_host, { name: subject, predefined }) => {
      if (predefined) return {};
      const reason = `there is one network of the driver ${JSON.stringify(name)}, and it is predefined`;
      throw new NetworkError("NETWORK_PREDEFINED", { operation: "createNetwork", subject, reason });
    },
    createNetwork: async () => {},
    deleteNetwork: async () => {},
    connect: async ({ network }) => {
      const reason = "a sandbox is on it by its mode";
      const details = { operation: "connect", subject: network.name, reason };
      throw new NetworkError("MODE_CONFLICT", details);
    },
    disconnect: async () => {},
    inspectNetwork: async () => [],
    inspectEndpoint: async () => [],
  };
}

/** Of the network `host`. */
export const host: Driver = nothing("host");

/** Of the network `none`. */
export const none: Driver = nothing("null");
