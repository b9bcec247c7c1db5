// Prints the C++ sources of the addon, sorted, one a line: the build files list none by hand.

import { globSources } from "./tree.mjs";

for (const source of globSources("native", [".cpp"])) console.log(source);
