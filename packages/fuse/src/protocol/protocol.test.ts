/** The codec: every message whole, cut at every byte, and too long. */
import { describe, expect, it } from 'vitest';
import * as kernel from '../../test/kernel.ts';
import { Opcode } from './numbers.ts';
import { directoryContent, ReplyWriter } from './reply.ts';
import {
  allocateRequest,
  attributesRequest,
  initRequest,
  interruptRequest,
  Message,
  nameRequest,
  openRequest,
  readRequest,
  seekRequest,
  writeRequest,
} from './request.ts';

const cases: readonly [name: string, content: Uint8Array, read: (message: Message) => unknown, expected: unknown][] = [
  [
    'Init',
    kernel.init(7, 41, 0x1234).subarray(0, 20),
    initRequest,
    { major: 7, minor: 41, readAheadBytes: 131_072, flags: 0x1234, flags2: 0xffff_ffff },
  ],
  ['Lookup', kernel.name('nbd'), nameRequest, 'nbd'],
  ['Open', kernel.open(0o100002), openRequest, 0o100002],
  ['Read', kernel.read(2n ** 62n, 4096), readRequest, { offset: 2n ** 62n, length: 4096 }],
  ['Write', kernel.write(8192, Uint8Array.of(1, 2, 3)), writeRequest, { offset: 8192, bytes: Uint8Array.of(1, 2, 3) }],
  ['Seek', kernel.seek(2 ** 40, 4), seekRequest, { offset: 2 ** 40, whence: 4 }],
  ['Allocate', kernel.allocate(512, 2n ** 63n, 3), allocateRequest, { offset: 512, length: 2n ** 63n, mode: 3 }],
  ['Interrupt', kernel.fields([64, 77]), interruptRequest, 77],
  [
    'SetAttributes',
    kernel.setAttributes(8, 5),
    attributesRequest,
    { valid: 8, size: 5, modifiedSeconds: 0, modifiedNanoseconds: 0 },
  ],
];

describe('requests', () => {
  it.each(cases)('%s is read whole, and refused when it is cut anywhere', (_, content, read, expected) => {
    const whole = kernel.message(1, 2, 3, content);
    const message = new Message(whole);
    expect(message.header()).toEqual({ opcode: 1, unique: 2, node: 3 });
    expect(read(message)).toEqual(expected);
    for (let length = 0; length < whole.length; length++) {
      const cut = whole.slice(0, length);
      expect(new Message(cut).header()).toBeUndefined();
      // Also where the header says that nothing is missing.
      if (length < 40) continue;
      new DataView(cut.buffer).setUint32(0, length, true);
      expect(new Message(cut).header()).toBeDefined();
      expect(read(new Message(cut))).not.toEqual(expected);
    }
  });

  it('takes no message that is longer than it says, and no write that is longer than its bytes', () => {
    const whole = kernel.message(Opcode.Read, 2, 3, kernel.read(0, 1));
    expect(new Message(Buffer.concat([whole, Buffer.alloc(1)])).header()).toBeUndefined();
    for (const length of [0, 2, 4, 2 ** 31]) {
      const lying = kernel.message(Opcode.Write, 2, 3, kernel.write(0, Uint8Array.of(1, 2, 3), length));
      expect(writeRequest(new Message(lying))).toBeUndefined();
    }
  });

  it('reads an Init of an older kernel, which has no second flags', () => {
    const old = new Message(kernel.message(Opcode.Init, 2, 0, kernel.init().subarray(0, 16)));
    expect(initRequest(old)).toMatchObject({ major: 7, flags2: 0 });
  });
});

describe('replies', () => {
  const writer = new ReplyWriter();
  const reply = (byteCount: number) => kernel.readReply(writer.bytes.subarray(0, byteCount));

  it('carries numbers of 64 bits, and negative errors', () => {
    const unique = 2 ** 40 + 6;
    expect(reply(writer.error(unique, 28))).toMatchObject({ unique, error: 28 });
    expect(reply(writer.sought(unique, 2n ** 62n)).content.getBigUint64(0, true)).toBe(2n ** 62n);
  });

  it('describes a file', () => {
    const attributes = {
      node: 2,
      size: 2n ** 40n,
      mode: 0o100600,
      links: 1,
      user: 7,
      group: 8,
      modifiedMs: 1500,
      blocks: 3,
    };
    const { content } = reply(writer.entry(4, attributes, 60));
    expect(content.byteLength).toBe(128);
    const numbers = [0, 16, 24, 40, 48, 56, 64, 72, 80].map((at) => Number(content.getBigUint64(at, true)));
    expect(numbers).toEqual([2, 60, 60, 2, 2 ** 40, 3, 1, 1, 1]);
    const words = [88, 92, 96, 100, 104, 108, 112, 120].map((at) => content.getUint32(at, true));
    expect(words).toEqual([5e8, 5e8, 5e8, 0o100600, 1, 7, 8, 4096]);
    expect(reply(writer.attributes(4, attributes, 60)).content.byteLength).toBe(104);
  });

  it('leaves nothing of one reply in the next', () => {
    writer.entry(4, { node: 9, size: 9, mode: 9, links: 9, user: 9, group: 9, modifiedMs: 9e12, blocks: 9 }, 9);
    const { content } = reply(writer.filesystem(4, 100, 4096, 1));
    expect(content.byteLength).toBe(80);
    expect([0, 8, 16, 24, 32].map((at) => content.getBigUint64(at, true))).toEqual([100n, 0n, 0n, 1n, 0n]);
    expect([52, 56, 60, 64, 68, 72, 76].every((at) => content.getUint32(at, true) === 0)).toBe(true);
  });

  it('lists as many entries as there is room for, and goes on after them', () => {
    const entries = ['.', '..', 'disk', 'p1'].map((name, index) => ({ node: index + 1, name, isDirectory: index < 2 }));
    const names = (content: Uint8Array): string[] => {
      const view = new DataView(content.buffer, content.byteOffset, content.length);
      const found: string[] = [];
      for (let at = 0; at < content.length; ) {
        const length = view.getUint32(at + 16, true);
        found.push(Buffer.from(content.subarray(at + 24, at + 24 + length)).toString());
        at += 8 * Math.ceil((24 + length) / 8);
      }
      return found;
    };
    expect(names(directoryContent(entries, 0, 4096))).toEqual(['.', '..', 'disk', 'p1']);
    expect(names(directoryContent(entries, 0, 70))).toEqual(['.', '..']);
    expect(names(directoryContent(entries, 2, 4096))).toEqual(['disk', 'p1']);
    expect(directoryContent(entries, 4, 4096)).toHaveLength(0);
    expect(directoryContent(entries, 0, 10)).toHaveLength(0);
  });
});
