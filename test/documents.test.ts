// How documents are taken apart, for the checks of their examples and of their links.

import { describe, expect, test } from "vitest";
import { anchorsOf, blocksOf, linksOf } from "../scripts/markdown.mjs";

describe("code blocks", () => {
  test("of a document have their line, language and mark", () => {
    const text = [
      "# Title",
      "",
      "```ts runnable",
      "one();",
      "",
      "two();",
      "```",
      "```sh",
      "three",
      "```",
    ];
    expect(blocksOf("a.md", text.join("\n"))).toEqual([
      { file: "a.md", line: 3, language: "ts", mark: "runnable", code: "one();\n\ntwo();\n" },
      { file: "a.md", line: 8, language: "sh", mark: "", code: "three\n" },
    ]);
  });

  test("in a list are without the list's margin", () => {
    const text = "- Item:\n\n  ```ts\n  if (a) {\n    b();\n  }\n  ```\n";
    expect(blocksOf("a.md", text).map(({ code }) => code)).toEqual(["if (a) {\n  b();\n}\n"]);
  });

  test("of a docstring are without its stars, and what is no docstring has none", () => {
    const text =
      "  /**\n   * Does it.\n   *\n   * ```ts\n   * a({\n   *   b: 1,\n   *\n   * });\n   * ```\n   */\n```ts\nno\n```\n";
    expect(blocksOf("a.ts", text)).toEqual([
      { file: "a.ts", line: 4, language: "ts", mark: "", code: "a({\n  b: 1,\n\n});\n" },
    ]);
  });
});

describe("links", () => {
  test("are found in text, tables, lists and definitions, with their lines", () => {
    const text = "[a](one.md) and ![b](two.svg)\n\n| [`c`](three.md#d) |\n\n[e]: four.md\n";
    expect(linksOf(text)).toEqual([
      { target: "one.md", line: 1 },
      { target: "two.svg", line: 1 },
      { target: "three.md#d", line: 3 },
      { target: "four.md", line: 5 },
    ]);
  });

  test("are none in code and comments", () => {
    const text =
      "`[a](no.md)` <!-- [b](no.md) -->\n\n```md\n[c](no.md)\n```\n[d](yes.md) `` ` [e](no.md) ``\n";
    expect(linksOf(text)).toEqual([{ target: "yes.md", line: 6 }]);
  });

  test("are not hidden by a lone backtick", () => {
    expect(linksOf("a ` here\n\n[a](yes.md), and ` there\n")).toEqual([
      { target: "yes.md", line: 3 },
    ]);
  });
});

test("anchors are those of headings, numbered where they are the same", () => {
  const text =
    "# For those who know `ip`\n## A, b & c\n## A\n## [A](x.md)\n```sh\n# no heading\n```\n";
  expect([...anchorsOf(text)]).toEqual(["for-those-who-know-ip", "a-b--c", "a", "a-1"]);
});
