// Which binary is loaded, in copies of the package that have different ones; and what is said
// where there is none.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const brought = `prebuilds/linux-${process.arch}`;

/** An engine for musl reports no version of glibc. */
const forMusl = `
  const getReport = process.report.getReport.bind(process.report);
  process.report.getReport = () => {
    const { header: { glibcVersionRuntime, ...header }, ...report } = getReport();
    return { ...report, header };
  };`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vethwork-loading-"));
  cpSync(join(root, "dist"), join(directory, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(directory, "package.json"));
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Puts a binary that loads into the copy. */
function place(path: string): string {
  const file = join(directory, path);
  cpSync(join(root, "build/Release/vethwork.node"), file);
  return file;
}

/** Puts something there that is no binary. */
function spoil(path: string): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "not a binary");
}

interface Told {
  /** The binaries that the process has mapped afterwards. */
  readonly mapped: readonly string[];
  readonly code?: string;
  readonly message?: string;
  readonly causes?: number;
}

/** What becomes of a first call in a process that loads the copy. */
async function load(prelude = ""): Promise<Told> {
  const text = `${prelude}
    import { readFileSync } from "node:fs";
    const { listNamespaces } = await import(${JSON.stringify(join(directory, "dist/index.js"))});
    const told = await listNamespaces().then(
      () => ({}),
      ({ code, message, cause }) => ({ code, message, causes: cause?.errors?.length }),
    );
    const maps = readFileSync("/proc/self/maps", "utf8").match(/\\/\\S+vethwork\\S*\\.node$/gm);
    console.log(JSON.stringify({ ...told, mapped: [...new Set(maps)] }));`;
  const line = ["--input-type=module", "--eval", text];
  return JSON.parse((await promisify(execFile)(process.execPath, line)).stdout);
}

describe("the addon", () => {
  test("of the package is loaded where none was built", async () => {
    const binary = place(`${brought}/vethwork.glibc.node`);
    place(`${brought}/vethwork.musl.node`);
    expect(await load()).toEqual({ mapped: [binary] });
  });

  test("is that for musl where the engine is", async () => {
    place(`${brought}/vethwork.glibc.node`);
    const binary = place(`${brought}/vethwork.musl.node`);
    expect(await load(forMusl)).toEqual({ mapped: [binary] });
  });

  test("that was built goes before that of the package, which may be older", async () => {
    place(`${brought}/vethwork.glibc.node`);
    const binary = place("build/Release/vethwork.node");
    expect(await load()).toEqual({ mapped: [binary] });
  });

  test("of the package is loaded where the one that was built does not load", async () => {
    spoil("build/Release/vethwork.node");
    const binary = place(`${brought}/vethwork.glibc.node`);
    expect(await load()).toEqual({ mapped: [binary] });
  });

  test("is missed by name, with the commands that build it", async () => {
    place(`${brought}/vethwork.musl.node`);
    const { code, message } = await load();
    expect(code).toBe("ERR_NATIVE_MISSING");
    expect(message).toContain(`no binary for linux-${process.arch} with glibc`);
    expect(message).toContain(join(directory, brought, "vethwork.glibc.node"));
    expect(message).toContain('"npm ci"');
    expect(message).toContain(`npx node-gyp rebuild --directory=${directory}`);
  });

  test("is missed on a machine that has none, and for musl", async () => {
    place(`${brought}/vethwork.glibc.node`);
    const elsewhere = 'Object.defineProperty(process, "arch", { value: "riscv64" });';
    expect((await load(elsewhere)).message).toContain("no binary for linux-riscv64 with glibc");
    expect((await load(forMusl)).message).toContain(
      `no binary for linux-${process.arch} with musl`,
    );
  });

  test("that does not load is told of with the reason of each", async () => {
    spoil("build/Release/vethwork.node");
    spoil(`${brought}/vethwork.glibc.node`);
    const { code, message, causes } = await load();
    expect({ code, causes }).toEqual({ code: "ERR_NATIVE_MISSING", causes: 2 });
    expect(message).toContain(join(directory, "build/Release/vethwork.node: "));
    expect(message).toContain(join(directory, `${brought}/vethwork.glibc.node: `));
  });

  test("is chosen without a look at who is connected, which would ask name servers", async () => {
    place(`${brought}/vethwork.glibc.node`);
    const listens = `
      const getReport = process.report.getReport.bind(process.report);
      process.report.getReport = () => {
        if (!process.report.excludeNetwork) throw new Error("it looks");
        return getReport();
      };
      process.on("exit", () => { if (process.report.excludeNetwork) process.exitCode = 1; });`;
    expect((await load(listens)).code).toBeUndefined();
  });
});
