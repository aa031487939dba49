/** Block status: extents, contexts, filters. */

import type { HeaderMode } from '@nbdjs/interfaces';
import { AllocationStatus, baseAllocation } from '@nbdjs/interfaces';
import { isZero } from '@nbdjs/kit';
import { Command, CommandFlag, encodeBlockStatusPayload, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { errorName, requireError, requireGoing } from '../checks/answers.ts';
import { endOf, hasFlag, inBlocks, requireAnyRange } from '../checks/facts.ts';
import { readBytes } from '../checks/read-check.ts';
import { type StatusExtent, statusExtents } from '../checks/status-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';
import { rulesOf } from './rule.ts';
import { chunkModes, extendedMode } from './vocabulary.ts';

const requestTypes = 'Request types';
const replyTypes = 'Structured reply types';

/** More is not asked about at a time: it fits 32 bits, and all block sizes. */
const rangeMax = 2n ** 30n;
const zeroExtentsMax = 8;

export const statusRules = rulesOf('status', [
  {
    id: 'S62/whole',
    level: 'MUST',
    section: replyTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS of the first GiB (or the export), with all contexts that are listed',
    expected:
      'one chunk for each context, with extents that are not empty, follow each other, and do not begin behind the request',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      const answer = await session.ask({ command: Command.BlockStatus, length: rangeOf(session) });
      const lists = [...statusExtents(session, answer).values()];
      const isSplit = lists.some((extents) => extents.some((one, index) => one.status === extents[index - 1]?.status));
      return isSplit
        ? 'neighbouring extents have the same status, which servers should avoid where feasible'
        : undefined;
    },
  },
  {
    id: 'S62/req-one',
    level: 'MUST',
    section: replyTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS with REQ_ONE, of one block and of the first GiB',
    expected: 'one extent for each context, no longer than the request',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      for (const length of [BigInt(examination.pieceOf(session)), rangeOf(session)]) {
        const flags = CommandFlag.ReqOne;
        statusExtents(session, await session.ask({ command: Command.BlockStatus, length, flags }));
      }
    },
  },
  {
    id: 'S62/last-block',
    level: 'MUST',
    section: replyTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS of the last block, with REQ_ONE and without',
    expected: 'extents for each context, none behind the end of the export',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      const length = BigInt(examination.pieceOf(session));
      const { size } = session.facts;
      const offset = endOf(session) - length;
      for (const flags of [0, CommandFlag.ReqOne]) {
        const answer = await session.ask({ command: Command.BlockStatus, offset, length, flags });
        for (const extents of statusExtents(session, answer).values()) {
          const last = extents.at(-1) as StatusExtent;
          if (last.offset + last.length > size)
            throw new Fault('an extent ends behind the export', { level: 'SHOULD' });
        }
      }
    },
  },
  {
    id: 'S62/unaligned',
    level: 'MUST',
    section: replyTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS of odd ranges, where the smallest block is 1',
    expected: 'extents from the offset of the request on',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      requireAnyRange(session);
      const length = examination.lengthUpTo(session, 20_000);
      if (length < 3) throw new Inapplicable('the export has fewer than 3 bytes');
      statusExtents(session, await session.ask({ command: Command.BlockStatus, offset: 1n, length: length - 2 }));
      statusExtents(session, await session.ask({ command: Command.BlockStatus, offset: 1n, length: 1 }));
    },
  },
  {
    id: 'S35/zero-reads-as-zero',
    level: 'MUST',
    section: '`base:allocation` metadata context',
    modes: chunkModes,
    sent: 'BLOCK_STATUS of the first GiB, and reads in extents that base:allocation reports as zero',
    expected: 'zeroes',
    async judge(examination, mode) {
      const { session, extents } = await openForAllocation(examination, mode);
      const zeroes = extents.filter(({ status }) => (Number(status) & AllocationStatus.Zero) !== 0);
      if (zeroes.length === 0) throw new Inapplicable('nothing is reported as zero');
      const most = BigInt(examination.lengthUpTo(session, 65_536));
      for (const { offset, length } of zeroes.slice(0, zeroExtentsMax)) {
        const left = session.facts.size - offset;
        const inside = length < left ? length : left;
        const piece = inside < most ? inside : most;
        if (piece <= 0n) continue;
        const bytes = readBytes(await session.ask({ command: Command.Read, offset, length: piece, flags: 0 }));
        if (!isZero(bytes)) throw new Fault(`${piece} bytes from ${offset} on are reported as zero, and are not`);
      }
    },
  },
  {
    id: 'S35/reserved-bits',
    level: 'SHOULD',
    section: '`base:allocation` metadata context',
    modes: chunkModes,
    sent: 'BLOCK_STATUS of the first GiB with base:allocation',
    expected: 'no bits besides HOLE and ZERO',
    async judge(examination, mode) {
      const { extents } = await openForAllocation(examination, mode);
      const other = extents.find(({ status }) => (status & ~3n) !== 0n);
      if (other !== undefined) throw new Fault(`the status at ${other.offset} is 0x${other.status.toString(16)}`);
    },
  },
  {
    id: 'S54/status-behind-the-end',
    level: 'SHOULD',
    section: requestTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS behind the end of the export, and across it, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      const length = BigInt(examination.pieceOf(session));
      const end = endOf(session);
      const answers = [
        await session.ask({ command: Command.BlockStatus, offset: end + length, length }),
        await session.ask({ command: Command.BlockStatus, offset: end - length, length: 2n * length + length }),
      ];
      await requireGoing(session, Number(length));
      for (const answer of answers) requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S58/status-of-nothing',
    level: 'SHOULD',
    section: requestTypes,
    modes: chunkModes,
    sent: 'BLOCK_STATUS of no bytes, then a read',
    expected: 'any answer: what it is, is not specified, but the server should not hang up',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      const { error } = await session.ask({ command: Command.BlockStatus, length: 0 });
      await requireGoing(session, examination.pieceOf(session));
      return error === 0 ? undefined : `it fails with ${errorName(error)}, which is allowed`;
    },
  },
  {
    id: 'S56/status-with-other-flags',
    level: 'SHOULD',
    section: 'Error values',
    modes: chunkModes,
    sent: 'BLOCK_STATUS with DF and with flag bit 15, then a read',
    expected: 'EINVAL, and the read is answered',
    async judge(examination, mode) {
      const session = await open(examination, mode);
      const length = examination.pieceOf(session);
      const answers = [
        await session.ask({ command: Command.BlockStatus, length, flags: CommandFlag.Df }),
        await session.ask({ command: Command.BlockStatus, length, flags: 0x8000 }),
      ];
      await requireGoing(session, length);
      for (const answer of answers) requireError(answer, WireError.Einval);
    },
  },
  {
    id: 'S74/filter',
    level: 'MUST',
    section: requestTypes,
    modes: extendedMode,
    sent: 'BLOCK_STATUS with a payload that names one of the selected contexts, where that is announced',
    expected: 'one chunk, for that context',
    async judge(examination, mode) {
      const session = await openForFilters(examination, mode);
      const length = BigInt(examination.pieceOf(session));
      for (const { id } of session.contexts) {
        const answer = await session.ask(filter(length, [id]));
        statusExtents(session, answer, { ids: [id], length });
      }
      const ids = session.contexts.map(({ id }) => id);
      statusExtents(session, await session.ask(filter(length, ids)), { ids, length });
    },
  },
  {
    id: 'S74/bad-filters',
    level: 'MUST',
    section: requestTypes,
    modes: extendedMode,
    hangUp: 'SHOULD',
    sent: 'payloads of BLOCK_STATUS that name a context twice, name one that was not selected, and have 5 bytes; then a read',
    expected: 'EINVAL to each, and the read is answered',
    async judge(examination, mode) {
      const session = await openForFilters(examination, mode);
      const length = BigInt(examination.pieceOf(session));
      const [first] = session.contexts;
      const id = first?.id ?? 0;
      const other = Math.max(...session.contexts.map((context) => context.id)) + 1000;
      const flags = CommandFlag.PayloadLen;
      const requests = [
        filter(length, [id, id]),
        filter(length, [other]),
        { command: Command.BlockStatus, flags, payload: new Uint8Array(5) },
      ];
      for (const request of requests) requireError(await session.ask(request), WireError.Einval);
      await requireGoing(session, Number(length));
    },
  },
]);

function filter(length: bigint, ids: readonly number[]) {
  const payload = encodeBlockStatusPayload(length, ids);
  return { command: Command.BlockStatus, flags: CommandFlag.PayloadLen, payload };
}

/** A session with all contexts of the server. */
async function open(examination: Examination, mode: HeaderMode): Promise<Session> {
  const contexts = examination.survey.contexts.filter((name) => !name.endsWith(':'));
  if (contexts.length === 0) throw new Inapplicable('the server lists no contexts');
  return await examination.open(mode, { contexts });
}

/** A session with base:allocation, and what it says about the first GiB. */
async function openForAllocation(examination: Examination, mode: HeaderMode) {
  const session = await examination.open(mode, { contexts: [baseAllocation] });
  const answer = await session.ask({ command: Command.BlockStatus, length: rangeOf(session) });
  const [extents = []] = statusExtents(session, answer).values();
  return { session, extents };
}

async function openForFilters(examination: Examination, mode: HeaderMode): Promise<Session> {
  const session = await open(examination, mode);
  if (hasFlag(session, TransmissionFlag.BlockStatusPayload)) return session;
  throw new Inapplicable('payloads of BLOCK_STATUS are not announced');
}

function rangeOf(session: Session): bigint {
  const { size } = session.facts;
  const length = inBlocks(session, size < rangeMax ? size : rangeMax);
  if (length === 0n) throw new Inapplicable('the export has no whole block');
  return length;
}
