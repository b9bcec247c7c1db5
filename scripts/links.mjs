// Follows the relative links of all documents: fails on a file or a heading that is not there.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { anchorsOf, documents, linksOf } from "./markdown.mjs";
import { root } from "./tree.mjs";

/** @param {string} file */
const textOf = (file) => readFileSync(join(root, file), "utf8");

/**
 * What is wrong with a link, if anything is.
 *
 * @param {string} file
 * @param {string} target
 */
function problemOf(file, target) {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined; // not ours to follow
  const [path = "", anchor] = decodeURIComponent(target).split("#");
  const to = path === "" ? file : relative(root, join(root, dirname(file), path));
  if (path.startsWith("/") || to.startsWith("..")) return "leads out of the package";
  if (!existsSync(join(root, to))) return `there is no ${to}`;
  if (anchor === undefined) return undefined;
  if (!to.endsWith(".md")) return `${to} has no headings`;
  return anchorsOf(textOf(to)).has(anchor) ? undefined : `${to} has no heading #${anchor}`;
}

const files = documents();
let links = 0;
for (const file of files) {
  for (const { target, line } of linksOf(textOf(file))) {
    links++;
    const problem = problemOf(file, target);
    if (problem === undefined) continue;
    console.error(`${file}:${line}: ${target}: ${problem}`);
    process.exitCode = 1;
  }
}
if (links === 0) {
  console.error("no link was found");
  process.exitCode = 1;
}
if (process.exitCode !== 1)
  console.log(`${links} links of ${files.length} documents lead somewhere`);
