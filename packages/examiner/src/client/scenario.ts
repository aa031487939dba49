/** What a client is served, as data: an export that is odd, or one that breaks the rules. */
import type { BlockSizes, HeaderMode } from '@nbdjs/interfaces';
import type { Level } from '../rules/vocabulary.ts';
import type { ServedRequest } from './served-request.ts';

/**
 * How a client has to take it. `cope`: the server keeps every rule, so the client should do its work. `refuse`: the server breaks a rule, and
 * the client has to notice: success is a reason to look closer. `end`: the client may do either, but has to come to an end.
 */
export type Demand = 'cope' | 'refuse' | 'end';

/** One piece of a reply: bytes, or the end of the connection behind those before. */
export type ReplyPiece = Uint8Array | 'close';

/** What is odd about a server. What is left out is as usual. */
export interface Quirks {
  /** The modes that the server has, up to this one. @default 'extended' */
  readonly mode?: HeaderMode | undefined;
  /** @default FIXED_NEWSTYLE and NO_ZEROES */
  readonly handshakeFlags?: number | undefined;
  /** @default every flag that the server can keep */
  readonly transmissionFlags?: number | undefined;
  /** Announced whether they are asked for or not. @default 1, 4096 and 32 MiB, where they are asked for */
  readonly blockSizes?: BlockSizes | undefined;
  /** Replies that come before the usual ones to an option, by option. */
  readonly before?: ((option: number) => readonly Uint8Array[]) | undefined;
  /** What comes instead of the usual reply to an option; `undefined` for the usual one. */
  readonly option?: ((option: number) => readonly ReplyPiece[] | undefined) | undefined;
  /** What comes instead of the usual reply to a request; `undefined` for the usual one. */
  readonly reply?: ((request: ServedRequest) => readonly ReplyPiece[] | undefined) | undefined;
}

/** What a scenario says, without its server. */
export interface ScenarioText {
  /** Its name, such as `C53/out-of-order`: the rule of docs/conformance.md that it is about, and what it does. */
  readonly id: string;
  /** What it means when the client does otherwise. */
  readonly level: Level;
  /** What the server does. */
  readonly served: string;
  /** What the client has to do. */
  readonly expected: string;
  /** How the client has to take it. */
  readonly demand: Demand;
}

/** A scenario with its server. */
export interface Scenario extends ScenarioText {
  readonly quirks: Quirks;
}
