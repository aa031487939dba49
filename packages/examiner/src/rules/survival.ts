/** What a server has to survive: a client that breaks the rules costs that client its connection, and nobody else anything. */

import { concatenate } from '@nbdjs/kit';
import {
  Command,
  CommandFlag,
  encodeBlockStatusPayload,
  Option,
  optionHeaderBytes,
  TransmissionFlag,
} from '@nbdjs/protocol';
import { requireError, requireGoing, requireInStep } from '../checks/answers.ts';
import { hasFlag } from '../checks/facts.ts';
import type { Examination } from '../examination/examination.ts';
import { agreeOn } from '../examination/open-session.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { takeGreeting } from '../wire/haggling.ts';
import { contextPayload, lyingOption } from '../wire/payloads.ts';
import { requireAlive, settled } from './alive.ts';
import { rulesOf } from './rule.ts';
import { everyMode, extendedMode } from './vocabulary.ts';
import { patternOf } from './write-support.ts';

const haggling = 'Termination of the session during option haggling';
const transmission = 'Terminating the transmission phase';

export const survivalRules = rulesOf('survival', [
  survives('G4/silent-client', 'a connection that is closed before the greeting is answered', async (examination) => {
    const wire = await examination.connect();
    await takeGreeting(wire);
    wire.destroy();
  }),
  survives('G4/half-an-option', 'the first half of an option, and the connection is closed', async (examination) => {
    const { wire } = await examination.haggle();
    wire.send(lyingOption(Option.Info, 4000, new Uint8Array(10)).subarray(0, optionHeaderBytes + 5));
    wire.destroy();
  }),
  survives('G4/option-of-4-gib', 'an option that announces 2^32 - 1 bytes', async (examination) => {
    const { wire } = await examination.haggle();
    wire.send(lyingOption(Option.Info, 0xffff_ffff, new Uint8Array(4096)));
    await wire.isQuiet();
    wire.destroy();
  }),
  survives('G4/nonsense-for-options', '64 KiB of random bytes instead of options', async (examination) => {
    const { wire } = await examination.haggle();
    wire.send(patternOf(65_536, 20));
    await wire.isQuiet();
    wire.destroy();
  }),
  {
    id: 'G4/nonsense-for-requests',
    level: 'MUST',
    section: transmission,
    modes: everyMode,
    sent: 'a request with a wrong magic number; then another connection',
    expected: 'the other connection is served as before',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      session.wire.send(patternOf(64, 21));
      await session.wire.isQuiet();
      session.wire.destroy();
      await requireAlive(examination);
    },
  },
  {
    id: 'G4/gone-with-requests-in-flight',
    level: 'MUST',
    section: transmission,
    modes: everyMode,
    // An assertion of nbdkit 1.32 fails by it, now and then.
    isRisky: true,
    sent: '16 reads of up to 1 MiB, and the connection is closed; then another connection',
    expected: 'the other connection is served as before',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const length = examination.lengthUpTo(session, 2 ** 20);
      session.send(...Array.from({ length: 16 }, () => ({ command: Command.Read, length })));
      session.wire.destroy();
      await requireAlive(examination);
    },
  },
  {
    id: 'S29/trailing-bytes',
    level: 'SHOULD',
    section: 'Option types',
    sent: 'SET_META_CONTEXT with 12 bytes behind its last query, then an unknown option; then another connection',
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination) {
      const options = await examination.haggle();
      await agreeOn(options, 'structured');
      const payload = contextPayload(examination.exportName, ['base:allocation']);
      const outcome = await settled(async () => {
        const answers = await options.ask(Option.SetMetaContext, concatenate([payload, new Uint8Array(12)]));
        if (answers.final.type === 0x8000_0001) throw new Inapplicable('the server has no contexts');
        await requireInStep(options);
        if (answers.final.type === 1) throw new Fault('it is acknowledged, expected ERR_INVALID');
      });
      await requireAlive(examination);
      outcome();
    },
  },
  {
    id: 'S72/payload-of-4-gib',
    level: 'MUST',
    section: 'Request message',
    modes: extendedMode,
    sent: 'CACHE with PAYLOAD_LEN and an announced payload of 2^33 bytes; then another connection',
    expected: 'the other connection is served as before',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      if (!hasFlag(session, TransmissionFlag.SendCache)) throw new Inapplicable('there is no CACHE');
      session.send({ command: Command.Cache, flags: CommandFlag.PayloadLen, length: 1n << 33n });
      await session.wire.isQuiet();
      session.wire.destroy();
      await requireAlive(examination);
    },
  },
  {
    id: 'S74/filter-without-selection',
    level: 'SHOULD',
    section: 'Request types',
    modes: extendedMode,
    // An assertion of QEMU 10.0 fails by it.
    isRisky: true,
    sent: 'BLOCK_STATUS with a payload that names the context 0, although none was selected; then another connection',
    expected: 'EINVAL, and the other connection is served as before',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      const flags = CommandFlag.PayloadLen;
      const payload = encodeBlockStatusPayload(4096n, [0]);
      const outcome = await settled(async () => {
        const answer = await session.ask({ command: Command.BlockStatus, flags, payload });
        await requireGoing(session, examination.pieceOf(session));
        requireError(answer, 22);
      });
      await requireAlive(examination);
      outcome();
    },
  },
]);

function survives(id: string, sent: string, harm: (examination: Examination) => Promise<void>) {
  return {
    id,
    level: 'MUST' as const,
    section: haggling,
    sent: `${sent}; then another connection`,
    expected: 'the other connection is served as before',
    async judge(examination: Examination): Promise<void> {
      await harm(examination);
      await requireAlive(examination);
    },
  };
}
