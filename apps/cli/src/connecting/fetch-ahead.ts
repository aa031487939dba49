/** Working while the next answer is under way. */

/** Fetches the next item while the caller works on one. */
export async function* fetchAhead<Item>(source: AsyncGenerator<Item, void, void>): AsyncGenerator<Item, void, void> {
  let next = source.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = source.next();
      // The error is thrown where the item is awaited.
      next.catch(() => {});
      yield value;
    }
  } finally {
    void source.return();
  }
}
