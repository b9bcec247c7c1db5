// Checks the format of C++; --write corrects it, --if-installed lets clang-format be absent.

import { spawnSync } from "node:child_process";
import { globSources, root } from "./tree.mjs";

const flags = process.argv.slice(2);
const mode = flags.includes("--write") ? ["-i"] : ["--dry-run", "--Werror"];
const files = ["native", "test/fuzz"].flatMap((directory) =>
  globSources(directory, [".hpp", ".cpp"]),
);
const { error, status } = spawnSync("clang-format", [...mode, ...files], {
  cwd: root,
  stdio: "inherit",
});
if (error) {
  console.error("clang-format is not installed (Debian package clang-format): C++ unchecked");
  process.exitCode = flags.includes("--if-installed") ? 0 : 1;
} else {
  process.exitCode = status ?? 1;
}
