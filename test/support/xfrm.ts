// ip(8), the witness of IPsec, which has no JSON for it.

import { inside, type Sandbox } from "./sandbox.ts";

/** Each object that it lists as one line of single blanks, in no order. */
async function blocks(sandbox: Sandbox, ...args: string[]): Promise<string[]> {
  const text = await inside(sandbox, "ip", ...args);
  const found = text.split(/^(?=src)/m).filter((block) => block.trim() !== "");
  return found.map((block) => block.trim().replace(/\s+/g, " ")).sort();
}

/** The policies, `"src 0.0.0.0/0 dst … tmpl …"`, without their type, which not every kernel tells. */
export async function policies(sandbox: Sandbox): Promise<string[]> {
  const found = await blocks(sandbox, "xfrm", "policy");
  return found.map((block) => block.replace(" ptype main", ""));
}

/** The states with keys and counters, `"src 10.0.0.1 dst 10.0.0.2 proto esp spi …"`. */
export async function states(sandbox: Sandbox): Promise<string[]> {
  return await blocks(sandbox, "-s", "xfrm", "state");
}

/** Has ip(8) do what its words say. */
export async function xfrm(sandbox: Sandbox, words: string): Promise<void> {
  await inside(sandbox, "ip", "xfrm", ...words.split(" "));
}
