// nft(8), the witness of rulesets.

import { inside, type Sandbox, type Testimony } from "./sandbox.ts";

/** Runs a command of nft(8), or a whole file of its language, inside, and gives its output. */
export async function nft(sandbox: Sandbox, text: string): Promise<string> {
  // Which ends no block on the line of another one's end.
  return await inside(sandbox, "nft", "--", text.replaceAll(/\}(?=\s*\})/g, "}\n"));
}

/** The objects of one sort, `"rule"`, that nft(8) lists, without the handles, which are chance. */
export async function listed(sandbox: Sandbox, sort: string): Promise<Testimony[]> {
  const all = JSON.parse(await inside(sandbox, "nft", "-j", "list", "ruleset")).nftables;
  return all.flatMap((one: Testimony) => {
    if (!(sort in one)) return [];
    const { handle, ...object } = one[sort];
    return [object];
  });
}

/** What nft(8) says of the elements of a set or map, sorted: their order is chance. */
export async function elementsOf(sandbox: Sandbox, sort: "set" | "map", name: string) {
  const found = (await listed(sandbox, sort)).find((one) => one.name === name);
  const elements: Testimony[] = found?.elem ?? [];
  return elements.map((one) => JSON.stringify(one)).sort();
}

/** Everything there is, as text, with handles: whatever is made anew differs. */
export async function everything(sandbox: Sandbox): Promise<string> {
  return await inside(sandbox, "nft", "--handle", "list", "ruleset");
}
