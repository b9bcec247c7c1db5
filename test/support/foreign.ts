// What test files that run in other processes at the same time have in /run/netns.

/** Whether a namespace is another test file's; they are all named alike. */
export const foreign = (name: string): boolean =>
  name.startsWith("vethwork-") && !name.startsWith(`vethwork-${process.pid}-`);
