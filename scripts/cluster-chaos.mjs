// Does to hosts that share an etcd what chance has in store for them, and looks every few rounds whether
// they, the store and the kernels agree. Prints what was wrong, and fails if anything was.
//
//   node scripts/sandbox.mjs scripts/cluster-chaos.mjs [--rounds N] [--seed N] [--hosts N] [--verbose]
//
// --rounds N   of one to six things at once; 100 unless given
// --seed N     the same things again; how they meet is chance in any case
// --hosts N    3 unless given
// --verbose    tells of every round

import { parseArgs } from "node:util";
import { AddressBook, judge } from "./chaos/judge.mjs";
import { Lab } from "./chaos/lab.mjs";
import { networks, round } from "./chaos/rounds.mjs";
import { Random } from "./random.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    hosts: { type: "string", default: "3" },
    verbose: { type: "boolean", default: false },
  },
});
/** After so many rounds it is looked at what they have come to. */
const between = 10;

const random = new Random(Number(values.seed));
const lab = await Lab.start(Number(values.hosts));
const store = await lab.openStore();
const book = new AddressBook();
/** @type {string[]} */
const wrong = [];
let judged = 0;
let endpoints = 0;
try {
  await book.follow(store);
  for (const name of networks) {
    await lab.hosts[0]?.controller.call("createNetwork", { name, driver: "overlay" });
  }
  const rounds = Number(values.rounds);
  for (let number = 1; number <= rounds && wrong.length === 0; number += 1) {
    const { names, wrong: refused } = await round(lab, random);
    if (values.verbose) console.log(`round ${number}: ${names.join(", ")}`);
    wrong.push(...refused.map((text) => `round ${number}, ${text}`));
    if (number % between > 0 && number < rounds) continue;
    const found = await judge(lab, store, book);
    judged += 1;
    endpoints += found.count;
    wrong.push(...[...found.wrong, ...book.wrong].map((text) => `after round ${number}: ${text}`));
  }
} finally {
  await book.close();
  await store.close();
  await lab.end();
}
for (const text of wrong) console.log(text);
console.log(
  `seed ${values.seed}: judged ${judged} times, ${endpoints} endpoints, ${wrong.length} wrong`,
);
process.exitCode = wrong.length === 0 && endpoints > 0 ? 0 : 1;
