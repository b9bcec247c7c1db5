// Puts together the first filesystem of the machine: what loads modules and finds the real root.

import { readFileSync } from "node:fs";
import { cpio } from "./cpio.mjs";
import { loadable } from "./modules.mjs";

/** @typedef {import("./package.mjs").Kernel} Kernel */

/** What it takes to see the files of this machine and to speak with it, before modprobe is there. */
const needed = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console"];

const busybox = "/bin/busybox";
const directory = 0o040755;
const program = 0o100755;

/** @param {string} name */
function script(name) {
  return readFileSync(new URL(name, import.meta.url));
}

/**
 * The archive for this kernel; `first` is its first process, `second` the one in the real root.
 *
 * @param {Kernel} kernel
 */
export function initramfs({ modules }) {
  const drivers = modules === undefined ? [] : loadable(modules, needed);
  return cpio([
    ...["bin", "modules", "proc", "dev"].map((path) => ({ path, mode: directory })),
    { path: "bin/busybox", mode: program, content: readFileSync(busybox) },
    { path: "init", mode: program, content: script("first.sh") },
    { path: "second", mode: program, content: script("second.sh") },
    ...drivers.map((content, index) => {
      const path = `modules/${String(index).padStart(3, "0")}`;
      return { path, mode: program, content };
    }),
  ]);
}
