/** What a request may look like ("Command types" and "Command flags" of the specification; checklist S53-S58, S61, S64). */
import { type BlockDevice, type ExportFacts, type Offset, sizeMax } from '@nbdjs/interfaces';
import { Command, CommandFlag, commandFlags, commands, flagNames, TransmissionFlag, WireError } from '@nbdjs/protocol';
import type { Failure } from './failure.ts';
import type { Job } from './job.ts';

/** Commands that change the export. */
function isWriting(type: number): boolean {
  return type === Command.Write || type === Command.Trim || type === Command.WriteZeroes;
}

export class Rules {
  /** Flags that a command may have, by its number; a command that is not here is unknown. */
  readonly #flagsOf = new Map<number, number>();
  readonly #device: BlockDevice;
  /** The client was told of so many bytes, or has asked for them since. */
  #toldSize: bigint;
  #size: bigint;
  #sizeNumber: number;
  readonly #alignMask: number;
  readonly #payloadBytesMax: number;
  readonly #isReadOnly: boolean;
  readonly #contextCount: number;

  /** `isAligned`: requests have to fit the blocks that the client was told of. */
  constructor(facts: ExportFacts, device: BlockDevice, payloadBytesMax: number, isAligned: boolean) {
    const { transmissionFlags: offered, mode, contexts } = facts;
    const has = (flag: number): boolean => (offered & flag) !== 0;
    // FUA is allowed on everything, and means something where bytes are changed (S49).
    const fua = has(TransmissionFlag.SendFua) ? CommandFlag.Fua : 0;
    const isExtended = mode === 'extended';
    const allow = (type: number, flags: number): unknown => this.#flagsOf.set(type, flags | fua);
    allow(Command.Read, mode === 'simple' ? 0 : CommandFlag.Df);
    allow(Command.Write, isExtended ? CommandFlag.PayloadLen : 0);
    if (has(TransmissionFlag.SendFlush)) allow(Command.Flush, 0);
    if (has(TransmissionFlag.SendTrim) || has(TransmissionFlag.ReadOnly)) allow(Command.Trim, 0);
    if (has(TransmissionFlag.SendCache)) allow(Command.Cache, 0);
    if (has(TransmissionFlag.SendWriteZeroes) || has(TransmissionFlag.ReadOnly)) {
      allow(Command.WriteZeroes, CommandFlag.NoHole | (has(TransmissionFlag.SendFastZero) ? CommandFlag.FastZero : 0));
    }
    const filter = has(TransmissionFlag.BlockStatusPayload) ? CommandFlag.PayloadLen : 0;
    allow(Command.BlockStatus, CommandFlag.ReqOne | filter);
    if (has(TransmissionFlag.SendResize)) allow(Command.Resize, 0);
    this.#device = device;
    this.#toldSize = facts.size;
    this.#size = facts.size;
    this.#sizeNumber = Number(facts.size);
    const { minimum = device.geometry.minimumBlockSize, maximum = payloadBytesMax } = facts.blockSizes ?? {};
    this.#alignMask = isAligned ? minimum - 1 : 0;
    this.#payloadBytesMax = isAligned ? Math.min(payloadBytesMax, maximum) : payloadBytesMax;
    this.#isReadOnly = has(TransmissionFlag.ReadOnly);
    this.#contextCount = contexts.length;
  }

  /** Why a request will not be carried out, as far as its header tells; nothing when it will. */
  fault(job: Job): Failure | undefined {
    const allowed = this.#flagsOf.get(job.type);
    if (allowed === undefined) return refuse(WireError.Einval, `command ${commands.name(job.type)} is not supported`);
    if ((job.flags & ~allowed) !== 0) {
      const names = flagNames(commandFlags, job.flags & ~allowed).join(' ');
      return refuse(WireError.Einval, `flag ${names} is not valid for command ${commands.name(job.type)}`);
    }
    if (job.type === Command.Flush) return undefined;
    if (job.type === Command.Resize) return this.#faultOfSize(job);
    if (this.#isReadOnly && isWriting(job.type)) return refuse(WireError.Eperm, 'the export is read-only');
    return this.#faultOfLength(job) ?? this.#faultOfRange(job);
  }

  /** Whether a block status request's payload can be one. */
  isFilterLength(byteCount: number): boolean {
    return byteCount >= 12 && byteCount % 4 === 0 && byteCount <= 8 + 4 * this.#contextCount;
  }

  #faultOfLength({ type, length, payloadBytes }: Job): Failure | undefined {
    if (type === Command.BlockStatus) {
      if (this.#contextCount === 0) return refuse(WireError.Einval, 'no metadata context was selected');
      return length === 0 ? refuse(WireError.Einval, 'block status of no bytes') : undefined;
    }
    if ((type !== Command.Read && type !== Command.Write) || length <= this.#payloadBytesMax) return undefined;
    const text = `${payloadBytes === 0 ? 'a read' : 'a write'} of ${length} bytes, at most ${this.#payloadBytesMax} are possible`;
    return refuse(type === Command.Read ? WireError.Eoverflow : WireError.Einval, text);
  }

  /** The device may have another size now (R4). */
  measure(): void {
    const { size } = this.#device.geometry;
    if (size > this.#toldSize) this.#toldSize = size;
    this.#size = size;
    this.#sizeNumber = Number(size);
  }

  #faultOfSize({ offset, offsetLow }: Job): Failure | undefined {
    if ((offsetLow & this.#alignMask) !== 0) {
      return refuse(WireError.Einval, `size ${offset} has to be a multiple of ${this.#alignMask + 1}`);
    }
    return offset > sizeMax ? refuse(WireError.Enospc, `size ${offset} is more than any export has`) : undefined;
  }

  #faultOfRange({ type, offset, offsetLow, length }: Job): Failure | undefined {
    // A device that has grown since is looked at only by those who reach for more.
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

  /** The last block may be a short one: a request that ends with the export can be about nothing else. */
  #fits(offset: Offset, offsetLow: number, length: Offset): boolean {
    const mask = this.#alignMask;
    const lowLength = typeof length === 'number' ? length % 2 ** 32 : Number(length & 0xffff_ffffn);
    if (((offsetLow | lowLength) & mask) === 0) return true;
    return (offsetLow & mask) === 0 && BigInt(offset) + BigInt(length) === this.#size;
  }

  /** Bytes of a block that the client has to keep to; 1 when anything goes. */
  get blockBytes(): number {
    return this.#alignMask + 1;
  }

  #isInside(offset: Offset, length: Offset): boolean {
    if (typeof offset === 'number' && typeof length === 'number') return offset + length <= this.#sizeNumber;
    return BigInt(offset) + BigInt(length) <= this.#size;
  }
}

function refuse(error: number, text: string): Failure {
  return { error, text };
}
