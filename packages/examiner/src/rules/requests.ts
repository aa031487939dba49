/** Requests in general: cookies, unknown commands and flags, FLUSH, CACHE. */

import { Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { requireError, requireGoing, requireSuccess } from '../checks/answers.ts';
import { hasFlag, inBlocks, requireFlag } from '../checks/facts.ts';
import { readBytes } from '../checks/read-check.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { rulesOf } from './rule.ts';
import { chunkModes, everyMode, extendedMode } from './vocabulary.ts';

const errorValues = 'Error values';
const requestTypes = 'Request types';
const undefinedFlag = 0x8000;

export const requestRules = rulesOf('requests', [
  {
    id: 'S37/cookies',
    level: 'MUST',
    section: 'Transmission',
    modes: everyMode,
    sent: '8 reads in one go, with cookies such as 0 and 2^64 - 1',
    expected: 'each is answered once, with its cookie',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const cookies = [0n, 1n, 0xffff_ffff_ffff_ffffn, 1n << 63n, 0x1_0000_0000n, 0xffff_ffffn, 0x2560_9513n, 77n];
      session.send(...cookies.map((cookie) => ({ command: Command.Read, length, cookie })));
      for (const _ of cookies) readBytes(await session.answer());
      if (!(await session.wire.isQuiet())) throw new Fault('more comes than 8 replies');
    },
  },
  {
    id: 'S37/same-cookie',
    level: 'SHOULD',
    section: 'Transmission',
    modes: ['simple'],
    sent: 'two reads with the same cookie, one in flight behind the other',
    expected: 'both are answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const request = { command: Command.Read, length: examination.pieceOf(session), cookie: 42n };
      session.send(request, request);
      readBytes(await session.answer());
      readBytes(await session.answer());
    },
  },
  {
    id: 'S56/unknown-command',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'the command 0x4e44, which is not defined, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const answer = await session.ask({ command: 0x4e44 });
      await requireGoing(session, examination.pieceOf(session));
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S56/unknown-flag',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'READ with flag bit 15, which is not defined, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const answer = await session.ask({ command: Command.Read, length, flags: undefinedFlag });
      await requireGoing(session, length);
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S56/flag-of-other-command',
    level: 'SHOULD',
    section: errorValues,
    modes: everyMode,
    sent: 'READ with NO_HOLE, READ with REQ_ONE and READ with FAST_ZERO, then a read',
    expected: 'EINVAL to each, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      for (const flags of [CommandFlag.NoHole, CommandFlag.ReqOne, CommandFlag.FastZero]) {
        requireError(await session.ask({ command: Command.Read, length, flags }), WireError.Einval);
      }
      await requireGoing(session, length);
    },
  },
  {
    id: 'S56/df-not-announced',
    level: 'SHOULD',
    section: errorValues,
    modes: ['simple'],
    sent: 'READ with DF, which is not announced',
    expected: 'EINVAL',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      if (hasFlag(session, TransmissionFlag.SendDf)) throw new Inapplicable('DF is announced');
      const length = examination.pieceOf(session);
      requireError(await session.ask({ command: Command.Read, length, flags: CommandFlag.Df }), WireError.Einval);
    },
  },
  {
    id: 'S49/fua-on-read',
    level: 'MUST',
    section: 'Command flags',
    modes: everyMode,
    sent: 'READ with FUA, where FUA is announced',
    expected: 'it is accepted',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendFua, 'FUA');
      const length = examination.pieceOf(session);
      readBytes(await session.ask({ command: Command.Read, length, flags: CommandFlag.Fua }));
    },
  },
  {
    id: 'S50/flush',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'FLUSH, where it is announced, also with FUA where that is',
    expected: 'it is accepted',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendFlush, 'FLUSH');
      requireSuccess(await session.ask({ command: Command.Flush }), 'FLUSH');
      if (!hasFlag(session, TransmissionFlag.SendFua)) return;
      requireSuccess(await session.ask({ command: Command.Flush, flags: CommandFlag.Fua }), 'FLUSH with FUA');
    },
  },
  {
    id: 'S61/cache',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    sent: 'CACHE of the first block, where it is announced, then a read',
    expected: 'an answer, whether success or an error, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendCache, 'CACHE');
      const length = examination.pieceOf(session);
      const { error } = await session.ask({ command: Command.Cache, length });
      await requireGoing(session, length);
      return error === 0 ? undefined : `CACHE fails with error ${error}, which the specification allows`;
    },
  },
  {
    id: 'S61/cache-unknown-flag',
    level: 'MUST',
    section: requestTypes,
    modes: everyMode,
    hangUp: 'SHOULD',
    sent: 'CACHE with flag bit 15, where CACHE is announced',
    expected: 'an error',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendCache, 'CACHE');
      const length = examination.pieceOf(session);
      requireError(await session.ask({ command: Command.Cache, length, flags: undefinedFlag }), WireError.Einval);
    },
  },
  {
    id: 'S64/long-cache',
    level: 'SHOULD',
    section: 'Block size constraints',
    modes: everyMode,
    sent: 'CACHE of the whole export (up to 128 MiB), where CACHE is announced, then a read',
    expected: 'an answer: no reason to hang up',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      requireFlag(session, TransmissionFlag.SendCache, 'CACHE');
      const { size } = session.facts;
      const length = inBlocks(session, size < 1n << 27n ? size : 1n << 27n);
      await session.ask({ command: Command.Cache, length });
      await requireGoing(session, examination.pieceOf(session));
    },
  },
  {
    id: 'S63/status-without-context',
    level: 'SHOULD',
    section: 'Metadata querying',
    modes: everyMode,
    sent: 'BLOCK_STATUS although no context was selected, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const answer = await session.ask({ command: Command.BlockStatus, length });
      await requireGoing(session, length);
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S72/payload-where-none-belongs',
    level: 'SHOULD',
    section: 'Request message',
    modes: extendedMode,
    sent: 'READ with PAYLOAD_LEN and a payload of 512 bytes, then a read',
    expected: 'EINVAL: the payload is read, and the next request is understood',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const payload = new Uint8Array(512).fill(0x61);
      const answer = await session.ask({ command: Command.Read, flags: CommandFlag.PayloadLen, payload });
      await requireGoing(session, examination.pieceOf(session));
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S56/payload-len-in-compact-headers',
    level: 'SHOULD',
    section: errorValues,
    modes: ['simple', 'structured'],
    sent: 'READ with the flag PAYLOAD_LEN, without extended headers, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      const answer = await session.ask({ command: Command.Read, length, flags: CommandFlag.PayloadLen });
      await requireGoing(session, length);
      requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S38/read-errors-by-chunks',
    level: 'MUST',
    section: 'Structured reply chunk message',
    modes: chunkModes,
    sent: 'READ with flag bit 15, which is not defined, and a read at 2^63',
    expected: 'each error in a chunk: with structured replies, READ is never answered by a simple reply',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      for (const request of [
        { command: Command.Read, length, flags: undefinedFlag },
        { command: Command.Read, length, offset: 1n << 63n },
      ]) {
        const { form } = await session.ask(request);
        if (form === 'simple') throw new Fault('a READ is answered by a simple reply');
      }
    },
  },
  {
    id: 'S38/errors-by-chunks',
    level: 'SHOULD',
    section: 'Structured reply chunk message',
    modes: chunkModes,
    sent: 'the command 0x4e44, which is not defined',
    expected: 'the error in a chunk, which can have a text, rather than in a simple reply',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const { form } = await session.ask({ command: 0x4e44 });
      if (form === 'simple') throw new Fault('the error comes in a simple reply');
    },
  },
]);
