// Values of options that have parts.

import { UsageError } from "./command.ts";

/** `KEY=VALUE`, taken apart at the first `=`. */
export function pair(option: string, text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${option} must be like KEY=VALUE, not ${JSON.stringify(text)}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Several of them, as a record. */
export function pairs(option: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => pair(option, text)));
}

/** The same, where a key alone has an empty value. */
export function words(option: string, texts: readonly string[]): Record<string, string> {
  return pairs(
    option,
    texts.map((text) => (text.includes("=") ? text : `${text}=`)),
  );
}

/** A whole number within bounds. */
export function integer(option: string, text: string, least: number, most: number): number {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} must be an integer from ${least} to ${most}`);
}

/** Names for other sandboxes, `TARGET:ALIAS` or `TARGET` alone: alias to target. */
export function links(option: string, texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text) => {
    const [target = "", alias = target, ...rest] = text.split(":");
    if (target !== "" && alias !== "" && rest.length === 0) return [alias, target];
    throw new UsageError(`${option} must be like TARGET:ALIAS, not ${JSON.stringify(text)}`);
  });
  return Object.fromEntries(entries);
}
