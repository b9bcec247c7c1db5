// What ESP is sent and taken with between two hosts: the states (security associations) of IPsec.

import { invalidArgument } from "../errors.ts";
import { native } from "../native.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { explained } from "../rtnl/request.ts";

/** One direction between two hosts: what ESP in transport mode is sent, or taken, with. */
export interface EspState {
  /** An IP address without a prefix length. */
  readonly source: string;
  /** Of the same family. */
  readonly destination: string;
  /** The number that the packets carry, 1 to 4294967295; those below 256 are reserved (RFC 4303, 2.1). */
  readonly spi: number;
  /** The number by which policies find it, 0 to 4294967295. */
  readonly reqid: number;
}

/** What a state encrypts with. The kernel takes it and is never asked for it again. */
export interface EspKey {
  /** 36 bytes: a key of AES-256, and the four bytes of salt of RFC 4106. */
  readonly key: Uint8Array;
}

/** AES-GCM, as RFC 4106 has it for ESP, by the name that the kernel's crypto has for it. */
const algorithm = "rfc4106(gcm(aes))";
/** AES-256 and the salt. */
const keyBytes = 36;
/** The whole tag: the shorter ones that RFC 4106 has are easier to guess. */
const icvBits = 128;

/**
 * Packets that may be overtaken by later ones and still are taken. 64, the default of RFC 4303
 * (3.4.3), is for slow links: at 10 Gbit/s that many full packets pass in 80 µs, and a card that
 * spreads over several queues, or a path over several links, disorders more than that. 1024 are
 * 1.2 ms there, and cost 128 bytes.
 */
const replayWindow = 1024;

/**
 * An empty window. Sequence numbers have 64 bits (ESN, RFC 4303, 2.2.1): those of 32 bits are used
 * up after an hour and a half at 10 Gbit/s, and nothing more is sent then.
 */
function emptyWindow(): object {
  return {
    words: replayWindow / 32,
    ...{ sent: 0, sentHigh: 0, received: 0, receivedHigh: 0 },
    window: replayWindow,
  };
}

function checkKey(key: unknown): Uint8Array {
  if (!(key instanceof Uint8Array)) throw invalidArgument("type", "key", "must be a Uint8Array");
  if (key.length !== keyBytes) {
    throw invalidArgument("range", "key", `must be ${keyBytes} bytes`);
  }
  return key;
}

/** What a state is called in errors. */
function named({ destination, spi }: Pick<EspState, "destination" | "spi">): string {
  return `${destination} 0x${Number(spi).toString(16)}`;
}

/**
 * Adds a state: AES-256-GCM, extended sequence numbers, no end of its lifetime. Whether it is for
 * sending or for taking, the addresses tell. Nothing is encrypted before there is a policy, too.
 *
 * Needs `CAP_NET_ADMIN`. The kernel may load its modules for ESP and AES-GCM for it.
 *
 * @throws {NetlinkError} `EEXIST` if there is one of that destination and SPI.
 * @throws {NetlinkError} `EPROTONOSUPPORT` if the kernel has no IPsec, or no ESP of the family.
 * @throws {NetlinkError} `ENOSYS` if the kernel has no AES-GCM.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @throws {RangeError | TypeError} for a property of the wrong type or out of range; nothing was
 *   sent.
 * @see net/xfrm/xfrm_user.c, `xfrm_add_sa()`
 */
export async function addEspState(namespace: Namespace, state: EspState & EspKey): Promise<void> {
  const { source, destination, spi, reqid } = state;
  const key = checkKey(state.key);
  const record = {
    ...{ source, destination, spi, protocol: "esp", mode: "transport", reqid, flags: ["esn"] },
    aead: { name: algorithm, keyBits: keyBytes * 8, icvBits, key },
    replay: emptyWindow(),
  };
  const done = native().askXfrm(namespace, "addState", record);
  await explained("addEspState", named(state), done);
}

/**
 * Removes the state of a destination and an SPI. Needs `CAP_NET_ADMIN`.
 *
 * @throws {NetlinkError} `ESRCH` if there is none.
 * @throws {RangeError | TypeError} as {@link addEspState}.
 * @see net/xfrm/xfrm_user.c, `xfrm_del_sa()`
 */
export async function removeEspState(
  namespace: Namespace,
  state: Pick<EspState, "destination" | "spi">,
): Promise<void> {
  const { destination, spi } = state;
  const done = native().askXfrm(namespace, "deleteState", { destination, spi, protocol: "esp" });
  await explained("removeEspState", named(state), done);
}

/** A state as the native table reads it. */
interface ReportedState extends EspState {
  readonly mode: string | number;
  /** Absent from those that the kernel has made by itself to wait for a real one. */
  readonly aead?: { readonly name: string };
}

/**
 * The states of ESP in transport mode, with AES-GCM or its like, that have a reqid; of both families,
 * without their keys. Needs `CAP_NET_ADMIN`.
 *
 * What comes or goes while the kernel lists may be there or not; what stays is.
 *
 * @throws {NetlinkError} `EPROTONOSUPPORT` if the kernel has no IPsec.
 * @throws {NetlinkError} `EPERM` without the capability.
 * @see net/xfrm/xfrm_user.c, `xfrm_dump_sa()`
 */
export async function listEspStates(namespace: Namespace, reqid: number): Promise<EspState[]> {
  const listed = native().askXfrm(namespace, "listStates", { protocol: "esp" });
  const states = (await explained("listEspStates", undefined, listed)) as ReportedState[];
  return states
    .filter((state) => state.reqid === reqid && state.mode === "transport" && state.aead)
    .map(({ source, destination, spi }) => ({ source, destination, spi, reqid }));
}
