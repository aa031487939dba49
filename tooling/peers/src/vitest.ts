/** Tests that need real peers. */
import { describe } from 'vitest';
import { type Generation, generationsWith, type Program, peersRequired } from './programs.ts';

/** Describes tests once for each generation that has the programs; where they are missing, they are skipped and counted. */
export function describePeers(name: string, needed: readonly Program[], tests: (generation: Generation) => void): void {
  const available = generationsWith(needed);
  for (const generation of ['bookworm', 'trixie'] as const) {
    const isThere = available.includes(generation) || peersRequired();
    describe.runIf(isThere)(`${name} (${generation})`, () => tests(generation));
  }
}
