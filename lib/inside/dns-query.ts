// Asks one name server for the addresses of a name, from inside a namespace.

import type { Namespace } from "../rtnl/namespace.ts";
import {
  addressesIn,
  codeOf,
  isTruncated,
  type Question,
  writeQuery,
} from "../values/dns-message.ts";
import { exchangeTcp, exchangeUdp } from "./dns-exchange.ts";

/** What became of a question: addresses, or that there are none, or that the server did not tell. */
export type DnsOutcome = { readonly addresses: readonly string[] } | { readonly failed: true };

const failed = { failed: true } as const;
const noSuchName = 3;

function outcomeOf(answer: Buffer, question: Question): DnsOutcome {
  const code = codeOf(answer);
  if (code === noSuchName) return { addresses: [] };
  return code === 0 ? { addresses: addressesIn(answer, question) } : failed;
}

/**
 * Asks a server for the addresses of a name: by UDP, and again by TCP if the answer was cut off.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function askServer(
  namespace: Namespace,
  address: string,
  question: Question,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<DnsOutcome> {
  const server = { namespace, address };
  const query = writeQuery(question);
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  try {
    const first = await exchangeUdp(server, query, { signal: either });
    const cut = isTruncated(first);
    const answer = cut ? await exchangeTcp(server, query, { signal: either }) : first;
    return outcomeOf(answer, question);
  } catch {
    signal?.throwIfAborted();
    return failed;
  }
}
