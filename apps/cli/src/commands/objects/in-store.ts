/** What the commands of `nbd objects` have in common. */
import { createInterface } from 'node:readline/promises';
import { untilAborted } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { ObjectStore } from '@nbdjs/objects';
import { argumentError } from '../../errors/argument-error.ts';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import { openStore } from '../../objects/open-store.ts';
import type { Terminal } from '../../terminal.ts';

/** How all of them use a store. */
export const use = { clock: systemClock };

/** Does something with a store, until that is done or the program is interrupted. */
export async function inStore<Result>(
  address: StoreAddress,
  { signal }: Terminal,
  work: (store: ObjectStore) => Promise<Result>,
  create = false,
): Promise<Result> {
  const store = await openStore(address, create);
  try {
    return await untilAborted(work(store), signal);
  } finally {
    // What still goes on after an interruption ends with its next request.
    await store.close();
  }
}

/** Asks a person, and returns whether the answer is yes. @throws UsageError where there is nobody to ask. */
export async function isAllowed(
  question: string,
  { yes }: { readonly yes?: boolean | undefined },
  { stdin, stderr, signal }: Terminal,
): Promise<boolean> {
  if (yes === true) return true;
  if (!stdin.isTTY) throw argumentError(`${question} There is no terminal to ask at: say so by --yes`);
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    lines.close();
  }
}
