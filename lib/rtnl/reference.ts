// How a caller says which link is meant.

/**
 * A link: its index, `{ index }`, `{ name }`, or a link object, of which the index counts.
 *
 * A name may be an alternative name. It is looked up when the call's turn has come, after the calls
 * made before it, and costs one `ioctl` without the rtnl lock (one round trip if longer than 15
 * bytes). An index is never looked up.
 */
export type LinkReference = number | { readonly index: number } | { readonly name: string };

/** The reference alone, without the rest of a link object. */
export function referenceTo(link: LinkReference): LinkReference {
  if (typeof link !== "object" || link === null) return link;
  if ("index" in link && link.index !== undefined) return { index: link.index };
  return "name" in link ? { name: link.name } : link;
}
