/** `nbd objects fsck`: looks for objects that are missing or damaged. */
import { checkStore, type StoreCheck } from '@nbdjs/objects';
import type { StoreAddress } from '../../objects/disk-operand.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { createCountLine } from '../../render/count-line.ts';
import { exactJson } from '../../render/exact-json.ts';
import { numberOf } from '../../render/number-of.ts';
import { printable } from '../../render/printable.ts';
import type { FsckOptions } from './command.ts';
import { inStore } from './in-store.ts';

/** As those of `qemu-img check`. */
const exitLoss = 2;
const exitSpace = 3;

export async function run(
  { terminal }: CommandContext,
  options: FsckOptions,
  { store: address, disk }: { readonly store: StoreAddress; readonly disk?: string },
): Promise<number> {
  const { json, quiet, data = false, repair = false } = options;
  const line = createCountLine(terminal, quiet === true);
  const found = await inStore(address, terminal, (store, use) =>
    checkStore(store, disk, {
      ...use,
      data,
      repair,
      onProgress: ({ done, found: total }) => line.show(`${done} of ${total} objects checked`),
    }),
  ).finally(() => line.finish());
  await terminal.print(json === true ? `${exactJson(asJson(found))}\n` : asText(found));
  if (found.problems.some(({ isLoss }) => isLoss)) return exitLoss;
  return found.problems.length > 0 ? exitSpace : 0;
}

function asText({ disks, objects, problems }: StoreCheck): string {
  const lines = problems.map(({ where, what, isLoss }) => `${isLoss ? 'loss' : 'space'}: ${where}: ${printable(what)}`);
  const sum = problems.length === 0 ? 'nothing is wrong' : numberOf(problems.length, 'problem');
  return `${[...lines, `${numberOf(disks, 'disk')}, ${numberOf(objects, 'object')}: ${sum}`].join('\n')}\n`;
}

function asJson({ disks, objects, problems }: StoreCheck) {
  return { disks, objects, problems: problems.map(({ where, what, isLoss }) => ({ where, what, 'is-loss': isLoss })) };
}
