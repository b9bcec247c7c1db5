// Runs the tests, or a command, under another kernel, in a virtual machine that sees the files of this
// one and changes none.
//
//   npm run test:kernel -- [OPTION…] [TEST-FILE…]
//   node scripts/kernel.mjs [OPTION…] -- COMMAND…
//
// --kernel PACKAGE   the kernel of a Debian package, which is not installed, or of the one that it
//                    depends on; linux-image-amd64 unless given
// --image FILE       instead a kernel of one's own (bzImage),
// --modules DIR      with its modules, as depmod leaves them, unless all that it takes is built in
// --require LIST     what the tests may not skip for want of support, as VETHWORK_REQUIRED_FEATURES
// --limit SECONDS    how long the machine may live; 3600 unless given
//
// It wants qemu-system-x86_64, busybox and kmod (Debian: qemu-system-x86, busybox-static, kmod), and
// takes the addon and the library as they are built.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runUnder } from "./kernel/machine.mjs";
import { kernelOfPackage } from "./kernel/package.mjs";
import { processor } from "./kernel/processor.mjs";
import { root } from "./tree.mjs";

/** What has to be there, and the Debian packages it is in. */
const needed = {
  "/usr/bin/qemu-system-x86_64": "qemu-system-x86",
  "/bin/busybox": "busybox-static",
  "/sbin/modprobe": "kmod",
};

const { values, positionals, tokens } = parseArgs({
  allowPositionals: true,
  tokens: true,
  options: {
    kernel: { type: "string", default: "linux-image-amd64" },
    image: { type: "string" },
    modules: { type: "string" },
    require: { type: "string" },
    limit: { type: "string", default: "3600" },
  },
});

/** What vitest is told besides: nothing is as soon as usual where the processor is emulated. */
const patience = processor.emulated ? ["--testTimeout=1200000", "--hookTimeout=400000"] : [];

/** By which vitest keeps what it makes of TypeScript, and takes it from there. */
const kept = "--experimental.fsModuleCache";

/** @param {readonly string[]} words */
function vitest(...words) {
  const script = [join(root, "scripts/sandbox.mjs"), "node_modules/vitest/vitest.mjs"];
  return [process.execPath, ...script, ...words, kept, ...positionals];
}

/** The command after a double dash, or vitest with what stands there otherwise. */
function commandLine() {
  if (tokens.some(({ kind }) => kind === "option-terminator")) return positionals;
  // What takes an emulated processor minutes, this one does in seconds; if it fails, it fails there, too.
  if (processor.emulated) {
    const [file = "", ...words] = vitest("list");
    spawnSync(file, words, { cwd: root, stdio: "ignore" });
  }
  return vitest("run", ...patience);
}

/** What the command finds in its environment. */
function environment() {
  const { VETHWORK_SANDBOX: _, ...rest } = process.env;
  return values.require === undefined
    ? rest
    : { ...rest, VETHWORK_REQUIRED_FEATURES: values.require };
}

/** @returns {import("./kernel/package.mjs").Kernel} */
function chosenKernel() {
  const { image, modules, kernel } = values;
  if (image === undefined) return kernelOfPackage(kernel);
  return { image: resolve(image), modules: modules && resolve(modules) };
}

/** What keeps it from being tried. */
function obstacle() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "the machine is for Linux on x64 alone";
  }
  if (!(Number(values.limit) > 0)) return `--limit ${values.limit}: how many seconds?`;
  const missing = Object.entries(needed).flatMap(([path, name]) => (existsSync(path) ? [] : name));
  return missing.length > 0 ? `it needs: apt-get install ${missing.join(" ")}` : undefined;
}

/** @param {string} reason */
function refuse(reason) {
  console.error(`kernel: ${reason}`);
  process.exitCode = 1;
}

const reason = obstacle();
if (reason !== undefined) refuse(reason);
else {
  const task = {
    line: commandLine(),
    cwd: root,
    env: environment(),
    seconds: Number(values.limit),
  };
  if (processor.emulated) console.error("kernel: no KVM here: it is emulated, which is slow");
  try {
    process.exitCode = await runUnder(chosenKernel(), task);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  }
}
