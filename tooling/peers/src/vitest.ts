/** Tests that need real peers. */
import { accessSync, constants } from 'node:fs';
import { describe, it } from 'vitest';
import { allGenerations, type Generation, missingOf, type Program, peersRequired } from './programs.ts';

/**
 * Describes tests once for each generation that has the programs. Where one is missing the tests are skipped and
 * counted; with `NBDJS_REQUIRE_PEERS=1` a test that says what is missing fails in their place.
 *
 * @param from the generations that are of interest
 */
export function describePeers(
  name: string,
  needed: readonly Program[],
  tests: (generation: Generation) => void,
  from: readonly Generation[] = allGenerations,
): void {
  for (const generation of from) {
    const missing = missingOf(needed, generation);
    const isThere = missing.length === 0;
    describe.runIf(isThere || peersRequired())(`${name} (${generation})`, () => {
      if (isThere || !peersRequired()) tests(generation);
      else {
        it('has its peers', () => {
          throw new Error(`missing: ${missing.join(', ')}; tooling/peers/install.sh installs them`);
        });
      }
    });
  }
}

/** The same for programs that are the machine's own, of no generation: describes the tests once. */
export function describeTools(name: string, needed: readonly Program[], tests: () => void): void {
  const missing = missingOf(needed, 'bookworm');
  describe.runIf(missing.length === 0 || peersRequired())(name, () => {
    if (missing.length === 0) tests();
    else {
      it('has its programs', () => {
        throw new Error(`missing: ${missing.join(', ')}; tooling/peers/install.sh installs them`);
      });
    }
  });
}

/**
 * The same for tests that mount. Where this machine lets nobody use `/dev/fuse`, as in many containers, they are skipped and counted, whatever
 * else is demanded: no package could change that.
 */
export function describeMounts(name: string, needed: readonly Program[], tests: () => void): void {
  if (canUseFuse()) describeTools(name, ['fusermount3', ...needed], tests);
  else describe.skip(`${name} (/dev/fuse cannot be used here)`, tests);
}

/** Whether `/dev/fuse` is there, and this user may use it. */
export function canUseFuse(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
