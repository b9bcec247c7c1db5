// The store on disk, in one process.

import { execFile } from "node:child_process";
import {
  cp,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLmdbStore } from "../../../lib/network/store/lmdb.ts";
import { refused } from "../refused.ts";
import { describeStore } from "./contract.ts";

const run = promisify(execFile);

let home: string;
let made = 0;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "vethwork-store-"));
});
afterAll(() => rm(home, { recursive: true }));

function newDirectory(): string {
  made += 1;
  return join(home, `${made}`);
}

describeStore("a store on disk", () => openLmdbStore({ directory: newDirectory() }));

/** A directory with a store of so many keys, closed. */
async function storeOf(keys: number): Promise<string> {
  const directory = newDirectory();
  const store = await openLmdbStore({ directory });
  for (let key = 0; key < keys; key += 50) {
    const put = Array.from({ length: Math.min(50, keys - key) }, (_, n) => ({
      key: `key/${key + n}`,
      value: "x".repeat(200),
    }));
    await store.commit({ put });
  }
  await store.close();
  return directory;
}

describe("a store on disk", () => {
  test("has everything when it is opened again, history and revision included", async () => {
    const directory = newDirectory();
    const store = await openLmdbStore({ directory });
    await store.commit({ put: [{ key: "a", value: 1 }] });
    await store.commit({ put: [{ key: "a", value: { b: "ü" } }] });
    const [list, changes] = [await store.list(""), await store.changes("", 0)];
    await store.close();
    const again = await openLmdbStore({ directory });
    expect(await again.list("")).toEqual(list);
    expect(await again.changes("", 0)).toEqual(changes);
    expect(await again.commit({ put: [{ key: "b", value: 1 }] })).toMatchObject({ revision: 3 });
    await again.close();
  });

  test("is this user's alone", async () => {
    const directory = await storeOf(1);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "plan.mdb"))).mode & 0o777).toBe(0o600);
  });

  test("is the same store by two handles of one process", async () => {
    const directory = newDirectory();
    const [one, other] = [await openLmdbStore({ directory }), await openLmdbStore({ directory })];
    const watch = other.watch({ prefix: "", after: 0 });
    const seen = watch.next();
    await one.commit({ put: [{ key: "a", value: 1 }] });
    expect((await other.get("a"))?.value).toBe(1);
    expect((await seen).value?.revision).toBe(1);
    await watch.return();
    const racing = { if: [{ key: "b", revision: 0 }] };
    const outcomes = await Promise.all(
      [one, other].map((store, value) => store.commit({ ...racing, put: [{ key: "b", value }] })),
    );
    expect(outcomes.filter(({ committed }) => committed)).toHaveLength(1);
    await one.close();
    expect((await other.get("a"))?.value).toBe(1);
    await other.close();
  });

  test("ends the leases of an earlier boot", async () => {
    const directory = newDirectory();
    const store = await openLmdbStore({ directory });
    const lease = await store.openLease();
    await store.commit({ put: [{ key: "a", value: 1, lease: lease.id }] });
    // As if the machine had been started anew: the same file, in which the boot has another id.
    const copy = newDirectory();
    await cp(directory, copy, { recursive: true });
    await store.close();
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1");
    const file = await readFile(join(copy, "plan.mdb"), "latin1");
    const other = file.replaceAll(boot.trim(), boot.trim().replaceAll(/[0-9a-f]/g, "0"));
    expect(other).not.toBe(file);
    await writeFile(join(copy, "plan.mdb"), other, "latin1");
    const later = await openLmdbStore({ directory: copy });
    expect(await later.list("")).toMatchObject({ entries: [], revision: 2 });
    await later.close();
  });

  test("does not grow with the number of commits", { timeout: 60_000 }, async () => {
    const directory = newDirectory();
    const store = await openLmdbStore({ directory });
    const sizeAfter = async (commits: number) => {
      for (let begun = 0; begun < commits; begun += 250) {
        const puts = Array.from({ length: 250 }, (_, n) => ({
          key: `key/${n}`,
          value: "x".repeat(80),
        }));
        await Promise.all(puts.map((put) => store.commit({ put: [put] })));
      }
      return (await stat(join(directory, "plan.mdb"))).size;
    };
    const early = await sizeAfter(15_000);
    expect(await sizeAfter(15_000)).toBeLessThan(early * 1.2);
    await store.close();
  });

  test("refuses bad options", async () => {
    const wrong = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
    const far = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
    const refusal = (options: unknown) => refused(() => openLmdbStore(options as never));
    expect(await refusal(undefined)).toEqual(wrong("options"));
    expect(await refusal({})).toEqual(wrong("directory"));
    expect(await refusal({ directory: "" })).toEqual(far("directory"));
    expect(await refusal({ directory: "a\0b" })).toEqual(far("directory"));
    expect(await refusal({ path: "a" })).toEqual(wrong("path"));
    const directory = newDirectory();
    expect(await refusal({ directory, busyTimeoutMs: 0 })).toEqual(far("busyTimeoutMs"));
    expect(await refusal({ directory, busyTimeoutMs: "1" })).toEqual(wrong("busyTimeoutMs"));
    await expect(stat(directory)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("refuses a directory that it cannot make or use", async () => {
    const failed = { code: "STORE_FAILED" };
    const inNothing = join(newDirectory(), "deeper");
    expect(await refused(() => openLmdbStore({ directory: inNothing }))).toEqual(failed);
    const inFile = newDirectory();
    await writeFile(inFile, "");
    expect(await refused(() => openLmdbStore({ directory: inFile }))).toEqual(failed);
    const occupied = newDirectory();
    await mkdir(join(occupied, "plan.mdb"), { recursive: true });
    expect(await refused(() => openLmdbStore({ directory: occupied }))).toEqual(failed);
  });

  test("refuses a file that is something else, or of another layout", async () => {
    const corrupt = { code: "STORE_CORRUPT" };
    for (const content of ["x", "x".repeat(10_000), "\0".repeat(8192)]) {
      const directory = newDirectory();
      await mkdir(directory);
      await writeFile(join(directory, "plan.mdb"), content);
      expect(await refused(() => openLmdbStore({ directory }))).toEqual(corrupt);
    }
    const directory = await storeOf(3);
    const path = join(directory, "plan.mdb");
    const file = await readFile(path, "latin1");
    await writeFile(path, file.replaceAll("vethwork store 1", "vethwork store 9"), "latin1");
    expect(await refused(() => openLmdbStore({ directory }))).toEqual(corrupt);
  });

  test("refuses a row that is not in order", async () => {
    const directory = await storeOf(1);
    const path = join(directory, "plan.mdb");
    const file = await readFile(path, "latin1");
    await writeFile(path, file.replaceAll('{"revision":1', '{"revisio*":1'), "latin1");
    const store = await openLmdbStore({ directory });
    expect(await refused(() => store.get("key/0"))).toEqual({ code: "STORE_CORRUPT" });
    expect(await refused(() => store.list(""))).toEqual({ code: "STORE_CORRUPT" });
    await store.close();
  });

  test("that was cut off is refused where something is missing, and ends no process", async () => {
    const directory = await storeOf(2000);
    const { size } = await stat(join(directory, "plan.mdb"));
    const script = fileURLToPath(new URL("../../fixtures/read-store.mjs", import.meta.url));
    for (let part = 1; part < 8; part += 1) {
      const copy = newDirectory();
      await cp(directory, copy, { recursive: true });
      await truncate(join(copy, "plan.mdb"), Math.floor((size * part) / 8 / 4096) * 4096);
      const { stdout } = await run(process.execPath, [script, copy]);
      expect(["STORE_CORRUPT", "2000 entries"]).toContain(stdout.trim());
    }
    const copy = newDirectory();
    await cp(directory, copy, { recursive: true });
    await truncate(join(copy, "plan.mdb"), 3 * 4096);
    expect((await run(process.execPath, [script, copy])).stdout.trim()).toBe("STORE_CORRUPT");
  });

  test("on a full disk refuses to grow, keeps what it has, and goes on when there is room", async () => {
    const disk = newDirectory();
    await mkdir(disk);
    await run("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]);
    try {
      const store = await openLmdbStore({ directory: join(disk, "store") });
      const fill = await open(join(disk, "fill"), "w");
      await fill.writeFile(Buffer.alloc(512 * 1024)).catch(() => undefined);
      await fill.close();
      const value = "x".repeat(5000);
      const puts = Array.from({ length: 20 }, (_, n) =>
        refused(() => store.commit({ put: [{ key: `k/${n}`, value }] })),
      );
      for (const refusal of await Promise.all(puts)) {
        expect(refusal).toEqual({ code: "STORE_FAILED" });
      }
      expect(await store.list("")).toEqual({ entries: [], revision: 0 });
      await rm(join(disk, "fill"));
      expect(await store.commit({ put: [{ key: "a", value }] })).toMatchObject({ revision: 1 });
      await store.close();
    } finally {
      await run("umount", [disk]);
    }
  });
});
