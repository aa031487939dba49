/** Which of an export's metadata contexts a client's queries mean ("Metadata querying"; S29-S34). */

/** For `LIST_META_CONTEXT`: no query asks for everything, `namespace:` (or a longer prefix with a colon) for what is in it. */
export function listContexts(contexts: readonly string[], queries: readonly string[]): readonly string[] {
  if (queries.length === 0) return contexts;
  const whole = new Set(queries);
  const prefixes = [...whole].filter((query) => query.endsWith(':'));
  return contexts.filter((name) => whole.has(name) || prefixes.some((prefix) => name.startsWith(prefix)));
}

/** For `SET_META_CONTEXT`: only whole names count. Unknown names are ignored. */
export function selectContexts(contexts: readonly string[], queries: readonly string[]): readonly string[] {
  const wanted = new Set(queries);
  return contexts.filter((name) => wanted.has(name));
}
