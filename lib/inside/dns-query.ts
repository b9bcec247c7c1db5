// Asks one name server one question, from inside a namespace.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type Answer, decode, encode, type Packet, RECURSION_DESIRED } from "dns-packet";
import type { Namespace } from "../rtnl/namespace.ts";
import { connectTo } from "./attempt.ts";
import { bindUdp } from "./udp.ts";

/** What is asked. */
export interface Question {
  readonly name: string;
  readonly type: "A" | "AAAA";
}

/** What became of a question: addresses, or that there are none, or that the server did not tell. */
export type DnsOutcome = { readonly addresses: readonly string[] } | { readonly failed: true };

const serverPort = 53;
const failed = { failed: true } as const;

function queryFor({ name, type }: Question): Packet {
  return {
    type: "query",
    id: randomInt(65536),
    flags: RECURSION_DESIRED,
    questions: [{ type, name }],
  };
}

/** The answer in a datagram, if it is one to this query and not somebody's guess. */
function answerIn(message: Buffer, query: Packet): (Packet & { flag_tc?: boolean }) | undefined {
  let packet: Packet;
  try {
    packet = decode(message);
  } catch {
    return undefined;
  }
  const [asked] = query.questions ?? [];
  const [told] = packet.questions ?? [];
  const same =
    packet.type === "response" &&
    packet.id === query.id &&
    told?.type === asked?.type &&
    told?.name.toLowerCase() === asked?.name.toLowerCase();
  return same ? packet : undefined;
}

/** The addresses of a name, by way of its aliases. */
function addressesIn(answers: readonly Answer[], { name, type }: Question): string[] {
  const owners = new Set([name.toLowerCase()]);
  const addresses: string[] = [];
  for (const answer of answers) {
    if (!owners.has(answer.name.toLowerCase())) continue;
    if (answer.type === "CNAME") owners.add(answer.data.toLowerCase());
    else if (answer.type === type && typeof answer.data === "string") addresses.push(answer.data);
  }
  return addresses;
}

function outcomeOf(packet: Packet, question: Question): DnsOutcome {
  const code = "rcode" in packet ? packet.rcode : undefined;
  if (code === "NXDOMAIN") return { addresses: [] };
  if (code !== "NOERROR") return failed;
  return { addresses: addressesIn(packet.answers ?? [], question) };
}

async function askByUdp(
  namespace: Namespace,
  server: string,
  query: Packet,
  signal: AbortSignal,
): Promise<(Packet & { flag_tc?: boolean }) | undefined> {
  const any = server.includes(":") ? "::" : "0.0.0.0";
  const zone = server.includes("%") ? `${any}%${server.split("%")[1]}` : any;
  const socket = await bindUdp(namespace, { address: zone });
  try {
    // Connected, it hears of that server alone, and of nobody being there.
    const connected = once(socket, "connect", { signal });
    socket.connect(serverPort, server.split("%")[0] ?? server);
    await connected;
    socket.send(encode(query));
    for (;;) {
      const [message] = await once(socket, "message", { signal });
      const answer = answerIn(message, query);
      if (answer !== undefined) return answer;
    }
  } finally {
    socket.close();
  }
}

/** A message of DNS over TCP has its length in front. */
async function readMessage(socket: Socket): Promise<Buffer> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) break;
  }
  return received.subarray(2, 2 + (received.length >= 2 ? received.readUInt16BE() : 0));
}

async function askByTcp(
  namespace: Namespace,
  server: string,
  query: Packet,
  signal: AbortSignal,
): Promise<Packet | undefined> {
  const socket = await connectTo(namespace, server, serverPort, { signal });
  try {
    const message = encode(query);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
    return answerIn(await readMessage(socket), query);
  } finally {
    socket.destroy();
  }
}

/**
 * Asks a server for the addresses of a name: by UDP, and again by TCP if the answer was cut off.
 *
 * @throws the signal's reason when it is aborted.
 */
export async function askServer(
  namespace: Namespace,
  server: string,
  question: Question,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<DnsOutcome> {
  const query = queryFor(question);
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  try {
    const first = await askByUdp(namespace, server, query, either);
    const answer = first?.flag_tc ? await askByTcp(namespace, server, query, either) : first;
    return answer === undefined ? failed : outcomeOf(answer, question);
  } catch {
    signal?.throwIfAborted();
    return failed;
  }
}
