/** `NBD_OPT_GO` and `NBD_OPT_INFO`. */
import {
  encodeInfoReply,
  type InfoOption,
  InfoType,
  type KnownInfo,
  Option,
  type OptionRequest,
} from '@nbdjs/protocol';
import type { ServerConversation } from './conversation.ts';
import { askForExport, refuseExport } from './exports.ts';
import { type OpenedExport, openExport } from './facts.ts';
import { type ExportOffer, flagsOnWire } from './offer.ts';
import type { ServerStep } from './steps.ts';

type InfoRequest = Extract<OptionRequest, { readonly option: InfoOption }>;

/** Describes an export, and opens it when the option is `GO`. Returns `undefined` when the handshake goes on. */
export function* describe(
  conversation: ServerConversation,
  request: InfoRequest,
): ServerStep<OpenedExport | undefined> {
  const { option, exportName, infoTypes } = request;
  const offer = yield* askForExport(conversation, exportName, option === Option.Go ? 'open' : 'info');
  if (refuseExport(conversation, option, exportName, offer)) return undefined;
  const opened = openExport(conversation, exportName, offer, infoTypes.includes(InfoType.BlockSize));
  // At INFO the contexts are still to be chosen, so the flags announce all that is possible (S73).
  const transmissionFlags =
    option === Option.Go ? opened.facts.transmissionFlags : flagsOnWire(offer, conversation.mode, true);
  for (const info of infosOf(request, offer, transmissionFlags)) {
    conversation.output.push(encodeInfoReply(option, info));
  }
  conversation.acknowledge(option);
  return option === Option.Go ? opened : undefined;
}

/** Size and flags, the name when it was asked for, and all other information that there is. */
function infosOf(
  { exportName, infoTypes }: InfoRequest,
  offer: ExportOffer,
  transmissionFlags: number,
): readonly KnownInfo[] {
  const infos: KnownInfo[] = [{ kind: 'export', size: offer.size, transmissionFlags }];
  if (infoTypes.includes(InfoType.Name)) infos.push({ kind: 'name', name: offer.canonicalName ?? exportName });
  if (offer.description) infos.push({ kind: 'description', description: offer.description });
  if (offer.blockSizes !== undefined) infos.push({ kind: 'block-size', blockSizes: offer.blockSizes });
  return infos;
}
