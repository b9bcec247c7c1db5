// The comparison with Docker names tests: they are there, under these names.

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const table = readFileSync("docs/docker.md", "utf8");

/** The last cells of the rows, but for heads, rules and those that are no test's. */
const proofs = [...table.matchAll(/^\|.*\| (.+?) \|$/gm)]
  .map(([, cell = ""]) => cell)
  .filter((cell) => !/^(?:Proved by|-+|–)$/.test(cell));

describe("the comparison with Docker", () => {
  test("has rows", () => {
    expect(proofs.length).toBeGreaterThan(60);
  });

  test.each([...new Set(proofs)])("%s", (proof) => {
    const [file = "", ...name] = proof.split(" › ");
    const path = `test/network/${file.endsWith(".ts") ? file : `${file}.test.ts`}`;
    expect([path, existsSync(path)]).toEqual([path, true]);
    if (name.length > 0) expect(readFileSync(path, "utf8")).toContain(`"${name.join(" › ")}"`);
  });
});
