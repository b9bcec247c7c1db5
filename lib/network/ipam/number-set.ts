// A set of numbers that finds its lowest gap: a tree of bitmaps, in which what is empty or full
// takes no room.

// Five bits of a number choose one of 32 children, from the highest bits down. A bit in `full` says
// that all numbers of a child are members; such a child needs no node. Nor does one without members.
//
//   full  …0000 0111   children 0 to 2 are full, 3 has a node if it has members: the gap is in 3

const digitBits = 5;
const digit = (1n << BigInt(digitBits)) - 1n;
const everything = -1; // as the bitwise operators have 32 ones

interface Node {
  full: number;
  readonly children: Map<number, Node>;
}

/** Numbers from 0 up to 2^bits − 1. Each call takes one step for every five bits. */
export class NumberSet {
  readonly #levels: number;
  readonly #root: Node;

  constructor(bits: number) {
    this.#levels = Math.max(1, Math.ceil(bits / digitBits));
    const children = 1 << (bits - (this.#levels - 1) * digitBits);
    // What is past the end counts as taken.
    this.#root = {
      full: children === 1 << digitBits ? 0 : everything << children,
      children: new Map(),
    };
  }

  /** The child that a number is in, at a level; 0 is the lowest. */
  #childOf(number: bigint, level: number): number {
    return Number((number >> BigInt(level * digitBits)) & digit);
  }

  has(number: bigint): boolean {
    let node: Node | undefined = this.#root;
    for (let level = this.#levels - 1; node !== undefined; level -= 1) {
      const child: number = this.#childOf(number, level);
      if ((node.full & (1 << child)) !== 0) return true;
      node = node.children.get(child);
    }
    return false;
  }

  add(number: bigint): void {
    this.#add(this.#root, number, this.#levels - 1);
  }

  #add(node: Node, number: bigint, level: number): void {
    const child = this.#childOf(number, level);
    if ((node.full & (1 << child)) !== 0) return;
    if (level > 0) {
      const below = node.children.get(child) ?? { full: 0, children: new Map() };
      node.children.set(child, below);
      this.#add(below, number, level - 1);
      if (below.full !== everything) return;
      node.children.delete(child);
    }
    node.full |= 1 << child;
  }

  delete(number: bigint): void {
    this.#delete(this.#root, number, this.#levels - 1);
  }

  #delete(node: Node, number: bigint, level: number): void {
    const child = this.#childOf(number, level);
    const wasFull = (node.full & (1 << child)) !== 0;
    if (level > 0) {
      const below = wasFull ? { full: everything, children: new Map() } : node.children.get(child);
      if (below === undefined) return;
      node.children.set(child, below);
      this.#delete(below, number, level - 1);
      if (below.full === 0 && below.children.size === 0) node.children.delete(child);
    }
    node.full &= ~(1 << child);
  }

  /** The lowest number that is no member; `undefined` if all are. */
  lowestGap(): bigint | undefined {
    if (this.#root.full === everything) return undefined;
    let gap = 0n;
    let node: Node | undefined = this.#root;
    for (let level = this.#levels - 1; level >= 0; level -= 1) {
      const gaps: number = node === undefined ? everything : ~node.full;
      const child: number = 31 - Math.clz32(gaps & -gaps);
      gap = (gap << BigInt(digitBits)) | BigInt(child);
      node = node?.children.get(child);
    }
    return gap;
  }
}
