// What each native operation takes and gives, by name; types alone.

import type { Address, AddressFilter, AddressMatch, AddressSpec } from "./address.ts";
import type { Counters } from "./counters.ts";
import type { Link, LinkFilter } from "./link.ts";
import type { Namespace } from "./namespace.ts";
import type {
  FdbEntry,
  FdbEntryMatch,
  FdbEntrySpec,
  Neighbour,
  NeighbourMatch,
  NeighbourSpec,
} from "./neighbour.ts";
import type { LinkReference } from "./reference.ts";
import type { Route, RouteFilter, RouteLookup, RouteSpec } from "./route.ts";
import type { Rule, RuleSpec } from "./rule.ts";

interface OnLink {
  readonly link: LinkReference;
}

/** The rows of native/rtnl/operations.cpp, as types. */
export interface Operations {
  createLink: { takes: object; gives: Link | undefined };
  setLink: { takes: OnLink; gives: undefined };
  moveLink: { takes: OnLink & { readonly namespace: Namespace }; gives: undefined };
  deleteLink: { takes: OnLink; gives: undefined };
  getLink: { takes: OnLink; gives: Link };
  listLinks: { takes: LinkFilter; gives: Link[] };
  addAlternativeNames: {
    takes: OnLink & { readonly alternativeNames: readonly string[] };
    gives: undefined;
  };
  removeAlternativeNames: {
    takes: OnLink & { readonly alternativeNames: readonly string[] };
    gives: undefined;
  };

  addAddress: { takes: OnLink & AddressSpec; gives: undefined };
  replaceAddress: { takes: OnLink & AddressSpec; gives: undefined };
  removeAddress: { takes: OnLink & AddressMatch; gives: undefined };
  listAddresses: { takes: AddressFilter; gives: Address[] };

  addRoute: { takes: RouteSpec; gives: undefined };
  replaceRoute: { takes: RouteSpec; gives: undefined };
  removeRoute: { takes: RouteSpec; gives: undefined };
  listRoutes: { takes: RouteFilter; gives: Route[] };
  getRoute: { takes: RouteLookup & { readonly to: string }; gives: Route };

  addNeighbour: { takes: OnLink & NeighbourSpec; gives: undefined };
  replaceNeighbour: { takes: OnLink & NeighbourSpec; gives: undefined };
  removeNeighbour: { takes: OnLink & NeighbourMatch; gives: undefined };
  listNeighbours: { takes: object; gives: Neighbour[] };

  addFdbEntry: { takes: OnLink & FdbEntrySpec; gives: undefined };
  replaceFdbEntry: { takes: OnLink & FdbEntrySpec; gives: undefined };
  removeFdbEntry: { takes: OnLink & FdbEntryMatch; gives: undefined };
  listFdbEntries: { takes: object; gives: FdbEntry[] };

  addRule: { takes: RuleSpec; gives: undefined };
  removeRule: { takes: RuleSpec; gives: undefined };
  listRules: { takes: object; gives: Rule[] };

  getNamespaceId: { takes: { readonly namespace: Namespace }; gives: { readonly id?: number } };
  setNamespaceId: {
    takes: { readonly namespace: Namespace; readonly id: number };
    gives: undefined;
  };

  getCounters: { takes: OnLink; gives: Counters };
  listCounters: { takes: object; gives: Counters[] };
}

/** The name of an operation, the same in TypeScript, C++ and errors. */
export type OperationName = keyof Operations;
