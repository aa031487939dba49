/** Greetings: the flags of both sides. */
import { encodeClientFlags, encodeOption, HandshakeFlag, Option } from '@nbdjs/protocol';
import { unlessHungUp } from '../checks/answers.ts';
import { Fault, HungUp, Inapplicable, Silent } from '../examination/outcomes.ts';
import { Haggling, takeGreeting } from '../wire/haggling.ts';
import type { Wire } from '../wire/wire.ts';
import { rulesOf } from './rule.ts';

const { FixedNewstyle, NoZeroes } = HandshakeFlag;

export const greetingRules = rulesOf('greeting', [
  {
    id: 'S1/flags',
    level: 'MUST',
    section: 'Handshake flags',
    sent: 'a connection',
    expected: 'NBDMAGIC, IHAVEOPT, FIXED_NEWSTYLE, and no flag besides that and NO_ZEROES',
    async judge(examination) {
      const flags = await takeGreeting(await examination.connect());
      if ((flags & ~(FixedNewstyle | NoZeroes)) !== 0) {
        throw new Fault(`the handshake flags are 0x${flags.toString(16)}, and only 0x1 and 0x2 are defined`);
      }
      if ((flags & FixedNewstyle) === 0) {
        throw new Fault('FIXED_NEWSTYLE is not set, and every server has to support it', { rule: 'G7' });
      }
      return (flags & NoZeroes) === 0 ? 'NO_ZEROES is not offered' : undefined;
    },
  },
  {
    id: 'S1/first',
    level: 'MUST',
    section: 'Newstyle negotiation',
    sent: 'a connection, and nothing more',
    expected: 'exactly 18 bytes: nothing follows before the client has answered',
    async judge(examination) {
      const wire = await examination.connect();
      await takeGreeting(wire);
      if (!(await wire.isQuiet())) throw new Fault('bytes follow the greeting before the client has sent its flags');
      if (wire.hasEnded) throw new HungUp('the server ended the connection before the client has sent its flags');
    },
  },
  {
    id: 'S2/unknown-flag',
    level: 'MUST',
    section: 'Client flags',
    sent: 'client flags with bit 6, which is not defined, then LIST',
    expected: 'the server drops the connection',
    async judge(examination) {
      const wire = await examination.connect();
      const offered = await takeGreeting(wire);
      await requireDropped(wire, (offered & (FixedNewstyle | NoZeroes)) | 0x40);
    },
  },
  {
    id: 'S2/not-offered',
    level: 'MUST',
    section: 'Client flags',
    sent: 'the client flag NO_ZEROES, which the server has not offered, then LIST',
    expected: 'the server drops the connection',
    async judge(examination) {
      const wire = await examination.connect();
      const offered = await takeGreeting(wire);
      if ((offered & NoZeroes) !== 0) throw new Inapplicable('the server offers NO_ZEROES');
      await requireDropped(wire, FixedNewstyle | NoZeroes);
    },
  },
  {
    id: 'S1/no-zeroes-declined',
    level: 'MUST',
    section: 'Client flags',
    sent: 'FIXED_NEWSTYLE without NO_ZEROES, then LIST',
    expected: 'options are answered as with NO_ZEROES',
    async judge(examination) {
      const haggling = await examination.haggleInClear(FixedNewstyle);
      await haggling.ask(Option.List);
    },
  },
  {
    id: 'S22/starttls-not-fixed',
    level: 'SHOULD',
    section: 'Server-side requirements',
    sent: 'client flags without FIXED_NEWSTYLE, then STARTTLS',
    expected: 'no TLS: it needs FIXED_NEWSTYLE of both sides',
    async judge(examination) {
      const haggling = await Haggling.begin(await examination.connect(), () => 0);
      haggling.wire.send(encodeOption(Option.StartTls));
      const answers = await unlessHungUp(haggling.answers(Option.StartTls));
      if (answers?.final.type === 1) throw new Fault('STARTTLS is acknowledged', { level: 'MUST' });
    },
  },
]);

/** Sends the flags with an option behind them, whose answer would show that the server goes on. */
async function requireDropped(wire: Wire, flags: number): Promise<void> {
  wire.send(encodeClientFlags(flags), encodeOption(Option.List));
  try {
    await wire.take(1, 'an answer');
  } catch (error) {
    if (error instanceof HungUp) return;
    if (error instanceof Silent) throw new Silent('the server neither answers nor drops the connection');
    throw error;
  }
  throw new Fault(`the client flags 0x${flags.toString(16)} are accepted: LIST is answered`);
}
