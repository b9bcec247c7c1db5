// Why a command failed, in a line, and whether it was the caller's mistake.

import { NetworkError, type NetworkErrorCode } from "../network/index.ts";
import { type Options, UsageError } from "./command.ts";

/** What is said, and whether the command was called in a way that can never work. */
export interface Failure {
  readonly message: string;
  readonly misused: boolean;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What helps, where that is one thing. */
const advice: Partial<Record<NetworkErrorCode, string>> = {
  HOST_ABSENT: "vethwork serve --address ADDRESS, with the same --host and --store, keeps it",
  NUMBER_TAKEN:
    "remove networks that nobody needs, or give it others with --opt vxlanid_list=FROM-TO",
};

/** The code first, for those who look for it; then what it is about, and why. */
function networkFailure(error: NetworkError): string {
  const { code, subject, message } = error;
  const reason = message.slice(message.indexOf(`${code}, `) + code.length + 2);
  const about = subject === undefined ? "" : `${JSON.stringify(subject)}: `;
  const help = advice[code];
  return `${code}: ${about}${reason}${help === undefined ? "" : `; ${help}`}`;
}

/**
 * The option that fills a property. Its place in lists does not matter, nor whether it is of the one
 * connection or of one of several: `networks[0].mac`.
 */
function optionFor(property: string, options: Options): string | undefined {
  const plain = property.replaceAll(/\[[^\]]*\]/g, "").replace(/^networks\./, "");
  const found = Object.entries(options).find(([, option]) => {
    const filled = option.property;
    return filled !== undefined && (plain === filled || plain.startsWith(`${filled}.`));
  });
  return found && `--${found[0]}`;
}

/** What `parseArgs` throws has a hint behind its first sentence that means nothing here. */
function isParseError(error: unknown): error is Error {
  return error instanceof TypeError && "code" in error && /PARSE_ARGS/.test(String(error.code));
}

/** Why it failed, with the options of the command that was called. */
export function describeFailure(error: unknown, options: Options = {}): Failure {
  if (error instanceof NetworkError) return { message: networkFailure(error), misused: false };
  if (error instanceof UsageError) return { message: error.message, misused: true };
  if (isParseError(error)) {
    return { message: error.message.replace(/\. To specify a positional.*$/s, ""), misused: true };
  }
  if (error instanceof Error && "property" in error && typeof error.property === "string") {
    const option = optionFor(error.property, options);
    const { message } = error;
    const text = option ? `${option}${message.slice(error.property.length)}` : message;
    return { message: text, misused: true };
  }
  return { message: textOf(error), misused: false };
}
