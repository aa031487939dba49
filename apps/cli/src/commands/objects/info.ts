/** `nbd objects info`: what a disk is like. */
import { inspectDisk, measureDisk } from '@nbdjs/objects';
import { type DiskOperand, snapshotOf } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { exactJson } from '../../render/exact-json.ts';
import type { Terminal } from '../../terminal.ts';
import type { InfoOptions } from './command.ts';
import { factsJson, factsText } from './disk-facts.ts';
import { inStore } from './in-store.ts';

export async function run({ terminal }: CommandContext, options: InfoOptions, operand: DiskOperand): Promise<number> {
  await printDisk(operand, options, terminal);
  return 0;
}

interface PrintOptions {
  readonly json?: boolean | undefined;
  /** Only the size in bytes. */
  readonly size?: boolean | undefined;
  readonly snapshotName?: string | undefined;
}

/** Prints what a disk is like, and how much is stored of it or of the snapshot that is named. */
export async function printDisk(
  operand: DiskOperand,
  { json, size, snapshotName }: PrintOptions,
  terminal: Terminal,
): Promise<void> {
  const { store: address, disk } = operand;
  const snapshot = snapshotOf(operand, snapshotName);
  const [facts, usage] = await inStore(address, terminal, async (store, use) => [
    await inspectDisk(store, disk, use),
    await measureDisk(store, disk, snapshot, use),
  ]);
  if (size === true) {
    const one = snapshot === undefined ? facts : facts.snapshots.find(({ name }) => name === snapshot);
    await terminal.print(`${one?.size}\n`);
    return;
  }
  await terminal.print(json === true ? `${exactJson(factsJson(facts, usage))}\n` : factsText(facts, usage, snapshot));
}
