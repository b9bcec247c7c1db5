// The OCI configuration of a container: what a variant says, as runc takes it.

import { readFileSync } from "node:fs";
import { node, program } from "./root.mjs";
import { seccompProfile } from "./seccomp.mjs";

/**
 * What a container is like; all of it is as `docker run` has it without an option.
 *
 * @typedef {object} Shape
 * @property {readonly string[] | "all"} capabilities
 * @property {number} [user] who runs the program, if not root
 * @property {boolean} [readOnlySettings] whether /proc/sys is mounted read-only
 * @property {boolean} [masked] whether parts of /proc and /sys are hidden, and /sys is read-only
 * @property {boolean} [readOnlyRoot] whether nothing but /tmp can be written
 * @property {readonly string[]} [writable] where a tmpfs is mounted, besides /tmp and /run
 * @property {boolean} [noRun] whether /run is a directory of the root as any other
 * @property {readonly string[]} [seccomp] the capabilities by which the seccomp profile is made
 * @property {readonly string[]} [denied] calls that the profile forbids in spite of them
 * @property {boolean} [rootless] whether it is an ordinary user's
 */

/** The ordinary user who is root in a rootless container: nobody, who owns nothing. */
export const ordinaryUser = 65534;

/** In the order of their numbers (include/uapi/linux/capability.h). */
const capabilityNames = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
].map((name) => `CAP_${name}`);

/** All that this process could hand on: a container within a container has not all there are. */
function everyCapability() {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  const bits = BigInt(`0x${bounding}`);
  return capabilityNames.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}

/**
 * @param {string} given
 * @param {Shape} shape
 */
function mountsOf(given, { masked = false, noRun = false, writable = [] }) {
  /** @param {string} destination @param {string} mode */
  const memory = (destination, mode) => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", `mode=${mode}`],
  });
  const sysOptions = ["nosuid", "noexec", "nodev", ...(masked ? ["ro"] : [])];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: sysOptions },
    memory("/dev", "755"),
    memory("/tmp", "1777"),
    ...(noRun ? [] : [memory("/run", "755")]),
    ...writable.map((path) => memory(path, "755")),
    { destination: "/given/network", type: "bind", source: given, options: ["bind"] },
  ];
}

/** What Docker hides of the machine, and what it lets nobody write. */
const hidden = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"];
const protectedPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger"];

/** @param {Shape} shape */
function pathsOf({ masked = false, readOnlySettings = false }) {
  return {
    maskedPaths: masked ? hidden : [],
    readonlyPaths: [...(masked ? protectedPaths : []), ...(readOnlySettings ? ["/proc/sys"] : [])],
  };
}

/**
 * The configuration of a container of that shape.
 *
 * @param {{ root: string, given: string }} paths of its root file system, and of a namespace that is
 *   not its own, and is handed in
 * @param {Shape} shape
 */
export function configurationOf({ root, given }, shape) {
  const {
    capabilities,
    denied = [],
    readOnlyRoot = false,
    seccomp,
    rootless = false,
    user = 0,
  } = shape;
  const granted = capabilities === "all" ? everyCapability() : capabilities;
  const namespaces = ["pid", "network", "mount", "ipc", "uts", ...(rootless ? ["user"] : [])];
  const mapping = [{ containerID: 0, hostID: ordinaryUser, size: 1 }];
  return {
    ociVersion: "1.0.2",
    hostname: "container",
    root: { path: root, readonly: readOnlyRoot },
    process: {
      user: { uid: user, gid: user },
      cwd: "/",
      args: [node, program],
      env: ["PATH=/usr/bin", "HOME=/tmp"],
      noNewPrivileges: false,
      capabilities: { bounding: granted, permitted: granted, effective: granted },
    },
    mounts: mountsOf(given, shape),
    linux: {
      namespaces: namespaces.map((type) => ({ type })),
      ...pathsOf(shape),
      ...(rootless && { uidMappings: mapping, gidMappings: mapping }),
      ...(seccomp && { seccomp: seccompProfile(seccomp, denied) }),
    },
  };
}
