// The changes that put a link back to how it was.

import type { Link, LinkChanges, LinkFlag } from "../rtnl/link.ts";

/** Settings that a link reports as one of its flags. */
const flags: Readonly<Record<string, { flag: LinkFlag; set: boolean }>> = {
  promiscuous: { flag: "promiscuous", set: true },
  allMulticast: { flag: "allMulticast", set: true },
  multicast: { flag: "multicast", set: true },
  arp: { flag: "noArp", set: false },
};

/** What a setting is that a link does not report, because it has none. */
const absent: Readonly<Record<string, unknown>> = { master: 0, alias: "" };

/** What says of which options the others are, and is not itself changed. */
const selectors = ["kind", "portKind"];

/** The changes that undo others, and the settings that nothing tells the earlier value of. */
export interface Restoration {
  readonly changes: LinkChanges;
  readonly lost: readonly string[];
}

function earlier(before: object, key: string, path: string, lost: string[]): object {
  const told: unknown = Reflect.get(before, key) ?? absent[key];
  if (told !== undefined) return { [key]: told };
  lost.push(path);
  return {};
}

function restore(before: Link, changes: LinkChanges, key: string, lost: string[]): object {
  const flag = flags[key];
  if (selectors.includes(key)) return { [key]: Reflect.get(changes, key) };
  if (flag !== undefined) return { [key]: before.flags.includes(flag.flag) === flag.set };
  if (key !== "port") return earlier(before, key, key, lost);
  const port = "port" in before && before.port ? before.port : {};
  const options = Object.keys(changes.port ?? {}).map((option) =>
    earlier(port, option, `port.${option}`, lost),
  );
  return { port: Object.assign({}, ...options) };
}

/** How to undo changes of a link that was like `before`. */
export function restorationOf(before: Link, changes: LinkChanges): Restoration {
  const lost: string[] = [];
  const keys = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .map(([key]) => key);
  const back = keys.map((key) => restore(before, changes, key, lost));
  return { changes: Object.assign({}, ...back), lost };
}
