// What every rival builds: the names and addresses by which its result is verified.

export const bridgeName = "vb";
export const gateway = "10.200.0.1";

/** @param {number} n */
export const namespaceName = (n) => `vb-${n}`;

export const hostEndPrefix = "vbh";

/** @param {number} n */
export const hostEndName = (n) => `${hostEndPrefix}${n}`;

/** @param {number} n */
export const addressOf = (n) => `10.200.${1 + Math.floor(n / 250)}.${1 + (n % 250)}/16`;

/** The links of the counter trials: both ends of pairs. @param {number} n */
export const counterLinkName = (n) => `c${n}`;

/** Broadcasts sent before counters are read, so that there is something to count. */
export const sentPackets = 50;
