import type { BlockDevice, ExportFacts } from '@nbdjs/interfaces';
import { Command, CommandFlag, encodeBlockStatusPayload, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { RequestValidator } from './request-validator.ts';
import { ServerRequest } from './server-request.ts';

const size = 2 ** 20;
const device = createMemoryDevice({ size });
const { SendFlush, SendTrim, SendWriteZeroes, ReadOnly, SendFua, BlockStatusPayload } = TransmissionFlag;

interface Told {
  readonly flags?: number;
  readonly mode?: ExportFacts['mode'];
  readonly contexts?: ExportFacts['contexts'];
  readonly isAligned?: boolean;
  readonly blockBytes?: number;
  readonly device?: BlockDevice;
}

function validator({ flags = SendFlush, mode = 'extended', contexts = [], ...told }: Told = {}): RequestValidator {
  const { isAligned = true, blockBytes = 1 } = told;
  const blockSizes = { minimum: blockBytes, preferred: 4096, maximum: 65_536 };
  const facts = { size: BigInt(size), transmissionFlags: flags, mode, contexts, blockSizes } as unknown as ExportFacts;
  return new RequestValidator(facts, told.device ?? device, 2 ** 25, isAligned);
}

function request(type: number, offset: number, length: number, flags = 0, payloadBytes = 0): ServerRequest {
  const cookie = { cookieHigh: 0, cookieLow: 1 };
  const offsets = { offsetHigh: Math.floor(offset / 2 ** 32), offsetLow: offset % 2 ** 32 };
  const lengths = { lengthHigh: Math.floor(length / 2 ** 32), lengthLow: length % 2 ** 32 };
  return new ServerRequest({ type, flags, ...cookie, ...offsets, ...lengths }, payloadBytes);
}

const { Read, Write, Trim, WriteZeroes, Flush, BlockStatus, Resize } = Command;
const { Einval, Eperm, Enospc, Eoverflow } = WireError;

describe('a request', () => {
  it.each<[string, Told, ServerRequest, number | undefined]>([
    ['read', {}, request(Read, 0, 512), undefined],
    ['S56: unknown command', {}, request(77, 0, 512), Einval],
    ['S56: command that was not offered', {}, request(Trim, 0, 512), Einval],
    ['command that was offered', { flags: SendTrim }, request(Trim, 0, 512), undefined],
    ['S56: unknown flag', {}, request(Read, 0, 512, 1 << 9), Einval],
    ['S49: FUA where it was not offered', {}, request(Write, 0, 512, CommandFlag.Fua, 512), Einval],
    ['S49: FUA where it was', { flags: SendFua }, request(Read, 0, 512, CommandFlag.Fua), undefined],
    ['DF with simple replies', { mode: 'simple' }, request(Read, 0, 512, CommandFlag.Df), Einval],
    ['S53: write to what is read-only', { flags: ReadOnly }, request(Write, 0, 512, 0, 512), Eperm],
    ['S53: zeroes to what is read-only', { flags: ReadOnly | SendWriteZeroes }, request(WriteZeroes, 0, 512), Eperm],
    ['S54: read past the end', {}, request(Read, size - 511, 512), Einval],
    ['S54: write past the end', {}, request(Write, size - 511, 512, 0, 512), Enospc],
    ['read to the very end', {}, request(Read, size - 512, 512), undefined],
    ['offset of more than 52 bits', {}, request(Read, 2 ** 53, 512), Einval],
    ['S64: read of more than can be', {}, request(Read, 0, 65_537), Eoverflow],
    ['S64: write of more than can be', {}, request(Write, 0, 65_537, 0, 65_537), Einval],
    ['S55: offset within a block', { blockBytes: 512 }, request(Read, 256, 512), Einval],
    ['S55: length within a block', { blockBytes: 512 }, request(Read, 512, 256), Einval],
    ['blocks that need not be kept to', { blockBytes: 512, isAligned: false }, request(Read, 256, 100), undefined],
    ['flush has no range', {}, request(Flush, size * 2, 0), undefined],
    ['S63: block status without a context', {}, request(BlockStatus, 0, 512), Einval],
    ['resize that was not offered', {}, request(Resize, size, 0), Einval],
  ])('%s', (_, told, one, error) => expect(validator(told).faultOf(one)?.error).toBe(error));

  it('R4: may use what a device has grown by, and not what it has lost', async () => {
    const growing = createMemoryDevice({ size });
    const rules = validator({ device: growing });
    await growing.resizing?.resize(2n * BigInt(size));
    expect(rules.faultOf(request(Read, size, 512))).toBeUndefined();
    await growing.resizing?.resize(512n);
    rules.measure();
    // The client was told of that area once, so its request is not malformed.
    expect(rules.faultOf(request(Read, size, 512))?.error).toBe(Enospc);
  });
});

describe('a payload', () => {
  const contexts = [
    { id: 5, name: 'base:allocation' },
    { id: 9, name: 'qemu:dirty-bitmap:b' },
  ];
  const flags = BlockStatusPayload;
  const filtered = (payload: Uint8Array) => {
    const one = request(BlockStatus, 0, payload.length, CommandFlag.PayloadLen, payload.length);
    one.memory = payload;
    return one;
  };

  it('is wanted with a write that will be carried out', () => {
    const good = request(Write, 0, 512, 0, 512);
    const bad = request(Write, size, 512, 0, 512);
    expect([validator().wantsPayload(good), good.failure]).toEqual([true, undefined]);
    expect([validator().wantsPayload(bad), bad.failure?.error]).toEqual([false, Enospc]);
    expect(validator().wantsPayload(request(Read, 0, 512, CommandFlag.PayloadLen, 512))).toBe(false);
  });

  it('S74: is wanted with block status if it can be a selection of contexts', () => {
    const wants = (byteCount: number) => {
      const one = request(BlockStatus, 0, byteCount, CommandFlag.PayloadLen, byteCount);
      return validator({ flags, contexts }).wantsPayload(one);
    };
    expect([8, 11, 12, 14, 16, 20].map(wants)).toEqual([false, false, true, false, true, false]);
  });

  it('S74: selects contexts by their ids, and says what the request is about', () => {
    const one = filtered(encodeBlockStatusPayload(4096n, [9]));
    expect(validator({ flags, contexts }).faultOfFiltered(one)).toBeUndefined();
    expect([one.length, [...(one.contextIds ?? [])]]).toEqual([4096, [9]]);
  });

  it('S74: is refused with an id that was not selected, or twice the same', () => {
    for (const contextIds of [[7], [5, 5]]) {
      const one = filtered(encodeBlockStatusPayload(4096n, contextIds));
      expect(validator({ flags, contexts }).faultOfFiltered(one)?.error).toBe(Einval);
      expect(one.contextIds).toBeUndefined();
    }
  });
});
