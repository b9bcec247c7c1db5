// Where in ZooKeeper a store is: below a node of its own.
//
//   PATH/head          the last record; its version is that record's number
//   PATH/log/N         the record of number N
//   PATH/snapshots/N   what came of the records up to number N
//   PATH/parts/N.ID.I  a piece of the record or of the snapshot of number N
//   PATH/leases/ID     that a lease is there: it goes with the lease

/** The nodes of a store. */
export class Layout {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Those that all others are below, in the order in which they are made. */
  get folders(): readonly string[] {
    const names = this.root.split("/").slice(1);
    const above = names.map((_, depth) => `/${names.slice(0, depth + 1).join("/")}`);
    return [...above, this.log, this.snapshots, this.parts, this.leases];
  }

  get head(): string {
    return `${this.root}/head`;
  }

  get log(): string {
    return `${this.root}/log`;
  }

  get snapshots(): string {
    return `${this.root}/snapshots`;
  }

  get parts(): string {
    return `${this.root}/parts`;
  }

  get leases(): string {
    return `${this.root}/leases`;
  }

  record(number: number): string {
    return `${this.log}/${number}`;
  }

  snapshot(number: number): string {
    return `${this.snapshots}/${number}`;
  }

  /** The pieces of what belongs to a number, of which others may have made some that failed. */
  pieces(number: number, id: string, count: number): string[] {
    return Array.from({ length: count }, (_, piece) => `${this.parts}/${number}.${id}.${piece}`);
  }

  lease(id: string): string {
    return `${this.leases}/${id}`;
  }
}

/** The number that the name of a record, snapshot or piece begins with. */
export function numberOf(name: string): number {
  return Number.parseInt(name, 10);
}
