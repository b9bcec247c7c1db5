// Builds what changed, then runs the tests in a sandbox; arguments go to vitest.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root } from "./tree.mjs";

/** The programs that the tests ask for a second opinion, and the Debian packages they are in. */
const witnesses = {
  ip: "iproute2",
  bridge: "iproute2",
  ping: "iputils-ping",
  ss: "iproute2",
  curl: "curl",
  dot: "graphviz",
  dig: "bind9-dnsutils",
  nft: "nftables",
  conntrack: "conntrack",
  python3: "python3",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
};

function missingPackages() {
  const missing = Object.entries(witnesses).filter(
    ([program]) => spawnSync(program, ["-V"], { stdio: "ignore" }).error,
  );
  return [...new Set(missing.map(([, name]) => name))];
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const missing = missingPackages();
if (missing.length > 0) {
  console.error(`The tests need: apt-get install ${missing.join(" ")}`);
  process.exit(1);
}
const vitest = dirname(createRequire(import.meta.url).resolve("vitest/package.json"));
run("npm", "run", "build", "--silent");
run(
  process.execPath,
  "scripts/sandbox.mjs",
  join(vitest, "vitest.mjs"),
  "run",
  ...process.argv.slice(2),
);
