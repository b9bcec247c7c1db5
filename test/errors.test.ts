// What errors say, and the machines and users that the library cannot work for.

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import {
  createLink,
  createNamespace,
  DumpInterruptedError,
  deleteNamespace,
  getLink,
  type LinkSpec,
  NetlinkError,
  openNamespace,
  setLink,
  UnavailableError,
} from "../lib/index.ts";
import { needs } from "./support/features.ts";
import { type Sandbox, withSandboxes } from "./support/sandbox.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));

async function inSandbox(check: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await withSandboxes(1, async (sandboxes) => {
    for (const sandbox of sandboxes) await check(sandbox);
  });
}

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => new Error("it was not rejected"),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error : new Error(`rejected with ${String(error)}`);
}

/** Runs a module's text in a process of its own, and gives what it prints, parsed. */
async function runModule(text: string, command: string[] = []): Promise<unknown> {
  const node = [process.execPath, "--input-type=module", "--eval", text];
  const [file = "", ...args] = [...command, ...node];
  return JSON.parse((await run(file, args, { cwd: root })).stdout);
}

/** The text of a module that prints what a call is rejected with. */
function printRejection(index: string, prelude: string, call: string): string {
  return `${prelude}
    const library = await import(${JSON.stringify(index)});
    const error = await library.${call}.then(() => ({}), (reason) => reason);
    const { name, code, operation, message } = error;
    console.log(JSON.stringify({ name, code, operation, message }));`;
}

const builtIndex = join(root, "dist/index.js");

describe("NetlinkError", () => {
  test("says what was refused, of what, why, and by which number", async () => {
    await inSandbox(async (sandbox) => {
      await createLink(sandbox, { kind: "bridge", name: "veth0" });
      const error = await rejection(createLink(sandbox, { kind: "veth", name: "veth0" }));
      expect(error).toBeInstanceOf(NetlinkError);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({
        name: "NetlinkError",
        code: "EEXIST",
        errno: 17,
        operation: "createLink",
      });
      expect(error.message).toMatch(/^createLink "veth0": EEXIST, \S/);
    });
  });

  test("names the link by its index if that is how it was given", async () => {
    await inSandbox(async (sandbox) => {
      const error = await rejection(getLink(sandbox, 4711));
      expect(error.message).toMatch(/^getLink "index 4711": ENODEV, /);
    });
  });

  test("points at the property that was refused", async () => {
    await inSandbox(async (sandbox) => {
      const error = await rejection(setLink(sandbox, 1, { master: { name: "none" } }));
      expect(error).toMatchObject({ code: "ENODEV", field: "master" });
      expect(error.message).toContain("none");
      expect(error.message).toMatch(/\(master\)$/);
    });
  });

  test("points at the property of a peer that was refused", async () => {
    await inSandbox(async (sandbox) => {
      await createLink(sandbox, { kind: "bridge", name: "taken" });
      const peer = { name: "taken" };
      const error = await rejection(createLink(sandbox, { kind: "veth", name: "a0", peer }));
      expect(error).toMatchObject({ code: "EEXIST", field: "peer.name" });
      expect(error.message).toMatch(/^createLink "a0": EEXIST, .*\(peer\.name\)$/);
    });
  });

  test("tells what the kernel would have taken", async () => {
    await inSandbox(async (sandbox) => {
      await createLink(sandbox, { kind: "veth", name: "a0" });
      const error = await rejection(setLink(sandbox, { name: "a0" }, { gsoMaxSize: 1 }));
      const allowed = { min: expect.any(BigInt) };
      expect(error).toMatchObject({ code: "ERANGE", field: "gsoMaxSize", allowed });
      expect(error.message).toMatch(/\(gsoMaxSize\); allowed: (at least )?\d+/);
    });
  });

  test("keeps the kernel's own sentence", async () => {
    await inSandbox(async (sandbox) => {
      const spec = { kind: "vxlan", name: "vx0" } as LinkSpec;
      const error = await rejection(createLink(sandbox, spec));
      expect(error).toMatchObject({ code: "EINVAL", detail: expect.any(String) });
      expect(error.message).toContain(error instanceof NetlinkError ? error.detail : "");
    });
  });

  test("has a stack that leads to the caller's function", async () => {
    async function theCallersFunction(sandbox: Sandbox): Promise<void> {
      await getLink(sandbox, { name: "none" });
    }
    await inSandbox(async (sandbox) => {
      const { stack } = await rejection(theCallersFunction(sandbox));
      expect(stack).toContain("getLink");
      expect(stack).toContain("theCallersFunction");
    });
  });

  test("is told apart from an interrupted list, which is one, too", () => {
    const interrupted = new DumpInterruptedError("listLinks", undefined, { errno: 4, rows: [{}] });
    expect(interrupted).toBeInstanceOf(NetlinkError);
    expect(interrupted).toMatchObject({ name: "DumpInterruptedError", code: "EINTR", rows: [{}] });
    expect(interrupted.message).toMatch(/^listLinks: EINTR/);
  });

  test("describes refusals that no kernel of today makes", () => {
    const refusal = { errno: 22, field: "mtu", allowed: { min: 68n, max: 65535n } };
    const error = new NetlinkError("setLink", "eth0", refusal);
    expect(error.message).toMatch(/^setLink "eth0": EINVAL, .* \(mtu\); allowed: 68 to 65535$/);
    expect(error.allowed).toEqual({ min: 68n, max: 65535n });
    const odd = new NetlinkError("setLink", undefined, { errno: 4095 });
    expect(odd).toMatchObject({ code: "errno 4095", message: "setLink: errno 4095" });
  });
});

describe("errors of namespaces", () => {
  test("name the operation and the namespace", async () => {
    const gone = await rejection(openNamespace({ name: "none" }));
    expect(gone).toMatchObject({ code: "ENOENT", operation: "openNamespace" });
    expect(gone.message).toMatch(/^openNamespace "none": ENOENT, /);
    const deleted = await rejection(deleteNamespace("none"));
    expect(deleted.message).toMatch(/^deleteNamespace "none": ENOENT, /);
  });
});

describe("a missing capability is named", () => {
  // A user namespace of its own has no power over the network namespace around it.
  const powerless = ["unshare", "--user", "--map-root-user"];

  test("CAP_NET_ADMIN, for a link", async (context) => {
    await needs("user-namespace", context);
    const call = 'openNamespace().then((ns) => library.createLink(ns, { kind: "bridge" }))';
    const error = await runModule(printRejection(builtIndex, "", call), powerless);
    expect(error).toMatchObject({ name: "NetlinkError", code: "EPERM", operation: "createLink" });
    expect(error).toMatchObject({ message: expect.stringContaining("CAP_NET_ADMIN") });
  });

  test("CAP_SYS_ADMIN, for a namespace", async () => {
    const call = "createNamespace()";
    const dropped = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
    const text = printRejection(builtIndex, "", call);
    const error = await runModule(text, dropped);
    expect(error).toMatchObject({ code: "EPERM", operation: "createNamespace" });
    expect(error).toMatchObject({ message: expect.stringContaining("CAP_SYS_ADMIN") });
    expect(error).toMatchObject({ message: expect.stringContaining("seccomp") });
  });

  test("CAP_NET_ADMIN, for a setting that the kernel guards itself", async (context) => {
    await needs("user-namespace", context);
    // Below another user namespace the files belong to somebody who is nobody there.
    const isMachine = readFileSync("/proc/self/uid_map", "utf8").includes("4294967295");
    if (!isMachine) return context.skip("only for the machine's root");
    const call = "openNamespace().then((ns) => library.setForwarding(ns, true))";
    const error = await runModule(printRejection(builtIndex, "", call), powerless);
    expect(error).toMatchObject({ code: "EPERM", operation: "setForwarding" });
    expect(error).toMatchObject({ message: expect.stringContaining("CAP_NET_ADMIN") });
  });

  test("CAP_SYS_ADMIN, for the mounts of a name", async (context) => {
    await needs("user-namespace", context);
    const call = 'createNamespace({ name: "vethwork-unmounted" })';
    const text = printRejection(builtIndex, "", call);
    const error = await runModule(text, [...powerless, "--net"]);
    expect(error).toMatchObject({ code: "EPERM", operation: "createNamespace" });
    const mounts = /cannot (share|mount) .*\/run\/netns.*needs CAP_SYS_ADMIN/;
    expect(error).toMatchObject({ message: expect.stringMatching(mounts) });
  });

  test("CAP_SYS_ADMIN, for a server in another namespace", async (context) => {
    await needs("user-namespace", context);
    await inSandbox(async ({ name }) => {
      const call = `openNamespace({ name: "${name}" }).then((ns) => library.listen(ns, { port: 80 }))`;
      const error = await runModule(printRejection(builtIndex, "", call), powerless);
      expect(error).toMatchObject({
        name: "Error",
        code: "EPERM",
        message: expect.stringMatching(
          /^listen EPERM: operation not permitted :::80 \(needs CAP_SYS_ADMIN .*\)$/,
        ),
      });
    });
  });
});

test("a /proc/sys that is mounted read-only is named", async () => {
  const mount =
    'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"';
  const readOnly = ["unshare", "--mount", "sh", "-c", mount, "sh"];
  for (const [call, expected] of [
    ["createNamespace({ ipv6: false })", { operation: "createNamespace" }],
    ["openNamespace().then((ns) => library.setForwarding(ns, true))", { name: "NetlinkError" }],
    ['createNamespace().then((ns) => library.ping(ns, "127.0.0.1"))', { name: "Error" }],
  ] as const) {
    const error = await runModule(printRejection(builtIndex, "", call), readOnly);
    const message = expect.stringContaining("/proc/sys is mounted read-only");
    expect(error).toMatchObject({ ...expected, code: "EROFS", message });
  }
});

describe("where the library cannot work", () => {
  test("it can be imported on another system, and says so when it is called", async () => {
    const prelude = 'Object.defineProperty(process, "platform", { value: "darwin" });';
    const error = await runModule(printRejection(builtIndex, prelude, "createNamespace()"));
    expect(error).toMatchObject({ name: "UnavailableError", code: "ERR_UNSUPPORTED_PLATFORM" });
    expect(error).toMatchObject({ message: expect.stringContaining("darwin") });
  });

  test("it can be imported without its binary, and says so when it is called", async () => {
    const directory = mkdtempSync(join(tmpdir(), "vethwork-test-"));
    try {
      cpSync(join(root, "dist"), join(directory, "dist"), { recursive: true });
      cpSync(join(root, "package.json"), join(directory, "package.json"));
      symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
      const text = printRejection(join(directory, "dist/index.js"), "", "listNamespaces()");
      const error = await runModule(text);
      expect(error).toMatchObject({ name: "UnavailableError", code: "ERR_NATIVE_MISSING" });
      expect(error).toMatchObject({ message: expect.stringContaining("npm ci") });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("the error has its cause", () => {
    const cause = new Error("cannot open shared object file");
    const error = new UnavailableError("ERR_NATIVE_MISSING", "no binary", { cause });
    expect(error).toMatchObject({ name: "UnavailableError", code: "ERR_NATIVE_MISSING", cause });
  });
});

describe("a wrong argument", () => {
  test("is a rejection, never an exception of the call itself", async () => {
    await inSandbox(async (sandbox) => {
      const promise = createLink(sandbox, { kind: "veth", mtu: -1 });
      const error = await rejection(promise);
      expect(error).toMatchObject({
        name: "RangeError",
        code: "ERR_OUT_OF_RANGE",
        property: "mtu",
      });
      expect(error.message).toMatch(/^mtu: must be an integer from 68 to 65535/);
      const named = await rejection(createNamespace({ name: "" }));
      expect(named).toMatchObject({ name: "RangeError", property: "name" });
    });
  });
});
