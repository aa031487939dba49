/** One request of a client, from its header to its reply. */
import type { Offset } from '@nbdjs/interfaces';
import type { Cookie } from '@nbdjs/protocol';
import type { Failure } from './failure.ts';

const twoTo32 = 2 ** 32;

export class Job {
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
  /** Bytes that the request is about, which is not what the header says where that counts a payload. */
  length: Offset;
  /** What arrived with the request, in memory that begins with it. */
  memory: Uint8Array | undefined = undefined;
  payloadBytes = 0;
  /** Bytes of the server's memory that are set aside for it. */
  reservedBytes = 0;
  /** Whether the payload has landed where it is stored. */
  isStored = false;
  /** Why it will not be carried out. */
  failure: Failure | undefined = undefined;
  /** The contexts that a block status request is limited to, by their ids. */
  contextIds: ReadonlySet<number> | undefined = undefined;

  constructor(
    type: number,
    flags: number,
    cookieHigh: number,
    cookieLow: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
  ) {
    this.type = type;
    this.flags = flags;
    this.cookieHigh = cookieHigh;
    this.cookieLow = cookieLow;
    this.offsetHigh = offsetHigh;
    this.offsetLow = offsetLow;
    this.offset = exact(offsetHigh, offsetLow);
    this.length = lengthHigh === 0 ? lengthLow : exact(lengthHigh, lengthLow);
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
