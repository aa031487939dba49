/** What `nbd compare` prints. */
import type { CompareReport, DifferingRange } from '@nbdjs/copy';
import { compactJson, exactJson, type JsonValue } from '../../render/exact-json.ts';
import type { Terminal } from '../../terminal.ts';
import type { CompareOptions } from './command.ts';

/** Prints what a comparison has found. Each that ends it returns whether the devices are identical. */
export interface Verdict {
  /** A part that differs, of several. */
  found(range: DifferingRange): Promise<void>;
  sizesDiffer(): Promise<boolean>;
  allocationDiffers(place: bigint): Promise<boolean>;
  compared(report: CompareReport): Promise<boolean>;
}

/** The sizes of the first device and the second, in bytes. */
type Sizes = readonly [bigint, bigint];

export function createVerdict(options: CompareOptions, sizes: Sizes, terminal: Terminal): Verdict {
  if (options.quiet === true) return quietVerdict;
  return options.json === true ? jsonVerdict(options, sizes, terminal) : textVerdict(options, sizes, terminal);
}

const quietVerdict: Verdict = {
  found: async () => {},
  sizesDiffer: async () => false,
  allocationDiffers: async () => false,
  compared: async ({ differsAt }) => differsAt === undefined,
};

/** The words of qemu-img, and with `--all` a line for each part. */
function textVerdict({ all }: CompareOptions, sizes: Sizes, terminal: Terminal): Verdict {
  const say = async (text: string): Promise<false> => {
    await terminal.print(`${text}\n`);
    return false;
  };
  let parts = 0;
  return {
    async found({ offset, length }) {
      parts++;
      await terminal.print(`${String(offset).padStart(10)}  ${String(length).padStart(10)}\n`);
    },
    sizesDiffer: () => say('Strict mode: Image size mismatch!'),
    allocationDiffers: (place) => say(`Strict mode: Offset ${place} block status mismatch!`),
    async compared({ differsAt, differingBytes }) {
      const [first, second] = sizes;
      const common = first < second ? first : second;
      const isInTail = differsAt === undefined || differsAt >= common;
      if (first !== second && isInTail) await say('Warning: Image size mismatch!');
      if (differsAt === undefined) {
        await say('Images are identical.');
        return true;
      }
      if (all !== true) return await say(`Content mismatch at offset ${differsAt}!`);
      return await say(`Images differ: ${differingBytes} bytes in ${parts} ${parts === 1 ? 'part' : 'parts'}.`);
    },
  };
}

/** One object. With `--all` it begins with the parts, which are printed as they are found. */
function jsonVerdict({ all }: CompareOptions, sizes: Sizes, terminal: Terminal): Verdict {
  let before = '{\n  "ranges": [\n';
  const end = async (members: Readonly<Record<string, JsonValue | undefined>>): Promise<boolean> => {
    const isIdentical = members.identical === true;
    const text = exactJson({ ...members, sizes });
    if (all !== true) await terminal.print(`${text}\n`);
    else await terminal.print(`${before === ',\n' ? '\n  ],\n' : '{\n  "ranges": [],\n'}${text.slice(2)}\n`);
    return isIdentical;
  };
  return {
    async found({ offset, length }) {
      await terminal.print(`${before}    ${compactJson({ offset, length })}`);
      before = ',\n';
    },
    sizesDiffer: () => end({ identical: false, reason: 'size' }),
    allocationDiffers: (place) => end({ identical: false, reason: 'allocation', differsAt: place }),
    compared: ({ differsAt, differingBytes, comparedBytes }) =>
      end({
        identical: differsAt === undefined,
        reason: differsAt === undefined ? undefined : 'content',
        differsAt,
        differingBytes,
        comparedBytes,
      }),
  };
}
