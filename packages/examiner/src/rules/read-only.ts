/** What writes to an export that is read-only. The bytes of the write are those that are there: nothing changes, even if it is not refused. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { requireError, requireGoing } from '../checks/answers.ts';
import { hasFlag } from '../checks/facts.ts';
import { readBytes } from '../checks/read-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';
import { rulesOf } from './rule.ts';
import { everyMode } from './vocabulary.ts';

const section = 'Transmission flags';

export const readOnlyRules = rulesOf('read-only', [
  {
    id: 'S53/write',
    level: 'MUST',
    section,
    modes: everyMode,
    hangUp: 'SHOULD',
    sent: 'a WRITE of the bytes that are there, to an export that is read-only; then a read',
    expected: 'an error, which should be EPERM, and the read is answered',
    async judge(examination, mode) {
      const session = await openReadOnly(examination, mode);
      const length = examination.pieceOf(session);
      const payload = readBytes(await session.ask({ command: Command.Read, length }));
      const flags = mode === 'extended' ? CommandFlag.PayloadLen : 0;
      const answer = await session.ask({ command: Command.Write, payload, flags });
      await requireGoing(session, length);
      requireError(answer, WireError.Eperm, 'MUST');
    },
  },
  refused('S53/trim', 'TRIM', Command.Trim),
  refused('S53/write-zeroes', 'WRITE_ZEROES', Command.WriteZeroes),
]);

function refused(id: string, name: string, command: number) {
  return {
    id,
    level: 'MUST' as const,
    section,
    modes: everyMode,
    hangUp: 'SHOULD' as const,
    // A server that does not refuse it would change the export.
    isDestructive: true,
    sent: `${name} of the first block of an export that is read-only, then a read`,
    expected:
      'an error, which should be EPERM (or EINVAL, where the command is not supported), and the read is answered',
    async judge(examination: Examination, mode: HeaderMode): Promise<void> {
      const session = await openReadOnly(examination, mode);
      const length = examination.pieceOf(session);
      const answer = await session.ask({ command, length });
      await requireGoing(session, length);
      // A server that does not know the command at all says so.
      if (answer.error !== WireError.Einval || isAnnounced(session, command)) {
        requireError(answer, WireError.Eperm, 'MUST');
      }
    },
  };
}

async function openReadOnly(examination: Examination, mode: HeaderMode): Promise<Session> {
  const session = await examination.open(mode);
  if (hasFlag(session, TransmissionFlag.ReadOnly)) return session;
  throw new Inapplicable('the export is not read-only');
}

function isAnnounced(session: Session, command: number): boolean {
  return hasFlag(session, command === Command.Trim ? TransmissionFlag.SendTrim : TransmissionFlag.SendWriteZeroes);
}
