// Runs the examples of README.md: its code blocks marked "ts runnable", each in a sandbox of its own.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import typescript from "typescript";
import { root } from "./tree.mjs";

const fence = /^```ts runnable\n(?<code>.*?)^```$/gms;

// Below the package, so that "vethwork" in an example means this checkout.
const directory = join(root, "build/readme");

/**
 * Runs an example and returns whether it ended well.
 *
 * @param {{ code: string, line: number }} example
 */
function run({ code, line }) {
  const file = join(directory, `line-${line}.mjs`);
  // Resource management (`await using`) is newer than the oldest Node that is supported.
  const { ModuleKind, ScriptTarget } = typescript;
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
  writeFileSync(file, typescript.transpileModule(code, { compilerOptions }).outputText);

  console.log(`README.md:${line}`);
  const { status } = spawnSync(process.execPath, [join(root, "scripts/sandbox.mjs"), file], {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 10_000,
  });
  if (status !== 0) console.error(`README.md:${line}: the example failed`);
  return status === 0;
}

const text = readFileSync(join(root, "README.md"), "utf8");
const examples = [...text.matchAll(fence)].map((match) => ({
  code: match.groups?.code ?? "",
  line: text.slice(0, match.index).split("\n").length,
}));

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const succeeded = examples.map(run);
console.log(`${succeeded.filter(Boolean).length} of ${examples.length} examples ran`);
process.exitCode = examples.length > 0 && succeeded.every(Boolean) ? 0 : 1;
