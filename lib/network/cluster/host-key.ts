// The key of a host's place among others: what it shares with each other host, and with nobody else.

import { createECDH, hkdfSync } from "node:crypto";

/** Every host of a store has to take the same one. */
const curve = "prime256v1";

/** A secret is for this alone, whatever else is made of the same keys one day. */
const purpose = "vethwork: what two hosts share, 1";

/**
 * A pair of keys that lives as long as a controller keeps a host's place, in its memory alone. The
 * store has the public half; who only reads it learns no secret by that. Who writes it can put a key
 * in the place of another host's.
 */
export class HostKey {
  /** The public half, as other hosts are told it. */
  readonly publicKey: string;
  readonly #pair = createECDH(curve);

  constructor() {
    this.publicKey = this.#pair.generateKeys("base64url", "compressed");
  }

  /**
   * What this host shares with the one that has the other half of a key: 32 bytes, which are the same
   * there. `undefined` if that is none.
   */
  secretWith(publicKey: string): Uint8Array | undefined {
    const shared = this.#sharedWith(publicKey);
    if (shared === undefined) return undefined;
    const both = [this.publicKey, publicKey].sort().join(" ");
    return new Uint8Array(hkdfSync("sha256", shared, "", `${purpose} ${both}`, 32));
  }

  #sharedWith(publicKey: string): Uint8Array | undefined {
    try {
      return this.#pair.computeSecret(publicKey, "base64url");
    } catch (error) {
      const isNone = (error as { code?: unknown }).code === "ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY";
      if (isNone) return undefined;
      throw error;
    }
  }
}
