/** How a session ends. */
import { Command } from '@nbdjs/protocol';
import { readBytes } from '../checks/read-check.ts';
import { Fault, HungUp, Inapplicable } from '../examination/outcomes.ts';
import { rulesOf } from './rule.ts';
import { everyMode } from './vocabulary.ts';

export const endingRules = rulesOf('ending', [
  {
    id: 'S52/disc',
    level: 'MUST',
    section: 'Terminating the transmission phase',
    modes: everyMode,
    sent: 'DISC',
    expected: 'no reply, and the server closes the connection',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      session.send({ command: Command.Disconnect });
      if (!(await session.wire.isQuiet())) throw new Fault('DISC is answered');
      if (!(await session.wire.isEnded())) throw new Fault('the server leaves the connection open');
    },
  },
  {
    id: 'S52/outstanding',
    level: 'MUST',
    section: 'Request types',
    modes: everyMode,
    sent: '16 reads and DISC in one go',
    expected: 'the reads are answered, then the server closes the connection',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.lengthUpTo(session, 65_536);
      const reads = Array.from({ length: 16 }, () => ({ command: Command.Read, length }));
      session.send(...reads, { command: Command.Disconnect });
      for (const index of reads.keys()) {
        try {
          // An error is an answer, too: a server that stops may send ESHUTDOWN.
          await session.answer();
        } catch (error) {
          if (!(error instanceof HungUp)) throw error;
          throw new Fault(`only ${index} of ${reads.length} reads before DISC are answered`);
        }
      }
      if (!(await session.wire.isEnded())) throw new Fault('the server leaves the connection open');
    },
  },
  {
    id: 'S67/idle',
    level: 'MUST',
    section: 'Terminating the transmission phase',
    modes: everyMode,
    sent: 'nothing for a short time, then a read',
    expected: 'the server stays: only a client ends the session in order',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.pieceOf(session);
      if (!(await session.wire.isQuiet())) throw new Fault('bytes come that nothing was sent for');
      readBytes(await session.ask({ command: Command.Read, length }));
    },
  },
  {
    id: 'S67/half-closed',
    level: 'SHOULD',
    section: 'Terminating the transmission phase',
    modes: everyMode,
    sent: 'a read, and the end of our direction of the connection',
    expected: 'the read is answered, then the server closes the connection',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      if (session.wire.isTls) throw new Inapplicable('TLS has no end of one direction');
      const length = examination.pieceOf(session);
      session.send({ command: Command.Read, length });
      session.wire.endSending();
      try {
        readBytes(await session.answer());
      } catch (error) {
        if (error instanceof HungUp)
          return 'the read is not answered: the specification does not say that it has to be';
        throw error;
      }
      if (!(await session.wire.isEnded())) throw new Fault('the server leaves the connection open');
      return undefined;
    },
  },
]);
