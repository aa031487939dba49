/** `NBD_OPT_EXPORT_NAME`: opens an export. It can be refused only by hanging up (S6, S28). */
import { encodeExportNameReply, Malformed, Option, parseOptionRequest, quoted } from '@nbdjs/protocol';
import { type ServerConversation, violation } from './conversation.ts';
import { askForExport, needsTls } from './exports.ts';
import { type OpenedExport, openExport } from './facts.ts';
import type { ServerStep } from './steps.ts';

export function* useExportName(conversation: ServerConversation, payload: Uint8Array): ServerStep<OpenedExport> {
  const request = parseOptionRequest(Option.ExportName, payload);
  if (request instanceof Malformed) throw violation(request.violation, request.message, request.rule);
  if (conversation.mode === 'extended') {
    throw violation('export-name-in-extended-mode', 'option EXPORT_NAME after EXTENDED_HEADERS', 'S68');
  }
  const exportName = request !== undefined && 'exportName' in request ? request.exportName : '';
  if (conversation.isShuttingDown) throw refused(exportName);
  const answer = yield* askForExport(conversation, exportName, 'open');
  if ('refusal' in answer || needsTls(conversation, answer)) throw refused(exportName);
  const opened = openExport(conversation, exportName, answer, false);
  const { size, transmissionFlags } = opened.facts;
  conversation.output.push(encodeExportNameReply({ size, transmissionFlags }, conversation.noZeroes));
  return opened;
}

function refused(exportName: string): Error {
  return violation('export-refused', `client asked for export ${quoted(exportName)} by EXPORT_NAME`, 'S6');
}
