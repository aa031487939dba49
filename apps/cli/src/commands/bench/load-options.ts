/** What the command line says about the load. */
import { UsageError } from '@nbdjs/interfaces';
import type { LoadOptions } from '@nbdjs/load';
import { argumentError } from '../../errors/argument-error.ts';
import type { BenchOptions } from './command.ts';

/** The compiler of the runtime needs so long until requests cost what they will. */
const warmUpMsDefault = 500;

/** @throws UsageError for options that contradict each other. */
export function loadOptionsOf(options: BenchOptions): LoadOptions {
  const readShare = readShareOf(options);
  const { size = { smallest: 4096, largest: 4096 }, trim = 0, zero = 0, verify } = options;
  if (verify === true && readShare === 1) {
    throw argumentError(
      '--verify: there is nothing to check without writes; say how much is read, such as --read 50%, or --write',
    );
  }
  if (options.fua === true && readShare + trim + zero >= 1)
    throw argumentError('--fua is about writes, and there are none');
  return {
    ...(options.pattern ?? { pattern: 'random' }),
    readShare,
    trimShare: trim,
    zeroShare: zero,
    requestSize: size.smallest,
    requestSizeMax: size.largest,
    depth: options.depth,
    durationMs: options.time,
    requests: options.count,
    bytes: options.bytes === undefined ? undefined : Number(options.bytes),
    requestsPerSecond: options.rate,
    warmUpMs: options.warmUp ?? warmUpMsDefault,
    offset: options.offset,
    length: options.length,
    flushEvery: options.flushEvery,
    fua: options.fua,
    verify,
    seed: options.seed,
  };
}

/** What the package calls that which the options say. */
const optionNames: Readonly<Record<string, string>> = {
  requestSize: '--size',
  requestSizeMax: '--size',
  bytes: '--bytes',
  length: '--length',
  offset: '--offset',
  depth: '--depth',
  verify: '--verify',
};

/** Carries out a load; what is wrong with its options is said in the words of the command line. */
export async function namingOptions<Report>(load: () => Promise<Report>): Promise<Report> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof UsageError) || !error.message.startsWith('runLoad: ')) throw error;
    const [name = '', ...words] = error.message.slice('runLoad: '.length).split(' ');
    throw argumentError([optionNames[name] ?? name, ...words].join(' '), { cause: error });
  }
}

function readShareOf({ read, write, trim = 0, zero = 0 }: BenchOptions): number {
  if (write === true && read !== undefined && read > 0) throw argumentError('--write and --read contradict each other');
  const rest = 1 - trim - zero;
  if (rest < -1e-9) throw argumentError('--trim and --zero are more than 100% together');
  // Without a word about reads, they are what is left.
  const share = write === true ? 0 : (read ?? Math.max(0, rest));
  if (share + trim + zero > 1 + 1e-9) throw argumentError('--read, --trim and --zero are more than 100% together');
  return share;
}
