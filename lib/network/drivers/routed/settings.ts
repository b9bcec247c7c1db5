// What a routed network's options are, and what is made of them.

import type { Network } from "../../model.ts";
import type { Settings } from "../driver.ts";
import type { HubSettings } from "../hub.ts";
import { bridgedOptions, choice, type OptionRow, type OptionTable } from "../options.ts";
import type { PortSettings } from "../port.ts";

/** How the hosts learn of each other's blocks. */
const announcements = ["direct", "bgp"] as const;

/** The options of a routed network. Docker has none of the last three. */
export const routedOptions: OptionTable = {
  ...bridgedOptions,
  // A block has the network's own address, the broadcast address, the gateway, and one to give.
  blockSize: prefixLength("blockSize", 24, 9, 30),
  blockSize6: prefixLength("blockSize6", 80, 17, 126),
  announce: choice("announce", announcements),
};

function prefixLength(name: string, otherwise: number, least: number, most: number): OptionRow {
  const read = (text: string) => {
    const value = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  };
  const rule = `must be a prefix length from ${least} to ${most}`;
  return { docker: name, otherwise, read, rule };
}

/** What of the settings all hosts have in common, and what is the part's. */
export interface RoutedSettings extends HubSettings, PortSettings {
  readonly linkPrefix: string;
  readonly announce: (typeof announcements)[number];
  /** The network's subnets, of which the part has blocks. */
  readonly whole: readonly string[];
}

/** The settings of a part of a network of this driver. */
export function routedSettings({ settings }: Pick<Network, "settings">): RoutedSettings {
  return settings as unknown as RoutedSettings;
}

/** The prefix length of the blocks that hosts lease of a subnet, by the network's settings. */
export function blockSizeOf(settings: Settings, family: "inet" | "inet6"): number {
  return Number(family === "inet" ? settings.blockSize : settings.blockSize6);
}
