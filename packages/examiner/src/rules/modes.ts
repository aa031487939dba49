/** Structured replies and extended headers: how they are agreed on. */
import { isOptionError, Option, OptionReply } from '@nbdjs/protocol';
import { requireFinal, requireInStep } from '../checks/answers.ts';
import { agreeOn, go } from '../examination/open-session.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { describeFinal, isAck } from '../wire/haggling.ts';
import { rulesOf } from './rule.ts';

const optionTypes = 'Option types';

export const modeRules = rulesOf('modes', [
  {
    id: 'S5/structured-with-data',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'STRUCTURED_REPLY with 4 bytes, then an unknown option',
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination) {
      const haggling = await examination.haggle();
      const answers = await haggling.ask(Option.StructuredReply, new Uint8Array(4));
      await requireInStep(haggling);
      requireFinal(answers, OptionReply.ErrInvalid);
    },
  },
  {
    id: 'S5/extended-with-data',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'EXTENDED_HEADERS with 4 bytes, then an unknown option',
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination) {
      const haggling = await examination.haggle();
      const answers = await haggling.ask(Option.ExtendedHeaders, new Uint8Array(4));
      await requireInStep(haggling);
      requireFinal(answers, OptionReply.ErrInvalid);
    },
  },
  {
    id: 'S16/structured-twice',
    level: 'MUST',
    section: 'Fixed newstyle negotiation',
    sent: 'STRUCTURED_REPLY twice, then GO and a read',
    expected: 'ACK, then ACK or an error, and a read that is answered by chunks',
    async judge(examination) {
      const haggling = await examination.haggle();
      await agreeOn(haggling, 'structured');
      const again = await haggling.ask(Option.StructuredReply);
      const contexts: [] = [];
      const session = await go(haggling, examination.exportName, 'structured', { contexts, asksForSizes: true });
      await session.ask({ command: 0, length: examination.pieceOf(session) });
      return isAck(again) ? undefined : `the second is answered by ${describeFinal(again)}`;
    },
  },
  {
    id: 'S16/extended-twice',
    level: 'MUST',
    section: 'Fixed newstyle negotiation',
    sent: 'EXTENDED_HEADERS twice, then GO and a read',
    expected: 'ACK, then ACK or an error, and a read that is answered in extended chunks',
    async judge(examination) {
      const haggling = await examination.haggle();
      await agreeOn(haggling, 'extended');
      const again = await haggling.ask(Option.ExtendedHeaders);
      const session = await go(haggling, examination.exportName, 'extended', { contexts: [], asksForSizes: true });
      await session.ask({ command: 0, length: examination.pieceOf(session) });
      return isAck(again) ? undefined : `the second is answered by ${describeFinal(again)}`;
    },
  },
  {
    id: 'S68/with-structured-before',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'STRUCTURED_REPLY, then EXTENDED_HEADERS, GO and a read',
    expected: 'both are acknowledged, and the extended headers count',
    async judge(examination) {
      const { absent, facts } = examination.survey;
      if (facts.extended === undefined) throw new Inapplicable(absent.extended ?? 'there are no extended headers');
      const haggling = await examination.haggle();
      await agreeOn(haggling, 'structured');
      const answers = await haggling.ask(Option.ExtendedHeaders);
      if (!isAck(answers)) throw new Fault(`EXTENDED_HEADERS is refused then: ${describeFinal(answers)}`);
      const session = await go(haggling, examination.exportName, 'extended', { contexts: [], asksForSizes: true });
      await session.ask({ command: 0, length: examination.pieceOf(session) });
    },
  },
  {
    id: 'S69/structured-after-extended',
    level: 'MUST',
    section: optionTypes,
    sent: 'EXTENDED_HEADERS, then STRUCTURED_REPLY, GO and a read',
    expected: 'ERR_EXT_HEADER_REQD to the second, and the extended headers count',
    async judge(examination) {
      const haggling = await examination.haggle();
      await agreeOn(haggling, 'extended');
      const answers = await haggling.ask(Option.StructuredReply);
      const session = await go(haggling, examination.exportName, 'extended', { contexts: [], asksForSizes: true });
      await session.ask({ command: 0, length: examination.pieceOf(session) });
      if (answers.final.type === OptionReply.ErrExtendedHeadersRequired) return;
      const level = isOptionError(answers.final.type) ? 'SHOULD' : 'MUST';
      throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_EXT_HEADER_REQD`, { level });
    },
  },
  {
    id: 'S68/go-with-extended',
    level: 'MUST',
    section: optionTypes,
    sent: 'EXTENDED_HEADERS, then GO',
    expected: 'GO is supported',
    async judge(examination) {
      const haggling = await examination.haggle();
      await agreeOn(haggling, 'extended');
      await go(haggling, examination.exportName, 'extended', { contexts: [], asksForSizes: true });
    },
  },
]);
