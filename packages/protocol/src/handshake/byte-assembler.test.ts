import { UsageError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteAssembler } from './byte-assembler.ts';

describe('ByteAssembler', () => {
  it('returns messages of the expected lengths, wherever the stream is cut', () => {
    const message = fc.uint8Array({ maxLength: 700 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 300 })), (messages, cuts) => {
        const assembler = new ByteAssembler(700);
        let cut = 0;
        for (const expected of messages) {
          assembler.expect(expected.length);
          for (let position = 0; assembler.missing > 0; ) {
            const target = assembler.writable();
            expect(target.length).toBe(expected.length - position);
            const piece = expected.subarray(
              position,
              position + Math.min(cuts[cut++ % cuts.length] ?? 64, target.length),
            );
            target.set(piece);
            assembler.advance(piece.length);
            position += piece.length;
          }
          expect(assembler.take()).toEqual(expected);
        }
      }),
    );
  });

  it('has no memory to fill when no byte is missing', () => {
    const assembler = new ByteAssembler(10);
    assembler.expect(0);
    expect(assembler.writable()).toHaveLength(0);
    expect(assembler.take()).toHaveLength(0);
  });

  it.each([11, -1, 1.5, Number.NaN])('refuses to expect %d bytes when the bound is 10', (count) => {
    expect(() => new ByteAssembler(10).expect(count)).toThrow(UsageError);
  });

  it('rejects `take` of an incomplete message, and `advance` by more than is missing', () => {
    const assembler = new ByteAssembler(10);
    assembler.expect(4);
    expect(() => assembler.advance(5)).toThrow('cannot advance by 5 bytes: 4 are missing');
    assembler.advance(3);
    expect(() => assembler.take()).toThrow('the message is not whole: 1 bytes are missing');
    expect(assembler.partial).toHaveLength(3);
  });
});
