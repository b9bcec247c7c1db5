// Puts the launcher beside the addon that prebuildify has built, which takes only that along.

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./tree.mjs";

const arch = process.env.PREBUILD_ARCH ?? process.arch;
const directory = join(root, `prebuilds/linux-${arch}`);
mkdirSync(directory, { recursive: true });
copyFileSync(join(root, "build/Release/vethwork-launcher"), join(directory, "vethwork-launcher"));
