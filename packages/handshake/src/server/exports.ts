/** Questions to the driver about its exports, and the replies that follow a refusal. */
import { type ExportEntry, OptionReply, quoted } from '@nbdjs/protocol';
import type { ServerConversation } from './conversation.ts';
import type { ExportPurpose } from './events.ts';
import { type ExportOffer, type Refusal, refusalTypes } from './offer.ts';
import { nextList, nextOffer, type ServerStep } from './steps.ts';

/** Asks the driver which export has a name. */
export function* askForExport(
  conversation: ServerConversation,
  exportName: string,
  purpose: ExportPurpose,
): ServerStep<ExportOffer | Refusal> {
  conversation.state = 'answering';
  conversation.events.push({ type: 'export-wanted', exportName, purpose });
  return yield* nextOffer();
}

/** Asks the driver which exports there are. */
export function* askForList(conversation: ServerConversation): ServerStep<readonly ExportEntry[] | Refusal> {
  conversation.state = 'answering';
  conversation.events.push({ type: 'list-wanted' });
  return yield* nextList();
}

/** Whether the export is refused in clear text (S28). */
export function needsTls({ settings, tls }: ServerConversation, offer: ExportOffer): boolean {
  return settings.tls === 'allow' && !tls && offer.tlsOnly === true;
}

/** Refuses an option about an export that the client does not get. Returns whether it did. */
export function refuseExport(
  conversation: ServerConversation,
  option: number,
  exportName: string,
  answer: ExportOffer | Refusal,
): answer is Refusal {
  if ('refusal' in answer) {
    const text = answer.text ?? `export ${quoted(exportName)} not present`;
    conversation.refuse(option, refusalTypes[answer.refusal], text);
    return true;
  }
  if (!needsTls(conversation, answer)) return false;
  conversation.refuse(option, OptionReply.ErrTlsRequired, `export ${quoted(exportName)} needs TLS first`);
  return true;
}
