/** What was agreed on about an export, put together. */
import { type ExportFacts, NegotiationError, sizeMax } from '@nbdjs/interfaces';
import type { Conversation } from './conversation.ts';
import { nameOfExport } from './refusals.ts';

/** How the server described an export, by `GO`, `INFO`, `EXPORT_NAME` or in the oldstyle. */
export type ExportAnswer = Pick<
  ExportFacts,
  'size' | 'transmissionFlags' | 'canonicalName' | 'description' | 'blockSizes'
>;

/**
 * Joins the server's answer and the agreement so far.
 *
 * @throws NegotiationError `ERR_NBD_TOO_BIG` for a size that no offset can reach: peers agree on 2^63 - 1 at most.
 */
export function factsOf(conversation: Conversation, exportName: string, answer: ExportAnswer): ExportFacts {
  if (answer.size > sizeMax) {
    const message = `${nameOfExport(exportName)} is too big: expected at most ${sizeMax} bytes, got ${answer.size}`;
    throw new NegotiationError('ERR_NBD_TOO_BIG', message);
  }
  const { style, mode, tls, selection } = conversation;
  const contexts = selection?.exportName === exportName ? selection.contexts : [];
  return { style, mode, tls, exportName, ...answer, contexts };
}
