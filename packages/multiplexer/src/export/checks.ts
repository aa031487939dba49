/** Whether a call may be made at all, and which flags its requests carry. What is wrong is refused before anything is sent. */
import {
  type Abilities,
  CommandError,
  type ExportFacts,
  type Geometry,
  limits,
  type Offset,
  type ReadOptions,
  sizeMax,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { CommandFlag, TransmissionFlag } from '@nbdjs/protocol';
import type { ReplyLimits } from '../replies/reply-limits.ts';
import type { MultiplexerSettings } from '../settings.ts';
import { abilitiesOf, geometryOf } from './export-traits.ts';
import type { StrictChecks } from './strict.ts';

/** Header fields have 64 bits. */
const wireEnd = 2n ** 64n;

/** What the calls that need an ability of the export are for. */
type OptionalCommand = 'flush' | 'trim' | 'writeZeroes' | 'cache';

export class Checks {
  readonly facts: ExportFacts;
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  readonly strict: StrictChecks;
  readonly replyLimits: ReplyLimits;
  /** Whether ranges have to fit blocks of more than one byte. */
  readonly needsAlignment: boolean;
  /**
   * Where the last whole block ends. What comes behind it, the tail, is a block that is too short: the specification puts it out
   * of reach (C43), but most servers let a request through that ends with the export.
   */
  readonly tailStart: bigint;
  /** The longest read or write that goes in one request, in bytes. */
  readonly payloadBytesMax: number;
  readonly isExtended: boolean;

  constructor(facts: ExportFacts, { strict, limits: replyLimits }: MultiplexerSettings) {
    this.facts = facts;
    this.strict = strict;
    this.replyLimits = replyLimits;
    this.geometry = geometryOf(facts);
    this.abilities = abilitiesOf(facts);
    this.isExtended = facts.mode === 'extended';
    const { size, minimumBlockSize, maximumBlockSize } = this.geometry;
    this.needsAlignment = minimumBlockSize > 1 && strict.align;
    this.tailStart = this.needsAlignment ? size - (size % BigInt(minimumBlockSize)) : size;
    this.payloadBytesMax = strict.payload
      ? maximumBlockSize - (maximumBlockSize % minimumBlockSize)
      : limits.payloadBytesMax;
  }

  /**
   * The range as exact numbers.
   *
   * @throws UsageError when these are no numbers of bytes, or not within the export.
   */
  range(command: string, offset: Offset, length: Offset): readonly [start: bigint, end: bigint] {
    const start = exact(command, 'offset', offset);
    const end = start + exact(command, 'length', length);
    const { size } = this.geometry;
    if (end > (this.strict.bounds ? size : wireEnd)) {
      const message = `${command} of ${end - start} bytes at ${start} reaches past the end of the export at ${size}`;
      throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', message);
    }
    return [start, end];
  }

  /** The same for what is only advice about whole blocks: the part of the range before the tail, which may be empty. */
  partInBlocks(command: string, offset: Offset, length: Offset): readonly [start: bigint, end: bigint] {
    const [start, end] = this.range(command, offset, length);
    const { tailStart } = this;
    if (!this.strict.bounds || end <= tailStart) return [start, end];
    return start < tailStart ? [start, tailStart] : [tailStart, tailStart];
  }

  /** Whether a server that answers like this to a request up to `end` gives no access to the tail. */
  refusesTail(error: unknown, end: bigint): error is CommandError {
    return end > this.tailStart && this.needsAlignment && error instanceof CommandError && error.code === 'EINVAL';
  }

  /** @throws UsageError when the export does not offer a command (C41), or is not to be changed by it. */
  requireCommand(command: string, ability: OptionalCommand): void {
    if (ability === 'trim' || ability === 'writeZeroes') this.requireWritable(command);
    if (this.strict.commands && !this.abilities[ability]) {
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${command}: the server does not offer it for this export`);
    }
  }

  /** @throws UsageError when the export is read-only. */
  requireWritable(command: string): void {
    if (this.strict.commands && this.abilities.readOnly) {
      throw new UsageError('ERR_NBD_READ_ONLY', `${command}: the export is read-only`);
    }
  }

  /** Whether the size can be changed (R1). */
  get isResizable(): boolean {
    if (!this.strict.commands) return true;
    return this.offers(TransmissionFlag.SendResize) && !this.abilities.readOnly;
  }

  /** The size that an export is to have. @throws UsageError when it is no number of bytes that a size can be. */
  newSize(size: Offset): bigint {
    const bytes = exact('RESIZE', 'size', size);
    if (bytes <= sizeMax) return bytes;
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `RESIZE: ${bytes} bytes are more than ${sizeMax}`);
  }

  readFlags(options: ReadOptions): number {
    if (options.dontFragment !== true) return 0;
    // Simple replies come in one piece anyway.
    if (this.facts.mode === 'simple' && this.strict.flags) return 0;
    this.#requireFlag('READ', 'DF', this.offers(TransmissionFlag.SendDf));
    return CommandFlag.Df;
  }

  /** The flags of a write; C64: with extended headers each one says that it has a payload, C65: otherwise none does. */
  writeFlags(options: WriteOptions): number {
    const payloadLen = this.isExtended && this.strict.autoFlag ? CommandFlag.PayloadLen : 0;
    return this.fuaFlag('WRITE', options) | payloadLen;
  }

  zeroFlags(options: WriteZeroesOptions): number {
    let flags = this.fuaFlag('WRITE_ZEROES', options);
    if (options.noHole === true) flags |= CommandFlag.NoHole;
    if (options.fastZero === true) {
      this.#requireFlag('WRITE_ZEROES', 'FAST_ZERO', this.abilities.fastZero);
      flags |= CommandFlag.FastZero;
    }
    return flags;
  }

  fuaFlag(command: string, options: WriteOptions): number {
    if (options.fua !== true) return 0;
    this.#requireFlag(command, 'FUA', this.abilities.fua);
    return CommandFlag.Fua;
  }

  /** Whether the export has a transmission flag. */
  offers(flag: number): boolean {
    return (this.facts.transmissionFlags & flag) !== 0;
  }

  #requireFlag(command: string, flag: string, isOffered: boolean): void {
    if (!this.strict.flags || isOffered) return;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${command}: the server does not offer ${flag} for this export`);
  }
}

function exact(command: string, what: string, value: Offset): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${command}: the ${what} ${value} is not a safe integer; use a bigint`);
  }
  if (value < 0) throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `${command}: the ${what} ${value} is negative`);
  return BigInt(value);
}
