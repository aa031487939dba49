import { describe, expect, it } from 'vitest';
import { encodeText } from './attribute.ts';
import { DamagedMessage } from './damaged-message.ts';
import { decodeAnswers, encodeRequest } from './message.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text.replace(/\s+/g, ''), 'hex');

/** An acknowledgement with the number 0, as a kernel sends it. */
const acknowledgement = bytesOf('24000000 0200 0001 07000000 e1030000  00000000  20000000 1000 0500 07000000 00000000');

/** "-EINVAL", with the header of the request only (capped), and the text "bad size". */
const refusal = bytesOf(`
  34000000 0200 0003 08000000 e1030000  eaffffff  60000000 1c00 0500 08000000 00000000
  0d00 0100 6261642073697a6500 000000`);

/** What the controller answers for a family with the number 28. */
const family = bytesOf('24000000 1000 0000 01000000 e1030000  01 02 0000  0800 0200 6e626400  0600 0100 1c00 0000');

describe('requests', () => {
  it('are the bytes that the kernel expects', () => {
    const attributes = [encodeText(2, 'nbd')];
    const request = encodeRequest({ family: 0x10, command: 3, version: 1, sequence: 1, attributes });
    expect(request).toEqual(bytesOf('1c000000 1000 0500 01000000 00000000  03 01 0000  0800 0200 6e626400'));
  });
});

describe('answers', () => {
  it('are acknowledgements, refusals and messages', () => {
    expect(decodeAnswers(Buffer.concat([family, acknowledgement, refusal]))).toEqual([
      {
        type: 'message',
        sequence: 1,
        command: 1,
        attributes: [
          { type: 2, content: bytesOf('6e626400') },
          { type: 1, content: bytesOf('1c00') },
        ],
      },
      { type: 'done', sequence: 7, errorNumber: 0, text: undefined },
      { type: 'done', sequence: 8, errorNumber: 22, text: 'bad size' },
    ]);
  });

  it('may have the whole request before the text', () => {
    const request = bytesOf('18000000 1c00 0500 08000000 00000000  01 01 0000 00000000');
    const withRequest = Buffer.concat([
      bytesOf('3c000000 0200 0002 08000000 e1030000 eaffffff'),
      request,
      refusal.subarray(36),
    ]);
    expect(decodeAnswers(withRequest)).toEqual([{ type: 'done', sequence: 8, errorNumber: 22, text: 'bad size' }]);
  });

  it('are refused wherever they are cut off', () => {
    for (const whole of [family, acknowledgement, refusal]) {
      for (let length = 1; length < whole.length; length++) {
        expect(() => decodeAnswers(whole.subarray(0, length))).toThrow(DamagedMessage);
      }
    }
  });

  it('are refused where a length lies', () => {
    const lies: readonly (readonly [at: number, byte: number])[] = [
      [0, 0],
      [0, 15],
      [1, 0xff],
      [20, 3],
      [20, 0xff],
    ];
    for (const [at, byte] of lies) {
      const damaged = Buffer.from(family);
      damaged[at] = byte;
      expect(() => decodeAnswers(damaged), `byte ${at} is ${byte}`).toThrow(DamagedMessage);
    }
    const positive = Buffer.from(acknowledgement);
    positive.writeInt32LE(5, 16);
    expect(() => decodeAnswers(positive)).toThrow('number 5');
  });

  it('never make the decoder fail in another way, or hang', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 5000; round++) {
      const damaged = Buffer.concat([family, refusal]);
      for (let change = 0; change < 3; change++) damaged[random(damaged.length)] = random(256);
      try {
        decodeAnswers(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedMessage);
      }
    }
  });
});
