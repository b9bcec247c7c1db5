// Says which processor the machine has: this machine's own, or one that is emulated.

import { accessSync, constants, readFileSync } from "node:fs";

/** Options for QEMU, and what the kernel is told of the processor. */
const native = { emulated: false, options: ["-accel", "kvm", "-cpu", "host"], words: "" };

/** Some times as fast as otherwise, without what guards real ones, and with its clock trusted. */
const substitute = {
  emulated: true,
  options: ["-accel", "tcg", "-cpu", "max,la57=off"],
  words: " mitigations=off tsc=reliable",
};

/**
 * Whether this process may use the processor's own virtual machines. Where the processor has none,
 * there can be a /dev/kvm nevertheless, for kernels that were built to know it.
 */
function hasMachines() {
  if (!/^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "utf8"))) return false;
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The processor that there is. */
export const processor = process.platform === "linux" && hasMachines() ? native : substitute;
