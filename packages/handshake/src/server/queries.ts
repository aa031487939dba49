/** Which of an export's metadata contexts a client's queries mean ("Metadata querying"; checklist S29-S34). */

/** For `LIST_META_CONTEXT`: no query asks for everything, `namespace:` (or a longer prefix with a colon) for what is in it. */
export function listContexts(contexts: readonly string[], queries: readonly string[]): readonly string[] {
  if (queries.length === 0) return contexts;
  return contexts.filter((name) =>
    queries.some((query) => (query.endsWith(':') ? name.startsWith(query) : name === query)),
  );
}

/** For `SET_META_CONTEXT`: only whole names count. What is not known is ignored. */
export function selectContexts(contexts: readonly string[], queries: readonly string[]): readonly string[] {
  const wanted = new Set(queries);
  return contexts.filter((name) => wanted.has(name));
}
