// Programs run to their end inside a namespace: their output, and failures in the form of execFile.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createLink, createNamespace, type ExecOptions, exec } from "../../lib/index.ts";
import { children } from "../support/processes.ts";
import { ip, outOfRange, refusalOf, withSandboxes, wrongType } from "../support/sandbox.ts";

const execHere = promisify(execFile);

// Those that Node started for comparison may end a little later.
afterEach(() => vi.waitFor(() => expect(children()).toEqual([])));

/** What the caller of a failing command is told, but where the error was made. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return { class: error.name, text: error.message, ...error };
  }
  throw new Error("it did not fail");
}

test("gives what ip, run inside, wrote", () =>
  withSandboxes(1, async ([sandbox]) => {
    const made = createLink(sandbox, { kind: "veth", name: "near0", peer: { name: "far0" } });
    const { stdout, stderr, code } = await exec(sandbox, "ip", ["-j", "-d", "addr"]);
    await made;
    const told = await ip(sandbox, "addr");
    expect(JSON.parse(stdout)).toEqual(told);
    expect(told).toHaveLength(3);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  }));

test("takes input, or gives none", () =>
  withSandboxes(1, async ([sandbox]) => {
    expect((await exec(sandbox, "cat")).stdout).toBe("");
    expect((await exec(sandbox, "cat", [], { input: "grüße" })).stdout).toBe("grüße");
    const input = Buffer.alloc(1_000_000, 7);
    const { stdout } = await exec(sandbox, "cat", [], { input, encoding: "buffer" });
    expect(stdout.equals(input)).toBe(true);
    expect((await exec(sandbox, "head", ["-c", "1"], { input })).stdout).toBe("\x07");
    expect((await exec(sandbox, "true", [], { input })).stdout).toBe("");
  }));

test("reads the output as it is told", () =>
  withSandboxes(1, async ([sandbox]) => {
    const script = ["-c", "printf '\\303\\274'; printf x >&2"];
    const read = async (options: object) => await exec(sandbox, "sh", script, options);
    expect(await read({})).toEqual({ stdout: "ü", stderr: "x", code: 0 });
    expect(await read({ encoding: "hex" })).toEqual({ stdout: "c3bc", stderr: "78", code: 0 });
    const bytes = { stdout: Buffer.from([0xc3, 0xbc]), stderr: Buffer.from("x"), code: 0 };
    expect(await read({ encoding: "buffer" })).toEqual(bytes);
    expect(await read({ encoding: null })).toEqual(bytes);
  }));

describe("fails as execFile does:", () => {
  const cases: Record<string, [file: string, args: string[], options?: ExecOptions]> = {
    "an exit code": ["sh", ["-c", "echo out; echo err >&2; exit 3"]],
    "a signal": ["sh", ["-c", "echo out; kill -KILL $$"]],
    "no such program": ["no-such-program", ["one"]],
    "no permission": ["/etc/passwd", []],
    "no such directory": ["true", ["one"], { cwd: "/nowhere" }],
    "its time": ["sh", ["-c", "echo out; exec sleep 60"], { timeout: 300 }],
    "its time, by another signal": ["sleep", ["60"], { timeout: 50, killSignal: "SIGUSR1" }],
    "its time, with a descendant": ["sh", ["-c", "sleep 1 & wait"], { timeout: 100 }],
    "bytes of no text": ["sh", ["-c", "echo out; exit 1"], { encoding: "buffer" }],
    "too much output": ["head", ["-c", "2000", "/dev/zero"], { maxBuffer: 1000 }],
    "too much for it": ["sh", ["-c", "echo 12345; exec sleep 60"], { maxBuffer: 3 }],
    "a shell's failure": ["exit", ["4"], { shell: true }],
  };

  test.each(Object.entries(cases))("%s", (_, [file, args, options = {}]) =>
    withSandboxes(1, async ([sandbox]) => {
      const here = await failureOf(execHere(file, args, options as object));
      expect(await failureOf(exec(sandbox, file, args, options as object))).toEqual(here);
      expect(children()).toEqual([]);
    }),
  );

  test("more than there is room for by default", () =>
    withSandboxes(1, async ([sandbox]) => {
      const command = ["head", ["-c", "2000000", "/dev/zero"]] as const;
      const inside = await exec(sandbox, ...command).catch((error) => error);
      const here = await execHere(...command).catch((error) => error);
      expect(inside).toMatchObject({ code: here.code, stdout: expect.any(String) });
      expect(inside.stdout).toHaveLength(here.stdout.length);
    }));

  test("too much of what are errors", () =>
    withSandboxes(1, async ([sandbox]) => {
      const work = exec(sandbox, "sh", ["-c", "echo 12345 >&2; exec sleep 60"], { maxBuffer: 3 });
      const code = "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
      expect(await failureOf(work)).toMatchObject({ code, stderr: "123" });
    }));

  test("an abort, but when the program is gone", () =>
    withSandboxes(1, async ([sandbox]) => {
      const abortedWhileRunning = async (run: (signal: AbortSignal) => Promise<unknown>) => {
        const controller = new AbortController();
        const failure = failureOf(run(controller.signal));
        setTimeout(() => controller.abort("enough"), 300);
        return await failure;
      };
      const inside = await abortedWhileRunning((signal) =>
        exec(sandbox, "sleep", ["60"], { signal }),
      );
      expect(children()).toEqual([]);
      expect(inside).toMatchObject({ class: "AbortError", code: "ABORT_ERR", stdout: "" });
      const here = await abortedWhileRunning((signal) => execHere("sleep", ["60"], { signal }));
      expect(inside).toEqual(here);
      const late = exec(sandbox, "sleep", ["60"], { signal: AbortSignal.abort("enough") });
      expect(await failureOf(late)).toEqual(here);
    }));
});

describe("refused", () => {
  const bad = (value: unknown) => value as never;

  test.each<[string, object, object]>([
    ["an unknown option", { stdio: "inherit" }, wrongType("stdio")],
    ["encoding", { encoding: "utf9" }, outOfRange("encoding")],
    ["encoding's type", { encoding: 8 }, wrongType("encoding")],
    ["maxBuffer", { maxBuffer: -1 }, outOfRange("maxBuffer")],
    ["maxBuffer that is no number", { maxBuffer: Number.NaN }, outOfRange("maxBuffer")],
    ["maxBuffer's type", { maxBuffer: "1k" }, wrongType("maxBuffer")],
    ["input", { input: 5 }, wrongType("input")],
    ["timeout", { timeout: -1 }, outOfRange("timeout")],
  ])("%s", (_, options, refusal) =>
    withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(exec(sandbox, "true", [], bad(options)))).toEqual(refusal);
      expect(children()).toEqual([]);
    }),
  );

  test("no file, and a handle that is closed", async () => {
    const namespace = await createNamespace();
    expect(await refusalOf(exec(namespace, bad(undefined)))).toEqual(wrongType("file"));
    await namespace.close();
    const code = "ERR_NAMESPACE_CLOSED";
    await expect(exec(namespace, "true")).rejects.toMatchObject({ code });
  });
});
