/** A message as one line of text, and as plain data for JSON. */
import { printableText, quoted } from '@nbdjs/protocol';
import { describeContext } from './contexts.ts';
import type { Message } from './message.ts';

/** Extents that a line shows at most. */
const extentsMax = 8;

/** Returns a message in one line: its name, and its fields in the order of `Message`. Nothing in it is longer than a few hundred characters. */
export function messageText(message: Message): string {
  const { name, answers, kind, note } = message;
  const words = [kind === 'simple-reply' ? `${answers ?? 'reply'}` : name];
  if (answers !== undefined && kind !== 'simple-reply') words.push(`(${answers})`);
  if (kind === 'simple-reply') words.push(message.error === undefined ? 'ok' : 'failed');
  for (const [field, value] of textFields(message)) words.push(`${field}=${value}`);
  if (message.done === true) words.push('done');
  return note === undefined ? words.join(' ') : `${words.join(' ')} [${printableText(note)}]`;
}

function* textFields(message: Message): Generator<readonly [string, string]> {
  const { cookie, offset, length, payloadBytes, flags, error, text, exportName, size, blockSizes } = message;
  const { infoTypes, queries, contextId, contextIds, context, extents } = message;
  if (cookie !== undefined) yield ['cookie', String(cookie)];
  if (offset !== undefined) yield ['offset', String(offset)];
  if (length !== undefined) yield ['length', String(length)];
  if (payloadBytes !== undefined && length !== BigInt(payloadBytes)) yield ['bytes', String(payloadBytes)];
  if (infoTypes !== undefined) yield ['info', infoTypes.length === 0 ? 'none' : infoTypes.join(',')];
  if (exportName !== undefined) yield ['export', quoted(exportName)];
  if (size !== undefined) yield ['size', String(size)];
  if (blockSizes !== undefined) yield ['blocks', blockSizes.join('/')];
  if (flags !== undefined) yield ['flags', flags.length === 0 ? 'none' : flags.join(',')];
  if (queries !== undefined) yield ['queries', queries.slice(0, extentsMax).map(quoted).join(',')];
  if (contextId !== undefined || context !== undefined) yield ['context', describeContext(contextId, context)];
  if (contextIds !== undefined) yield ['contexts', contextIds.slice(0, extentsMax).join(',')];
  if (extents !== undefined) {
    const shown = extents.slice(0, extentsMax).map((extent) => `${extent.length}:${extent.status}`);
    const more = extents.length - shown.length;
    yield ['extents', `${shown.join(',')}${more > 0 ? `,...(${more} more)` : ''}`];
  }
  if (error !== undefined) yield ['error', error];
  if (text !== undefined) yield ['text', quoted(text)];
}
