/** The table that `strace -c` prints. */

/** Calls by name. Calls that failed count as well: they cost as much. */
export type CallCounts = ReadonlyMap<string, number>;

/**
 * The counts of a table, which has a line for each call: share, seconds, time per call, calls, failures (may be empty) and the name.
 *
 * @throws Error when the text holds no such table
 */
export function parseStraceTable(text: string): CallCounts {
  const lines = text.split('\n');
  const rules = lines.flatMap((line, index) => (/^-+( -+)+ *$/.test(line) ? [index] : []));
  const [first, last] = rules;
  if (first === undefined || last === undefined)
    throw new Error(`a table of strace -c was expected, got: ${text.trim()}`);
  return new Map(
    lines
      .slice(first + 1, last)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields.length >= 5)
      .map((fields) => [fields.at(-1) as string, Number(fields[3])]),
  );
}

export function totalOf(counts: CallCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** What the longer of two runs called more often, for each of the requests that it had more. What both did at their start cancels out. */
export function callsPerRequest(shorter: CallCounts, longer: CallCounts, moreRequests: number): number {
  return (totalOf(longer) - totalOf(shorter)) / moreRequests;
}
