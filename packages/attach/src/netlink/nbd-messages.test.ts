import { describe, expect, it } from 'vitest';
import { decodeAttributes, encodeAttribute, encodeNested, encodeU32 } from './attribute.ts';
import { DamagedMessage } from './damaged-message.ts';
import {
  connectAttributes,
  decodeDevices,
  decodeIndex,
  indexAttributes,
  reconfigureAttributes,
} from './nbd-messages.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text.replace(/\s+/g, ''), 'hex');

const settings = {
  size: 0x1_0000_0000n,
  blockSize: 4096,
  transmissionFlags: 0x16d,
  timeoutSeconds: 7,
  deadConnectionSeconds: 30,
  identifier: 'disk',
};

const waits = '0c00 0400 0700000000000000  0c00 0800 1e00000000000000  0900 0a00 6469736b00 000000';
const sockets = '1c00 0780  0c00 0180 0800 0100 15000000  0c00 0180 0800 0100 16000000';

describe('what the kernel is told', () => {
  it('about a device', () => {
    expect(Buffer.concat(connectAttributes(3, settings, [0x15, 0x16]))).toEqual(
      bytesOf(`0800 0100 03000000
        0c00 0200 0000000001000000  0c00 0300 0010000000000000
        0c00 0500 6d01000000000000  0c00 0600 0000000000000000  ${waits} ${sockets}`),
    );
  });

  it('about any device: it has no number', () => {
    const attributes = connectAttributes(undefined, { ...settings, identifier: undefined }, [5]);
    expect(decodeAttributes(Buffer.concat(attributes)).map(({ type }) => type)).toEqual([2, 3, 5, 6, 4, 8, 7]);
  });

  it('about new sockets', () => {
    expect(Buffer.concat(reconfigureAttributes(3, settings, [0x15, 0x16]))).toEqual(
      bytesOf(`0800 0100 03000000 ${waits} ${sockets}`),
    );
  });

  it('about which device', () => {
    expect(Buffer.concat(indexAttributes(258))).toEqual(bytesOf('0800 0100 02010000'));
  });
});

describe('what the kernel says', () => {
  const list = bytesOf(`3000 0980
    1400 0180  0800 0100 00000000  0500 0200 01 000000
    1800 0100  0800 0100 0a000000  0500 0200 00 000000  0400 0900`);

  it('about its devices', () => {
    expect(decodeDevices(decodeAttributes(list))).toEqual([
      { index: 0, isConnected: true },
      { index: 10, isConnected: false },
    ]);
  });

  it('about the device that it has chosen', () => {
    expect(decodeIndex(decodeAttributes(encodeU32(1, 15)))).toBe(15);
  });

  it('is refused where something is missing', () => {
    expect(() => decodeIndex([])).toThrow(DamagedMessage);
    expect(() => decodeIndex(decodeAttributes(encodeAttribute(1, bytesOf('0f00'))))).toThrow('2 bytes');
    expect(() => decodeDevices([])).toThrow(DamagedMessage);
    expect(() => decodeDevices(decodeAttributes(encodeNested(9, [encodeNested(1, [])])))).toThrow('no number');
  });
});
