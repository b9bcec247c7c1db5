// Finds Node's headers where its installation brought them along: nothing to download then.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The directory that node-gyp takes for `--nodedir`, or undefined. */
export function installedHeaders() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir;
  const prefix = dirname(dirname(process.execPath));
  const complete = ["node_api.h", "common.gypi", "config.gypi"].every((name) =>
    existsSync(join(prefix, "include/node", name)),
  );
  return complete ? prefix : undefined;
}
