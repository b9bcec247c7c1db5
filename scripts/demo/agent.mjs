// A process inside one namespace of the demo: answers TCP connections, and makes them when told.
//
// Started under nsenter by traffic.mjs. Whoever connects is told the name of the namespace that
// answers, and then gets every byte back, so that a connection proves who is at the other end.

import { connect, createServer } from "node:net";

const [name = "", port = "0"] = process.argv.slice(2);

/** @typedef {{ id: number, address: string, bytes: number, timeoutMs: number }} Order */
/** @typedef {{ id: number, answeredBy: string | undefined, echoed: number, reason: string | undefined }} Report */

/**
 * Connects, sends so many bytes, and waits until all are back.
 *
 * @param {Order} order
 * @returns {Promise<Report>}
 */
function reach({ id, address, bytes, timeoutMs }) {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: address, port: Number(port) }).setEncoding("latin1");

    /** @param {string} [reason] */
    const finish = (reason) => {
      clearTimeout(timer);
      socket.destroy();
      const end = text.indexOf("\n");
      const answeredBy = end < 0 ? undefined : text.slice(0, end);
      resolve({ id, answeredBy, echoed: end < 0 ? 0 : text.length - end - 1, reason });
    };
    const timer = setTimeout(finish, timeoutMs, "no answer");

    socket.on("connect", () => socket.write(Buffer.alloc(bytes, "x")));
    socket.on("error", (error) => finish("code" in error ? String(error.code) : error.message));
    socket.on("close", () => finish("connection closed"));
    socket.on("data", (chunk) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0 && text.length - end - 1 === bytes) finish();
    });
  });
}

const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(`${name}\n`);
  socket.pipe(socket);
});

// Ctrl-C reaches every process of a terminal; the demo ends its agents itself, by hanging up.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());
process.on("message", async (/** @type {Order} */ order) => process.send?.(await reach(order)));
server.listen(Number(port), "0.0.0.0", () => process.send?.("listening"));
