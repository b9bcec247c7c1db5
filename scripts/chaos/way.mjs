// A way to a server, by TCP, that can be cut, mended and made long.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Way {
  /** How many milliseconds each piece is kept back on its way to the server. */
  delayMs = 0;
  isCut = false;
  /** @type {Set<import("node:net").Socket>} */
  sockets = new Set();

  /** @param {string} endpoint the server's */
  constructor(endpoint) {
    const { hostname, port } = new URL(endpoint);
    this.server = createServer((near) => {
      if (this.isCut) {
        near.destroy();
        return;
      }
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          this.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on("data", (piece) => setTimeout(() => far.writable && far.write(piece), this.delayMs));
      far.pipe(near);
    });
  }

  /** @param {string} endpoint */
  static async open(endpoint) {
    const way = new Way(endpoint);
    await once(way.server.listen(0, "127.0.0.1"), "listening");
    return way;
  }

  get endpoint() {
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.server.address());
    return `http://127.0.0.1:${port}`;
  }

  cut() {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  heal() {
    this.isCut = false;
  }

  async close() {
    this.cut();
    this.server.close();
    await once(this.server, "close");
  }
}
