// DNS messages on a stream: each behind its length in two bytes (RFC 1035, 4.2.2).

/** A message as a stream carries it. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Takes messages out of the pieces of a stream. It holds one message at most. */
export class Frames {
  readonly #longest: number;
  #lengthBytes = 0;
  #length = 0;
  #message: Buffer = Buffer.alloc(0);
  #filled = 0;

  /** The longest message to take, in bytes. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /**
   * The messages that are whole with this piece.
   *
   * @throws {Error} if a message is empty or too long; there is no reading on then.
   */
  *take(piece: Buffer): Generator<Buffer, void, undefined> {
    for (let at = 0; at < piece.length; ) {
      if (this.#lengthBytes < 2) {
        this.#takeLength(piece[at] ?? 0);
        at += 1;
        continue;
      }
      const copied = piece.copy(this.#message, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#length) continue;
      this.#lengthBytes = 0;
      yield this.#message;
    }
  }

  #takeLength(byte: number): void {
    this.#length = ((this.#length << 8) | byte) & 0xffff;
    this.#lengthBytes += 1;
    if (this.#lengthBytes < 2) return;
    if (this.#length === 0 || this.#length > this.#longest) {
      throw new Error(`a DNS message of ${this.#length} bytes`);
    }
    this.#message = Buffer.allocUnsafe(this.#length);
    this.#filled = 0;
  }
}
