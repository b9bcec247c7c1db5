// Runs a test process again as root of fresh namespaces, for those who are no root.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** Tells the second run from the first. */
const marker = "VETHWORK_TESTING_INSIDE";

/**
 * Goes on only inside fresh user, network and mount namespaces, where any user is root, with an empty
 * `/run` so that named namespaces can be made. The first time it runs the same command line again
 * in there, waits for its end and ends the process with its exit code; in there it returns at once.
 *
 * ```ts
 * import { enterNamespaces } from "vethwork/testing";
 * await enterNamespaces();
 * ```
 *
 * Call it before the first test, in the file that the process was started with. It needs `unshare`
 * (util-linux), and a system that allows user namespaces.
 *
 * @throws {Error} `ENOENT` if there is no `unshare`.
 */
export async function enterNamespaces(): Promise<void> {
  if (process.env[marker] === "1") return;
  const prepare = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"';
  const own = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const line = ["-Urnm", "--propagation", "private", "--", "sh", "-c", prepare, "sh", ...own];
  const env = { ...process.env, [marker]: "1" };
  const child = spawn("unshare", line, { stdio: "inherit", env });
  const [code] = await once(child, "exit");
  process.exit(code ?? 1);
}
