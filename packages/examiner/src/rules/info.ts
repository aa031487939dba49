/** INFO and GO, and the facts of an export. */

import { concatenate, hexOf } from '@nbdjs/kit';
import { InfoType, isOptionError, Option, OptionReply, TransmissionFlag } from '@nbdjs/protocol';
import { requireFinal, requireInStep, unlessHungUp } from '../checks/answers.ts';
import { faultOfText } from '../checks/list-check.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import { unknownName } from '../examination/survey.ts';
import { type Answers, describeFinal, isAck } from '../wire/haggling.ts';
import { factsOf, infoPayload, u16, u32 } from '../wire/payloads.ts';
import { viewOf } from '../wire/reply-reader.ts';
import { rulesOf } from './rule.ts';
import { everyMode } from './vocabulary.ts';

const optionTypes = 'Option types';
const replyTypes = 'Option reply types';
const sizes = 'Block size constraints';

export const infoRules = rulesOf('info', [
  {
    id: 'S7/info',
    level: 'MUST',
    section: replyTypes,
    sent: 'INFO that asks for block sizes',
    expected: 'NBD_INFO_EXPORT of 12 bytes, then ACK',
    async judge(examination) {
      const answers = await ask(examination, Option.Info, [InfoType.BlockSize]);
      if (answers.final.type === OptionReply.ErrUnsupported) {
        throw new Fault('INFO is not supported, and every server has to', { rule: 'G7' });
      }
      if (!isAck(answers)) throw new Inapplicable(`INFO is refused: ${describeFinal(answers)}`);
      factsOf(answers);
    },
  },
  {
    id: 'S7/go',
    level: 'MUST',
    section: replyTypes,
    modes: everyMode,
    sent: 'GO, and a read right behind its acknowledgement',
    expected: 'NBD_INFO_EXPORT, ACK, and the reply to the read without padding between',
    async judge(examination, mode) {
      const session = await examination.open(mode);
      await session.ask({ command: 0, length: examination.pieceOf(session) });
    },
  },
  {
    id: 'S8/same',
    level: 'MUST',
    section: optionTypes,
    sent: 'INFO, and right behind it GO with the same parameters',
    expected: 'the same information from both',
    async judge(examination) {
      const haggling = await examination.haggle();
      const payload = infoPayload(examination.exportName, [InfoType.BlockSize, InfoType.Name, InfoType.Description]);
      const info = await haggling.ask(Option.Info, payload);
      if (!isAck(info)) throw new Inapplicable(`INFO is refused: ${describeFinal(info)}`);
      const go = await haggling.ask(Option.Go, payload);
      if (!isAck(go)) throw new Fault(`INFO is acknowledged, and GO is not: ${describeFinal(go)}`);
      const [first, second] = [factsOf(info), factsOf(go)];
      if (first?.size !== second?.size) throw new Fault(`INFO has the size ${first?.size}, and GO ${second?.size}`);
      if (first?.transmissionFlags !== second?.transmissionFlags) {
        const flags = [first, second].map((one) => `0x${one?.transmissionFlags.toString(16)}`);
        throw new Fault(`INFO has the flags ${flags[0]}, and GO ${flags[1]}`);
      }
      const texts = [info, go].map(({ parts }) =>
        parts
          .map((part) => hexOf(part.payload))
          .sort()
          .join(),
      );
      if (texts[0] !== texts[1]) throw new Fault('INFO and GO differ in what they report besides size and flags');
    },
  },
  {
    id: 'S9/unknown-information',
    level: 'MUST',
    section: optionTypes,
    sent: 'INFO that asks for information of the kinds 0x7001 and 0xffff, which are not defined, and for block sizes',
    expected: 'the unknown kinds are ignored',
    async judge(examination) {
      const usual = await ask(examination, Option.Info, [InfoType.BlockSize]);
      if (!isAck(usual)) throw new Inapplicable(`INFO is refused: ${describeFinal(usual)}`);
      const answers = await ask(examination, Option.Info, [0x7001, InfoType.BlockSize, 0xffff]);
      if (!isAck(answers)) throw new Fault(`the answer is ${describeFinal(answers)}, expected ACK`);
    },
  },
  {
    id: 'S9/once',
    level: 'SHOULD',
    section: replyTypes,
    sent: 'INFO that asks for the export, its name, its description and its block sizes',
    expected: 'each kind of information once at most; texts of UTF-8 without NUL',
    async judge(examination) {
      const kinds = [InfoType.Export, InfoType.Name, InfoType.Description, InfoType.BlockSize];
      const answers = await ask(examination, Option.Info, kinds);
      if (!isAck(answers)) throw new Inapplicable(`INFO is refused: ${describeFinal(answers)}`);
      factsOf(answers);
      const seen = new Set<number>();
      for (const { payload } of answers.parts) {
        const kind = viewOf(payload).getUint16(0);
        if (seen.has(kind)) throw new Fault(`information of the kind ${kind} comes twice`);
        seen.add(kind);
        const isText = kind === InfoType.Name || kind === InfoType.Description;
        const fault = isText
          ? faultOfText(payload.subarray(2), kind === InfoType.Name ? 'name' : 'description')
          : undefined;
        if (fault !== undefined) throw new Fault(fault, { level: 'MUST', rule: 'G2' });
      }
    },
  },
  {
    id: 'S10/unknown-export',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'INFO and GO for an export that there is not',
    expected: 'ERR_UNKNOWN (before TLS also ERR_TLS_REQD), without information before',
    async judge(examination) {
      if (examination.survey.acceptsAnyName) throw new Inapplicable('the server has an export of every name');
      for (const option of [Option.Info, Option.Go]) {
        const haggling = await examination.haggle();
        const answers = await haggling.ask(option, infoPayload(unknownName));
        if (isAck(answers)) throw new Fault('it is acknowledged', { level: 'MUST' });
        if (answers.final.type !== OptionReply.ErrTlsRequired) requireFinal(answers, OptionReply.ErrUnknown);
        if (answers.parts.length > 0) throw new Fault('information is sent before the refusal');
        await requireInStep(haggling);
      }
    },
  },
  lie('S10/name-longer-than-option', 'INFO whose name is said to be longer than the option', (name) =>
    concatenate([u32(name.length + 500), name, u16(0)]),
  ),
  lie('S10/more-requests-than-there-are', 'INFO that announces 9 information requests and has one', (name) =>
    concatenate([u32(name.length), name, u16(9), u16(InfoType.BlockSize)]),
  ),
  lie('S10/shorter-than-its-fields', 'INFO of 3 bytes', () => new Uint8Array(3)),
  lie('S10/trailing-bytes', 'INFO with 6 bytes behind its last information request', (name) =>
    concatenate([u32(name.length), name, u16(0), new Uint8Array(6)]),
  ),
  {
    id: 'G2/name-too-long',
    level: 'SHOULD',
    section: 'Conventions',
    sent: 'INFO with a name of 5000 bytes, then an unknown option',
    expected: 'an error, and the next option is understood',
    async judge(examination) {
      const haggling = await examination.haggle();
      const name = new Uint8Array(5000).fill(0x61);
      const answers = await haggling.ask(Option.Info, concatenate([u32(name.length), name, u16(0)]));
      await requireInStep(haggling);
      if (isAck(answers)) throw new Fault('a name of 5000 bytes is accepted, 4096 are allowed');
    },
  },
  {
    id: 'S12/sizes-asked-for',
    level: 'MUST',
    section: optionTypes,
    sent: 'INFO and GO that ask for block sizes',
    expected: 'never ERR_BLOCK_SIZE_REQD',
    async judge(examination) {
      for (const option of [Option.Info, Option.Go]) {
        const { final } = await ask(examination, option, [InfoType.BlockSize]);
        if (final.type === OptionReply.ErrBlockSizeRequired) throw new Fault('ERR_BLOCK_SIZE_REQD is the answer');
      }
    },
  },
  {
    id: 'S12/sizes-not-asked-for',
    level: 'SHOULD',
    section: optionTypes,
    sent: 'GO that does not ask for block sizes',
    expected: 'ACK, or ERR_BLOCK_SIZE_REQD with the sizes before, where they are not the default ones',
    async judge(examination) {
      const known = examination.survey.facts.simple?.blockSizes;
      const answers = await ask(examination, Option.Go, []);
      if (answers.final.type !== OptionReply.ErrBlockSizeRequired) return;
      const hasSizes = answers.parts.some(({ payload }) => viewOf(payload).getUint16(0) === InfoType.BlockSize);
      if (!hasSizes) throw new Fault('ERR_BLOCK_SIZE_REQD without the block sizes before');
      if (known === undefined || known.minimum === 1)
        throw new Fault('ERR_BLOCK_SIZE_REQD, and the minimum block is 1');
    },
  },
  {
    id: 'S13/sizes',
    level: 'MUST',
    section: sizes,
    sent: 'GO that asks for block sizes',
    expected:
      'a minimum that is a power of two up to 65536, a preferred size that is one of at least 512 and the minimum, a maximum that is a multiple of the minimum or 2^32 - 1 and no less than the preferred size or the export',
    async judge(examination) {
      const { size, minimum, preferred, maximum } = await blockSizesOf(examination);
      if (!isPowerOfTwo(minimum) || minimum > 65_536) {
        throw new Fault(`the minimum block is ${minimum}, expected a power of two up to 65536`);
      }
      if (!isPowerOfTwo(preferred) || preferred < Math.max(512, minimum)) {
        throw new Fault(
          `the preferred block is ${preferred}, expected a power of two from ${Math.max(512, minimum)} on`,
        );
      }
      if (maximum !== 0xffff_ffff && maximum % minimum !== 0) {
        throw new Fault(`the maximum is ${maximum}, which is no multiple of the minimum, ${minimum}`);
      }
      if (maximum < preferred && BigInt(maximum) < size) {
        throw new Fault(`the maximum is ${maximum}, less than the preferred block, ${preferred}, and than the export`);
      }
    },
  },
  {
    id: 'S13/sizes-advised',
    level: 'SHOULD',
    section: sizes,
    sent: 'GO that asks for block sizes',
    expected: 'a maximum of 2^20 at least, if the export is that large, and a size that is a multiple of the minimum',
    async judge(examination) {
      const { size, minimum, maximum } = await blockSizesOf(examination);
      if (maximum < 2 ** 20 && BigInt(maximum) < size)
        throw new Fault(`the maximum is ${maximum}, expected 2^20 or more`);
      if (size % BigInt(minimum) !== 0n) throw new Fault(`the size ${size} is no multiple of the minimum, ${minimum}`);
    },
  },
  {
    id: 'S17/flags',
    level: 'MUST',
    section: 'Transmission flags',
    modes: everyMode,
    sent: 'GO',
    expected:
      'HAS_FLAGS; DF only with chunks; FAST_ZERO only with WRITE_ZEROES; payloads of BLOCK_STATUS only with extended headers',
    async judge(examination, mode) {
      const { transmissionFlags: flags } = (await examination.open(mode)).facts;
      const has = (flag: number): boolean => (flags & flag) !== 0;
      const { HasFlags, SendDf, SendFastZero, SendWriteZeroes, BlockStatusPayload } = TransmissionFlag;
      if (!has(HasFlags)) throw new Fault('HAS_FLAGS is not set');
      if (has(SendDf) && mode === 'simple') throw new Fault('SEND_DF is set without structured replies');
      if (has(SendFastZero) && !has(SendWriteZeroes))
        throw new Fault('SEND_FAST_ZERO is set without SEND_WRITE_ZEROES');
      if (has(BlockStatusPayload) && mode !== 'extended') {
        throw new Fault('BLOCK_STATUS_PAYLOAD is set without extended headers', { rule: 'S73' });
      }
    },
  },
]);

async function ask(examination: Examination, option: number, kinds: readonly number[]): Promise<Answers> {
  return await (await examination.haggle()).ask(option, infoPayload(examination.exportName, kinds));
}

async function blockSizesOf(examination: Examination) {
  const { facts } = await examination.open('simple');
  if (facts.blockSizes === undefined) throw new Inapplicable('the server announces no block sizes');
  return { size: facts.size, ...facts.blockSizes };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** An option whose lengths do not fit: the client is wrong, and a server should say so, or may hang up. */
function lie(id: string, sent: string, payload: (name: Uint8Array) => Uint8Array) {
  return {
    id,
    level: 'SHOULD' as const,
    section: optionTypes,
    sent: `${sent}, then an unknown option`,
    expected: 'ERR_INVALID, and the next option is understood',
    async judge(examination: Examination): Promise<string | undefined> {
      const haggling = await examination.haggle();
      const bytes = payload(new TextEncoder().encode(examination.exportName));
      const answers = await unlessHungUp(haggling.ask(Option.Info, bytes));
      if (answers === undefined) return 'the server hangs up, which it may: the client has broken a rule';
      await requireInStep(haggling);
      if (!isOptionError(answers.final.type)) throw new Fault('it is acknowledged, expected ERR_INVALID');
      requireFinal(answers, OptionReply.ErrInvalid);
      return undefined;
    },
  };
}
