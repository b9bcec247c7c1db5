// A place where programs for musl run on a machine that has glibc: musl's loader from Debian, and
// beside it the little of the GNU C++ library that Bun needs, linked anew for musl.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tree.mjs";
import { readBinary } from "./elf.mjs";

const debian = { x64: "amd64", arm64: "arm64" };
const machine = { x64: "x86_64", arm64: "aarch64" };
const compiler = { x64: "x86_64-linux-gnu-g++", arm64: "aarch64-linux-gnu-g++" };

/** Of glibc, for the objects that are taken from Debian's libstdc++.a. */
const borrowed = `
#include <sys/random.h>
char __libc_single_threaded = 0;
unsigned arc4random(void) {
  unsigned number = 0;
  getrandom(&number, sizeof number, 0);
  return number;
}
`;

/** Tables of types, which a program copies into itself instead of importing them. */
const typeTables = ["__class_type_info", "__si_class_type_info", "__vmi_class_type_info"].map(
  (name) => `_ZTVN10__cxxabiv1${name.length}${name}E`,
);

/**
 * Unpacks a Debian package of any architecture, without a change of what this machine has.
 *
 * @param {string} name @param {string} arch @param {string} directory
 */
function unpackDebian(name, arch, directory) {
  const state = join(directory, "apt");
  mkdirSync(join(state, "lists/partial"), { recursive: true });
  mkdirSync(join(state, "archives/partial"), { recursive: true });
  const options = [
    `APT::Architecture=${arch}`,
    `APT::Architectures=${arch}`,
    `Dir::State=${state}`,
    `Dir::Cache=${state}`,
    "Dir::State::status=/dev/null",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  /** @param {string} file @param {string[]} words */
  const call = (file, ...words) =>
    execFileSync(file, words, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  call("apt-get", ...options, "-q", "update");
  call("apt-get", ...options, "download", name);
  const file = readdirSync(directory).find((entry) => entry.endsWith(".deb"));
  call("dpkg-deb", "--extract", file ?? "", directory);
}

/**
 * @param {"x64" | "arm64"} arch
 * @param {{ zig: string, env: NodeJS.ProcessEnv, bun: string }} tools
 * @returns {string} the directory that stands for the root
 */
export function muslRoot(arch, { zig, env, bun }) {
  const directory = join(root, `build/tools/musl-${arch}`);
  const library = join(directory, "lib/libstdc++.so.6");
  if (existsSync(library)) return directory;
  mkdirSync(directory, { recursive: true });
  unpackDebian("musl", debian[arch], directory);
  const loader = readBinary(join(directory, `lib/ld-musl-${machine[arch]}.so.1`));
  const wanted = readBinary(bun)
    .imports.filter((name) => !loader.exports.includes(name))
    .filter((name) => /^(_Z|__cxa_|__dynamic_cast|__once_proxy|__(de)?register_frame)/.test(name));
  const source = join(directory, "borrowed.c");
  writeFileSync(source, borrowed);
  const archive = execFileSync(compiler[arch], ["-print-file-name=libstdc++.a"], {
    encoding: "utf8",
  }).trim();
  const line = [
    "cc",
    "-target",
    `${machine[arch]}-linux-musl`,
    "-shared",
    "-fPIC",
    "-O1",
    "-s",
    "-Wl,-soname=libstdc++.so.6",
    ...[...typeTables, ...wanted].map((name) => `-Wl,-u,${name}`),
    source,
    archive,
    "-lunwind",
    "-o",
    library,
  ];
  const { status } = spawnSync(zig, line, { env, stdio: "inherit" });
  if (status !== 0) throw new Error("the GNU C++ library cannot be linked for musl");
  return directory;
}
