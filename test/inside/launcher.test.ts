// The launcher where it may not do everything, or is not there.

import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpawnOptions } from "../../lib/index.ts";
import { needs } from "../support/features.ts";
import type { Testimony } from "../support/sandbox.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const fixture = fileURLToPath(new URL("../fixtures/run-inside.mjs", import.meta.url));
const library = `${root}dist/index.js`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync("/tmp/vethwork-launcher-");
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What becomes of a program that a fresh process runs inside; `wrap` is put before its command. */
async function run(
  wrap: string[],
  where: "new" | "home",
  options: SpawnOptions,
  program: string[],
  from = library,
): Promise<Testimony> {
  const node = [process.execPath, fixture, from, where, JSON.stringify(options), ...program];
  const [file = "", ...args] = [...wrap, ...node];
  return JSON.parse((await promisify(execFile)(file, args)).stdout);
}

const links = ["ls", "/sys/class/net"];

describe("the launcher", () => {
  test("keeps /sys read-only where it is", async () => {
    const readOnly = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'mount -o remount,bind,ro /sys; exec "$@"',
      "sh",
    ];
    const flags = ["awk", '$5 == "/sys" { print $6 }', "/proc/self/mountinfo"];
    expect((await run(readOnly, "new", {}, flags)).stdout).toMatch(/\bro,.*\n$/);
    expect((await run(readOnly, "new", {}, links)).stdout).toBe("lo\n");
  });

  test("leaves a /sys that shows the namespace already", async () => {
    const fresh = 'mount -t sysfs sysfs /sys && exec "$@"';
    const container = ["unshare", "--mount", "--net", "sh", "-c", fresh, "sh"];
    expect(await run(container, "home", {}, links)).toMatchObject({ stdout: "lo\n" });
    expect(await run(container, "new", {}, links)).toMatchObject({ stdout: "lo\n" });
  });

  test("says so where a new /sys is forbidden, as in containers, and can do without", async (context) => {
    await needs("user-namespace", context);
    // A part of /sys is hidden from who is not root where it was hidden (fs/namespace.c,
    // mnt_already_visible()).
    const hide = 'mount -t tmpfs tmpfs /sys/kernel && exec unshare -Urnm "$@"';
    const container = ["unshare", "--mount", "sh", "-c", hide, "sh"];
    expect(await run(container, "new", {}, links)).toEqual({
      name: "NetlinkError",
      code: "EPERM",
      message:
        'spawn "ls": EPERM, a new sysfs could not be mounted at /sys, as in most containers; ' +
        'mounts: "shared" goes without',
    });
    const shared = await run(container, "new", { mounts: "shared" }, ["ip", "-br", "link"]);
    expect(shared.stdout).toMatch(/^lo .*\n$/);
  });

  test("needs CAP_SYS_ADMIN", async () => {
    const powerless = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    expect(await run(powerless, "home", {}, links)).toEqual({
      name: "NetlinkError",
      code: "EPERM",
      message: expect.stringContaining("needs CAP_SYS_ADMIN"),
    });
  });

  test("is missed, and wants to be executable", async () => {
    cpSync(`${root}dist`, `${directory}/dist`, { recursive: true });
    cpSync(`${root}build/Release/vethwork.node`, `${directory}/build/Release/vethwork.node`);
    cpSync(`${root}package.json`, `${directory}/package.json`);
    symlinkSync(`${root}node_modules`, `${directory}/node_modules`);
    const copy = () => run([], "new", {}, links, `${directory}/dist/index.js`);
    const missing = { name: "UnavailableError", code: "ERR_NATIVE_MISSING" };
    expect(await copy()).toMatchObject({ ...missing, message: expect.stringMatching("npm ci") });

    const launcher = `${directory}/build/Release/vethwork-launcher`;
    cpSync(`${root}build/Release/vethwork-launcher`, launcher);
    expect((await copy()).stdout).toBe("lo\n");
    execFileSync("chmod", ["644", launcher]);
    expect(await copy()).toMatchObject({ ...missing, message: expect.stringMatching("mode 755") });
  });

  test("says what it is to who starts it by hand", async () => {
    const alone = promisify(execFile)(`${root}build/Release/vethwork-launcher`, ["3"]);
    await expect(alone).rejects.toMatchObject({
      code: 2,
      stderr: "vethwork-launcher: only spawn() and exec() start this\n",
    });
  });
});
