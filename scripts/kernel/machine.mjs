// Has a kernel run a command in a virtual machine that sees this machine's files, and ends the machine.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { initramfs } from "./initramfs.mjs";
import { processor } from "./processor.mjs";

/** @typedef {import("./package.mjs").Kernel} Kernel */

/**
 * @typedef {object} Task
 * @property {readonly string[]} line the command and its arguments
 * @property {string} cwd where it starts
 * @property {Readonly<Record<string, string | undefined>>} env
 * @property {number} seconds how long the machine may live
 */

const gibibytes = 4;
const processors = 2;
const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]);

/**
 * A word as a shell takes it for itself.
 *
 * @param {string} word
 */
function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The shell script that becomes the command.
 *
 * @param {Task} task
 */
function script({ line, cwd, env }) {
  const variables = Object.entries(env).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
  return [
    ...variables.map(([name, value]) => `export ${name}=${quoted(value ?? "")}`),
    `cd ${quoted(cwd)} || exit`,
    `exec ${line.map(quoted).join(" ")}\n`,
  ].join("\n");
}

/**
 * Options of QEMU for a directory that the machine mounts by its name.
 *
 * @param {string} name
 * @param {string} path
 * @param {string} [more]
 */
function share(name, path, more = "") {
  const directory = path.replaceAll(",", ",,");
  const files = `local,id=${name},path=${directory},security_model=none,multidevs=remap${more}`;
  return ["-fsdev", files, "-device", `virtio-9p-pci,fsdev=${name},mount_tag=${name}`];
}

/**
 * QEMU's options: no network, no display, the kernel's messages in a file, what the command prints on
 * QEMU's own output.
 *
 * @param {string} directory
 * @param {Kernel} kernel
 */
function options(directory, { image }) {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-machine", "q35", ...processor.options],
    ...["-m", `${gibibytes}G`, "-smp", String(processors)],
    ...["-kernel", image, "-initrd", join(directory, "initramfs")],
    ...["-append", `console=ttyS0 oops=panic panic=-1${processor.words}`],
    ...["-serial", `file:${join(directory, "messages")}`],
    ...["-device", "virtio-serial-pci", "-chardev", "stdio,id=output,signal=off"],
    ...["-device", "virtserialport,chardev=output,nr=1"],
    ...share("root", "/", ",readonly=on"),
    ...share("share", join(directory, "share")),
  ];
}

/**
 * Writes what the machine starts with below `directory`.
 *
 * @param {string} directory
 * @param {Kernel} kernel
 * @param {Task} task
 */
function prepare(directory, kernel, task) {
  mkdirSync(join(directory, "share"));
  writeFileSync(join(directory, "initramfs"), initramfs(kernel));
  writeFileSync(join(directory, "share/modules"), kernel.modules ?? "");
  writeFileSync(join(directory, "share/command"), script(task));
}

/**
 * Runs QEMU to its end, which a signal to this process or the limit bring about, too; gives what has.
 *
 * @param {readonly string[]} line
 * @param {number} seconds
 * @returns {Promise<string | undefined>}
 */
async function live(line, seconds) {
  // It ends with this process, too. Its input stays open and empty: without, it gives no output.
  const owned = ["--pdeathsig", "KILL", "qemu-system-x86_64", ...line];
  const child = spawn("setpriv", owned, { stdio: ["pipe", "inherit", "inherit"] });
  /** @type {string | undefined} */
  let cause;
  /** @param {string} reason */
  const end = (reason) => {
    cause ??= reason;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => end("limit"), seconds * 1000);
  for (const signal of signals) process.on(signal, end);
  try {
    await once(child, "exit");
  } finally {
    clearTimeout(timer);
    for (const signal of signals) process.off(signal, end);
  }
  return cause;
}

/** @param {string} path */
function contentOf(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/**
 * What the kernel complained of, which is its fault or a driver's, or otherwise its last words.
 *
 * @param {string} messages
 * @param {boolean} well
 */
function report(messages, well) {
  const lines = messages.split("\n");
  const complaints = lines.filter((line) => /\b(BUG|WARNING): |\bOops\b|soft lockup/.test(line));
  for (const line of well ? complaints : lines.slice(-40)) console.error(`kernel: ${line.trim()}`);
}

/**
 * Runs a command under a kernel, in this machine's files, of which it sees its own changes alone.
 * Gives its exit code; 1 if there was none, 124 if the time was up, and as of a shell for a signal.
 *
 * @param {Kernel} kernel
 * @param {Task} task
 * @returns {Promise<number>}
 */
export async function runUnder(kernel, task) {
  const directory = mkdtempSync(join(tmpdir(), "vethwork-kernel-"));
  try {
    prepare(directory, kernel, task);
    const cause = await live(options(directory, kernel), task.seconds);
    const code = contentOf(join(directory, "share/code")).trim();
    const messages = contentOf(join(directory, "messages"));
    report(messages, code !== "");
    if (code !== "") return Number(code);
    const signal = signals.find((name) => name === cause);
    if (signal !== undefined) return 128 + constants.signals[signal];
    console.error(`kernel: ${cause ? `not done after ${task.seconds} s` : "the machine has died"}`);
    return cause ? 124 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
