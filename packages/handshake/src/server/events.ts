/** What the server's handshake tells its driver, and how it waits. */
import type { NbdError } from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { ExportOffer, Refusal, ServedFacts } from './offer.ts';

export type ServerHandshakeEvent =
  /** Answer with `offer`: what is there under this name? */
  | { readonly type: 'export-wanted'; readonly exportName: string; readonly purpose: 'open' | 'info' | 'contexts' }
  /** Answer with `list`: which exports are there? */
  | { readonly type: 'list-wanted' }
  /** Send what `takeOutput` gives, upgrade the transport to TLS, then call `tlsEstablished()`, or `ended(cause)`. */
  | { readonly type: 'tls-upgrade' }
  /** Final: the next byte belongs to the transmission phase. */
  | { readonly type: 'established'; readonly facts: ServedFacts; readonly offer: ExportOffer }
  /** Final: the client has left in good order. Send what `takeOutput` still gives, then close. */
  | { readonly type: 'ended' }
  /** Final: send what `takeOutput` still gives, then close. */
  | { readonly type: 'failed'; readonly error: NbdError };

/** A part of the handshake: waits by yielding, fails by throwing, and ends with a result. */
export type ServerStep<Result> = Generator<ServerNeed, Result, void>;

export type ServerNeed =
  | { readonly type: 'bytes'; readonly count: number; bytes: Uint8Array }
  | { readonly type: 'skip'; readonly count: number }
  | { readonly type: 'offer'; answer: ExportOffer | Refusal | undefined }
  | { readonly type: 'list'; answer: readonly ExportEntry[] | Refusal | undefined }
  | { readonly type: 'upgrade' };

/** Waits for exactly `count` bytes; they are valid until the next wait. */
export function* receive(count: number): ServerStep<Uint8Array> {
  const need: ServerNeed = { type: 'bytes', count, bytes: new Uint8Array(0) };
  yield need;
  return need.bytes;
}

/** Lets `count` bytes go by. */
export function* skip(count: number): ServerStep<void> {
  yield { type: 'skip', count };
}

/** Waits for the driver to say what stands behind a name. */
export function* nextOffer(): ServerStep<ExportOffer | Refusal> {
  const need: ServerNeed = { type: 'offer', answer: undefined };
  while (need.answer === undefined) yield need;
  return need.answer;
}

/** Waits for the driver to say which exports there are. */
export function* nextList(): ServerStep<readonly ExportEntry[] | Refusal> {
  const need: ServerNeed = { type: 'list', answer: undefined };
  while (need.answer === undefined) yield need;
  return need.answer;
}
