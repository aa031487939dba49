/** The server's greeting, and the client's flags ("Newstyle negotiation", "Oldstyle negotiation"). */
import { decodeClientFlags, encodeGreeting, GreetingBytes, HandshakeFlag } from '@nbdjs/protocol';
import { receive } from '../script/steps.ts';
import { type ServerConversation, violation } from './conversation.ts';
import { askForExport } from './exports.ts';
import { type OpenedExport, openExport } from './facts.ts';
import { describeForeignFlags } from './foreign-flags.ts';
import type { ServerStep } from './steps.ts';

const offeredFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;

/** Sends the greeting, and takes the client's flags. */
export function* greet(conversation: ServerConversation): ServerStep<void> {
  conversation.output.push(encodeGreeting({ style: 'newstyle', handshakeFlags: offeredFlags }));
  const flags = decodeClientFlags(yield* receive(GreetingBytes.clientFlags));
  if ((flags & ~offeredFlags) !== 0) {
    const peer = describeForeignFlags(flags);
    const message = `client set the unknown handshake flags 0x${flags.toString(16)}`;
    throw violation('unknown-client-flags', peer === undefined ? message : `${message}: ${peer}`, 'S2');
  }
  if ((flags & HandshakeFlag.FixedNewstyle) !== 0) conversation.style = 'newstyle-fixed';
  conversation.noZeroes = (flags & HandshakeFlag.NoZeroes) !== 0;
}

/** Describes the default export at once. The client cannot choose, and the server can refuse only by hanging up. */
export function* greetOldstyle(conversation: ServerConversation): ServerStep<OpenedExport> {
  conversation.style = 'oldstyle';
  conversation.activity = 'waiting for the export';
  const answer = yield* askForExport(conversation, '', 'open');
  if ('refusal' in answer) throw violation('export-refused', 'the default export is not there', 'S6');
  const opened = openExport(conversation, '', answer, false);
  const { size, transmissionFlags } = opened.facts;
  conversation.output.push(encodeGreeting({ style: 'oldstyle', size, handshakeFlags: 0, transmissionFlags }));
  return opened;
}
