// Works with something that is closed afterwards, as `await using` does where there is that.

/**
 * @template {{ close(): Promise<unknown> }} Handle
 * @template T
 * @param {Handle | Promise<Handle>} opening
 * @param {(handle: Handle) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function within(opening, work) {
  const handle = await opening;
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}
