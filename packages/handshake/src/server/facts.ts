/** What was agreed on about an export, put together. */

import type { ServerConversation } from './conversation.ts';
import { type ExportOffer, flagsOnWire, type ServedFacts } from './offer.ts';

/** The result of the handshake. */
export type Outcome = OpenedExport | 'left';

export interface OpenedExport {
  readonly facts: ServedFacts;
  readonly offer: ExportOffer;
}

/** Joins the driver's offer and the agreement so far. `knowsBlockSizes`: the client has asked for the block sizes. */
export function openExport(
  conversation: ServerConversation,
  exportName: string,
  offer: ExportOffer,
  knowsBlockSizes: boolean,
): OpenedExport {
  const { style, mode, tls, selection } = conversation;
  const contexts = selection?.exportName === exportName ? selection.contexts : [];
  const facts: ServedFacts = {
    style,
    mode,
    tls,
    exportName,
    canonicalName: offer.canonicalName,
    description: offer.description,
    size: offer.size,
    transmissionFlags: flagsOnWire(offer, mode, contexts.length > 0),
    blockSizes: offer.blockSizes,
    contexts,
    knowsBlockSizes,
  };
  return { facts, offer };
}
