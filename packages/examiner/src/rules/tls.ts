/** TLS: what a server of each kind may answer in clear text and in TLS. */
import { encodeOption, isOptionError, Option, OptionReply } from '@nbdjs/protocol';
import { unlessHungUp } from '../checks/answers.ts';
import type { Examination } from '../examination/examination.ts';
import { agreeOn, go } from '../examination/open-session.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { describeFinal, isAck } from '../wire/haggling.ts';
import { infoPayload } from '../wire/payloads.ts';
import { rulesOf } from './rule.ts';

const forced = 'FORCEDTLS mode';

export const tlsRules = rulesOf('tls', [
  {
    id: 'S23/starttls-refused',
    level: 'MUST',
    section: 'NOTLS mode',
    sent: 'STARTTLS to a server without TLS, then LIST and INFO',
    expected: 'ERR_POLICY or ERR_UNSUP or another error, and never ERR_TLS_REQD',
    async judge(examination) {
      if (examination.survey.tls !== 'none') throw new Inapplicable('the server has TLS');
      const haggling = await examination.haggle();
      const answers = [
        await haggling.ask(Option.StartTls),
        await haggling.ask(Option.List),
        await haggling.ask(Option.Info, infoPayload(examination.exportName)),
      ];
      if (answers.some(({ final }) => final.type === OptionReply.ErrTlsRequired)) {
        throw new Fault('a server without TLS asks for TLS');
      }
    },
  },
  ...['LIST', 'INFO', 'GO', 'STRUCTURED_REPLY', 'unknown'].map((name) => refusedInClear(name)),
  {
    id: 'S24/abort',
    // One section exempts ABORT from TLS_REQD, and another one names every option but STARTTLS.
    level: 'SHOULD',
    section: 'Server-side requirements',
    sent: 'ABORT in clear text, to a server that requires TLS',
    expected: 'ACK: ABORT is exempt',
    async judge(examination) {
      requireForced(examination);
      const answers = await (await examination.haggleInClear()).ask(Option.Abort);
      if (!isAck(answers)) throw new Fault(`ABORT is answered by ${describeFinal(answers)}`);
    },
  },
  {
    id: 'S20/export-name',
    level: 'MUST',
    section: forced,
    sent: 'EXPORT_NAME in clear text, to a server that requires TLS',
    expected: 'the server ends the session',
    async judge(examination) {
      requireForced(examination);
      const { wire } = await examination.haggleInClear();
      wire.send(encodeOption(Option.ExportName, new TextEncoder().encode(examination.exportName)));
      if (!(await wire.isQuiet())) throw new Fault('bytes come instead of the end of the connection');
      if (!(await wire.isEnded())) throw new Fault('the connection is left open');
    },
  },
  {
    id: 'S25/clear-text-after-ack',
    level: 'MUST',
    section: forced,
    sent: 'STARTTLS, and after its acknowledgement LIST in clear text',
    expected: 'no answer of NBD: TLS fails, and the server ends the session',
    async judge(examination) {
      if (examination.survey.tls === 'none') throw new Inapplicable('the server has no TLS');
      const haggling = await examination.haggleInClear();
      const answers = await haggling.ask(Option.StartTls);
      if (!isAck(answers)) throw new Fault(`STARTTLS is refused: ${describeFinal(answers)}`);
      // Enough for the header of a record, so that TLS need not wait for more.
      haggling.wire.send(encodeOption(Option.List), encodeOption(Option.List));
      const first = await unlessHungUp(haggling.wire.take(8, 'anything'));
      if (first !== undefined && first[0] === 0 && first[1] === 3) throw new Fault('LIST is answered in clear text');
      if (!(await haggling.wire.isEnded())) throw new Fault('the connection is left open');
    },
  },
  {
    id: 'S26/second-starttls',
    level: 'MUST',
    section: forced,
    sent: 'STARTTLS again, in TLS',
    expected: 'ERR_INVALID',
    hangUp: 'SHOULD',
    async judge(examination) {
      if (!examination.survey.usesTls) throw new Inapplicable('the server is examined without TLS');
      const answers = await (await examination.haggle()).ask(Option.StartTls);
      if (answers.final.type === OptionReply.ErrInvalid) return;
      const level = isOptionError(answers.final.type) ? 'SHOULD' : 'MUST';
      throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_INVALID`, { level });
    },
  },
  {
    id: 'S26/never-required-in-tls',
    level: 'MUST',
    section: forced,
    sent: 'LIST, INFO, SET_META_CONTEXT of a malformed kind and an unknown option, in TLS',
    expected: 'never ERR_TLS_REQD',
    async judge(examination) {
      if (!examination.survey.usesTls) throw new Inapplicable('the server is examined without TLS');
      const haggling = await examination.haggle();
      for (const option of [Option.List, Option.Info, Option.SetMetaContext, 0x6e62_6401]) {
        const answers = await haggling.ask(option, option === Option.List ? undefined : infoPayload(''));
        if (answers.final.type === OptionReply.ErrTlsRequired) throw new Fault('TLS is asked for in TLS');
      }
    },
  },
  {
    id: 'S27/reset',
    level: 'MUST',
    section: 'Option types',
    sent: 'STRUCTURED_REPLY in clear text, then STARTTLS, GO and a read',
    expected: 'a simple reply: STARTTLS has reset what was agreed on before',
    async judge(examination) {
      const { survey, exportName } = examination;
      if (!survey.usesTls || survey.tls !== 'optional') throw new Inapplicable('options in clear text are refused');
      const haggling = await examination.haggleInClear();
      await agreeOn(haggling, 'structured');
      await examination.startTls(haggling);
      const session = await go(haggling, exportName, 'simple', { contexts: [], asksForSizes: true });
      await session.ask({ command: 0, length: examination.pieceOf(session) });
    },
  },
]);

function requireForced({ survey }: Examination): void {
  if (survey.tls !== 'required') throw new Inapplicable('the server does not require TLS');
}

function refusedInClear(name: string) {
  const option = { LIST: Option.List, INFO: Option.Info, GO: Option.Go, STRUCTURED_REPLY: Option.StructuredReply }[
    name
  ];
  return {
    id: `S24/${name.toLowerCase().replace('_', '-')}`,
    level: 'MUST' as const,
    section: forced,
    sent: `${option === undefined ? 'an unknown option' : name} in clear text, to a server that requires TLS`,
    expected: 'ERR_TLS_REQD, without any information before',
    async judge(examination: Examination): Promise<void> {
      requireForced(examination);
      const haggling = await examination.haggleInClear();
      const hasName = option === Option.Info || option === Option.Go;
      const payload = hasName ? infoPayload(examination.exportName) : undefined;
      const answers = await haggling.ask(option ?? 0x6e62_6401, payload);
      if (answers.parts.length > 0) throw new Fault('information is sent before the refusal');
      if (answers.final.type === OptionReply.ErrTlsRequired) return;
      throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_TLS_REQD`);
    },
  };
}
