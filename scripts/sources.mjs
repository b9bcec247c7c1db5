// Prints C++ sources, sorted, one a line: the build files list none by hand.
//
//   node scripts/sources.mjs              those of the addon
//   node scripts/sources.mjs launcher     those of the launcher, a program by itself

import { globSources } from "./tree.mjs";

const launcher = "native/launcher/";
const wanted = process.argv[2] === "launcher";
for (const source of globSources("native", [".cpp"])) {
  if (source.startsWith(launcher) === wanted) console.log(source);
}
