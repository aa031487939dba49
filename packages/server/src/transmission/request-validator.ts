/**
 * Checks the requests of one client before they reach the device ("Command types" and "Command flags" of the specification;
 * S53-S58, S61, S64, S74).
 */
import { type BlockDevice, type ExportFacts, type Offset, type SelectedContext, sizeMax } from '@nbdjs/interfaces';
import {
  Command,
  CommandFlag,
  commandFlags,
  commands,
  decodeBlockStatusPayload,
  flagNames,
  TransmissionFlag,
  WireError,
} from '@nbdjs/protocol';
import type { Failure } from './failure.ts';
import type { ServerRequest } from './server-request.ts';

export class RequestValidator {
  /** The flags that a command may have, by its number; a command that is not here is unknown. */
  readonly #flagsOf: ReadonlyMap<number, number>;
  readonly #device: BlockDevice;
  /** The largest size that the client was told of, or has reached since. */
  #toldSize: bigint;
  #size: bigint;
  #sizeNumber: number;
  readonly #alignMask: number;
  readonly #payloadBytesMax: number;
  readonly #isReadOnly: boolean;
  readonly #contexts: readonly SelectedContext[];

  /** `isAligned`: requests have to fit the blocks that the client was told of. */
  constructor(facts: ExportFacts, device: BlockDevice, payloadBytesMax: number, isAligned: boolean) {
    this.#flagsOf = allowedFlags(facts);
    this.#device = device;
    this.#toldSize = facts.size;
    this.#size = facts.size;
    this.#sizeNumber = Number(facts.size);
    const { minimum = device.geometry.minimumBlockSize, maximum = payloadBytesMax } = facts.blockSizes ?? {};
    this.#alignMask = isAligned ? minimum - 1 : 0;
    this.#payloadBytesMax = isAligned ? Math.min(payloadBytesMax, maximum) : payloadBytesMax;
    this.#isReadOnly = (facts.transmissionFlags & TransmissionFlag.ReadOnly) !== 0;
    this.#contexts = facts.contexts;
  }

  /** Bytes of a block that the client has to keep to; 1 when it need not. */
  get blockBytes(): number {
    return this.#alignMask + 1;
  }

  /** Why a request will not be carried out, as far as its header shows; `undefined` when it will. */
  faultOf(request: ServerRequest): Failure | undefined {
    const { type, flags } = request;
    const allowed = this.#flagsOf.get(type);
    if (allowed === undefined) return refuse(WireError.Einval, `command ${commands.name(type)} is not supported`);
    if ((flags & ~allowed) !== 0) {
      const names = flagNames(commandFlags, flags & ~allowed).join(' ');
      return refuse(WireError.Einval, `flag ${names} is not valid for command ${commands.name(type)}`);
    }
    if (type === Command.Flush) return undefined;
    if (type === Command.Resize) return this.#faultOfSize(request);
    if (this.#isReadOnly && isWriting(type)) return refuse(WireError.Eperm, 'the export is read-only');
    return this.#faultOfLength(request) ?? this.#faultOfRange(request);
  }

  /** Whether a request's payload is of use. Any other is discarded, and the request is answered afterwards. */
  wantsPayload(request: ServerRequest): boolean {
    if (request.type === Command.Write) {
      request.failure = this.faultOf(request);
      return request.failure === undefined;
    }
    return request.type === Command.BlockStatus && this.#isFilterLength(request.payloadBytes);
  }

  /**
   * Checks a block status request with a payload (S74): takes the contexts that it is limited to, and the length that it is
   * about, from there. Returns why it will not be carried out.
   */
  faultOfFiltered(request: ServerRequest): Failure | undefined {
    const invalid = refuse(WireError.Einval, 'the payload is not a selection of metadata contexts');
    const { memory, payloadBytes } = request;
    const filter = memory === undefined ? undefined : decodeBlockStatusPayload(memory.subarray(0, payloadBytes));
    if (filter === undefined) return invalid;
    const { contextIds, effectLength } = filter;
    const ids = new Set(contextIds);
    const knownCount = this.#contexts.filter(({ id }) => ids.has(id)).length;
    if (knownCount !== contextIds.length) return invalid;
    request.contextIds = ids;
    request.length = effectLength <= Number.MAX_SAFE_INTEGER ? Number(effectLength) : effectLength;
    return this.faultOf(request);
  }

  /** Takes the device's size anew, which may be another one now (R4). */
  measure(): void {
    const { size } = this.#device.geometry;
    if (size > this.#toldSize) this.#toldSize = size;
    this.#size = size;
    this.#sizeNumber = Number(size);
  }

  #isFilterLength(byteCount: number): boolean {
    return byteCount >= 12 && byteCount % 4 === 0 && byteCount <= 8 + 4 * this.#contexts.length;
  }

  #faultOfLength({ type, length, payloadBytes }: ServerRequest): Failure | undefined {
    if (type === Command.BlockStatus) {
      if (this.#contexts.length === 0) return refuse(WireError.Einval, 'no metadata context was selected');
      return length === 0 ? refuse(WireError.Einval, 'block status of no bytes') : undefined;
    }
    if ((type !== Command.Read && type !== Command.Write) || length <= this.#payloadBytesMax) return undefined;
    const text = `${payloadBytes === 0 ? 'a read' : 'a write'} of ${length} bytes, at most ${this.#payloadBytesMax} are possible`;
    return refuse(type === Command.Read ? WireError.Eoverflow : WireError.Einval, text);
  }

  #faultOfSize({ offset, offsetLow }: ServerRequest): Failure | undefined {
    if ((offsetLow & this.#alignMask) !== 0) {
      return refuse(WireError.Einval, `size ${offset} has to be a multiple of ${this.#alignMask + 1}`);
    }
    return offset > sizeMax ? refuse(WireError.Enospc, `size ${offset} is larger than an export can be`) : undefined;
  }

  #faultOfRange({ type, offset, offsetLow, length }: ServerRequest): Failure | undefined {
    // The device may have grown. That is looked up only for a request that reaches past the end.
    if (!this.#isInside(offset, length)) this.measure();
    if (!this.#isInside(offset, length)) {
      const end = BigInt(offset) + BigInt(length);
      const isWrite = type === Command.Write || type === Command.WriteZeroes;
      const text = `bytes ${offset} to ${end} reach past the end at ${this.#size}`;
      return refuse(isWrite || end <= this.#toldSize ? WireError.Enospc : WireError.Einval, text);
    }
    if (!this.#fits(offset, offsetLow, length)) {
      const text = `offset ${offset} and length ${length} have to be multiples of ${this.#alignMask + 1}`;
      return refuse(WireError.Einval, text);
    }
    return undefined;
  }

  #isInside(offset: Offset, length: Offset): boolean {
    if (typeof offset === 'number' && typeof length === 'number') return offset + length <= this.#sizeNumber;
    return BigInt(offset) + BigInt(length) <= this.#size;
  }

  /** The last block may be a short one: a request that ends with the export may end within it. */
  #fits(offset: Offset, offsetLow: number, length: Offset): boolean {
    const mask = this.#alignMask;
    const lowLength = typeof length === 'number' ? length % 2 ** 32 : Number(length & 0xffff_ffffn);
    if (((offsetLow | lowLength) & mask) === 0) return true;
    return (offsetLow & mask) === 0 && BigInt(offset) + BigInt(length) === this.#size;
  }
}

/** The commands that an export knows, and the flags that each of them may have. */
function allowedFlags({ transmissionFlags, mode }: ExportFacts): ReadonlyMap<number, number> {
  const has = (flag: number): boolean => (transmissionFlags & flag) !== 0;
  // FUA is allowed on everything, and means something where bytes are changed (S49).
  const fua = has(TransmissionFlag.SendFua) ? CommandFlag.Fua : 0;
  const flagsOf = new Map<number, number>();
  const allow = (type: number, flags: number): unknown => flagsOf.set(type, flags | fua);
  allow(Command.Read, mode === 'simple' ? 0 : CommandFlag.Df);
  allow(Command.Write, mode === 'extended' ? CommandFlag.PayloadLen : 0);
  if (has(TransmissionFlag.SendFlush)) allow(Command.Flush, 0);
  if (has(TransmissionFlag.SendTrim) || has(TransmissionFlag.ReadOnly)) allow(Command.Trim, 0);
  if (has(TransmissionFlag.SendCache)) allow(Command.Cache, 0);
  if (has(TransmissionFlag.SendWriteZeroes) || has(TransmissionFlag.ReadOnly)) {
    allow(Command.WriteZeroes, CommandFlag.NoHole | (has(TransmissionFlag.SendFastZero) ? CommandFlag.FastZero : 0));
  }
  const filter = has(TransmissionFlag.BlockStatusPayload) ? CommandFlag.PayloadLen : 0;
  allow(Command.BlockStatus, CommandFlag.ReqOne | filter);
  if (has(TransmissionFlag.SendResize)) allow(Command.Resize, 0);
  return flagsOf;
}

/** Commands that change the export. */
function isWriting(type: number): boolean {
  return type === Command.Write || type === Command.Trim || type === Command.WriteZeroes;
}

function refuse(error: number, text: string): Failure {
  return { error, text };
}
