// The README's table of containers, which follows from what is expected of each.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tree.mjs";
import { variants } from "./variants.mjs";

const readme = join(root, "README.md");
const begin = "<!-- containers -->";
const end = "<!-- /containers -->";

/** What is asked of a container, and the trials that have to go well in one that does it. */
const columns = [
  { title: "look, `watch`", trials: ["reading", "watching"] },
  { title: "change", trials: ["changing", "undoing"] },
  { title: "settings", trials: ["settings"] },
  { title: "namespaces, `listen`", trials: ["namespaces", "traffic", "fixtures"] },
  { title: "`spawn`", trials: ["programs"] },
  { title: "others' namespaces", trials: ["elsewhereReading", "elsewhereListening"] },
  { title: "names", trials: ["names"] },
  { title: "`ipv6: false`, `ping`", trials: ["settled", "echoes"] },
  { title: "networks", trials: ["networksInMemory", "networksOnDisk"] },
];

const rows = [
  {
    title: "no capability; an ordinary user; `docker run` without options",
    names: ["no-capability", "ordinary-user", "docker"],
  },
  { title: "`CAP_NET_ADMIN`", names: ["net-admin-alone"] },
  { title: "`CAP_SYS_ADMIN`", names: ["sys-admin-alone"] },
  {
    title: "both, but the seccomp profile for neither",
    names: ["seccomp-without-sys-admin"],
  },
  {
    title: "both, `/proc/sys` read-only, as by `docker run --cap-add`",
    names: ["read-only-settings", "docker-with-both"],
  },
  { title: "both, `mount()` forbidden, as by Docker's AppArmor profile", names: ["mounts-denied"] },
  { title: "both, all read-only but `/tmp`", names: ["read-only-root"] },
  { title: "both, all read-only but `/tmp`, `/run`", names: ["read-only-etc"] },
  {
    title: "both; privileged; all read-only but `/tmp`, `/run`, `/etc/netns`",
    names: ["privileged", "both-capabilities", "seccomp", "read-only-but-both"],
  },
  { title: "rootless, with `/etc/netns` of its own", names: ["rootless"] },
];

/**
 * Whether all trials go well in one of the containers.
 *
 * @param {string} name
 * @param {readonly string[]} trials
 */
function works(name, trials) {
  const expected = variants[name]?.expected ?? {};
  return trials.every((trial) => expected[trial] === undefined);
}

/**
 * @param {readonly string[]} names
 * @param {readonly string[]} trials
 */
function cellOf(names, trials) {
  const answers = new Set(names.map((name) => (works(name, trials) ? "yes" : "–")));
  if (answers.size > 1)
    throw new Error(`${names.join(", ")} are not alike in ${trials.join(", ")}`);
  return [...answers].join();
}

function table() {
  const lines = [
    ["Container", ...columns.map(({ title }) => title)],
    ["---", ...columns.map(() => ":-:")],
    ...rows.map(({ title, names }) => [
      title,
      ...columns.map(({ trials }) => cellOf(names, trials)),
    ]),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The README with the table, as it would have to be. */
function documented() {
  const text = readFileSync(readme, "utf8");
  const [first, last] = [text.indexOf(begin), text.indexOf(end)];
  if (first < 0 || last < first)
    throw new Error(`the README has no place between ${begin} and ${end}`);
  return `${text.slice(0, first)}${begin}\n\n${table()}\n\n${text.slice(last)}`;
}

/** Whether the README says what is expected here. */
export function isDocumented() {
  return documented() === readFileSync(readme, "utf8");
}

/** Has the README say it. */
export function document() {
  writeFileSync(readme, documented());
}
