/** Several connections to one export. */

import { Command, TransmissionFlag } from '@nbdjs/protocol';
import { requireGoing } from '../checks/answers.ts';
import { hasFlag, requireFlag } from '../checks/facts.ts';
import { readBytes } from '../checks/read-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';
import { rulesOf } from './rule.ts';
import { requireWritable, write } from './write-support.ts';

const section = 'Transmission flags';

export const connectionRules = rulesOf('connections', [
  {
    id: 'S51/several',
    level: 'MUST',
    section,
    sent: '4 connections at a time, where CAN_MULTI_CONN is set, with a read on each',
    expected: 'the same size and the same bytes on all',
    async judge(examination) {
      const sessions = await openSeveral(examination, 4);
      const [first] = sessions as [Session, ...Session[]];
      const length = examination.pieceOf(first);
      const texts: string[] = [];
      for (const session of sessions) {
        if (session.facts.size !== first.facts.size) throw new Fault('the sizes differ');
        texts.push(readBytes(await session.ask({ command: Command.Read, length })).join());
      }
      if (new Set(texts).size > 1) throw new Fault('the connections read different bytes');
    },
  },
  {
    id: 'S51/one-goes',
    level: 'MUST',
    section,
    sent: 'two connections, of which one is cut in the middle of a request',
    expected: 'the other one is served as before',
    async judge(examination) {
      const [one, other] = (await openSeveral(examination, 2)) as [Session, Session];
      const length = examination.pieceOf(other);
      await requireGoing(other, length);
      one.wire.send(Uint8Array.of(0x25, 0x60, 0x95, 0x13, 0, 0));
      one.wire.destroy();
      await requireGoing(other, length);
      await requireGoing(other, length);
    },
  },
  {
    id: 'S51/flush',
    level: 'MUST',
    section,
    isDestructive: true,
    sent: 'a WRITE and a FLUSH on one connection, then a read on another one that has read the same place before',
    expected: 'the second connection reads what was written',
    async judge(examination) {
      const [one, other] = (await openSeveral(examination, 2)) as [Session, Session];
      requireWritable(one);
      if (!hasFlag(one, TransmissionFlag.SendFlush)) throw new Inapplicable('there is no FLUSH');
      const length = examination.pieceOf(one);
      for (const seed of [1, 2]) {
        readBytes(await other.ask({ command: Command.Read, length }));
        const bytes = await write(one, 0n, length, seed);
        const { error } = await one.ask({ command: Command.Flush });
        if (error !== 0) throw new Fault(`FLUSH fails with error ${error}`);
        const seen = readBytes(await other.ask({ command: Command.Read, length }));
        if (seen.join() !== bytes.join()) throw new Fault('the other connection reads older bytes after FLUSH');
      }
    },
  },
  {
    id: 'S51/fua',
    level: 'MUST',
    section,
    isDestructive: true,
    sent: 'a WRITE with FUA on one connection, then a read on another one',
    expected: 'the second connection reads what was written',
    async judge(examination) {
      const [one, other] = (await openSeveral(examination, 2)) as [Session, Session];
      requireWritable(one);
      requireFlag(one, TransmissionFlag.SendFua, 'FUA');
      const length = examination.pieceOf(one);
      readBytes(await other.ask({ command: Command.Read, length }));
      const bytes = await write(one, 0n, length, 3, 1);
      const seen = readBytes(await other.ask({ command: Command.Read, length }));
      if (seen.join() !== bytes.join())
        throw new Fault('the other connection reads older bytes after a WRITE with FUA');
    },
  },
]);

async function openSeveral(examination: Examination, count: number): Promise<readonly Session[]> {
  const first = await examination.open('simple');
  if (!hasFlag(first, TransmissionFlag.CanMultiConn)) throw new Inapplicable('CAN_MULTI_CONN is not set');
  const sessions = [first];
  while (sessions.length < count) sessions.push(await examination.open('simple', { keepsOthers: true }));
  return sessions;
}
