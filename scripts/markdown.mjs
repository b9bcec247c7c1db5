// Takes Markdown apart: which documents there are, their code blocks, headings and links.

import { readdirSync } from "node:fs";
import { globSources, root } from "./tree.mjs";

/**
 * A code block, wherever it is: in a document, or in a docstring.
 *
 * @typedef {object} Block
 * @property {string} file relative to the root
 * @property {number} line that of its fence
 * @property {string} language `"ts"`
 * @property {string} mark what follows the language, `"runnable"`
 * @property {string} code
 */

/** The documents of this package, relative to the root, but for what is generated. */
export function documents() {
  const top = readdirSync(root).filter((name) => name.endsWith(".md"));
  const below = ["docs", "scripts"].flatMap((directory) => globSources(directory, [".md"]));
  return [...top, ...below.filter((path) => !path.startsWith("docs/reference/"))].sort();
}

/**
 * The code blocks of a document, or of the docstrings of a source.
 *
 * @param {string} file
 * @param {string} text
 * @returns {Block[]}
 */
export function blocksOf(file, text) {
  const comment = /\.[cm]?ts$/.test(file) ? "\\* " : "";
  const fence = new RegExp(
    `^(?<margin>[ \\t]*${comment})\`\`\`(?<language>\\w*) ?(?<mark>[^\n]*)\n(?<code>.*?)^\\k<margin>\`\`\`$`,
    "gms",
  );
  return [...text.matchAll(fence)].map(({ index, groups = {} }) => {
    const { margin = "", language = "", mark = "", code = "" } = groups;
    const lines = code.split("\n").map((line) => {
      return line.startsWith(margin) ? line.slice(margin.length) : line.trim().replace(/^\*$/, "");
    });
    const line = text.slice(0, index).split("\n").length;
    return { file, line, language, mark, code: lines.join("\n") };
  });
}

/**
 * A document without its code: blocks, spans and comments are blank, and nothing moves.
 *
 * @param {string} text
 */
export function proseOf(text) {
  const blank = (/** @type {string} */ part) => part.replace(/[^\n]/g, " ");
  return text
    .replace(/^([ \t]*)```.*?^\1```$/gms, blank)
    .replace(/<!--.*?-->/gs, blank)
    .replace(/(`+)(?!`)(?:(?!\n\n).)*?[^`]\1(?!`)/gs, blank);
}

/**
 * The anchors of a document: its headings', as forges make them.
 *
 * @param {string} text
 */
export function anchorsOf(text) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  const block = /^([ \t]*)```.*?^\1```$/gms;
  const headings = text.replace(block, "").matchAll(/^#{1,6} +(?<title>.*?) *#*$/gm);
  return new Set(
    [...headings].map(({ groups }) => {
      const title = (groups?.title ?? "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
      const anchor = title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-");
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
}

/**
 * The targets of a document's links and pictures, with their lines.
 *
 * @param {string} text
 */
export function linksOf(text) {
  const prose = proseOf(text);
  const inline = /\]\(\s*<?(?<target>[^()\s>]+(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s+"[^"]*")?\s*\)/g;
  const defined = /^ {0,3}\[[^\]]+\]: +<?(?<target>[^\s>]+)/gm;
  return [...prose.matchAll(inline), ...prose.matchAll(defined)].map(({ index, groups }) => ({
    target: groups?.target ?? "",
    line: prose.slice(0, index).split("\n").length,
  }));
}
