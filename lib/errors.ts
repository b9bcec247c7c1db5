// Every error of the library's own; those in Node's form are in inside/process-errors.ts.

import { constants } from "node:os";

/** The values that the kernel would have taken, where it tells. */
export interface AllowedRange {
  readonly min?: bigint;
  readonly max?: bigint;
  /** The bits that may be set. */
  readonly mask?: bigint;
}

/** What the native layer says of a refused operation. */
export interface Refusal {
  readonly errno: number;
  readonly detail?: string;
  readonly field?: string;
  readonly allowed?: AllowedRange;
  readonly rows?: readonly object[];
}

const codes = new Map<number, string>();
// Of two names for one number (EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP) the kernel's wins.
for (const [code, number] of Object.entries(constants.errno)) {
  if (code !== "EWOULDBLOCK" && code !== "ENOTSUP") codes.set(number, code);
}
// Those of Linux alone, which Node has no names for (include/uapi/asm-generic/errno.h).
codes.set(54, "EXFULL");
codes.set(76, "ENOTUNIQ");

/** What a bare errno means for an operation, where the kernel has no sentence of its own. */
const explanations: Readonly<Record<string, string>> = {
  "createNamespace EPERM":
    "needs CAP_SYS_ADMIN in the user namespace of the process, " +
    "and a seccomp profile that allows unshare()",
  "openNamespace EPERM": "needs CAP_SYS_ADMIN in the user namespace that owns the namespace",
  "openNamespace ENOENT": "no such namespace",
  "openNamespace ESRCH": "no such process",
  "deleteNamespace EPERM":
    "needs CAP_SYS_ADMIN in the user namespace of the process, " +
    "and a seccomp profile that allows umount()",
  "createLink EEXIST": "a link of that name or index exists",
  "createLink EOPNOTSUPP": "this kernel does not have the link kind or one of its options",
  "createLink ENOTCONN": "a veth peer cannot be raised before the pair is joined; use setLink",
  "createLink EXFULL": "the bridge has as many ports as it takes",
  "setLink EXFULL": "the bridge has as many ports as it takes",
  "deleteLink EOPNOTSUPP": "such a link cannot be deleted",
  "setLink EOPNOTSUPP": "the link's kind or driver does not take this change",
  "setLink EBUSY": "the link is in use; set it down first",
  "addAddress EEXIST": "the link has this address",
  "removeAddress EADDRNOTAVAIL": "the link does not have this address",
  "addRoute EEXIST": "there is such a route",
  "addRoute ENODEV": "no such link, or neither via nor device is given",
  "addRoute ENETUNREACH": "the gateway cannot be reached; is the link up and its address set?",
  "removeRoute ESRCH": "no such route",
  "getRoute ENETUNREACH": "no route leads there",
  "addNeighbour EEXIST": "there is such a neighbour",
  "removeNeighbour ENOENT": "no such neighbour",
  "addFdbEntry EEXIST": "there is such an entry",
  "removeFdbEntry ENOENT": "no such entry",
  "addRule EEXIST": "there is such a rule",
  "removeRule ENOENT": "no such rule",
  "addEspState EEXIST": "there is a state of that destination and SPI",
  "addEspState ENOSYS": "the kernel has no AES-GCM for ESP (CONFIG_CRYPTO_GCM)",
  "addEspState EPROTONOSUPPORT": "the kernel has no ESP (CONFIG_INET_ESP, CONFIG_INET6_ESP)",
  "removeEspState ESRCH": "no such state",
  "removeEspPolicy ENOENT": "no such policy",
  "setForwarding EACCES":
    "needs CAP_NET_ADMIN in the user namespace that owns the network namespace",
  "setSysctl EACCES":
    "needs CAP_NET_ADMIN in the user namespace that owns the network namespace, " +
    "unless it is a setting that can only be read or only be written",
  EACCES: "permission denied",
  EADDRNOTAVAIL: "no such address",
  EBADF: "the descriptor is closed",
  EBUSY: "it is in use",
  EEXIST: "it exists",
  EINVAL: "the kernel found an invalid value and does not say which",
  EMFILE: "the process has too many open descriptors",
  ENFILE: "the system has too many open descriptors",
  ENODEV: "no such link",
  ENOENT: "no such thing",
  ENOMEM: "out of memory",
  EOPNOTSUPP: "this kernel does not support it",
  EPERM: "needs CAP_NET_ADMIN in the user namespace that owns the network namespace",
  ERANGE: "a value is out of the range that the kernel takes",
  EROFS: "mounted read-only",
};

function describe(operation: string, subject: string | undefined, refusal: Refusal): string {
  const code = codeOf(refusal.errno);
  const sentence = refusal.detail ?? explanations[`${operation} ${code}`] ?? explanations[code];
  let text = operation;
  if (subject !== undefined) text += ` "${subject}"`;
  text += `: ${code}`;
  if (sentence !== undefined) text += `, ${sentence}`;
  if (refusal.field !== undefined) text += ` (${refusal.field})`;
  const { min, max } = refusal.allowed ?? {};
  if (min !== undefined && max !== undefined) text += `; allowed: ${min} to ${max}`;
  else if (max !== undefined) text += `; allowed: at most ${max}`;
  else if (min !== undefined) text += `; allowed: at least ${min}`;
  return text;
}

function codeOf(errno: number): string {
  return codes.get(errno) ?? `errno ${errno}`;
}

/**
 * The kernel refused an operation. Match on {@link NetlinkError.code}, never on the text.
 *
 * Nothing was changed by the refused operation, unless its function says otherwise.
 */
export class NetlinkError extends Error {
  override readonly name: string = "NetlinkError";
  /** The errno's name, `"EEXIST"`. */
  readonly code: string;
  /** The errno, a positive number. */
  readonly errno: number;
  /** The function that was called, `"createLink"`. */
  readonly operation: string;
  /** The kernel's own sentence, if it had one. */
  readonly detail: string | undefined;
  /** The refused property as a path, `"peer.name"`, if the kernel pointed at one. */
  readonly field: string | undefined;
  /** What the property may be, if the kernel told. */
  readonly allowed: AllowedRange | undefined;

  /** @internal The library alone makes them. */
  constructor(operation: string, subject: string | undefined, refusal: Refusal) {
    super(describe(operation, subject, refusal));
    this.code = codeOf(refusal.errno);
    this.errno = refusal.errno;
    this.operation = operation;
    this.detail = refusal.detail;
    this.field = refusal.field;
    this.allowed = refusal.allowed;
  }
}

/**
 * A list kept changing while it was read, a dozen times in a row. `code` is `"EINTR"`.
 *
 * Lists are never silently partial: what the last attempt saw is in {@link rows}, for callers who
 * can do with it.
 */
export class DumpInterruptedError extends NetlinkError {
  override readonly name = "DumpInterruptedError";
  /** The last attempt's rows: each was true at some moment, together they may not have been. */
  readonly rows: readonly object[];

  /** @internal */
  constructor(operation: string, subject: string | undefined, refusal: Refusal) {
    super(operation, subject, refusal);
    this.rows = refusal.rows ?? [];
  }
}

/** A call was not settled in the time that `Namespace.limited` gave it. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  readonly code = "ERR_DEADLINE";
  /** The function that was called. */
  readonly operation: string;
  /**
   * Whether the kernel may do it, or have done it, all the same: true once it was sent. Otherwise
   * the call was dropped and nothing was or will be changed.
   */
  readonly sent: boolean;

  /** @internal */
  constructor(operation: string, timeoutMs: number, sent: boolean) {
    const state = sent ? "sent, so the kernel may still do it" : "not sent, and dropped";
    super(`${operation}: not done within ${timeoutMs} ms (${state})`);
    this.operation = operation;
    this.sent = sent;
  }
}

/** A transaction was used after its end. */
export class TransactionEndedError extends Error {
  override readonly name = "TransactionEndedError";
  readonly code = "ERR_TRANSACTION_ENDED";

  /**
   * @internal
   * @param how it ended: "committed", "rolled back", "rolled back for SIGTERM"
   */
  constructor(how: string) {
    super(`the transaction was ${how}`);
  }
}

/** Some changes could not be undone. `cause` is why they were to be, unless nothing had failed. */
export class RollbackError extends AggregateError {
  override readonly name = "RollbackError";
  readonly code = "ERR_ROLLBACK";

  /**
   * @internal
   * @param errors one for each change that is left
   */
  constructor(errors: readonly unknown[], cause: unknown) {
    const changes = errors.length === 1 ? "a change" : `${errors.length} changes`;
    const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    super(errors, `${changes} could not be undone: ${reasons.join("; ")}`, {
      ...(cause !== undefined && { cause }),
    });
  }
}

/** What a call waited for did not come in time. Nothing was changed by it. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
  readonly code = "ERR_WAIT_TIMEOUT";
  /** The function that was called, `"waitForLink"`. */
  readonly operation: string;
  /** What there was instead at last: the link or the address; undefined if there was none. */
  readonly last: object | undefined;

  /** @internal */
  constructor(operation: string, timeoutMs: number, last: object | undefined) {
    const state = last === undefined ? "there was none" : `at last: ${JSON.stringify(last)}`;
    super(`${operation}: not so within ${timeoutMs} ms (${state})`);
    this.operation = operation;
    this.last = last;
  }
}

/** A file is in the way that the library did not write, and therefore does not touch. */
export class ForeignFileError extends Error {
  override readonly name = "ForeignFileError";
  readonly code = "EEXIST";
  /** The file. */
  readonly path: string;

  /** @internal */
  constructor(path: string) {
    super(`${path} is there, and was not written by this library; move it away`);
    this.path = path;
  }
}

/** The library cannot work here; nothing about the call was wrong. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  /**
   * - `ERR_UNSUPPORTED_PLATFORM`: not Linux.
   * - `ERR_NATIVE_MISSING`: no native binary for this machine; the message says what to run.
   */
  readonly code: "ERR_UNSUPPORTED_PLATFORM" | "ERR_NATIVE_MISSING";

  /** @internal */
  constructor(code: UnavailableError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A {@link RangeError} or {@link TypeError} of the facade itself, in the native layer's form. */
export function invalidArgument(kind: "type" | "range", property: string, reason: string): Error {
  const message = `${property}: ${reason}`;
  const error = kind === "type" ? new TypeError(message) : new RangeError(message);
  const code = kind === "type" ? "ERR_INVALID_ARG_TYPE" : "ERR_OUT_OF_RANGE";
  return Object.assign(error, { code, property });
}

/** The argument itself, if it is an object; what is in it, others check. */
export function objectArgument<T extends object>(property: string, value: T): T {
  if (typeof value !== "object" || value === null) {
    throw invalidArgument("type", property, "must be an object");
  }
  return value;
}

/** Refuses an argument that is no object, or has a property that is not among the known ones. */
export function refuseUnknown(
  argument: string,
  value: object,
  known: readonly string[],
  path = "",
): void {
  for (const property of Object.keys(objectArgument(argument, value))) {
    if (!known.includes(property)) {
      throw invalidArgument("type", `${path}${property}`, "unknown property");
    }
  }
}

/** True if the native layer rejected with a refusal, which {@link errorOfRefusal} makes an error. */
export function isRefusal(value: unknown): value is Refusal {
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Error) &&
    "errno" in value &&
    typeof value.errno === "number"
  );
}

/** The error that a refusal stands for. */
export function errorOfRefusal(
  operation: string,
  subject: string | undefined,
  refusal: Refusal,
): NetlinkError {
  const Class = refusal.rows === undefined ? NetlinkError : DumpInterruptedError;
  return new Class(operation, subject, refusal);
}
