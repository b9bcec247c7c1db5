// The table of all commands.

import type { Command } from "./command.ts";
import { completionCommand } from "./commands/completion.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { hostCommand } from "./commands/host.ts";
import { networkCommand } from "./commands/network.ts";
import { sandboxCommand } from "./commands/sandbox.ts";
import { serveCommand } from "./commands/serve.ts";
import { topCommand } from "./commands/top.ts";
import { topologyCommand } from "./commands/topology.ts";
import { hostOptions } from "./host.ts";

export const root: Command = {
  name: "vethwork",
  summary: "networks of one host, or of several",
  about: `Networks, sandboxes on them, and what there is of both; without a daemon.

It ends with 0 when it is done, 1 when it failed, and 2 when it was misused.`,
  options: {
    ...hostOptions,
    help: { help: "says what there is; of a command, what it takes" },
    version: { help: "tells the version" },
  },
  commands: [
    networkCommand,
    sandboxCommand,
    hostCommand,
    serveCommand,
    doctorCommand,
    topologyCommand,
    topCommand,
    completionCommand,
  ],
};
