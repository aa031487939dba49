/** Options in general: unknown ones, their data, their order, ABORT, LIST and EXPORT_NAME. */
import {
  encodeOption,
  exportNameReplyBytes,
  HandshakeFlag,
  InfoType,
  isOptionError,
  Option,
  OptionReply,
} from '@nbdjs/protocol';
import { requireFinal, requireInStep } from '../checks/answers.ts';
import { faultOfEntry } from '../checks/list-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { unknownName } from '../examination/survey.ts';
import { describeFinal, isAck } from '../wire/haggling.ts';
import { factsOf, infoPayload } from '../wire/payloads.ts';
import { viewOf } from '../wire/reply-reader.ts';
import { Session } from '../wire/session.ts';
import { rulesOf } from './rule.ts';

const baseline = 'Baseline';
const optionTypes = 'Option types';

export const optionRules = rulesOf('options', [
  unknownOption('S3/unknown-option', 'an option that is not defined (0x6e626401), without data', 0x6e62_6401, 0),
  unknownOption('S3/unknown-option-with-data', 'an option that is not defined, with 300 bytes', 0x6e62_6402, 300),
  {
    ...unknownOption(
      'S3/unknown-option-with-64k',
      'an option that is not defined, with 65536 bytes',
      0x6e62_6403,
      65_536,
    ),
    hangUp: 'SHOULD' as const,
  },
  unknownOption('S3/withdrawn-option', 'PEEK_EXPORT (4), which was withdrawn', Option.PeekExport, 0),
  unknownOption('S3/highest-option', 'the option 0xffffffff', 0xffff_ffff, 0),
  {
    id: 'S4/abort',
    level: 'MUST',
    section: optionTypes,
    sent: 'ABORT',
    expected: 'ACK',
    async judge(examination) {
      const answers = await (await examination.haggle()).ask(Option.Abort);
      if (!isAck(answers)) throw new Fault(`ABORT is answered by ${describeFinal(answers)}`);
    },
  },
  {
    id: 'S4/abort-with-data',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'ABORT with 8 bytes',
    expected: 'ACK: the data are ignored',
    async judge(examination) {
      const answers = await (await examination.haggle()).ask(Option.Abort, new Uint8Array(8));
      if (!isAck(answers)) throw new Fault(`ABORT with data is answered by ${describeFinal(answers)}`);
    },
  },
  {
    id: 'S4/abort-and-gone',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'ABORT, and the connection is closed before the answer; then another connection',
    expected: 'the server goes on serving others',
    async judge(examination) {
      const { wire } = await examination.haggle();
      wire.send(encodeOption(Option.Abort));
      wire.destroy();
      await requireInStep(await examination.haggle());
    },
  },
  {
    id: 'S19/list',
    level: 'MUST',
    section: optionTypes,
    sent: 'LIST',
    expected:
      'one SERVER reply for each export, then ACK, or an error; names of UTF-8 without NUL, of 4096 bytes at most',
    async judge(examination) {
      const answers = await (await examination.haggle()).ask(Option.List);
      for (const { payload } of answers.parts) {
        const fault = faultOfEntry(payload);
        if (fault !== undefined) throw new Fault(fault);
      }
      if (isAck(answers)) return undefined;
      if (answers.final.type === OptionReply.ErrUnsupported) {
        throw new Fault('LIST is not supported, and every server has to', { rule: 'G7' });
      }
      return `LIST is refused: ${describeFinal(answers)}`;
    },
  },
  {
    id: 'S5/list-with-data',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'LIST with 4 bytes, then an unknown option',
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination) {
      const haggling = await examination.haggle();
      const answers = await haggling.ask(Option.List, new Uint8Array(4));
      await requireInStep(haggling);
      requireFinal(answers, OptionReply.ErrInvalid, OptionReply.ErrPolicy);
    },
  },
  {
    id: 'S6/export-name',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'EXPORT_NAME, NO_ZEROES agreed on if it is offered',
    expected: 'the size and the flags that GO reports, and a transmission phase right behind',
    judge: (examination) => openByName(examination, HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes),
  },
  {
    id: 'S6/export-name-with-zeroes',
    level: 'SHOULD',
    section: 'Newstyle negotiation',
    sent: 'EXPORT_NAME without NO_ZEROES',
    expected: 'the same, with 124 zero bytes behind the flags',
    judge: (examination) => openByName(examination, HandshakeFlag.FixedNewstyle),
  },
  {
    id: 'S6/export-name-not-fixed',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'client flags of 0 (newstyle that is not fixed), then EXPORT_NAME',
    expected: 'the same, with 124 zero bytes behind the flags',
    async judge(examination) {
      if (examination.survey.usesTls) throw new Inapplicable('TLS needs FIXED_NEWSTYLE');
      return await openByName(examination, 0);
    },
  },
  {
    id: 'S6/unknown-export',
    level: 'MUST',
    section: optionTypes,
    sent: 'EXPORT_NAME with the name of no export',
    expected: 'the server ends the session',
    async judge(examination) {
      if (examination.survey.acceptsAnyName) throw new Inapplicable('the server has an export of every name');
      const { wire } = await examination.haggle();
      wire.send(encodeOption(Option.ExportName, new TextEncoder().encode(unknownName)));
      if (!(await wire.isQuiet())) throw new Fault('bytes come instead of the end of the connection');
      if (!(await wire.isEnded())) throw new Fault('the connection is left open');
    },
  },
  {
    id: 'S10/after-a-refusal',
    level: 'MUST',
    section: optionTypes,
    sent: 'GO for an export that there is not, then GO for the export',
    expected: 'the first is refused, the second reports the same size as without the first',
    async judge(examination) {
      const usual = examination.survey.facts.simple;
      if (usual === undefined) throw new Inapplicable(examination.survey.absent.simple ?? 'there is no export');
      if (examination.survey.acceptsAnyName) throw new Inapplicable('the server has an export of every name');
      const haggling = await examination.haggle();
      const refused = await haggling.ask(Option.Go, infoPayload(unknownName));
      if (!isOptionError(refused.final.type)) throw new Fault('GO for an unknown export is acknowledged');
      const facts = factsOf(await haggling.ask(Option.Go, infoPayload(examination.exportName, [InfoType.BlockSize])));
      if (facts === undefined) throw new Fault('GO is refused after the refusal of another export');
      if (facts.size !== usual.size)
        throw new Fault(`the size is ${facts.size}, and ${usual.size} without the refusal`);
    },
  },
  {
    id: 'C4/many-options',
    level: 'MUST',
    section: 'Fixed newstyle negotiation',
    sent: 'LIST, INFO, LIST, an unknown option and INFO, one after the other',
    expected: 'each is answered, and INFO reports the same size both times; a server may refuse what is repeated',
    async judge(examination) {
      const haggling = await examination.haggle();
      const info = infoPayload(examination.exportName, [InfoType.BlockSize]);
      await haggling.ask(Option.List);
      const first = await haggling.ask(Option.Info, info);
      const listed = await haggling.ask(Option.List);
      await requireInStep(haggling);
      const second = await haggling.ask(Option.Info, info);
      if (isAck(first) && isAck(second) && factsOf(first)?.size !== factsOf(second)?.size) {
        throw new Fault('INFO reports another size when it is asked again');
      }
      const refused = [listed, second].find((answers) => !isAck(answers));
      return refused === undefined ? undefined : `what is repeated is refused: ${describeFinal(refused)}`;
    },
  },
]);

function unknownOption(id: string, sent: string, option: number, byteCount: number) {
  return {
    id,
    level: 'MUST' as const,
    section: baseline,
    sent: `${sent}, then another one`,
    expected: 'ERR_UNSUP for both: the next option is understood',
    async judge(examination: Examination): Promise<string | undefined> {
      const haggling = await examination.haggle();
      const answers = await haggling.ask(option, new Uint8Array(byteCount).fill(0x61));
      const { final } = await haggling.ask(0x6e62_64ff);
      if (answers.final.type !== OptionReply.ErrUnsupported) {
        const level = isOptionError(answers.final.type) ? ('SHOULD' as const) : ('MUST' as const);
        throw new Fault(`the answer is ${describeFinal(answers)}, expected ERR_UNSUP`, { level });
      }
      if (final.type !== OptionReply.ErrUnsupported) throw new Fault('the next option is not refused by ERR_UNSUP');
      return undefined;
    },
  };
}

/** Opens the export by EXPORT_NAME, and reads its first block to see that nothing stands between. */
async function openByName(examination: Examination, flags: number): Promise<string | undefined> {
  const { survey, exportName } = examination;
  const known = survey.facts.simple;
  if (known === undefined) throw new Inapplicable(survey.absent.simple ?? survey.problem ?? 'there is no export');
  if ((known.blockSizes?.minimum ?? 1) > 1) throw new Inapplicable('the server may insist on its block sizes');
  const offered = survey.offersNoZeroes ? flags : flags & ~HandshakeFlag.NoZeroes;
  const { wire } = await examination.haggle(offered);
  wire.send(encodeOption(Option.ExportName, new TextEncoder().encode(exportName)));
  const hasNoZeroes = (offered & HandshakeFlag.NoZeroes) !== 0;
  const reply = viewOf(await wire.take(exportNameReplyBytes(hasNoZeroes), 'the answer to EXPORT_NAME'));
  const [size, transmissionFlags] = [reply.getBigUint64(0), reply.getUint16(8)];
  if (size !== known.size) throw new Fault(`the size is ${size}, and ${known.size} by GO`, { level: 'MUST' });
  for (let position = 10; position < reply.byteLength; position++) {
    if (reply.getUint8(position) !== 0)
      throw new Fault('the 124 bytes behind the flags are not zero', { level: 'MUST' });
  }
  const session = new Session(wire, 'simple', { size, transmissionFlags, blockSizes: undefined }, []);
  if (size > 0n) await session.ask({ command: 0, length: size < 512n ? size : 512n });
  if (transmissionFlags === known.transmissionFlags) return undefined;
  return `the flags are 0x${transmissionFlags.toString(16)}, and 0x${known.transmissionFlags.toString(16)} by GO`;
}
