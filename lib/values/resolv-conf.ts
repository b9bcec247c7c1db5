// The text of a resolv.conf, taken apart (resolv.conf(5)).

import { isIP } from "node:net";

/** What a resolv.conf says. */
export interface ResolvConf {
  /** Addresses, in the order in which they are asked; of IPv6 perhaps with a zone. */
  readonly nameservers: readonly string[];
  /** Domains that are tried behind names; `"."` alone for none. */
  readonly search: readonly string[];
  /** `"ndots:0"`, `"rotate"`, … */
  readonly options: readonly string[];
}

/** The words of each line of a file in which `#` and `;` begin comments. */
export function wordsOfLines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.replace(/[#;].*/, "").trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/));
}

/**
 * Reads a resolv.conf: the last of the lines `search` and `domain` counts, the latter with one
 * domain; options add up; name servers that are no addresses, and other lines, are passed over.
 * Domains and options are as they were written.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const [keyword, ...values] of wordsOfLines(text)) {
    if (keyword === "nameserver") nameservers.push(...values.slice(0, 1).filter(isIP));
    if (keyword === "options") options.push(...values);
    if (keyword === "search") search = values;
    if (keyword === "domain") search = values.slice(0, 1);
  }
  return { nameservers, search, options };
}
