/** `NBD_OPT_GO` and `NBD_OPT_INFO`. */
import type { ExportFacts } from '@nbdjs/interfaces';
import { type InfoOption, InfoType, Option, OptionReply, options, parseInfo } from '@nbdjs/protocol';
import { type Conversation, violation } from './conversation.ts';
import { useExportName } from './export-name.ts';
import { type ExportAnswer, factsOf } from './facts.ts';
import { negotiateContexts } from './meta-contexts.ts';
import { avoidedError, type Refusal, refusalError } from './refusals.ts';
import { exchange, requireWellFormed } from './replies.ts';
import type { Step } from './steps.ts';

/** Selects contexts, then opens the export: by `GO`, or by `EXPORT_NAME` where there is no `GO`. */
export function* go(conversation: Conversation, exportName: string): Step<ExportFacts> {
  if (conversation.style !== 'newstyle-fixed') return yield* useExportName(conversation, exportName);
  yield* negotiateContexts(conversation, exportName);
  if (conversation.avoids(Option.Go)) return yield* useExportName(conversation, exportName);
  const answer = yield* askAbout(conversation, Option.Go, exportName);
  if (!('replyType' in answer)) return factsOf(conversation, exportName, answer);
  if (answer.replyType !== OptionReply.ErrUnsupported) throw refusalError(answer);
  if (conversation.mode === 'extended') {
    // EXPORT_NAME must not follow EXTENDED_HEADERS (C66), so such a server leaves no option by which to open an export (S68).
    const message = 'option GO is not supported by the server although it acknowledged EXTENDED_HEADERS';
    throw violation('go-unsupported-with-extended-headers', message, 'S68');
  }
  return yield* useExportName(conversation, exportName);
}

/** Asks about an export without opening it. */
export function* info(conversation: Conversation, exportName: string): Step<ExportFacts> {
  if (conversation.avoids(Option.Info)) throw avoidedError(Option.Info);
  const answer = yield* askAbout(conversation, Option.Info, exportName);
  if ('replyType' in answer) throw refusalError(answer);
  return factsOf(conversation, exportName, answer);
}

function* askAbout(conversation: Conversation, option: InfoOption, exportName: string): Step<Refusal | ExportAnswer> {
  const { fullInfo, requestBlockSizes, limits } = conversation.settings;
  const infoTypes: number[] = [];
  if (requestBlockSizes) infoTypes.push(InfoType.BlockSize);
  if (fullInfo) infoTypes.push(InfoType.Name, InfoType.Description);
  // The pieces may come in any order, asked for or not (C12).
  let answer: Partial<ExportAnswer> = {};
  const refusal = yield* exchange(
    conversation,
    { option, exportName, infoTypes },
    {
      type: OptionReply.Info,
      repliesMax: limits.optionRepliesMax,
      take: (payload) => {
        answer = { ...answer, ...parseAnswer(payload) };
      },
    },
  );
  if (refusal !== undefined) return checkRefusal(refusal, requestBlockSizes);
  const { size, transmissionFlags } = answer;
  if (size === undefined || transmissionFlags === undefined) {
    const message = `option ${options.name(option)} was acknowledged without the size and flags of the export`;
    throw violation('missing-export-info', message, 'S7');
  }
  return { ...answer, size, transmissionFlags };
}

function parseAnswer(payload: Uint8Array): Partial<ExportAnswer> {
  const info = requireWellFormed(parseInfo(payload), payload);
  switch (info.kind) {
    case 'export':
      return { size: info.size, transmissionFlags: info.transmissionFlags };
    case 'name':
      return { canonicalName: info.name };
    case 'description':
      return { description: info.description };
    case 'block-size':
      return { blockSizes: info.blockSizes };
    default:
      return {};
  }
}

function checkRefusal(refusal: Refusal, requestedBlockSizes: boolean): Refusal {
  if (refusal.replyType === OptionReply.ErrBlockSizeRequired && requestedBlockSizes) {
    const message = `option ${options.name(refusal.option)} failed: the server requires the client to ask for block sizes, which it did`;
    throw violation('block-size-required-though-requested', message, 'S12');
  }
  return refusal;
}
