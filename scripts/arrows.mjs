// Fails on an import or #include that points where none may; prints the largest files and functions.

import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { globSources, root } from "./tree.mjs";

const aims = { file: 300, function: 40 };

/**
 * What the files of a room may see: the first rule whose `of` matches counts. `types` is what they
 * may see with `import type` besides.
 *
 * @typedef {{ of: RegExp, may: RegExp, types?: RegExp }} Rule
 * @type {Record<"lib" | "native", Rule[]>}
 */
const rules = {
  lib: [
    { of: /^index\.ts$/, may: /^/ },
    {
      of: /^inside\/(launcher|spawn|exec|process-)/,
      may: /^inside\/(launcher|process-errors|process-options)\.ts$|^(rtnl\/request|native|errors)\.ts$/,
      types: /^rtnl\/namespace\.ts$/,
    },
    { of: /^cli\//, may: /^cli\/|^(network\/)?index\.ts$/ },
    { of: /^topology\/describe\.ts$/, may: /^rtnl\/|^errors\.ts$/ },
    { of: /^topology\//, may: /^topology\/|^errors\.ts$/ },
    { of: /^testing\//, may: /^(testing|inside|transaction|rtnl|values)\/|^errors\.ts$/ },
    { of: /^transaction\//, may: /^(transaction|rtnl)\/|^errors\.ts$/ },
    {
      of: /^rtnl\//,
      may: /^(rtnl\/(namespace|request|reference|setting|counter-columns|counter-reader)|native|errors)\.ts$|^values\//,
      types: /^rtnl\//,
    },
    {
      of: /^inside\//,
      may: /^inside\/|^rtnl\/namespace\.ts$|^values\/(dns-|resolv-conf)|^(native|errors)\.ts$/,
    },
    {
      of: /^watch\/(events|identities|picture)\.ts$/,
      may: /^watch\/identities\.ts$/,
      types: /^(watch\/events\.ts$|rtnl\/)/,
    },
    {
      of: /^watch\//,
      may: /^watch\/|^(rtnl\/(namespace|request|reference)|native|errors)\.ts$|^values\//,
      types: /^rtnl\//,
    },
    { of: /^network\/errors\.ts$/, may: /^(?!)/ },
    { of: /^network\/store\//, may: /^network\/(store\/|errors\.ts$)|^errors\.ts$/ },
    {
      of: /^network\/ipam\//,
      may: /^network\/(ipam\/|store\/tail\.ts$|errors\.ts$)|^errors\.ts$|^values\//,
      types: /^network\/store\/store\.ts$/,
    },
    {
      of: /^network\/nat\//,
      may: /^network\/(nat\/|errors\.ts$)|^netfilter\/|^values\/|^errors\.ts$/,
      types: /^rtnl\/namespace\.ts$/,
    },
    {
      of: /^network\/drivers\/overlay\//,
      may: /^network\/(drivers\/|errors\.ts$)|^(rtnl|xfrm)\/|^values\/|^errors\.ts$/,
      types: /^network\/(model|store\/store)\.ts$/,
    },
    {
      of: /^network\/drivers\//,
      may: /^network\/(drivers\/|errors\.ts$)|^rtnl\/|^values\/|^errors\.ts$/,
      types: /^network\/(model|store\/store)\.ts$/,
    },
    {
      of: /^network\/dns\//,
      may: /^network\/dns\/|^inside\/(dns-exchange|listen|udp)\.ts$|^rtnl\/namespace\.ts$|^values\/(dns-|resolv-conf)|^errors\.ts$/,
    },
    // What puts the rooms of the network model together; of the kernel's rooms not netfilter.
    {
      of: /^network\/((cluster|doctor)\/)?[^/]+$/,
      may: /^(network|rtnl|inside|values)\/|^errors\.ts$/,
    },
    {
      of: /^netfilter\//,
      may: /^netfilter\/|^rtnl\/(request|forwarding)\.ts$|^(native|errors)\.ts$/,
      types: /^rtnl\/namespace\.ts$/,
    },
    {
      of: /^xfrm\//,
      may: /^xfrm\/|^rtnl\/(request|namespace)\.ts$|^(native|errors)\.ts$/,
      types: /^rtnl\/address\.ts$/,
    },
    { of: /^native\.ts$/, may: /^errors\.ts$/ },
    { of: /^errors\.ts$/, may: /^(?!)/ },
    { of: /^values\//, may: /^errors\.ts$|^values\// },
  ],
  native: [
    {
      of: /^binding\//,
      may: /^(binding|engine|netfilter|xfrm|rtnl|netlink|sys)\/|^(napi|node_api)\.h$/,
    },
    { of: /^netfilter\//, may: /^(netfilter|rtnl|netlink|sys)\// },
    { of: /^xfrm\//, may: /^(xfrm|rtnl|netlink|sys)\// },
    { of: /^rtnl\//, may: /^(rtnl|netlink|sys)\// },
    { of: /^engine\//, may: /^(engine|netlink|sys)\// },
    { of: /^netlink\//, may: /^(netlink|sys)\// },
    { of: /^sys\//, may: /^sys\// },
    { of: /^launcher\//, may: /^launcher\// },
  ],
};

const imports =
  /^(?:im|ex)port\s+(?<type>type\s)?[^;"]*?"(?<to>\.[^"]+)"|\bimport\("(?<late>\.[^"]+)"/gm;
const includes = /^\s*#\s*include\s+(?:"(?<to>[^"]+)"|<(?<api>napi\.h|node_api\.h)>)/gm;

/** @typedef {{ path: string, lines: number }} Size */

/**
 * What `file`, relative to its tree, sees of its own tree and of Node-API.
 *
 * @param {"lib" | "native"} tree
 * @param {string} file
 * @param {string} text
 */
function arrows(tree, file, text) {
  if (tree === "native") {
    return [...text.matchAll(includes)].map(({ groups = {} }) => ({
      to: groups.to ?? groups.api ?? "",
      type: false,
    }));
  }
  return [...text.matchAll(imports)].map(({ groups = {} }) => ({
    to: posix.join(posix.dirname(file), groups.to ?? groups.late ?? ""),
    type: groups.type !== undefined,
  }));
}

/**
 * The functions of a formatted file: a header that ends in a brace, up to a brace indented likewise.
 *
 * @param {string} path
 * @param {string[]} lines
 * @returns {Size[]}
 */
function functions(path, lines) {
  const control =
    /^\s*(\}|if|else|for|while|do|switch|try|catch|case|class|struct|enum|namespace)\b|^\s*\}/;
  return lines.flatMap((line, last) => {
    if (!/\).*\{$/.test(line)) return [];
    let first = last;
    for (let depth = closed(line); depth > 0 && first > 0; first--) {
      depth += closed(lines[first - 1] ?? "");
    }
    const header = lines[first] ?? "";
    if (control.test(header)) return [];
    const end = `${/^\s*/.exec(header)?.[0]}}`;
    const length = lines.slice(last).findIndex((candidate) => candidate.startsWith(end));
    return length < 0 ? [] : [{ path: `${path}:${first + 1}`, lines: last - first + length + 1 }];
  });
}

/** @param {string} line */
function closed(line) {
  return (line.match(/\)/g)?.length ?? 0) - (line.match(/\(/g)?.length ?? 0);
}

/**
 * @param {keyof typeof aims} what
 * @param {Size[]} sizes
 */
function printLargest(what, sizes) {
  console.log(`Largest ${what}s (aim: ${aims[what]} lines)`);
  for (const { path, lines } of sizes.sort((a, b) => b.lines - a.lines).slice(0, 10)) {
    console.log(`${String(lines).padStart(6)}${lines > aims[what] ? "!" : " "} ${path}`);
  }
}

const sources = /** @type {const} */ (["lib", "native"]).flatMap((tree) =>
  globSources(tree, [".ts", ".hpp", ".cpp"]).map((path) => {
    const text = readFileSync(posix.join(root, path), "utf8");
    return { tree, path, text, lines: text.trimEnd().split("\n") };
  }),
);

const wrong = sources.flatMap(({ tree, path, text }) => {
  const file = posix.relative(tree, path);
  const rule = rules[tree].find(({ of }) => of.test(file));
  if (!rule) return [`${path}: a room without a rule in scripts/arrows.mjs`];
  return arrows(tree, file, text)
    .filter(({ to, type }) => !rule.may.test(to) && !(type && rule.types?.test(to)))
    .map(({ to }) => `${path}: may not see ${to}`);
});

printLargest(
  "file",
  sources.map(({ path, lines }) => ({ path, lines: lines.length })),
);
printLargest(
  "function",
  sources.flatMap(({ path, lines }) => functions(path, lines)),
);
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
