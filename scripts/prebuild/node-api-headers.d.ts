// What of node-api-headers is used here; it has no types.

declare module "node-api-headers" {
  interface Symbols {
    readonly js_native_api_symbols: readonly string[];
    readonly node_api_symbols: readonly string[];
  }
  /** By version of Node-API, `v1` and on, each with those before it. */
  const headers: { readonly symbols: Readonly<Record<"v8", Symbols>> };
  export = headers;
}
