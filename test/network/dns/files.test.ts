// The files of sandboxes: written, changed under running programs, removed; others' left alone.

import { type ChildProcessWithoutNullStreams, execFile } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lookup, spawn } from "../../../lib/index.ts";
import { readResolvConf } from "../../../lib/inside/resolver-files.ts";
import { removeSandboxFiles, writeSandboxFiles } from "../../../lib/network/dns/files.ts";
import { renderHosts } from "../../../lib/network/dns/hosts.ts";
import { renderResolvConf } from "../../../lib/network/dns/resolv-conf.ts";
import { needs } from "../../support/features.ts";
import { inside, outOfRange, withSandboxes, wrongType } from "../../support/sandbox.ts";

const run = promisify(execFile);
const mark = "# Written by vethwork.\n";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vethwork-files-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (name: string, file: string) => readFileSync(join(directory, name, file), "utf8");
const modeOf = (...path: string[]) => statSync(join(directory, ...path)).mode & 0o7777;

/** What a call throws. */
function refusal(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

const foreign = { name: "ForeignFileError", code: "EEXIST" };

describe("files", () => {
  test("are written, changed and removed", async () => {
    writeSandboxFiles("red", { hosts: "one\n", "resolv.conf": "two\n" }, directory);
    expect(read("red", "hosts")).toBe(`${mark}one\n`);
    expect(read("red", "resolv.conf")).toBe(`${mark}two\n`);
    writeSandboxFiles("red", { hosts: "three and more\n" }, directory);
    writeSandboxFiles("red", { hosts: "4\n" }, directory);
    expect(read("red", "hosts")).toBe(`${mark}4\n`);
    expect(read("red", "resolv.conf")).toBe(`${mark}two\n`);
    writeSandboxFiles("red", {}, directory);
    removeSandboxFiles("red", directory);
    removeSandboxFiles("red", directory);
    writeSandboxFiles("blue", {}, directory);
    // Nothing is left, temporary files neither.
    expect(readdirSync(directory)).toEqual([]);
  });

  test("are everybody's to read, whatever the umask, and the process's own to write", async () => {
    const before = process.umask(0o077);
    const place = join(directory, "etc", "netns");
    try {
      writeSandboxFiles("red", { hosts: "", "resolv.conf": "" }, place);
    } finally {
      process.umask(before);
    }
    expect(modeOf("etc", "netns")).toBe(0o755);
    expect(modeOf("etc", "netns", "red")).toBe(0o755);
    for (const file of ["hosts", "resolv.conf"]) {
      expect(modeOf("etc", "netns", "red", file)).toBe(0o644);
      const { uid, gid } = statSync(join(place, "red", file));
      expect([uid, gid]).toEqual([process.geteuid?.(), process.getegid?.()]);
    }
  });

  test("of a thousand sandboxes are written at once", async () => {
    const names = Array.from({ length: 1000 }, (_, n) => `box${n}`);
    const files = { hosts: renderHosts([]), "resolv.conf": "nameserver 127.0.0.11\n" };
    for (const name of names) writeSandboxFiles(name, files, directory);
    expect(readdirSync(directory).sort()).toEqual([...names].sort());
    for (const name of names) expect(read(name, "hosts")).toBe(mark + files.hosts);
    for (const name of names) removeSandboxFiles(name, directory);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("are never without what stays in them", async () => {
    const texts = [1, 30, 5].map((lines) => "127.0.0.1\tlocalhost\n".repeat(lines));
    writeSandboxFiles("red", { hosts: texts[0] ?? "" }, directory);
    let writing = true;
    const reading = (async () => {
      for (let reads = 0; writing || reads < 10; reads += 1) {
        expect(read("red", "hosts")).toContain(`${mark}127.0.0.1\tlocalhost\n`);
        await new Promise(setImmediate);
      }
    })();
    const changing = (async () => {
      for (let n = 0; n < 300; n += 1) {
        writeSandboxFiles("red", { hosts: texts[n % 3] ?? "" }, directory);
      }
    })();
    await Promise.all([
      changing.finally(() => {
        writing = false;
      }),
      reading,
    ]);
  });

  test("that a killed process was writing are written anew, or taken away", async () => {
    const seen = new Set<string>();
    const watcher = watch(directory, (_, name) => seen.add(String(name)));
    writeSandboxFiles("box", { hosts: "x\n" }, directory);
    await vi.waitFor(() => expect(seen.size).toBe(2));
    watcher.close();
    const [temporary = ""] = [...seen].filter((name) => name !== "box");
    removeSandboxFiles("box", directory);
    const left = join(directory, temporary);
    writeFileSync(left, "half of");
    writeSandboxFiles("box", { hosts: "y\n" }, directory);
    expect(readdirSync(directory)).toEqual(["box"]);
    writeFileSync(left, "half of");
    removeSandboxFiles("box", directory);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("stay the same files, with the modes that they got", async () => {
    writeSandboxFiles("red", { hosts: "one\n" }, directory);
    const path = join(directory, "red", "hosts");
    const { ino } = statSync(path);
    chmodSync(path, 0o664);
    if (process.geteuid?.() === 0) chownSync(path, 0, 0);
    writeSandboxFiles("red", { hosts: "two\n" }, directory);
    expect(statSync(path).ino).toBe(ino);
    expect(modeOf("red", "hosts")).toBe(0o664);
  });
});

describe("files of others", () => {
  test("are not changed, and nothing beside them is", async () => {
    mkdirSync(join(directory, "red"), { mode: 0o700 });
    writeFileSync(join(directory, "red", "hosts"), "theirs\n");
    const both = { "resolv.conf": "mine\n", hosts: "mine\n" };
    const writing = () => writeSandboxFiles("red", both, directory);
    const path = join(directory, "red", "hosts");
    expect(refusal(writing)).toMatchObject({ ...foreign, path });
    removeSandboxFiles("red", directory);
    expect(readdirSync(join(directory, "red"))).toEqual(["hosts"]);
    expect(read("red", "hosts")).toBe("theirs\n");
    expect(modeOf("red")).toBe(0o700);
    expect(readdirSync(directory)).toEqual(["red"]);
  });

  test("in the directory stay", async () => {
    writeSandboxFiles("red", { hosts: "one\n" }, directory);
    writeFileSync(join(directory, "red", "nsswitch.conf"), "theirs\n");
    removeSandboxFiles("red", directory);
    expect(readdirSync(join(directory, "red"))).toEqual(["nsswitch.conf"]);
  });

  test.for<[string, (path: string) => unknown]>([
    ["a link to a file", (path) => symlinkSync(join(directory, "outside"), path)],
    ["a link to nothing", (path) => symlinkSync(join(directory, "nowhere"), path)],
    ["a directory", (path) => mkdirSync(path)],
    ["a pipe", (path) => run("mkfifo", [path])],
  ])("may be %s, which is not written through", async ([, make]) => {
    writeFileSync(join(directory, "outside"), "theirs");
    mkdirSync(join(directory, "red"));
    await make(join(directory, "red", "hosts"));
    const writing = () => writeSandboxFiles("red", { hosts: "mine" }, directory);
    expect(refusal(writing)).toMatchObject(foreign);
    removeSandboxFiles("red", directory);
    expect(readdirSync(join(directory, "red"))).toEqual(["hosts"]);
    expect(readdirSync(directory).sort()).toEqual(["outside", "red"]);
    expect(readFileSync(join(directory, "outside"), "utf8")).toBe("theirs");
  });

  test("may be in the place of the directory", async () => {
    writeFileSync(join(directory, "red"), "theirs");
    const writing = () => writeSandboxFiles("red", { hosts: "mine" }, directory);
    expect(refusal(writing)).toMatchObject({ code: "EEXIST" });
    removeSandboxFiles("red", directory);
    expect(readFileSync(join(directory, "red"), "utf8")).toBe("theirs");
  });

  test("are told from those that another process has left, and that a program overwrote", async () => {
    mkdirSync(join(directory, "red"));
    writeFileSync(join(directory, "red", "hosts"), `${mark}left\n`);
    writeSandboxFiles("red", { hosts: "mine\n", "resolv.conf": "mine\n" }, directory);
    expect(read("red", "hosts")).toBe(`${mark}mine\n`);
    writeFileSync(join(directory, "red", "resolv.conf"), "nameserver 192.0.2.1\n");
    writeSandboxFiles("red", { "resolv.conf": "mine\n" }, directory);
    expect(read("red", "resolv.conf")).toBe(`${mark}mine\n`);
    writeFileSync(join(directory, "red", "resolv.conf"), "");
    removeSandboxFiles("red", directory);
    expect(readdirSync(directory)).toEqual([]);
  });
});

/** Calls a function of the built files where the directory is an empty one that is read-only. */
async function callReadOnly(name: string, ...args: unknown[]): Promise<string> {
  const files = new URL("../../../dist/network/dns/files.js", import.meta.url);
  const text = `const { ${name} } = await import(${JSON.stringify(files.href)});
    try { ${name}(...${JSON.stringify([...args, directory])}); console.log("done"); }
    catch (error) { console.log(error.message); }`;
  const mount = `mount -t tmpfs -o ro tmpfs "${directory}" && exec "$@"`;
  const node = [process.execPath, "--input-type=module", "--eval", text];
  return (await run("unshare", ["--mount", "sh", "-c", mount, "sh", ...node])).stdout.trim();
}

test("where nothing can be written, what was not written is no error to remove", async () => {
  const path = join(directory, "red");
  const refused = `EROFS: read-only file system, mkdir '${path}'`;
  expect(await callReadOnly("writeSandboxFiles", "red", { hosts: "" })).toBe(refused);
  expect(await callReadOnly("removeSandboxFiles", "red")).toBe("done");
});

describe("refused are", () => {
  test("names that no namespace can have, and what is no text", async () => {
    for (const name of ["", ".", "..", "a/b", "../x", "a\0b", "x".repeat(256)]) {
      const writing = () => writeSandboxFiles(name, { hosts: "" }, directory);
      expect(refusal(writing)).toMatchObject(outOfRange("name"));
      expect(refusal(() => removeSandboxFiles(name, directory))).toMatchObject(outOfRange("name"));
    }
    const number = () => writeSandboxFiles(5 as never, { hosts: "" }, directory);
    expect(refusal(number)).toMatchObject(wrongType("name"));
    const other = { passwd: "" } as object;
    const unknown = () => writeSandboxFiles("red", other, directory);
    expect(refusal(unknown)).toMatchObject(wrongType("passwd"));
    const wrong = { hosts: 5 as unknown as string };
    const mistyped = () => writeSandboxFiles("blue", wrong, directory);
    expect(refusal(mistyped)).toMatchObject(wrongType("hosts"));
    expect(readdirSync(directory)).toEqual([]);
  });
});

/** What a shell says to a command. */
async function said(shell: ChildProcessWithoutNullStreams, command: string): Promise<string> {
  shell.stdin.write(`${command}; echo done\n`);
  let output = "";
  while (!output.endsWith("done\n")) output += String((await once(shell.stdout, "data"))[0]);
  return output.slice(0, -"done\n".length);
}

describe("programs inside a sandbox", () => {
  test("find the files, and what is changed in them while they run", async (context) => {
    await needs("etc-netns", context);
    await withSandboxes(1, async ([sandbox]) => {
      const link = (address: string) => renderHosts([{ address, names: ["db"] }]);
      const conf = { nameservers: ["127.0.0.11"], search: ["a.example"], options: ["ndots:0"] };
      const files = { hosts: link("172.18.0.3"), "resolv.conf": renderResolvConf(conf) };
      writeSandboxFiles(sandbox.name, files);
      try {
        const shell = await spawn(sandbox, "sh");
        const ended = once(shell, "close");
        expect(await said(shell, "getent hosts db")).toMatch(/^172\.18\.0\.3\s+db\n$/);
        expect(await said(shell, "cat /etc/resolv.conf")).toContain("search a.example\n");
        // Shorter, then longer than before.
        const none = renderHosts([]);
        writeSandboxFiles(sandbox.name, { hosts: none });
        expect(await said(shell, "getent hosts db")).toBe("");
        expect(await said(shell, "cat /etc/hosts")).toBe(`${mark}${none}`);
        writeSandboxFiles(sandbox.name, { hosts: link("172.18.0.9") });
        expect(await said(shell, "getent hosts db")).toMatch(/^172\.18\.0\.9\s+db\n$/);
        // This process and ip-netns(8) find the same.
        expect(readResolvConf(sandbox)).toEqual(conf);
        expect(await lookup(sandbox, "db")).toEqual([{ address: "172.18.0.9", family: 4 }]);
        expect(await inside(sandbox, "getent", "hosts", "db")).toContain("172.18.0.9");
        shell.stdin.end();
        await ended;
      } finally {
        removeSandboxFiles(sandbox.name);
      }
      expect(readdirSync("/etc/netns")).not.toContain(sandbox.name);
      await expect(inside(sandbox, "getent", "hosts", "db")).rejects.toMatchObject({ code: 2 });
    });
  });
});
