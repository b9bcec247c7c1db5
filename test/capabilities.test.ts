// What takes which capability: the table of docs/requirements.md, tried by processes that have no more.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { withSandboxes } from "./support/sandbox.ts";

const run = promisify(execFile);
const fixture = fileURLToPath(new URL("fixtures/capabilities.mjs", import.meta.url));
const library = fileURLToPath(new URL("../dist/index.js", import.meta.url));

/** What a process with these capabilities alone is answered, in one namespace and about another. */
async function answersWith(...capabilities: string[]): Promise<unknown> {
  return await withSandboxes(2, async ([home, other]) => {
    const bounding = ["-all", ...capabilities.map((one) => `+${one}`)].join(",");
    const { stdout } = await run("nsenter", [
      ...[`--net=/run/netns/${home.name}`, "setpriv", "--inh-caps=-all"],
      ...[`--bounding-set=${bounding}`, process.execPath, fixture, library, other.name],
    ]);
    return JSON.parse(stdout);
  });
}

/** Whoever may do nothing in particular. */
const nothing = {
  read: "yes",
  watch: "yes",
  serve: "yes",
  find: "yes",
  change: "EPERM",
  readElsewhere: "EPERM",
  serveElsewhere: "EPERM",
  changeElsewhere: "EPERM",
  create: "EPERM",
  createWithoutLoopback: "EPERM",
  createNamed: "EPERM",
  exec: "EPERM",
  execElsewhere: "EPERM",
};

/** What CAP_SYS_ADMIN adds. */
const entering = {
  readElsewhere: "yes",
  serveElsewhere: "yes",
  createWithoutLoopback: "yes",
  createNamed: "yes",
  exec: "yes",
  execElsewhere: "yes",
};

test("without any, one reads, watches and serves where one is", async () => {
  expect(await answersWith()).toEqual(nothing);
});

test("CAP_NET_ADMIN changes things where one is", async () => {
  expect(await answersWith("net_admin")).toEqual({ ...nothing, change: "yes" });
});

test("CAP_SYS_ADMIN makes namespaces, enters them and starts programs in them", async () => {
  expect(await answersWith("sys_admin")).toEqual({ ...nothing, ...entering });
});

test("both do everything", async () => {
  const both = { change: "yes", changeElsewhere: "yes", create: "yes" };
  expect(await answersWith("net_admin", "sys_admin")).toEqual({ ...nothing, ...entering, ...both });
});
