// The filters of `vethwork network ls` and `prune`.

import type { NetworkFilters } from "../../network/index.ts";
import { UsageError } from "../command.ts";

const lists = { driver: "driver", id: "id", name: "name", label: "label", "label!": "notLabel" };

function isTrue(text: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new UsageError("--filter dangling must be true or false");
}

function scopeOf(text: string): "local" | "cluster" {
  if (text === "local" || text === "cluster") return text;
  throw new UsageError("--filter scope must be local or cluster");
}

function typeOf(text: string): "custom" | "builtin" {
  if (text === "custom" || text === "builtin") return text;
  throw new UsageError("--filter type must be custom or builtin");
}

const units: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3 };

/** A time, as ISO 8601 or seconds since 1970 or how long ago: `10m`, `1h30m`. */
function timeOf(text: string): Date {
  if (/^(\d+[smh])+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+)([smh])/g)];
    const ago = parts.reduce((sum, [, n, unit = "s"]) => sum + Number(n) * (units[unit] ?? 0), 0);
    return new Date(Date.now() - ago);
  }
  const time = new Date(/^\d+$/.test(text) ? Number(text) * 1000 : text);
  if (Number.isNaN(time.getTime())) throw new UsageError(`--filter until: ${text} is no time`);
  return time;
}

/** The library's filters, from texts like `driver=bridge` and `label!=tier`. */
export function networkFilters(texts: readonly string[]): NetworkFilters {
  const filters: {
    -readonly [F in keyof NetworkFilters]: NetworkFilters[F];
  } = {};
  for (const text of texts) {
    const [, key = "", value = ""] = /^(label!|[^=]+)=(.*)$/s.exec(text) ?? [];
    if (Object.hasOwn(lists, key)) {
      const list = lists[key as keyof typeof lists] as "driver" | "id" | "name" | "label";
      filters[list] = [...(filters[list] ?? []), value];
    } else if (key === "scope") filters.scope = [...(filters.scope ?? []), scopeOf(value)];
    else if (key === "type") filters.type = typeOf(value);
    else if (key === "dangling") filters.dangling = isTrue(value);
    else if (key === "until") filters.until = timeOf(value);
    else throw new UsageError(`--filter ${JSON.stringify(text)} is unknown`);
  }
  return filters;
}
