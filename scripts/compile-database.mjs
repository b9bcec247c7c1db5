// Writes build-cmake/compile_commands.json, which clang-tidy reads.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { root } from "./tree.mjs";

const cmakeJs = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
const { status } = spawnSync(
  process.execPath,
  [cmakeJs, "configure", "--out", "build-cmake", "--log-level", "warn"],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = status ?? 1;
