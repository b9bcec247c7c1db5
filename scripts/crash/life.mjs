// One life of a controller, which ends by SIGKILL: at any moment, or at a commit that is named.
//
//   node life.mjs DIRECTORY HOST PREFIX chance SEED
//   node life.mjs DIRECTORY HOST PREFIX OPERATION COMMIT before|after

import { openNamespace } from "../../dist/index.js";
import { openController, openLmdbStore } from "../../dist/network/index.js";
import { Random } from "../random.mjs";
import { changeSomething, single } from "./operations.mjs";

/** @typedef {import("../../dist/network/index.js").Store} Store */

const [directory = "", hostName = "", prefix = "", what = "", number = "", when] =
  process.argv.slice(2);

/**
 * A store that ends the process before or after its nth commit.
 *
 * @param {Store} store
 * @param {number} last
 * @returns {Store}
 */
function mortal(store, last) {
  let count = 0;
  const commit = async (/** @type {import("../../dist/network/index.js").Commit} */ changes) => {
    count += 1;
    if (count === last && when === "before") process.kill(process.pid, "SIGKILL");
    const outcome = await store.commit(changes);
    if (count === last) process.kill(process.pid, "SIGKILL");
    return outcome;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const host = await openNamespace({ name: hostName });
const store = await openLmdbStore({ directory });
const operation = single[what];
const options = { host, name: "crash", waitMs: 60_000 };
if (operation === undefined) {
  const controller = await openController({ ...options, store });
  const random = new Random(Number(number));
  process.stdout.write("alive\n");
  for (;;) {
    const atOnce = random.integer(1, 4);
    const some = Array.from({ length: atOnce }, () => changeSomething(controller, prefix, random));
    await Promise.all(some);
  }
} else {
  const controller = await openController({ ...options, store: mortal(store, Number(number)) });
  await operation(controller, prefix);
  await controller.close();
  await store.close();
}
