/** `nbd compare`: whether two devices have the same content. Words and exit codes are those of `qemu-img compare`. */
import { type CompareReport, compareAllocation, compareDevices } from '@nbdjs/copy';
import { nextTurn } from '@nbdjs/node';
import { withTls } from '../../connecting/client-tls.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { report } from '../../errors/report.ts';
import { requireFiles } from '../../images/options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { Operand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import { widen } from '../copy/open-connections.ts';
import { createProgress } from '../copy/progress.ts';
import type { DeviceSide } from '../copy/side.ts';
import { withSides } from '../copy/with-sides.ts';
import type { CompareOptions } from './command.ts';
import { createVerdict, type Verdict } from './verdict.ts';

const exitCodes = { identical: 0, different: 1, opening: 2, mapping: 3, reading: 4 } as const;

/** What is being done, for the exit code of a failure. */
type Stage = 'opening' | 'mapping' | 'reading';

/** What is compared. */
interface Comparison {
  readonly first: DeviceSide;
  readonly second: DeviceSide;
  readonly options: CompareOptions;
  readonly terminal: Terminal;
  readonly verdict: Verdict;
  readonly enter: (stage: Stage) => void;
}

export async function run(
  { terminal }: CommandContext,
  options: CompareOptions,
  givenFirst: Operand,
  givenSecond: Operand,
): Promise<number> {
  const operands = [givenFirst, givenSecond];
  let stage: Stage = 'opening';
  try {
    requireFiles(options, operands);
    requireFileOf('--first-format', options.firstFormat, givenFirst);
    requireFileOf('--second-format', options.secondFormat, givenSecond);
    const isEqual = await withSides(options, terminal, async (open) => {
      const first = await open(withTls(givenFirst, options, operands), options.firstFormat);
      const second = await open(withTls(givenSecond, options, operands), options.secondFormat);
      widen([first, second], options);
      const verdict = createVerdict(options, [first.device.geometry.size, second.device.geometry.size], terminal);
      const enter = (next: Stage): void => {
        stage = next;
      };
      return await compare({ first, second, options, terminal, verdict, enter });
    });
    return isEqual ? exitCodes.identical : exitCodes.different;
  } catch (error) {
    const code = report(error, { command: 'compare', isVerbose: options.verbose === true }, terminal);
    return code === exitCodes.opening ? exitCodes[stage] : code;
  }
}

function requireFileOf(option: string, format: string | undefined, { type }: Operand): void {
  if (format !== undefined && type !== 'file') throw argumentError(`${option} is about a file, and there is none`);
}

async function compare(comparison: Comparison): Promise<boolean> {
  const { first, second, options, terminal, verdict, enter } = comparison;
  const { signal } = terminal;
  const isSameSize = first.device.geometry.size === second.device.geometry.size;
  if (options.strict === true) {
    if (!isSameSize) return await verdict.sizesDiffer();
    enter('mapping');
    const place = await compareAllocation(first.device, second.device, { signal });
    if (place !== undefined) return await verdict.allocationDiffers(place);
  }
  enter('reading');
  return await verdict.compared(await compareContent(comparison));
}

async function compareContent({ first, second, options, terminal, verdict }: Comparison): Promise<CompareReport> {
  const progress = createProgress(options, terminal, 'comparing');
  let isDone = false;
  try {
    const result = await compareDevices(first.device, second.device, {
      zeroTail: true,
      extents: options.extents,
      requestSize: options.requestSize,
      gapBytes: options.gap,
      onDifference: options.all === true ? (range) => verdict.found(range) : undefined,
      onProgress: (figures) => progress.update(figures),
      signal: terminal.signal,
      nextTurn,
    });
    isDone = true;
    return result;
  } finally {
    progress.finish(isDone);
  }
}
