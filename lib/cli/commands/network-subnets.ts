// The subnets of a network, whose parts stand in options of their own.

import { cidrContains, parseCidr } from "../../index.ts";
import type { SubnetOptions } from "../../network/index.ts";
import type { Call } from "../call.ts";
import { UsageError } from "../command.ts";
import { pair } from "../values.ts";

type Draft = { -readonly [P in keyof SubnetOptions]: SubnetOptions[P] };

function checked(option: string, text: string): string {
  try {
    parseCidr(text);
    return text;
  } catch {
    throw new UsageError(`${option} ${JSON.stringify(text)} is no IP address or prefix`);
  }
}

/** The subnet that an address or a part belongs to. */
function ownerOf(drafts: readonly Draft[], option: string, text: string): Draft {
  checked(option, text);
  const owner = drafts.find(({ subnet = "" }) => cidrContains(subnet, text));
  if (owner !== undefined) return owner;
  throw new UsageError(`${option} ${text} is in none of the subnets; give its --subnet`);
}

function setOnce(draft: Draft, property: "gateway" | "range", option: string, text: string): void {
  if (draft[property] !== undefined) {
    throw new UsageError(`${option} is given twice for ${draft.subnet}`);
  }
  draft[property] = text;
}

/** What the options say of a network's subnets. */
export function subnetsOf(call: Call): SubnetOptions[] {
  const drafts: Draft[] = call.texts("subnet").map((subnet) => {
    return { subnet: checked("--subnet", subnet) };
  });
  for (const text of call.texts("gateway")) {
    setOnce(ownerOf(drafts, "--gateway", text), "gateway", "--gateway", text);
  }
  for (const text of call.texts("ip-range")) {
    setOnce(ownerOf(drafts, "--ip-range", text), "range", "--ip-range", text);
  }
  for (const text of call.texts("aux-address")) {
    const [name, address] = pair("--aux-address", text);
    const owner = ownerOf(drafts, "--aux-address", address);
    owner.auxiliary = { ...owner.auxiliary, [name]: address };
  }
  return drafts;
}
