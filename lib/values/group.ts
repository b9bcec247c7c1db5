// Things sorted by what they have in common.

/** Groups in the order in which each was first met (`Map.groupBy`, which Node 20 does not have). */
export function groupBy<T, K>(things: Iterable<T>, commonOf: (thing: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const thing of things) {
    const common = commonOf(thing);
    const group = groups.get(common);
    if (group === undefined) groups.set(common, [thing]);
    else group.push(thing);
  }
  return groups;
}
