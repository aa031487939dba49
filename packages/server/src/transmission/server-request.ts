/** One request of a client, from its header to its reply. */
import type { Offset } from '@nbdjs/interfaces';
import type { Cookie, RequestHeader } from '@nbdjs/protocol';
import type { Failure } from './failure.ts';

const twoTo32 = 2 ** 32;

export class ServerRequest {
  /** `Command` */
  readonly type: number;
  /** `CommandFlag`s */
  readonly flags: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  /** A number wherever it is exact. */
  readonly offset: Offset;
  /** Bytes that the request is about. Where the header counts a payload that is something else, it is set later. */
  length: Offset;
  /** Begins with the payload; a buffer of the pool. */
  memory: Uint8Array | undefined = undefined;
  readonly payloadBytes: number;
  /** Bytes of the memory budget that are reserved for it. */
  reservedBytes = 0;
  /** Whether the payload has landed where the device stores it. */
  isStored = false;
  /** Why it will not be carried out. */
  failure: Failure | undefined = undefined;
  /** The contexts that a block status request is limited to, by their ids. */
  contextIds: ReadonlySet<number> | undefined = undefined;

  constructor(header: RequestHeader, payloadBytes: number) {
    const { offsetHigh, offsetLow, lengthHigh, lengthLow } = header;
    this.type = header.type;
    this.flags = header.flags;
    this.cookieHigh = header.cookieHigh;
    this.cookieLow = header.cookieLow;
    this.offsetHigh = offsetHigh;
    this.offsetLow = offsetLow;
    this.offset = exact(offsetHigh, offsetLow);
    this.length = lengthHigh === 0 ? lengthLow : exact(lengthHigh, lengthLow);
    this.payloadBytes = payloadBytes;
  }

  get cookie(): Cookie {
    return { high: this.cookieHigh, low: this.cookieLow };
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** Up to 2^52 a number, so that sums with a length are exact, too. */
function exact(high: number, low: number): Offset {
  return high < 2 ** 20 ? high * twoTo32 + low : (BigInt(high) << 32n) | BigInt(low);
}
