// DNS messages as bytes: read, written and compared (RFC 1035, 4; RFC 6891).

import { type Answer, type DecodedPacket, decode, encode, RECURSION_DESIRED } from "dns-packet";

/** Why a query gets no answer; the numbers are those of IANA's "DNS RCODEs". */
export const refusals = {
  malformed: 1,
  failed: 2,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;

/** What is asked for. */
export interface Question {
  readonly name: string;
  readonly type: "A" | "AAAA";
}

/** A query that can be answered. */
export interface Query {
  /** The message as it came. */
  readonly bytes: Buffer;
  /** The name asked for: lower case, no dot at the end. */
  readonly name: string;
  /** `"A"`, `"PTR"`, … */
  readonly type: string;
  /** Where the question ends. */
  readonly end: number;
  /** Whether it has an OPT record, and so may the answer. */
  readonly edns: boolean;
  /** The most bytes that an answer by UDP may have; 512 to 4096. */
  readonly payload: number;
}

/** The longest query that is read; none that a resolver sends comes near it. */
export const longestQuery = 4096;
/** The longest message that TCP can carry. */
export const longestMessage = 65_535;

const headerLength = 12;
const smallestPayload = 512;
const largestPayload = 4096;
/** An OPT record, and what else a query may carry besides its question: a signature. */
const mostAdditionals = 2;

// The bits of the header's third and fourth byte.
const isAnswer = 0x80;
const opcode = 0x78;
const truncated = 0x02;
const recursionDesired = 0x01;
const recursionAvailable = 0x80;
const rcode = 0x0f;

/** Where the one question ends that begins behind the header; undefined if there is none. */
function questionEnd(bytes: Buffer): number | undefined {
  if (bytes.readUInt16BE(4) !== 1) return undefined;
  let at = headerLength;
  for (let length = bytes[at]; length !== 0; length = bytes[at]) {
    // A pointer has nowhere to point to yet.
    if (length === undefined || length > 63) return undefined;
    at += 1 + length;
  }
  const end = at + 5;
  return end <= bytes.length && at - headerLength < 255 ? end : undefined;
}

function decoded(bytes: Buffer): DecodedPacket | undefined {
  // More records than a query has would only cost time.
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8);
  if (records > 0 || bytes.readUInt16BE(10) > mostAdditionals) return undefined;
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads a message that came to the server: a query; the refusal to send instead; or undefined for
 * what is no query at all and gets no answer, so that two servers never answer each other.
 */
export function readQuery(bytes: Buffer): Query | Buffer | undefined {
  if (bytes.length < headerLength || ((bytes[2] ?? 0) & isAnswer) !== 0) return undefined;
  const end = questionEnd(bytes);
  const refuse = (code: number, edns = false) => writeRefusal(bytes, code, { end, edns });
  if (((bytes[2] ?? 0) & opcode) !== 0) return refuse(refusals.notImplemented);
  const packet = bytes.length <= longestQuery ? decoded(bytes) : undefined;
  const question = packet?.questions?.[0];
  if (question === undefined || end === undefined) return refuse(refusals.malformed);
  const opt = packet?.additionals?.find((record) => record.type === "OPT");
  const edns = opt !== undefined;
  if (edns && opt.ednsVersion > 0) return refuse(refusals.badVersion, edns);
  const payload = Math.max(opt?.udpPayloadSize ?? 0, smallestPayload);
  return {
    bytes,
    name: question.name.toLowerCase(),
    type: question.type,
    end,
    edns,
    payload: Math.min(payload, largestPayload),
  };
}

/** An OPT record without options. */
function optRecord(code: number): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt8(41, 2);
  opt.writeUInt16BE(largestPayload, 3);
  opt.writeUInt8(code >> 4, 5);
  return opt;
}
const plainOpt = optRecord(0);

/** The header and the question of a query, as the beginning of its answer. */
function beginAnswer(into: Buffer, query: Buffer, end: number): void {
  query.copy(into, 0, 0, end);
  into[2] = isAnswer | ((query[2] ?? 0) & (opcode | recursionDesired));
  into[3] = 0;
  into.writeUInt16BE(end > headerLength ? 1 : 0, 4);
  into.fill(0, 6, headerLength);
}

/** The answer that there is none, to a message whose question is `end` bytes away, if it has one. */
export function writeRefusal(
  message: Buffer,
  code: number,
  { end = headerLength, edns }: { end?: number | undefined; edns: boolean },
): Buffer {
  const opt = edns ? optRecord(code) : Buffer.alloc(0);
  const answer = Buffer.allocUnsafe(end + opt.length);
  beginAnswer(answer, message, end);
  answer[3] = code & rcode;
  answer.writeUInt16BE(edns ? 1 : 0, 10);
  opt.copy(answer, end);
  return answer;
}

/** A record of the name that the question asks for, ready to be put behind the question. */
export function writeRecord(type: "A" | "AAAA" | "PTR", data: string, ttl: number): Buffer {
  const record = encode({ type: "response", answers: [{ type, name: ".", ttl, data }] });
  // The root's name is one byte; a pointer to the question's name takes its place.
  const rest = record.subarray(headerLength + 1);
  return Buffer.concat([Buffer.of(0xc0, headerLength), rest]);
}

/**
 * The answer that has the records, beginning with the one in place `first`; as many as fit into
 * `limit` bytes, and marked as truncated if those are not all.
 */
export function writeAnswer(
  query: Query,
  records: readonly Buffer[],
  first: number,
  limit: number,
): Buffer {
  const { bytes, end, edns } = query;
  const room = limit - end - (edns ? plainOpt.length : 0);
  const chosen: Buffer[] = [];
  let length = 0;
  for (let n = 0; n < records.length; n += 1) {
    const record = records[(first + n) % records.length] ?? plainOpt;
    if (length + record.length > room) break;
    chosen.push(record);
    length += record.length;
  }
  const answer = Buffer.allocUnsafe(end + length + (edns ? plainOpt.length : 0));
  beginAnswer(answer, bytes, end);
  answer[2] = (answer[2] ?? 0) | (chosen.length < records.length ? truncated : 0);
  answer[3] = recursionAvailable;
  answer.writeUInt16BE(chosen.length, 6);
  answer.writeUInt16BE(edns ? 1 : 0, 10);
  let at = end;
  for (const record of chosen) at += record.copy(answer, at);
  if (edns) plainOpt.copy(answer, at);
  return answer;
}

/** The same message under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** The beginning of an answer that is too long for UDP: no records, and the mark to ask by TCP. */
export function truncate(query: Query, answer: Buffer): Buffer {
  const short = Buffer.from(query.bytes.subarray(0, query.end));
  beginAnswer(short, query.bytes, query.end);
  short[2] = (answer[2] ?? 0) | truncated;
  short[3] = answer[3] ?? 0;
  return short;
}

/** A query that desires recursion, as resolvers send it; its id is for others to choose. */
export function writeQuery(question: Question): Buffer {
  return encode({ type: "query", flags: RECURSION_DESIRED, questions: [{ ...question }] });
}

/**
 * The addresses of a name in an answer, by way of its aliases.
 *
 * @throws {Error} if the answer cannot be read.
 */
export function addressesIn(answer: Buffer, { name, type }: Question): string[] {
  const owners = new Set([name.toLowerCase()]);
  const addresses: string[] = [];
  const records: readonly Answer[] = decode(answer).answers ?? [];
  for (const record of records) {
    if (!owners.has(record.name.toLowerCase())) continue;
    if (record.type === "CNAME") owners.add(record.data.toLowerCase());
    else if (record.type === type && typeof record.data === "string") addresses.push(record.data);
  }
  return addresses;
}

/** Whether an answer was too long for UDP. */
export function isTruncated(answer: Buffer): boolean {
  return ((answer[2] ?? 0) & truncated) !== 0;
}

/** The code with which a server answered. */
export function codeOf(answer: Buffer): number {
  return (answer[3] ?? 0) & rcode;
}

/**
 * Whether a message from a server answers a question that was sent to it: id, opcode, name, type and
 * class. A server that did not understand the question need not repeat it.
 */
export function answersQuestion(answer: Buffer, question: Buffer): boolean {
  if (answer.length < headerLength || answer.readUInt16BE(0) !== question.readUInt16BE(0)) {
    return false;
  }
  if (((answer[2] ?? 0) & (isAnswer | opcode)) !== isAnswer) return false;
  const questions = answer.readUInt16BE(4);
  if (questions === 0) return codeOf(answer) !== 0;
  const end = questionEnd(question) ?? 0;
  if (questions !== 1 || questionEnd(answer) !== end) return false;
  const typeAt = end - 4;
  return (
    answer.compare(question, typeAt, end, typeAt, end) === 0 &&
    lowerCase(answer, typeAt) === lowerCase(question, typeAt)
  );
}

function lowerCase(message: Buffer, end: number): string {
  return message.toString("latin1", headerLength, end).toLowerCase();
}
