// What callers say of a network, checked.

import { invalidArgument, objectArgument, refuseUnknown } from "../errors.ts";
import { checkedFlag, checkedList, checkedName, checkedTexts } from "./checks.ts";

/** A subnet of a network to be made. */
export interface SubnetOptions {
  /** `"10.1.0.0/24"`. Default: the first of the pools that overlaps nothing. */
  readonly subnet?: string;
  /** The part of it that addresses are given from. Default: all of it. */
  readonly range?: string;
  /** Default: the first address of the range. */
  readonly gateway?: string;
  /** Addresses that are given to nobody, by name. */
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/** A network to be made. */
export interface NetworkOptions {
  readonly name: string;
  /** Default: `"bridge"`. */
  readonly driver?: string;
  /** One of each family at most. Default: one of IPv4, and with `ipv6` one of that. */
  readonly subnets?: readonly SubnetOptions[];
  /** Default: whether there is a subnet of it. */
  readonly ipv6?: boolean;
  /** Whether nothing leads out of it. Default: false. */
  readonly internal?: boolean;
  /**
   * In which order addresses are given: the lowest free one, as Docker does, or the one that was
   * free for the longest, which neighbours have forgotten. Default: `"lowest"`.
   */
  readonly addressing?: "lowest" | "least-recently-used";
  /** Takes subnets, too, that the host has routes to, or that no network should have. Default: false. */
  readonly allowOverlap?: boolean;
  /** The driver's options, by their short or Docker's names. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A network, read. */
export interface NetworkSpec {
  readonly name: string;
  readonly driver: string;
  readonly subnets: readonly SubnetOptions[];
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly addressing: "lowest" | "least-recently-used";
  readonly allowOverlap: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const properties = [
  ...["name", "driver", "subnets", "ipv6", "internal", "addressing", "allowOverlap", "options"],
  "labels",
];

function checkedSubnet(property: string, subnet: unknown): SubnetOptions {
  const known = ["subnet", "range", "gateway", "auxiliary"];
  refuseUnknown(property, subnet as object, known, `${property}.`);
  return subnet as SubnetOptions;
}

function isIpv6({ subnet, gateway, range }: SubnetOptions): boolean {
  return [subnet, gateway, range].some((text) => typeof text === "string" && text.includes(":"));
}

/** The subnets that are meant: one of each family that there is to be. */
function completed(given: readonly SubnetOptions[], ipv6: boolean): SubnetOptions[] {
  const [four, ...moreFour] = given.filter((one) => !isIpv6(one));
  const [six, ...moreSix] = given.filter(isIpv6);
  if (moreFour.length > 0 || moreSix.length > 0) {
    throw invalidArgument("range", "subnets", "has more than one of a family");
  }
  if (six !== undefined && !ipv6) throw invalidArgument("range", "ipv6", "there is an IPv6 subnet");
  return ipv6 ? [four ?? {}, six ?? {}] : [four ?? {}];
}

/** A network as it is to be. What a subnet says is checked where it is allocated. */
export function checkedNetwork(options: NetworkOptions): NetworkSpec {
  refuseUnknown("options", objectArgument("options", options), properties);
  const { driver = "bridge", addressing = "lowest" } = options;
  if (addressing !== "lowest" && addressing !== "least-recently-used") {
    throw invalidArgument("range", "addressing", 'must be "lowest" or "least-recently-used"');
  }
  const subnets = checkedList("subnets", options.subnets, checkedSubnet);
  const ipv6 = checkedFlag("ipv6", options.ipv6, subnets.some(isIpv6));
  return {
    name: checkedName("name", options.name),
    driver: checkedName("driver", driver),
    subnets: completed(subnets, ipv6),
    ipv6,
    internal: checkedFlag("internal", options.internal, false),
    addressing,
    allowOverlap: checkedFlag("allowOverlap", options.allowOverlap, false),
    options: checkedTexts("options", options.options),
    labels: checkedTexts("labels", options.labels),
  };
}
