// What etcd tells those who watch, one answer after the other.

import { answerOf } from "./failures.ts";
import type { WatchResponse } from "./wire.ts";

const newline = 0x0a;

/** The lines of a stream, however it is cut into pieces. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let begun: Uint8Array[] = [];
  for await (const piece of pieces) {
    let rest = piece;
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      yield Buffer.concat([...begun, rest.subarray(0, end)]).toString();
      begun = [];
      rest = rest.subarray(end + 1);
    }
    begun.push(rest);
  }
  yield Buffer.concat(begun).toString();
}

/**
 * The answers of a watch.
 *
 * @throws {EtcdRefusal} if etcd ends it by a refusal.
 */
export async function* watchResponses(
  status: number,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchResponse, void> {
  for await (const line of linesOf(pieces)) {
    if (line !== "") yield (answerOf(status, line) as { result: WatchResponse }).result;
  }
}
