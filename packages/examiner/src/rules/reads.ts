/** Reads: their content, chunk by chunk, and their ends. */
import { concatenate } from '@nbdjs/kit';
import { Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { errorName, requireError, requireGoing } from '../checks/answers.ts';
import { endOf, minimumOf, requireAnyRange, requireFlag } from '../checks/facts.ts';
import { contentOf, readBytes } from '../checks/read-check.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import type { Answer, Session } from '../wire/session.ts';
import { rulesOf } from './rule.ts';
import { everyMode, extendedMode } from './vocabulary.ts';

const requestTypes = 'Request types';
const errorValues = 'Error values';
const sizes = 'Block size constraints';

/** Servers have to read so much with DF. */
const dfBytes = 65_536;

export const readRules = rulesOf('reads', [
  {
    id: 'S42/whole',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'reads of the first and the last MiB, and of parts of them',
    expected: 'chunks that cover each read, without overlaps and within it; the same bytes each time',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.lengthUpTo(session, 2 ** 20);
      const block = minimumOf(session);
      for (const start of [0n, lastStart(session, length)]) {
        const whole = await read(session, start, length);
        const half = Math.floor(length / 2 / block) * block;
        if (half === 0) continue;
        const parts = [await read(session, start, half), await read(session, start + BigInt(half), length - half)];
        if (!isSame(whole, concatenate(parts))) throw new Fault(`reads of the same bytes from ${start} on differ`);
      }
    },
  },
  {
    id: 'S42/unaligned',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'reads of single bytes and of odd ranges, where the smallest block is 1',
    expected: 'the bytes that a longer read has at these places',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireAnyRange(session);
      const length = examination.lengthUpTo(session, 16_384);
      const start = lastStart(session, length);
      const whole = await read(session, start, length);
      const ranges = [
        [0, 1],
        [length - 1, 1],
        [Math.min(511, length - 1), Math.min(3, length - Math.min(511, length - 1))],
        [Math.min(4095, length - 1), Math.min(4098, length - Math.min(4095, length - 1))],
      ] as const;
      for (const [position, count] of ranges) {
        const bytes = await read(session, start + BigInt(position), count);
        const expected = whole.subarray(position, position + count);
        if (!isSame(bytes, expected)) throw new Fault(`${count} bytes from ${start + BigInt(position)} on differ`);
      }
    },
  },
  {
    id: 'S46/df',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'READ with DF of 64 KiB at both ends of the export, where DF is announced',
    expected: 'one chunk of content at most, all bytes in it, and no EOVERFLOW',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendDf, 'DF');
      const length = examination.lengthUpTo(session, dfBytes);
      for (const start of [0n, lastStart(session, length)]) {
        const usual = await read(session, start, length);
        if (!isSame(await read(session, start, length, CommandFlag.Df), usual)) {
          throw new Fault(`reads with DF and without it differ, from ${start} on`);
        }
      }
    },
  },
  {
    id: 'S46/long-df',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'READ with DF of 1 MiB, where DF is announced',
    expected: 'one chunk of content, or EOVERFLOW without content',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendDf, 'DF');
      const length = examination.lengthUpTo(session, 2 ** 20);
      const answer = await session.ask({ command: Command.Read, length, flags: CommandFlag.Df });
      if (answer.error === 0) readBytes(answer);
      else if (answer.error !== WireError.Eoverflow) throw new Fault(`it fails with ${errorName(answer.error)}`);
      else if (hasContent(answer)) throw new Fault('EOVERFLOW comes with content');
    },
  },
  {
    id: 'S54/read-across-the-end',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'a read that begins in the last block and ends one block behind the end, then a read',
    expected: 'EINVAL, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const minimum = BigInt(minimumOf(session));
      const offset = lastStart(session, Number(minimum));
      await refuses(session, offset, minimum + (minimum > 512n ? minimum : 512n), length);
    },
  },
  {
    id: 'S54/read-behind-the-end',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'a read that begins at the end of the export, then a read',
    expected: 'EINVAL, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const { size } = session.facts;
      const minimum = BigInt(minimumOf(session));
      await refuses(session, ((size + minimum - 1n) / minimum) * minimum, BigInt(length), length);
    },
  },
  {
    id: 'S54/read-far-away',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'reads at 2^63 and so near to 2^64 that their end does not fit a number, then a read',
    expected: 'EINVAL, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const minimum = BigInt(Math.max(512, minimumOf(session)));
      await refuses(session, 1n << 63n, BigInt(length), length);
      await refuses(session, (1n << 64n) - minimum, 2n * minimum, length);
    },
  },
  {
    id: 'S55/unaligned',
    level: 'SHOULD',
    section: sizes,
    modes: everyMode,
    sent: 'reads whose offset or length is no multiple of the smallest block, after its size was asked for',
    expected: 'EINVAL, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const minimum = minimumOf(session);
      if (minimum === 1) throw new Inapplicable('the smallest block is 1 byte');
      const length = examination.pieceOf(session);
      await refuses(session, 1n, BigInt(minimum), length, 'an unaligned offset');
      await refuses(session, 0n, BigInt(minimum) - 1n, length, 'an unaligned length');
    },
  },
  {
    id: 'S55/too-long',
    level: 'SHOULD',
    section: sizes,
    modes: everyMode,
    sent: 'a read longer than the largest payload, where one is announced and the export is longer',
    expected: 'EINVAL or EOVERFLOW, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const { size, blockSizes } = session.facts;
      const { maximum = 0xffff_ffff, minimum = 1 } = blockSizes ?? {};
      const tooLong = BigInt(maximum) + BigInt(Math.max(minimum, 512));
      if (maximum === 0xffff_ffff || maximum > 2 ** 26) throw new Inapplicable('no bound below 64 MiB is announced');
      if (tooLong > size) throw new Inapplicable('the export is not longer than the largest payload');
      const answer = await session.ask({ command: Command.Read, length: tooLong });
      await requireGoing(session, examination.pieceOf(session));
      if (answer.error !== WireError.Eoverflow) requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'G6/read-32-mib',
    level: 'SHOULD',
    section: sizes,
    modes: everyMode,
    sent: 'a read of 32 MiB less one block (of what the export has), then a read',
    expected: 'an answer: a read of less than 2^25 bytes is no denial of service',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const minimum = minimumOf(session);
      const most = 2 ** 25 - Math.max(minimum, 4096);
      const end = endOf(session);
      const length = end < BigInt(most) ? Number(end) : most - (most % minimum);
      if (length === 0) throw new Inapplicable('the export is smaller than its smallest block');
      const answer = await session.ask({ command: Command.Read, length });
      if (answer.error === 0) readBytes(answer);
      await requireGoing(session, examination.pieceOf(session));
      return answer.error === 0 ? undefined : `${length} bytes are refused by ${errorName(answer.error)}`;
    },
  },
  {
    id: 'S58/zero-length',
    level: 'SHOULD',
    section: requestTypes,
    modes: everyMode,
    sent: 'a read of no bytes, then a read',
    expected: 'any answer: what it is, is not specified, but the server should not hang up',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const answer = await session.ask({ command: Command.Read, length: 0 });
      await requireGoing(session, examination.pieceOf(session));
      return answer.error === 0
        ? undefined
        : `a read of no bytes fails with ${errorName(answer.error)}, which is allowed`;
    },
  },
  {
    id: 'S76/read-of-64-bits',
    level: 'SHOULD',
    section: 'Structured reply types',
    modes: extendedMode,
    sent: 'a read of 2^32 + 4096 bytes, longer than any payload, then a read',
    expected: 'EOVERFLOW or EINVAL, and the next read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      if (session.facts.size >= 1n << 32n && (session.facts.blockSizes?.maximum ?? 0xffff_ffff) === 0xffff_ffff) {
        throw new Inapplicable('the server might really send so much');
      }
      const answer = await session.ask({ command: Command.Read, length: (1n << 32n) + 4096n });
      await requireGoing(session, examination.pieceOf(session));
      if (answer.error !== WireError.Eoverflow) requireError(answer, WireError.Einval);
    },
  },
]);

async function read(session: Session, offset: bigint, length: number, flags = 0): Promise<Uint8Array> {
  return readBytes(await session.ask({ command: Command.Read, offset, length, flags }));
}

/** Sends a read that has to fail, and sees that the session goes on. */
async function refuses(session: Session, offset: bigint, length: bigint, good: number, what = 'it'): Promise<void> {
  const answer = await session.ask({ command: Command.Read, offset, length });
  await requireGoing(session, good);
  if (answer.error === 0) throw new Fault(`${what} is served, expected EINVAL`);
  if (answer.form === 'chunks') contentOf(answer);
  requireError(answer, WireError.Einval);
}

function hasContent({ chunks }: Answer): boolean {
  return chunks.some(({ type }) => type === 1 || type === 2);
}

/** Where the last `length` bytes begin, on a border of blocks. */
function lastStart(session: Session, length: number): bigint {
  const start = endOf(session) - BigInt(length);
  return start > 0n ? start : 0n;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
