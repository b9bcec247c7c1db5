// A controller of one host, in a process of its own, that does what it is told and ends when it is
// killed, or when nobody tells it anything any more.
//
//   node host.mjs HOST NAME ADDRESS|- ENDPOINT PREFIX TTL
//
// Each line that it is told is {"id", "verb", "args"}, each that it says {"id", "value"} or {"id", "code",
// "message"}; the first is {"id": 0}, once the controller is open.

import { createInterface } from "node:readline";
import { openNamespace } from "../../dist/index.js";
import { openController, openEtcdStore } from "../../dist/network/index.js";

const [host = "", name = "", address = "-", endpoint = "", prefix = "", ttl = "3000"] =
  process.argv.slice(2);

/** @param {object} line */
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** @param {unknown} error */
const refusal = (error) => {
  const { code, message } = /** @type {{ code?: string, message?: string }} */ (error);
  return { code: code ?? "none", message };
};

/** @param {unknown} error @returns {never} */
const giveUp = (error) => {
  say({ id: 0, ...refusal(error) });
  process.exit(1);
};

const namespace = await openNamespace({ name: host });
const options = { endpoints: [endpoint], prefix, requestTimeoutMs: 3000 };
const store = await openEtcdStore(options).catch(giveUp);
const cluster = { address, ttlMs: Number(ttl), repairMs: 1000 };
const controller = await openController({
  ...{ host: namespace, store, name, waitMs: 30_000 },
  ...(address === "-" ? {} : { cluster }),
}).catch(giveUp);
say({ id: 0 });

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args = [] } = JSON.parse(line);
  const method = /** @type {Record<string, (...args: unknown[]) => Promise<unknown>>} */ (
    /** @type {unknown} */ (controller)
  )[verb];
  // Several at once, as a daemon would be asked for.
  void (async () => {
    try {
      say({ id, value: (await method?.apply(controller, args)) ?? null });
    } catch (error) {
      say({ id, ...refusal(error) });
    }
    if (verb === "close") {
      await store.close();
      process.exit(0);
    }
  })();
}
process.exit(0);
