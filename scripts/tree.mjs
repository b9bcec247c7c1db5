// Finds the files of this package.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory that holds package.json. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The files under `directory` whose names end in one of `extensions`, relative to the root, sorted.
 *
 * @param {string} directory
 * @param {readonly string[]} extensions
 * @returns {string[]}
 */
export function globSources(directory, extensions) {
  return readdirSync(join(root, directory), { recursive: true, encoding: "utf8" })
    .filter((path) => extensions.some((extension) => path.endsWith(extension)))
    .map((path) => join(directory, path))
    .sort();
}
