/** What changes the export: WRITE, WRITE_ZEROES, TRIM, with good and bad arguments. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { isZero } from '@nbdjs/kit';
import { Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { errorName, requireError, requireGoing, requireSuccess } from '../checks/answers.ts';
import { endOf, hasFlag, minimumOf, requireAnyRange, requireFlag } from '../checks/facts.ts';
import { readBytes } from '../checks/read-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';
import { requireAlive, settled } from './alive.ts';
import { type RuleEntry, rulesOf } from './rule.ts';
import { everyMode } from './vocabulary.ts';
import { patternOf, requireWritable, write, writeRequest } from './write-support.ts';

const requestTypes = 'Request types';
const errorValues = 'Error values';
const { SendFlush, SendFua, SendTrim, SendWriteZeroes, SendFastZero } = TransmissionFlag;

type WriteEntry = Omit<RuleEntry, 'judge' | 'modes' | 'isDestructive'> & {
  judge(session: Session, examination: Examination): Promise<string | undefined> | Promise<void>;
};

const entries: readonly WriteEntry[] = [
  {
    id: 'S48/read-back',
    level: 'MUST',
    section: requestTypes,
    sent: 'writes at the beginning and at the end of the export, each read back',
    expected: 'the bytes that were written',
    async judge(session, examination) {
      const length = examination.lengthUpTo(session, 65_536);
      for (const offset of [0n, endOf(session) - BigInt(length)]) await readBack(session, offset, length, 5);
    },
  },
  {
    id: 'S48/unaligned',
    level: 'MUST',
    section: requestTypes,
    sent: 'writes of single bytes and of odd ranges, where the smallest block is 1',
    expected: 'these bytes are changed, and no others',
    async judge(session, examination) {
      requireAnyRange(session);
      const length = examination.lengthUpTo(session, 16_384);
      if (length < 600) throw new Inapplicable('the export has fewer than 600 bytes');
      const expected = Uint8Array.from(await write(session, 0n, length, 6));
      for (const [position, count] of [
        [0, 1],
        [511, 3],
        [length - 1, 1],
        [300, length - 301],
      ] as const) {
        expected.set(await write(session, BigInt(position), count, 7 + position), position);
      }
      if ((await read(session, 0n, length)).join() !== expected.join()) throw new Fault('other bytes are there');
    },
  },
  {
    id: 'S49/fua',
    level: 'MUST',
    section: 'Command flags',
    sent: 'WRITE, WRITE_ZEROES and TRIM with FUA, where they are announced',
    expected: 'FUA is accepted',
    async judge(session, examination) {
      requireFlag(session, SendFua, 'FUA');
      const length = examination.pieceOf(session);
      await readBack(session, 0n, length, 8, CommandFlag.Fua);
      for (const [flag, command] of [
        [SendWriteZeroes, Command.WriteZeroes],
        [SendTrim, Command.Trim],
      ] as const) {
        if (!hasFlag(session, flag)) continue;
        requireSuccess(await session.ask({ command, length, flags: CommandFlag.Fua }), 'a command with FUA');
      }
    },
  },
  {
    id: 'S50/flush-after-write',
    level: 'MUST',
    section: 'Ordering of messages and writes',
    sent: 'WRITE, then FLUSH',
    expected: 'success, and the bytes are still there',
    async judge(session, examination) {
      requireFlag(session, SendFlush, 'FLUSH');
      const length = examination.pieceOf(session);
      const bytes = await write(session, 0n, length, 9);
      requireSuccess(await session.ask({ command: Command.Flush }), 'FLUSH');
      if ((await read(session, 0n, length)).join() !== bytes.join()) throw new Fault('other bytes are there');
    },
  },
  {
    id: 'S54/write-behind-the-end',
    level: 'SHOULD',
    section: errorValues,
    sent: 'WRITE and WRITE_ZEROES behind the end of the export and across it, then a read',
    expected: 'ENOSPC, and the read is answered',
    async judge(session, examination) {
      const length = examination.pieceOf(session);
      const places = [endOf(session) + BigInt(length), endOf(session) - BigInt(minimumOf(session))];
      const answers = [];
      for (const offset of places) {
        answers.push(await session.ask(writeRequest(session, offset, new Uint8Array(2 * length))));
        await requireGoing(session, length);
        if (!hasFlag(session, SendWriteZeroes)) continue;
        answers.push(await session.ask({ command: Command.WriteZeroes, offset, length: 2 * length }));
      }
      await requireGoing(session, length);
      for (const answer of answers) requireError(answer, WireError.Enospc);
    },
  },
  {
    id: 'S54/trim-behind-the-end',
    level: 'SHOULD',
    section: errorValues,
    sent: 'TRIM behind the end of the export, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(session, examination) {
      requireFlag(session, SendTrim, 'TRIM');
      const length = examination.pieceOf(session);
      const offset = endOf(session) + BigInt(length);
      const answer = await session.ask({ command: Command.Trim, offset, length });
      await requireGoing(session, length);
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S56/write-with-unknown-flag',
    level: 'SHOULD',
    section: errorValues,
    sent: 'WRITE with flag bit 15 and with DF, then a read',
    expected: 'EINVAL, nothing is written, and the read is answered',
    async judge(session, examination) {
      const length = examination.pieceOf(session);
      const before = await write(session, 0n, length, 10);
      const answers = [];
      for (const flags of [0x8000, CommandFlag.Df]) {
        answers.push(await session.ask(writeRequest(session, 0n, patternOf(length, 11), flags)));
      }
      const after = await read(session, 0n, length);
      for (const answer of answers) requireError(answer, WireError.Einval);
      if (after.join() !== before.join()) throw new Fault('it is refused, and yet carried out');
    },
  },
  {
    id: 'S58/zero-length-writes',
    level: 'SHOULD',
    section: requestTypes,
    sent: 'WRITE, TRIM and WRITE_ZEROES of no bytes (what is announced), then a read',
    expected: 'any answer: what it is, is not specified, but the server should not hang up',
    async judge(session, examination) {
      const errors = [(await session.ask(writeRequest(session, 0n, new Uint8Array(0)))).error];
      if (hasFlag(session, SendTrim)) errors.push((await session.ask({ command: Command.Trim })).error);
      if (hasFlag(session, SendWriteZeroes)) errors.push((await session.ask({ command: Command.WriteZeroes })).error);
      await requireGoing(session, examination.pieceOf(session));
      const names = [...new Set(errors)].filter((error) => error !== 0).map(errorName);
      return names.length === 0 ? undefined : `answered by ${names.join(', ')}, which is allowed`;
    },
  },
  {
    id: 'S59/zeroes',
    level: 'MUST',
    section: requestTypes,
    sent: 'WRITE, then WRITE_ZEROES without flags and with NO_HOLE, where it is announced',
    expected: 'success, never ENOTSUP, and zeroes',
    async judge(session, examination) {
      requireFlag(session, SendWriteZeroes, 'WRITE_ZEROES');
      const length = examination.lengthUpTo(session, 65_536);
      for (const flags of [0, CommandFlag.NoHole]) {
        await write(session, 0n, length, 12);
        requireSuccess(await session.ask({ command: Command.WriteZeroes, length, flags }), 'WRITE_ZEROES');
        if (!isZero(await read(session, 0n, length))) throw new Fault('the bytes are not zero');
      }
    },
  },
  {
    id: 'S59/fast-zero',
    level: 'MUST',
    section: requestTypes,
    sent: 'WRITE, then WRITE_ZEROES with FAST_ZERO, where that is announced',
    expected: 'zeroes, or ENOTSUP and unchanged bytes',
    async judge(session, examination) {
      requireFlag(session, SendFastZero, 'FAST_ZERO');
      const length = examination.lengthUpTo(session, 65_536);
      const before = await write(session, 0n, length, 13);
      const { error } = await session.ask({ command: Command.WriteZeroes, length, flags: CommandFlag.FastZero });
      const after = await read(session, 0n, length);
      if (error === 0 && !isZero(after)) throw new Fault('the bytes are not zero');
      if (error === 0) return undefined;
      if (error !== WireError.Enotsup) throw new Fault(`it fails with ${errorName(error)}, expected ENOTSUP`);
      if (after.join() !== before.join()) throw new Fault('ENOTSUP, and the bytes have changed', { level: 'SHOULD' });
      return 'always or sometimes ENOTSUP, which is allowed';
    },
  },
  {
    id: 'S59/fast-zero-not-announced',
    level: 'SHOULD',
    section: requestTypes,
    // An assertion of nbdkit 1.42 fails by it.
    isRisky: true,
    sent: 'WRITE_ZEROES with FAST_ZERO, where that is not announced; then another connection',
    expected: 'EINVAL, and the other connection is served as before',
    async judge(session, examination) {
      requireFlag(session, SendWriteZeroes, 'WRITE_ZEROES');
      if (hasFlag(session, SendFastZero)) throw new Inapplicable('FAST_ZERO is announced');
      const length = examination.pieceOf(session);
      const flags = CommandFlag.FastZero;
      const outcome = await settled(async () => {
        requireError(await session.ask({ command: Command.WriteZeroes, length, flags }), WireError.Einval);
      });
      await requireAlive(examination);
      outcome();
    },
  },
  {
    id: 'S60/trim',
    level: 'MUST',
    section: requestTypes,
    sent: 'TRIM of the first block, where it is announced, then writes around it',
    expected: 'success, and nothing outside of the block is changed',
    async judge(session, examination) {
      requireFlag(session, SendTrim, 'TRIM');
      const length = examination.pieceOf(session);
      if (endOf(session) < BigInt(3 * length)) throw new Inapplicable('the export has fewer than three blocks');
      const before = await write(session, 0n, 3 * length, 14);
      requireSuccess(await session.ask({ command: Command.Trim, offset: BigInt(length), length }), 'TRIM');
      const after = await read(session, 0n, 3 * length);
      const isSame = (from: number, to: number) => after.subarray(from, to).join() === before.subarray(from, to).join();
      if (!isSame(0, length) || !isSame(2 * length, 3 * length)) throw new Fault('bytes outside of the range changed');
    },
  },
  {
    id: 'S64/long-trim-and-zeroes',
    level: 'SHOULD',
    section: 'Block size constraints',
    sent: 'TRIM and WRITE_ZEROES of the whole export (up to 1 GiB), where they are announced, then a read',
    expected: 'an answer: no reason to hang up',
    async judge(session, examination) {
      const length = endOf(session) < 2n ** 30n ? endOf(session) : 2n ** 30n;
      const errors: string[] = [];
      for (const [flag, command] of [
        [SendTrim, Command.Trim],
        [SendWriteZeroes, Command.WriteZeroes],
      ] as const) {
        if (hasFlag(session, flag)) errors.push(errorName((await session.ask({ command, length })).error));
      }
      await requireGoing(session, examination.pieceOf(session));
      return errors.length === 0 ? undefined : `answered by ${errors.join(' and ')}`;
    },
  },
  {
    id: 'G6/write-32-mib',
    level: 'SHOULD',
    section: 'Block size constraints',
    sent: 'a WRITE of 32 MiB less one block (of what the export has), then a read',
    expected: 'an answer: less than 2^25 bytes are no denial of service',
    async judge(session, examination) {
      const most = 2 ** 25 - Math.max(4096, minimumOf(session));
      const length = endOf(session) < BigInt(most) ? Number(endOf(session)) : most - (most % minimumOf(session));
      const { error } = await session.ask(writeRequest(session, 0n, patternOf(length, 15)));
      await requireGoing(session, examination.pieceOf(session));
      return error === 0 ? undefined : `${length} bytes are refused by ${errorName(error)}`;
    },
  },
];

/** Each on a session of its own, in each mode, and only where the export can be written. */
export const writeRules = rulesOf(
  'writes',
  entries.map((entry) => ({
    ...entry,
    modes: everyMode,
    isDestructive: true,
    async judge(examination: Examination, mode: HeaderMode): Promise<string | undefined> {
      const session = await examination.open(mode);
      requireWritable(session);
      const remark: unknown = await entry.judge(session, examination);
      return typeof remark === 'string' ? remark : undefined;
    },
  })),
);

async function readBack(session: Session, offset: bigint, length: number, seed: number, flags = 0): Promise<void> {
  const bytes = await write(session, offset, length, seed, flags);
  if ((await read(session, offset, length)).join() !== bytes.join()) {
    throw new Fault(`what was written at ${offset} is not what is read there`);
  }
}

async function read(session: Session, offset: bigint, length: number): Promise<Uint8Array> {
  return readBytes(await session.ask({ command: Command.Read, offset, length }));
}
