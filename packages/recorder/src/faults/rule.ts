/** Faults as data: which messages they are done to, and what is done. */
import type { CommandErrorCode } from '@nbdjs/interfaces';

/** Which message of an exchange something is done to. */
export type FaultPlace = 'request' | 'reply';

/** What is done. */
export type FaultAction =
  /** The message waits, and all that come behind it in the same direction, as on a slow line. */
  | { readonly type: 'delay'; readonly at: FaultPlace /** In milliseconds. */; readonly ms: number }
  /** The request is not passed on, and answered with this error: an errno for a command, an `ERR_...` of the handshake for an option. */
  | { readonly type: 'error'; readonly error: CommandErrorCode | OptionErrorName }
  /** The message is not passed on, and never answered. Of a reply, only its first message. */
  | { readonly type: 'drop'; readonly at: FaultPlace }
  /** One half of the message is passed on, then both connections end. */
  | { readonly type: 'cut'; readonly at: FaultPlace }
  /** Both connections end before the message is passed on. */
  | { readonly type: 'disconnect'; readonly at: FaultPlace };

/** The name of an error of the handshake, such as `ERR_UNSUP`. */
export type OptionErrorName = `ERR_${string}`;

/** From the first number to the last; without a bound, to any. */
export interface FaultRange {
  /** The first that fits. @default 0 */
  readonly from?: bigint | undefined;
  /** The first that does not fit any more. @default no bound */
  readonly to?: bigint | undefined;
}

/** One rule. All of its conditions have to hold. */
export interface FaultRule {
  /** Names of commands, such as `READ`. @default all commands; none, if there is an `option` */
  readonly commands?: readonly string[] | undefined;
  /** The name of an option, such as `GO`, or `*` for all. @default none */
  readonly option?: string | undefined;
  /** A request whose range has a byte in this part of the export. @default anywhere */
  readonly offset?: FaultRange | undefined;
  /** The length of the request's range. @default any */
  readonly length?: FaultRange | undefined;
  /** Only this connection, counted from 1 on. @default all */
  readonly connection?: number | undefined;
  /** Not the first so many messages that fit. @default 0 */
  readonly after?: number | undefined;
  /** Of the messages that fit, only every so many-th. @default 1 */
  readonly every?: number | undefined;
  /** How probable it is that something is done, 0 to 1. @default 1 */
  readonly chance?: number | undefined;
  /** So many times at most. @default any number of times */
  readonly times?: number | undefined;
  /** What is done. */
  readonly action: FaultAction;
}
