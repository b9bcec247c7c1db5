// What callers without types pass by mistake.

import { describe, expect, test } from "vitest";
import * as library from "../lib/index.ts";
import { ip, withSandboxes } from "./support/sandbox.ts";

const nonsense: unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  "nonsense",
  "",
  true,
  Symbol("symbol"),
  () => undefined,
  [],
  {},
  { nonsense: 1 },
  { name: "" },
];

/** The functions that take a namespace first. */
const functions = Object.entries(library).filter(
  ([name, value]) =>
    typeof value === "function" &&
    /^(add|replace|remove|list|get|set|find|create|delete|move|rename|flush|open)/.test(name) &&
    !/(Namespaces?|Transaction)$/.test(name),
) as [string, (...args: unknown[]) => Promise<unknown>][];

async function refusal(work: () => Promise<unknown>): Promise<unknown> {
  try {
    const result = await work();
    if (typeof result === "object" && result !== null && "close" in result) {
      await (result as { close(): unknown }).close();
    }
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(functions)("%s", (_, call) => {
  test("refuses what is no namespace, with a code", () =>
    withSandboxes(1, async ([sandbox]) => {
      for (const first of nonsense) {
        for (const rest of [[], [{}], [1, {}], [{ name: "lo" }, "10.0.0.1/8"]]) {
          const error = await refusal(() => call(first, ...rest));
          if (error instanceof AggregateError) continue; // one error each, of as many as asked for
          expect(error).toMatchObject({ code: expect.any(String) });
        }
      }
      expect(await ip(sandbox, "link", "show")).toHaveLength(1);
    }));

  test("refuses every nonsense with a code, or does nothing", () =>
    withSandboxes(1, async ([sandbox]) => {
      const before = await ip(sandbox, "address", "show");
      for (const second of nonsense) {
        for (const third of nonsense) {
          const error = await refusal(() => call(sandbox, second, third));
          if (error === undefined || error instanceof AggregateError) continue;
          expect(error).toMatchObject({ code: expect.any(String) });
        }
      }
      expect(await ip(sandbox, "address", "show")).toEqual(before);
    }));
});
