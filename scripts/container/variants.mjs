// The containers that are tried, and what does not work in each: all else has to.

/** @typedef {import("./judge.mjs").Expected} Expected */

/**
 * @typedef {object} Variant
 * @property {import("./configuration.mjs").Shape} shape
 * @property {Readonly<Record<string, Expected>>} expected of those trials that go otherwise than where
 *   everything is permitted
 */

/**
 * @param {string} code
 * @param {string} says
 * @returns {Expected}
 */
const netlink = (code, says) => ({ failure: { name: "NetlinkError", code, says } });

/**
 * A system call on a socket, in Node's own form.
 *
 * @param {string} code
 * @param {string} says
 * @returns {Expected}
 */
const socket = (code, says) => ({ failure: { name: "Error", code, says } });

/**
 * What a network fails with, by what its driver did.
 *
 * @param {string} says
 * @returns {Expected}
 */
const driver = (says) => ({ failure: { name: "NetworkError", code: "DRIVER_FAILED", says } });

/**
 * What the doctor says.
 *
 * @param {readonly string[]} wrong
 * @returns {Expected}
 */
const diagnosis = (...wrong) => ({ facts: { wrong } });

/** @param {string} capability */
const missing = (capability) => `CAPABILITY_MISSING: it does not have ${capability}`;

/** @param {string} where */
const unwritable = (where) => `NOT_WRITABLE: the process cannot write ${where}`;

const settingsUnwritable = unwritable("/proc/sys/net/ipv4/ip_forward (EROFS)");

/**
 * The same of several trials.
 *
 * @param {Expected} expected
 * @param {readonly string[]} trials
 */
const all = (expected, trials) => Object.fromEntries(trials.map((trial) => [trial, expected]));

const bothNetworks = ["networksInMemory", "networksOnDisk"];
const withNamespaces = [
  ...["namespaces", "settled", "traffic", "echoes", "names", "programs", "sharingPrograms"],
  "fixtures",
];

/** Without CAP_NET_ADMIN. */
const nothingChanged = {
  ...all(netlink("EPERM", "needs CAP_NET_ADMIN"), ["changing", "undoing", "settings"]),
  ...all(netlink("EPERM", "needs CAP_NET_ADMIN"), bothNetworks),
  diagnosing: diagnosis(missing("CAP_NET_ADMIN")),
};

/**
 * Without CAP_SYS_ADMIN, or where a seccomp profile keeps from using it.
 *
 * @param {string} says
 */
const nothingEntered = (says) => ({
  ...all(netlink("EPERM", says), [...withNamespaces, "ownPrograms", "elsewhereReading"]),
  elsewhereListening: socket("EPERM", says),
  ...all(driver(says), bothNetworks),
  diagnosing: diagnosis(missing("CAP_SYS_ADMIN")),
});

const nothingPermitted = {
  ...nothingEntered("needs CAP_SYS_ADMIN"),
  ...nothingChanged,
  diagnosing: diagnosis(missing("CAP_NET_ADMIN"), missing("CAP_SYS_ADMIN")),
};

/** Where /proc/sys cannot be written. */
const nothingSet = {
  ...all(netlink("EROFS", "/proc/sys is mounted read-only"), ["settings", "settled"]),
  echoes: socket("EROFS", "/proc/sys is mounted read-only"),
  ...all(driver("/proc/sys is mounted read-only"), bothNetworks),
  diagnosing: diagnosis(settingsUnwritable),
};

/** What Docker gives to a container, `--cap-add` aside. */
const dockers = [
  ...["CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"],
  ...["CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID"],
  ...["CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"],
];

const both = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"];

/**
 * A container as `docker run` makes it, with or without `--cap-add`.
 *
 * @param {readonly string[]} added
 * @returns {import("./configuration.mjs").Shape}
 */
function docker(...added) {
  const capabilities = [...dockers, ...added];
  return { capabilities, seccomp: capabilities, masked: true, readOnlySettings: true };
}

/** @type {Readonly<Record<string, Variant>>} */
export const variants = {
  privileged: {
    shape: { capabilities: "all" },
    expected: {},
  },
  "both-capabilities": {
    shape: { capabilities: both },
    expected: {},
  },
  "net-admin-alone": {
    shape: { capabilities: ["CAP_NET_ADMIN"] },
    expected: nothingEntered("needs CAP_SYS_ADMIN"),
  },
  "sys-admin-alone": {
    shape: { capabilities: ["CAP_SYS_ADMIN"] },
    expected: {
      ...nothingChanged,
      ...all(netlink("EPERM", "needs CAP_NET_ADMIN to raise lo"), withNamespaces),
    },
  },
  "no-capability": {
    shape: { capabilities: [] },
    expected: nothingPermitted,
  },
  "ordinary-user": {
    shape: { capabilities: [], user: 1000 },
    expected: { ...nothingPermitted, settings: netlink("EACCES", "needs CAP_NET_ADMIN") },
  },
  "read-only-settings": {
    shape: { capabilities: "all", readOnlySettings: true },
    expected: nothingSet,
  },
  "read-only-root": {
    shape: { capabilities: "all", readOnlyRoot: true, noRun: true },
    expected: {
      names: netlink("EROFS", "cannot create /run/netns"),
      ...all(driver("cannot create /run/netns"), bothNetworks),
      diagnosing: diagnosis(unwritable("/etc/netns (EROFS)"), unwritable("/run (EROFS)")),
    },
  },
  "read-only-etc": {
    shape: { capabilities: "all", readOnlyRoot: true },
    expected: {
      ...all(driver("EROFS: read-only file system, mkdir '/etc/netns/"), bothNetworks),
      diagnosing: diagnosis(unwritable("/etc/netns (EROFS)")),
    },
  },
  "read-only-but-both": {
    shape: { capabilities: "all", readOnlyRoot: true, writable: ["/etc/netns"] },
    expected: {},
  },
  seccomp: {
    shape: { capabilities: "all", seccomp: both },
    expected: {},
  },
  "seccomp-without-sys-admin": {
    shape: { capabilities: "all", seccomp: [] },
    expected: {
      ...nothingEntered("and a seccomp profile that allows"),
      diagnosing: diagnosis(
        "CAPABILITY_MISSING: it has CAP_SYS_ADMIN, but a seccomp profile withholds what that permits",
      ),
    },
  },
  // So does AppArmor's profile that Docker comes with.
  "mounts-denied": {
    shape: { capabilities: both, seccomp: both, denied: ["mount"] },
    expected: {
      names: netlink("EACCES", "AppArmor profiles that allow mount()"),
      ...all(netlink("EACCES", "AppArmor profiles that allow mount()"), [
        "programs",
        "ownPrograms",
      ]),
      ...all(driver("AppArmor profiles that allow mount()"), bothNetworks),
    },
  },
  docker: {
    shape: docker(),
    expected: {
      ...nothingPermitted,
      settings: netlink("EROFS", "/proc/sys is mounted read-only"),
    },
  },
  "docker-with-both": {
    shape: docker(...both),
    expected: nothingSet,
  },
  rootless: {
    shape: { capabilities: "all", rootless: true, masked: true, writable: ["/etc/netns"] },
    expected: {
      elsewhereReading: netlink("EPERM", "needs CAP_SYS_ADMIN"),
      elsewhereListening: socket("EPERM", "needs CAP_SYS_ADMIN"),
    },
  },
};
