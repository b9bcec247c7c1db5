// A thousand links listed as objects; the floor reads the same dump and decodes nothing.

import { pathToFileURL } from "node:url";
import { listLinks } from "../../../dist/index.js";
import { fillWithLinks, host, interfaces } from "../host.mjs";
import { ip, runProgram } from "../programs.mjs";
import { idleGap, longestGap, sample, verify } from "../timing.mjs";

/**
 * @param {string} path
 * @returns {Promise<() => Promise<string[]>>}
 */
async function npmNetlink(path) {
  const { createRtNetlink } = await import(pathToFileURL(path).href);
  const socket = createRtNetlink();
  return async () => {
    const links = /** @type {{ attrs: { ifname?: string } }[]} */ (await socket.getLinks());
    return links.map(({ attrs }) => attrs.ifname ?? "");
  };
}

/**
 * @param {string} rival
 * @param {string} path of the npm package
 * @returns {Promise<() => Promise<string[]>>}
 */
async function listerOf(rival, path) {
  if (rival === "netlink") return await npmNetlink(path);
  if (rival === "ours") return async () => (await listLinks(host)).map(({ name }) => name);
  return async () => {
    const links = /** @type {{ ifname: string }[]} */ (JSON.parse(await ip("-d", "-j", "link")));
    return links.map(({ ifname }) => ifname);
  };
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureLinks({ rival, n, quick, commands }) {
  await fillWithLinks(n);
  const repeats = quick ? 15 : 30;
  if (rival === "floor" || rival === "go") {
    const what = rival === "floor" ? ["links"] : ["counters", "sweep"];
    const program = commands[rival === "floor" ? "floor counters" : rival] ?? [];
    const result = await runProgram(program, ...what, repeats);
    verify(result.links?.[0] === interfaces().length, "all links are listed");
    return { list: result.read ?? [] };
  }
  const list = await listerOf(rival, commands.netlink?.[0] ?? "");
  const expected = interfaces().sort().join();
  verify((await list()).sort().join() === expected, "all links are listed");
  const samples = await sample(repeats, list);
  const { gap, took } = await longestGap(async () => {
    for (let time = 0; time < 10; time += 1) await list();
  });
  return { list: samples, gap: [gap], idle: [await idleGap(took)] };
}
