// Which networks are meant: the filters of `docker network ls` and `prune`.

import { invalidArgument, refuseUnknown } from "../errors.ts";
import { checkedFlag, checkedList } from "./checks.ts";
import type { Network } from "./model.ts";

/** All that are given have to hold; of several values of one filter, one has to. */
export interface NetworkFilters {
  /** Parts of names. */
  readonly name?: readonly string[];
  /** Beginnings of ids. */
  readonly id?: readonly string[];
  readonly driver?: readonly string[];
  /** Whether it is this host's alone, or spans the hosts that share the store. */
  readonly scope?: readonly Network["scope"][];
  /** `"key"` or `"key=value"`; here all have to hold. */
  readonly label?: readonly string[];
  /** `"key"` or `"key=value"`; none may hold. */
  readonly notLabel?: readonly string[];
  /** `"custom"`: made by users; `"builtin"`: predefined. */
  readonly type?: "custom" | "builtin";
  /** Whether nobody is connected to it, and it is not predefined. */
  readonly dangling?: boolean;
  /** Made before this time. */
  readonly until?: Date;
}

const known = [
  ...["name", "id", "driver", "scope", "label", "notLabel", "type", "dangling", "until"],
];

const scopes: readonly Network["scope"][] = ["local", "cluster"];

function texts(property: string, list: unknown): readonly string[] {
  return checkedList(property, list, (at, item) => {
    if (typeof item !== "string") throw invalidArgument("type", at, "must be a string");
    return item;
  });
}

function checkedScopes(list: unknown): readonly Network["scope"][] {
  return checkedList("scope", list, (at, item) => {
    const scope = scopes.find((one) => one === item);
    if (scope === undefined) throw invalidArgument("range", at, 'must be "local" or "cluster"');
    return scope;
  });
}

function hasLabel({ labels }: Network, label: string): boolean {
  const [key = "", ...value] = label.split("=");
  if (!Object.hasOwn(labels, key)) return false;
  return value.length === 0 || labels[key] === value.join("=");
}

/** What tells whether filters let a network through, given how many are connected to it. */
export function networkMatcher(
  filters: NetworkFilters,
): (network: Network, endpoints: number) => boolean {
  refuseUnknown("filters", filters, known);
  const { type, until } = filters;
  if (type !== undefined && type !== "custom" && type !== "builtin") {
    throw invalidArgument("range", "type", 'must be "custom" or "builtin"');
  }
  if (until !== undefined && !(until instanceof Date && !Number.isNaN(until.getTime()))) {
    throw invalidArgument("type", "until", "must be a Date");
  }
  const { dangling } = filters;
  if (dangling !== undefined) checkedFlag("dangling", dangling, false);
  const names = texts("name", filters.name);
  const ids = texts("id", filters.id);
  const drivers = texts("driver", filters.driver);
  const within = checkedScopes(filters.scope);
  const labels = texts("label", filters.label);
  const notLabels = texts("notLabel", filters.notLabel);
  const some = <T>(list: readonly T[], matches: (item: T) => boolean) =>
    list.length === 0 || list.some(matches);
  return (network, endpoints) =>
    some(names, (name) => network.name.includes(name)) &&
    some(ids, (id) => network.id.startsWith(id)) &&
    some(drivers, (driver) => network.driver === driver) &&
    some(within, (scope) => network.scope === scope) &&
    labels.every((label) => hasLabel(network, label)) &&
    !notLabels.some((label) => hasLabel(network, label)) &&
    (type === undefined || network.predefined === (type === "builtin")) &&
    (until === undefined || new Date(network.created) < until) &&
    (dangling === undefined || dangling === (endpoints === 0 && !network.predefined));
}
