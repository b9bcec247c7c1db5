// What a listing says of options, in types.

import type { LinkReference } from "../reference.ts";

/**
 * What a listing says of options: the same values, with links as indices, and without what is only
 * ever told to the kernel. An option that the running kernel does not know is absent.
 */
export type Reported<Options, ToldOnly extends keyof Options = never> = {
  readonly [Key in keyof Options as Exclude<Key, ToldOnly>]: [LinkReference] extends [
    Exclude<Options[Key], undefined>,
  ]
    ? number
    : Options[Key];
};

/** No option at all. */
export type Nothing = Readonly<Record<never, never>>;
