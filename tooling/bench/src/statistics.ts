/** Figures from several runs. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** Runs two measurements alternately, so that other load of the machine affects both, and returns the medians. */
export async function alternate(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<{ readonly ours: number; readonly theirs: number }> {
  const [our, their]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    our.push(await ours());
    their.push(await theirs());
  }
  return { ours: median(our), theirs: median(their) };
}
