// Trials of the package's other doors: the command, and fixtures for tests.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expectReachable, expectUnreachable, topology } from "vethwork/testing";

const description = new URL(import.meta.resolve("vethwork/package.json"));

/** The command as it is packed, on what the container has of its own. */
async function command() {
  const { bin } = JSON.parse(readFileSync(description, "utf8"));
  const file = fileURLToPath(new URL(bin.vethwork, description));
  const line = [file, "topology", "--format", "json"];
  const { stdout } = await promisify(execFile)(process.execPath, line);
  /** @type {{ namespaces: { links: { name: string }[] }[] }} */
  const { namespaces } = JSON.parse(stdout);
  return { links: namespaces.flatMap(({ links }) => links.map(({ name }) => name)) };
}

/** A wire between two namespaces of a test, which is cut. */
function fixtures() {
  const literal = /** @type {const} */ ({
    namespaces: { client: {}, server: {} },
    wires: [
      {
        ends: [
          { namespace: "client", link: "eth0", addresses: ["10.1.0.1/24"] },
          { namespace: "server", link: "eth0", addresses: ["10.1.0.2/24"] },
        ],
      },
    ],
  });
  return topology(literal, async (lab) => {
    const { client, server } = lab.namespaces;
    await expectReachable(client, server, { protocol: "tcp" });
    await lab.cut("client", "server");
    await expectUnreachable(client, server, { protocol: "tcp", timeoutMs: 300 });
    return { cut: true };
  });
}

export const doors = { command, fixtures };
