// Runs a Node script or any command as root of fresh network and mount namespaces, with an empty
// /run and /etc/netns, so that nothing of the machine is touched.
//
//   node scripts/sandbox.mjs SCRIPT-OR-COMMAND [ARGUMENT…]

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const CAP_SYS_ADMIN = 21n;
const inside = process.env.VETHWORK_SANDBOX === "1";

function privileged() {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return process.geteuid?.() === 0 && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/**
 * Where the machine has no /etc/netns, a writable /etc lies over its own, to make one in; where the
 * kernel cannot do that, there is none.
 */
const prepare = `
  mount -t tmpfs -o mode=755 tmpfs /run || exit
  if ! [ -d /etc/netns ]; then
    mkdir -p /run/etc/upper /run/etc/work
    options=lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work
    mount -t overlay -o $options overlay /etc 2>/dev/null && mkdir /etc/netns
  fi
  [ ! -d /etc/netns ] || mount -t tmpfs -o mode=755 tmpfs /etc/netns || exit
  exec "$@"`;

/** The command line that runs what follows it in the sandbox. */
function sandbox() {
  const namespaces = privileged() ? ["--net", "--mount"] : ["-Urnm"];
  return ["unshare", ...namespaces, "--propagation", "private", "--", "sh", "-c", prepare, "sh"];
}

/** What the kernel's switches for user namespaces say, for those which this kernel has. */
function switches() {
  const wanted = {
    "kernel.unprivileged_userns_clone": "1",
    "user.max_user_namespaces": "more than 0",
    "kernel.apparmor_restrict_unprivileged_userns": "0",
  };
  return Object.entries(wanted).flatMap(([name, value]) => {
    try {
      const now = readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
      return [`  sysctl ${name} is ${now}, needs ${value}`];
    } catch {
      return [];
    }
  });
}

/** Says why the sandbox cannot be had, if it cannot. */
function obstacle() {
  const [command = "", ...args] = sandbox();
  const { error, status, stderr } = spawnSync(command, [...args, "true"], { encoding: "utf8" });
  if (error) return "unshare is missing: it is in the Debian package util-linux";
  if (status === 0) return undefined;
  const cause = privileged()
    ? ["root is not allowed to make namespaces here"]
    : [
        "an ordinary user needs user namespaces, which are forbidden here; see",
        ...switches(),
        "or, in a container, its seccomp profile",
      ];
  return [stderr.trim(), ...cause].join("\n");
}

/**
 * Becomes the command as far as possible: its signals, its exit code.
 *
 * @param {string[]} line
 */
function become([command = "", ...args]) {
  const env = { ...process.env, VETHWORK_SANDBOX: "1" };
  const child = spawn(command, args, { stdio: "inherit", env });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])) {
    // A terminal sends its signals to the child as well.
    const fromTerminal = process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGQUIT");
    process.on(signal, () => fromTerminal || child.kill(signal));
  }
  child.on("error", (error) => refuse(error.message));
  child.on("exit", (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : (code ?? 1);
  });
}

/** @param {string} message */
function refuse(message) {
  console.error(`sandbox: ${message}`);
  process.exitCode = 1;
}

const [first, ...rest] = process.argv.slice(2);
if (first === undefined) {
  refuse("which script or command?");
} else {
  const line = /\.(mjs|js|ts)$/.test(first) ? [process.execPath, first, ...rest] : [first, ...rest];
  const reason = inside ? undefined : obstacle();
  if (reason) refuse(reason);
  else become(inside ? line : [...sandbox(), ...line]);
}
