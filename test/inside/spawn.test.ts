// Programs inside a namespace: what they see there, and that they are ordinary child processes.

import { type ChildProcess, execFileSync, spawn as spawnHere } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  addAddress,
  createLink,
  createNamespace,
  deleteLink,
  listAddresses,
  type SpawnOptions,
  spawn,
} from "../../lib/index.ts";
import { needs } from "../support/features.ts";
import { children, countDescriptors, endOf, outputOf } from "../support/processes.ts";
import {
  join,
  outOfRange,
  refusalOf,
  type Sandbox,
  type Testimony,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync("/tmp/vethwork-spawn-");
});
afterAll(() => rmSync(directory, { recursive: true }));

// That they have written everything is known a little before they are known to have ended.
afterEach(() => vi.waitFor(() => expect(children()).toEqual([])));

/** The standard output of a program inside. */
async function output(
  sandbox: Sandbox,
  file: string,
  args: string[] = [],
  options: SpawnOptions = {},
): Promise<string> {
  return await outputOf(await spawn(sandbox, file, args, options));
}

/** The mounts of this process, but for the names of namespaces, which come and go in other tests. */
const mounts = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => !line.includes(" /run/netns/"));

/** It takes the launcher a while to look for a program in so many directories. */
const slowToFind = { PATH: "/-:".repeat(40_000) + process.env.PATH };

describe("a program inside", () => {
  test("finds the addresses that were given before, as ip tells from there", () =>
    withSandboxes(
      2,
      async ([left, right]) => {
        const [near] = await join(left, right);
        const added = addAddress(left, near, "10.1.2.3/24");
        const seen = JSON.parse(await output(left, "ip", ["-j", "addr"]));
        await added;
        const told = seen
          .flatMap(({ addr_info }: Testimony) => addr_info)
          .map(({ local, prefixlen }: Testimony) => `${local}/${prefixlen}`);
        expect(told).toContain("10.1.2.3/24");
        const addresses = await listAddresses(left);
        expect(addresses.map(({ address }) => address).sort()).toEqual(told.sort());
      },
      { ipv6: false },
    ));

  test("finds the links of its namespace in /sys, mounted like the one outside", () =>
    withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "veth", name: "near0", peer: { name: "far0" } });
      expect(await output(sandbox, "ls", ["/sys/class/net"])).toBe("far0\nlo\nnear0\n");
      const flags = [
        "-c",
        "stat -f -c %t /sys; awk '$5 == \"/sys\" { print $6 }' /proc/self/mountinfo",
      ];
      const [type, ...inside] = (await output(sandbox, "sh", flags)).trim().split("\n");
      const outside = execFileSync("sh", flags, { encoding: "utf8" }).trim().split("\n").slice(1);
      expect(type).toBe("62656572"); // linux/magic.h, SYSFS_MAGIC
      expect(inside.at(-1)).toBe(outside.at(-1));
    }));

  test("finds there what was mounted below, as cgroups are", () =>
    withSandboxes(1, async ([sandbox]) => {
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", "/sys/fs/cgroup"]);
      try {
        mkdirSync("/sys/fs/cgroup/below");
        execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", "/sys/fs/cgroup/below"]);
        expect(await output(sandbox, "ls", ["/sys/fs/cgroup"])).toBe("below\n");
        const below = await spawn(sandbox, "touch", ["/sys/fs/cgroup/below/x"]);
        expect(await text(below.stderr)).toMatch(/Read-only/);
      } finally {
        execFileSync("umount", ["--recursive", "/sys/fs/cgroup"]);
      }
    }));

  test("that starts below /sys starts in that of its namespace", () =>
    withSandboxes(1, async ([sandbox]) => {
      await createLink(sandbox, { kind: "veth", name: "near0", peer: { name: "far0" } });
      const cwd = pathToFileURL("/sys/class/net");
      expect(await output(sandbox, "ls", [], { cwd })).toBe("far0\nlo\nnear0\n");
    }));

  test("finds the files in /etc/netns/NAME over those in /etc, alone", async (context) => {
    await needs("etc-netns", context);
    await withSandboxes(2, async ([red, blue]) => {
      const before = readFileSync("/etc/hosts", "utf8");
      const files = `/etc/netns/${red.name}`;
      mkdirSync(`${files}/cron.d`, { recursive: true });
      try {
        writeFileSync(`${files}/hosts`, "192.0.2.1 of-red\n");
        writeFileSync(`${files}/nowhere-else`, "not bound, for want of a place\n");
        const hosts = ["/etc/hosts"];
        expect(await output(red, "cat", hosts)).toBe("192.0.2.1 of-red\n");
        expect(await output(red.limited({ timeoutMs: 5000 }) as Sandbox, "cat", hosts)).toMatch(
          "of-red",
        );
        expect(await output(red, "ls", ["/etc/nowhere-else"])).toBe("");
        expect(await output(blue, "cat", hosts)).toBe(before);
        expect(await output(red, "cat", hosts, { mounts: "shared" })).toBe(before);
        expect(readFileSync("/etc/hosts", "utf8")).toBe(before);
      } finally {
        rmSync(files, { recursive: true });
      }
    });
  });

  test("cannot start if a file cannot be bound", async (context) => {
    await needs("etc-netns", context);
    await withSandboxes(1, async ([sandbox]) => {
      const files = `/etc/netns/${sandbox.name}`;
      mkdirSync(`${files}/hosts`, { recursive: true });
      try {
        await expect(spawn(sandbox, "true")).rejects.toMatchObject({
          name: "NetlinkError",
          code: "ENOTDIR",
          message: expect.stringContaining("at /etc/hosts"),
        });
        expect(children()).toEqual([]);
      } finally {
        rmSync(files, { recursive: true });
      }
    });
  });

  test("changes no mount outside, and sees what is mounted there later", () =>
    withSandboxes(1, async ([sandbox]) => {
      const shared = `${directory}/shared`;
      mkdirSync(`${shared}/below`, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", shared]);
      try {
        execFileSync("mount", ["--make-shared", shared]);
        mkdirSync(`${shared}/theirs`);
        mkdirSync(`${shared}/ours`);
        const before = mounts();
        const script = `mount -t tmpfs tmpfs ${shared}/theirs && echo mounted && read line && ls ${shared}/ours`;
        const child = await spawn(sandbox, "sh", ["-c", script]);
        expect(String((await once(child.stdout, "data"))[0])).toBe("mounted\n");
        expect(mounts()).toEqual(before);
        execFileSync("mount", ["-t", "tmpfs", "tmpfs", `${shared}/ours`]);
        writeFileSync(`${shared}/ours/later`, "");
        child.stdin.end("\n");
        expect(await outputOf(child)).toBe("later\n");
      } finally {
        execFileSync("umount", ["--recursive", shared]);
      }
    }));

  test("with shared mounts has those of this process", () =>
    withSandboxes(1, async ([sandbox]) => {
      const link = ["/proc/self/ns/mnt", "/proc/self/ns/net"];
      const here = execFileSync("readlink", link, { encoding: "utf8" }).split("\n");
      const shared = (await output(sandbox, "readlink", link, { mounts: "shared" })).split("\n");
      const own = (await output(sandbox, "readlink", link)).split("\n");
      const net = `net:[${sandbox.inode}]`;
      expect(shared).toEqual([here[0], net, ""]);
      expect(own[0]).not.toBe(here[0]);
      expect(own.slice(1)).toEqual([net, ""]);
    }));

  test("can be in a namespace without a name, and outlive the handle", async () => {
    const namespace = await createNamespace();
    const child = await spawn(namespace, "sh", ["-c", "read line; readlink /proc/self/ns/net"]);
    const { inode } = namespace;
    await namespace.close();
    child.stdin.end("\n");
    expect(await outputOf(child)).toBe(`net:[${inode}]\n`);
  });
});

describe("the child process", () => {
  test("is the program: its pid, file, arguments and streams", () =>
    withSandboxes(1, async ([sandbox]) => {
      const child = await spawn(sandbox, "sh", ["-c", "echo $$; cat; echo done >&2; exit 5"]);
      child.stdin.end("hello");
      const [stdout, stderr, end] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        endOf(child),
      ]);
      expect({ stdout, stderr, end }).toEqual({
        stdout: `${child.pid}\nhello`,
        stderr: "done\n",
        end: { code: 5, signal: null },
      });
      expect(child).toMatchObject({ spawnfile: "sh", exitCode: 5 });
      expect(child.spawnargs).toEqual(["sh", "-c", "echo $$; cat; echo done >&2; exit 5"]);
      expect(child.stdio).toEqual([child.stdin, child.stdout, child.stderr]);
    }));

  test("tells of its end, and has its output, even if it ended before it was given out", () =>
    withSandboxes(1, async ([sandbox]) => {
      const state = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2];
      const waitForEnd = (pid: number) => {
        while (state(pid) !== "Z") execFileSync("true");
      };
      const other = spawnHere("sh", ["-c", "read line; echo"]);
      const given = spawn(sandbox, "echo", ["early"], { env: slowToFind });
      let pid: number | undefined;
      while (pid === undefined) {
        await setImmediate();
        pid = children().find((one) => one !== other.pid);
      }
      // What the other writes and that it ends is found in one turn of the loop. In between ours
      // runs, and ends, so that both ends are found before ours is known to have started.
      process.kill(pid, "SIGSTOP");
      const launcher = pid;
      other.stdout.once("data", () => {
        process.kill(launcher, "SIGCONT");
        waitForEnd(launcher);
      });
      other.stdin.write("\n");
      waitForEnd(other.pid as number);

      const child = await given;
      expect(child).toMatchObject({ pid, exitCode: 0 });
      const told = await Promise.all([endOf(child), outputOf(child), once(child, "close")]);
      expect(told).toEqual([{ code: 0, signal: null }, "early\n", [0, null]]);
    }));

  test("is killed by kill(), with its own signal", () =>
    withSandboxes(1, async ([sandbox]) => {
      const child = await spawn(sandbox, "sleep", ["60"]);
      expect(child.kill("SIGUSR2")).toBe(true);
      expect(await endOf(child)).toEqual({ code: null, signal: "SIGUSR2" });
    }));

  test("is killed by an AbortSignal, and not started if that is aborted", () =>
    withSandboxes(1, async ([sandbox]) => {
      const controller = new AbortController();
      const { signal } = controller;
      const child = await spawn(sandbox, "sleep", ["60"], { signal, killSignal: "SIGKILL" });
      const failure = once(child, "error");
      const ended = new Promise((resolve) => child.once("exit", resolve));
      controller.abort("enough");
      expect((await failure)[0]).toMatchObject({ name: "AbortError", cause: "enough" });
      await ended;
      expect(child.signalCode).toBe("SIGKILL");

      const file = `${directory}/not-made`;
      const late = spawn(sandbox, "touch", [file], { signal });
      const facts = { name: "AbortError", code: "ABORT_ERR", cause: "enough" };
      await expect(late).rejects.toMatchObject(facts);
      expect(() => readFileSync(file)).toThrow("ENOENT");
    }));

  test("is not given out if it is aborted while it starts, and is gone then", () =>
    withSandboxes(1, async ([sandbox]) => {
      const controller = new AbortController();
      const file = `${directory}/never-made`;
      const options = { signal: controller.signal, env: slowToFind };
      const given = spawn(sandbox, "touch", [file], options);
      while (children().length === 0) await setImmediate();
      controller.abort();
      await expect(given).rejects.toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
      expect(children()).toEqual([]);
      expect(() => readFileSync(file)).toThrow("ENOENT");
    }));

  test("is killed when its time is over", () =>
    withSandboxes(1, async ([sandbox]) => {
      const child = await spawn(sandbox, "sleep", ["60"], { timeout: 100 });
      expect(await endOf(child)).toEqual({ code: null, signal: "SIGTERM" });
    }));

  test("takes environment, directory, argv[0] and shell", () =>
    withSandboxes(1, async ([sandbox]) => {
      const cwd = directory;
      const env = { PATH: process.env.PATH, GREETING: "hello", ABSENT: undefined };
      expect(await output(sandbox, "env", [], { env })).toBe(
        `PATH=${process.env.PATH}\nGREETING=hello\n`,
      );
      expect(await output(sandbox, "pwd", [], { cwd })).toBe(`${directory}\n`);
      const argv0 = "other";
      expect(await output(sandbox, "sh", ["-c", "echo $0"], { argv0 })).toBe("other\n");
      const line = await spawn(sandbox, "echo $GREETING;", ["echo $0"], { env, shell: true });
      expect(await outputOf(line)).toBe("hello\n/bin/sh\n");
      expect(line.spawnargs).toEqual(["/bin/sh", "-c", "echo $GREETING; echo $0"]);
      const bash = { shell: "bash" };
      expect(await output(sandbox, "echo $0", [], bash)).toBe("bash\n");
    }));

  test("runs as another user after it is inside", () =>
    withSandboxes(1, async ([sandbox]) => {
      const mapped = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
      // As an ordinary user's root there is only one user to be.
      const id = Number(mapped[2]) > 1 ? 7 : 0;
      const script = "id -u; id -g; ls /sys/class/net; grep ^Groups: /proc/self/status";
      const written = await output(sandbox, "sh", ["-c", script], { uid: id, gid: id });
      const [uid, gid, link, groups = ""] = written.split("\n");
      expect([uid, gid, link]).toEqual([String(id), String(id), "lo"]);
      if (id !== 0) expect(groups.trim()).toBe("Groups:");
    }));

  test("leads a session of its own if it is detached", () =>
    withSandboxes(1, async ([sandbox]) => {
      const script = ["-c", "cut -d ' ' -f 6 /proc/$$/stat"];
      const child = await spawn(sandbox, "sh", script, { detached: true });
      expect(await outputOf(child)).toBe(`${child.pid}\n`);
      expect(await output(sandbox, "sh", script)).not.toBe(`${child.pid}\n`);
    }));

  test("has the streams that it is given", () =>
    withSandboxes(1, async ([sandbox]) => {
      const file = openSync(`${directory}/out`, "w");
      const script = "echo to file; echo to pipe >&5; readlink /proc/$$/fd/0 >&6; cat <&6";
      const child = await spawn(sandbox, "sh", ["-c", script], {
        stdio: ["ignore", file, "inherit", "ignore", null, "pipe", "pipe"],
      });
      closeSync(file);
      const [, , , third, fourth, fifth, sixth] = child.stdio as unknown as (ChildProcess["stdin"] &
        ChildProcess["stdout"])[];
      expect(child.stdio).toHaveLength(7);
      expect([child.stdin, child.stdout, child.stderr, third, fourth]).toEqual(Array(5).fill(null));
      sixth?.end();
      expect(await text(fifth as NonNullable<ChildProcess["stdout"]>)).toBe("to pipe\n");
      expect(await text(sixth as NonNullable<ChildProcess["stdout"]>)).toBe("/dev/null\n");
      expect(await endOf(child)).toEqual({ code: 0, signal: null });
      expect(readFileSync(`${directory}/out`, "utf8")).toBe("to file\n");
    }));

  test.each(["json", "advanced"] as const)("takes messages, written as %s", (serialization) =>
    withSandboxes(1, async ([sandbox]) => {
      const script = `process.on("message", (message) => {
        process.send({ ...message, links: Object.keys(os.networkInterfaces()) });
        process.disconnect();
      })`;
      const child = await spawn(sandbox, process.execPath, ["-e", script], {
        stdio: ["ignore", "inherit", "inherit", "ignore", "ipc"],
        serialization,
      });
      child.send({ greeting: "hello" });
      const [[answer], end] = await Promise.all([once(child, "message"), endOf(child)]);
      expect(answer).toEqual({ greeting: "hello", links: ["lo"] });
      expect(end).toEqual({ code: 0, signal: null });
    }),
  );

  test("inherits no descriptor besides its streams", () =>
    withSandboxes(1, async ([sandbox]) => {
      const stdio: SpawnOptions["stdio"] = ["pipe", "pipe", "pipe", "ignore", "pipe"];
      const list = ["/proc/self/fd"];
      const here = await outputOf(spawnHere("ls", list, { stdio }));
      expect(await output(sandbox, "ls", list, { stdio })).toBe(here);
      expect(here.split("\n")).toEqual(expect.arrayContaining(["0", "1", "2"]));
    }));

  test("finds preloaded libraries loaded once, by the program alone", () =>
    withSandboxes(1, async ([sandbox]) => {
      const env = { ...process.env, LD_PRELOAD: "/nowhere.so" };
      const complaint = await text(spawnHere("true", [], { env }).stderr);
      const child = await spawn(sandbox, "true", [], { env });
      expect(await text(child.stderr)).toBe(complaint);
    }));
});

describe("a program that cannot be started", () => {
  /** How Node itself fails; undefined if it does not. */
  async function failureHere(
    file: string,
    args: string[],
    options: SpawnOptions,
  ): Promise<unknown> {
    const { mounts: _, ...rest } = options;
    try {
      await once(spawnHere(file, args, rest), "spawn");
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** All that an error says, but where it was made. */
  const facts = (error: unknown) =>
    error instanceof Error ? { text: error.message, ...error } : undefined;

  const cases: Record<string, [file: string, args?: string[], options?: SpawnOptions]> = {
    "no such program": ["no-such-program", ["one", "two"]],
    "no such path": ["/nowhere/program"],
    "no such program, by a channel": [
      "/nowhere",
      [],
      { stdio: ["pipe", "inherit", "ipc", "pipe"] },
    ],
    "not executable": ["/etc/passwd", ["one"]],
    "not executable, by name": ["passwd", [], { env: { PATH: "/nowhere:/etc:/var" } }],
    "a directory": ["/etc"],
    "below a file": ["/etc/passwd/program"],
    "a name too long": ["x".repeat(5000)],
    "a path too long": [`/${"x".repeat(5000)}`],
    "a loop of links": ["/proc/self/cwd/loop", [], { cwd: "LOOP" }],
    "no such directory": ["true", ["one"], { cwd: "/nowhere" }],
    "no such shell": ["true", ["one"], { shell: "/nowhere/sh" }],
    "arguments too long": ["true", ["x".repeat(3_000_000)]],
    "a closed descriptor": ["true", [], { stdio: ["pipe", "pipe", 9999] }],
  };

  test.each(Object.entries(cases))("%s: fails as Node fails", (_, [file, args = [], given = {}]) =>
    withSandboxes(1, async ([sandbox]) => {
      const loops = given.cwd === "LOOP";
      if (loops) execFileSync("ln", ["-sfn", "loop", `${directory}/loop`]);
      const options = loops ? { cwd: directory } : given;
      const descriptors = countDescriptors();
      const failure = await spawn(sandbox, file, args, options).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Error);
      expect(facts(failure)).toEqual(facts(await failureHere(file, args, options)));
      expect(children()).toEqual([]);
      await vi.waitFor(() => expect(countDescriptors()).toBe(descriptors));
    }),
  );

  test("another user: fails if Node fails, as an ordinary user's root does", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const options of [{ uid: 7 }, { gid: 7 }]) {
        const outcome = await spawn(sandbox, "true", [], options).catch((error: unknown) => error);
        expect(facts(outcome)).toEqual(facts(await failureHere("true", [], options)));
      }
    }));

  test("a text without an interpreter is run by /bin/sh, as Node does", () =>
    withSandboxes(1, async ([sandbox]) => {
      const file = `${directory}/script`;
      writeFileSync(file, 'echo "$0 $*"\n', { mode: 0o755 });
      expect(await output(sandbox, file, ["a", "b"])).toBe(`${file} a b\n`);
      expect(await outputOf(spawnHere(file, ["a", "b"]))).toBe(`${file} a b\n`);
    }));
});

describe("many programs", () => {
  test("a hundred at once, each of which is seen to end", () =>
    withSandboxes(2, async (sandboxes) => {
      const run = async (_: unknown, number: number) => {
        const sandbox = sandboxes[number % 2] as Sandbox;
        const script = `readlink /proc/self/ns/net; exit ${number}`;
        const child = await spawn(sandbox, "sh", ["-c", script]);
        const [end, written] = await Promise.all([endOf(child), outputOf(child)]);
        expect(end.code).toBe(number);
        expect(written).toBe(`net:[${sandbox.inode}]\n`);
      };
      await Promise.all(Array.from({ length: 100 }, run));
    }));

  test("beside native workers that are busy", () =>
    withSandboxes(1, async ([sandbox]) => {
      const names = Array.from({ length: 40 }, (_, number) => `v${number}`);
      await Promise.all(names.map((name) => createLink(sandbox, { kind: "veth", name })));
      const deletions = names.map((name) => deleteLink(sandbox, { name }));
      const runs = names.map(() => output(sandbox, "ls", ["/sys/class/net"]));
      for (const seen of await Promise.all(runs)) expect(seen).toContain("lo\n");
      await Promise.all(deletions);
      expect(await output(sandbox, "ls", ["/sys/class/net"])).toBe("lo\n");
    }));

  test("from a worker thread", async () => {
    const fixture = new URL("../fixtures/spawn-worker.mjs", import.meta.url).pathname;
    const { stdout, stderr } = spawnHere(process.execPath, [fixture]);
    expect(await Promise.all([text(stdout), text(stderr)])).toEqual(["far0\nlo\nnear0\n\n", ""]);
  });

  test("a thousand, one after the other, leave nothing behind", { timeout: 60_000 }, () =>
    withSandboxes(1, async ([sandbox]) => {
      const round = async (number: number) => {
        if (number % 2 === 0) {
          await expect(spawn(sandbox, "/nowhere")).rejects.toThrow("ENOENT");
        } else {
          expect(await endOf(await spawn(sandbox, "true", [], { stdio: "ignore" }))).toEqual({
            code: 0,
            signal: null,
          });
        }
      };
      await round(0);
      await round(1);
      const before = { descriptors: countDescriptors(), mounts: mounts() };
      for (let number = 0; number < 1000; number += 1) await round(number);
      expect(children()).toEqual([]);
      expect(mounts()).toEqual(before.mounts);
      await vi.waitFor(() => expect(countDescriptors()).toBe(before.descriptors));
    }),
  );
});

describe("refused", () => {
  const bad = (value: unknown) => value as never;

  test.each<[string, unknown[], object]>([
    ["no file", [undefined], wrongType("file")],
    ["an empty file", [""], outOfRange("file")],
    ["NUL in the file", ["tr\0ue"], outOfRange("file")],
    ["arguments that are no array", ["true", "one"], wrongType("args")],
    ["an argument that is no string", ["true", ["one", 2]], wrongType("args[1]")],
    ["NUL in an argument", ["true", ["o\0ne"]], outOfRange("args[0]")],
    ["options that are no object", ["true", [], "shell"], wrongType("options")],
    ["an unknown option", ["true", [], { evn: {} }], wrongType("evn")],
    ["cwd", ["true", [], { cwd: 5 }], wrongType("cwd")],
    ["NUL in cwd", ["true", [], { cwd: "/\0" }], outOfRange("cwd")],
    ["cwd elsewhere", ["true", [], { cwd: new URL("http://host/") }], outOfRange("cwd")],
    ["env", ["true", [], { env: "PATH=/" }], wrongType("env")],
    ["a variable", ["true", [], { env: { N: 5 } }], wrongType("env.N")],
    ["NUL in a variable", ["true", [], { env: { N: "\0" } }], outOfRange("env.N")],
    ["argv0", ["true", [], { argv0: 0 }], wrongType("argv0")],
    ["uid", ["true", [], { uid: -1 }], outOfRange("uid")],
    ["gid", ["true", [], { gid: "root" }], wrongType("gid")],
    ["gid too large", ["true", [], { gid: 2 ** 32 - 1 }], outOfRange("gid")],
    ["shell", ["true", [], { shell: 1 }], wrongType("shell")],
    ["an empty shell", ["true", [], { shell: "" }], outOfRange("shell")],
    ["signal", ["true", [], { signal: "SIGTERM" }], wrongType("signal")],
    ["timeout", ["true", [], { timeout: 0.5 }], outOfRange("timeout")],
    ["killSignal", ["true", [], { killSignal: "SIGNOTHING" }], outOfRange("killSignal")],
    ["a number of no signal", ["true", [], { killSignal: 999 }], outOfRange("killSignal")],
    ["killSignal's type", ["true", [], { killSignal: {} }], wrongType("killSignal")],
    ["windowsHide", ["true", [], { windowsHide: 1 }], wrongType("windowsHide")],
    ["mounts", ["true", [], { mounts: false }], outOfRange("mounts")],
    ["stdio", ["true", [], { stdio: "ipc" }], outOfRange("stdio")],
    ["a stream", ["true", [], { stdio: ["pipe", "tube"] }], outOfRange("stdio[1]")],
    ["a stream's number", ["true", [], { stdio: [-1] }], outOfRange("stdio[0]")],
    ["two channels", ["true", [], { stdio: ["ipc", "ipc"] }], outOfRange("stdio")],
    ["detached", ["true", [], { detached: "yes" }], wrongType("detached")],
    ["serialization", ["true", [], { serialization: "xml" }], outOfRange("serialization")],
  ])("%s", (_, [file, args, options], refusal) =>
    withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(spawn(sandbox, bad(file), bad(args), bad(options)))).toEqual(refusal);
      expect(children()).toEqual([]);
    }),
  );

  test("a stream that is none", () =>
    withSandboxes(1, async ([sandbox]) => {
      const descriptors = countDescriptors();
      const stdio = ["pipe", "pipe", { not: "a stream" }];
      const code = "ERR_INVALID_ARG_VALUE";
      await expect(spawn(sandbox, "true", [], bad({ stdio }))).rejects.toMatchObject({ code });
      await vi.waitFor(() => expect(countDescriptors()).toBe(descriptors));
    }));

  test("a handle that is closed, and what is none", async () => {
    const namespace = await createNamespace();
    await namespace.close();
    const code = "ERR_NAMESPACE_CLOSED";
    await expect(spawn(namespace, "true")).rejects.toMatchObject({ code });
    for (const nothing of [undefined, null, 5, {}, "name"]) {
      const refused = { code: "ERR_INVALID_ARG_TYPE" };
      await expect(spawn(bad(nothing), "true")).rejects.toMatchObject(refused);
    }
    expect(children()).toEqual([]);
  });
});
