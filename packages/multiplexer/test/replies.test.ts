/** What the server answers, and what the multiplexer makes of it. */
import { CommandError, ConnectionLostError, limits, ProtocolError, type ReadChunk } from '@nbdjs/interfaces';
import {
  type ChunkFrame,
  ChunkType,
  Command,
  encodeBlockStatusChunk,
  encodeChunk,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeHoleChunk,
  encodeNoneChunk,
  encodeSimpleReply,
  WireError,
} from '@nbdjs/protocol';
import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { replyLimits } from '../src/replies/reply-limits.ts';
import { failure, openSession, type Session, same, turn } from './session.ts';

const { replyChunksMax } = replyLimits.resolve('the test', {});

const text = (words: string) => new TextEncoder().encode(words);

/** A session whose server answers nothing by itself. */
async function heldSession(mode: 'simple' | 'structured' | 'extended' = 'structured') {
  const held: FakeRequest[] = [];
  const session = await openSession({ mode, onRequest: (request) => void held.push(request) });
  return { ...session, held };
}

/** What a call meets whose answer is made by hand, and what becomes of the multiplexer. */
async function answeredBy(
  call: (device: Session['device']) => unknown,
  answer: (request: FakeRequest) => void,
  mode: 'simple' | 'structured' | 'extended' = 'structured',
) {
  const { device, server } = await openSession({ mode, onRequest: answer });
  const error = await failure(call(device));
  return { error, device, server };
}

/** Bytes 0 to 99 of the export. */
const read = (device: Session['device']) => device.read(0, new Uint8Array(100));

const data = (frame: ChunkFrame, offset: number, length: number) => [
  encodeDataChunkHeader(frame, BigInt(offset), length),
  new Uint8Array(length),
];

describe('violations', () => {
  type Case = [
    name: string,
    violation: string,
    answer: (request: FakeRequest) => void,
    mode?: 'simple' | 'structured' | 'extended',
    call?: (device: Session['device']) => unknown,
  ];
  const cookieOf = (high: number, low: number) => (request: FakeRequest) =>
    request.connection.send(encodeSimpleReply({ high, low }, 0));
  const cases: Case[] = [
    ['C40: a cookie of no request', 'unexpected-cookie', cookieOf(0xdead_beef, 0), 'simple'],
    ['C40: a cookie far outside of all slots', 'unexpected-cookie', cookieOf(1, 0xffff_ffff), 'simple'],
    ['C40: the cookie 0', 'unexpected-cookie', cookieOf(0, 0), 'simple'],
    [
      'C40: a cookie with another upper half',
      'unexpected-cookie',
      ({ cookie, connection }) => connection.send(encodeSimpleReply({ ...cookie, high: cookie.high + 1 }, 0)),
      'simple',
    ],
    [
      'C51: a chunk of an unknown type',
      'unknown-chunk',
      (request) => request.connection.send(encodeChunk(request.frame(), 99, new Uint8Array(4))),
    ],
    [
      'C51: data in the answer to a write',
      'unfit-chunk',
      (request) => request.connection.send(...data(request.frame(), 0, 4)),
      'structured',
      (device) => device.write(0, new Uint8Array(4)),
    ],
    [
      'C51: a hole in the answer to a trim',
      'unfit-chunk',
      (request) => request.connection.send(encodeHoleChunk(request.frame(), 0n, 4)),
      'structured',
      (device) => device.trim(0, 4),
    ],
    [
      'C51: a block status in the answer to a read',
      'unfit-chunk',
      (request) => request.connection.send(encodeBlockStatusChunk(request.frame(), 7, [{ length: 100n, status: 0n }])),
    ],
    [
      'C51: a block status that has content of a read',
      'unfit-chunk',
      (request) => request.connection.send(encodeHoleChunk(request.frame(), 0n, 100)),
      'structured',
      (device) => device.blockStatus(0, 100),
    ],
    [
      'C54: data before the range',
      'chunk-out-of-range',
      (request) => request.connection.send(...data(request.frame(), 9, 10)),
      'structured',
      (device) => device.read(10, new Uint8Array(100)),
    ],
    [
      'C54: data behind the range',
      'chunk-out-of-range',
      (request) => request.connection.send(...data(request.frame(), 100, 1)),
    ],
    [
      'C54: data that reaches past the range: more than the buffer holds',
      'chunk-out-of-range',
      (request) => request.connection.send(...data(request.frame(), 50, 51)),
    ],
    [
      'C54: a hole of 4 GiB',
      'chunk-out-of-range',
      (request) => request.connection.send(encodeHoleChunk(request.frame(), 0n, 0xffff_ffff)),
    ],
    [
      'C54: data 2^64 - 1 bytes away',
      'chunk-out-of-range',
      (request) =>
        request.connection.send(encodeDataChunkHeader(request.frame(), 2n ** 64n - 1n, 2), new Uint8Array(2)),
    ],
    [
      'C54: overlapping chunks',
      'chunk-overlap',
      (request) => {
        request.connection.send(...data(request.frame(0), 0, 60), ...data(request.frame(), 59, 41));
      },
    ],
    [
      'C54: the same chunk twice',
      'chunk-overlap',
      (request) => request.connection.send(...data(request.frame(0), 0, 50), ...data(request.frame(), 0, 50)),
    ],
    [
      'C54: a hole over data, out of order',
      'chunk-overlap',
      (request) =>
        request.connection.send(
          ...data(request.frame(0), 80, 20),
          ...data(request.frame(0), 40, 20),
          encodeHoleChunk(request.frame(), 0n, 41),
        ),
    ],
    ['C54: too few bytes', 'short-read', (request) => request.connection.send(...data(request.frame(), 0, 99))],
    [
      'C54: a gap in the middle',
      'short-read',
      (request) => request.connection.send(...data(request.frame(0), 0, 49), ...data(request.frame(), 50, 50)),
    ],
    ['C54: no bytes at all', 'short-read', (request) => request.connection.send(encodeNoneChunk(request.frame()))],
    [
      'C56: a simple reply to a read while structured ones are in use',
      'simple-reply',
      (request) => request.connection.send(encodeSimpleReply(request.cookie, 0), new Uint8Array(100)),
    ],
    [
      'C56: even one with an error',
      'simple-reply',
      (request) => request.connection.send(encodeSimpleReply(request.cookie, 5)),
    ],
    [
      'C56: a simple reply behind a chunk',
      'simple-reply',
      (request) =>
        request.connection.send(encodeErrorChunk(request.frame(0), 5, text('')), encodeSimpleReply(request.cookie, 0)),
      'structured',
      (device) => device.trim(0, 4),
    ],
    [
      'C63: a structured reply among extended ones',
      'unfit-reply-magic',
      ({ cookie, connection }) => connection.send(encodeNoneChunk({ cookie, flags: 1 })),
      'extended',
    ],
    [
      'C68: an extended reply that names another offset',
      'reply-offset',
      ({ cookie, connection }) => connection.send(...data({ cookie, flags: 1, requestOffset: 1n }, 0, 100)),
      'extended',
    ],
    [
      'C69: a chunk that is bigger than anything asked for',
      'chunk-too-long',
      (request) =>
        request.connection.send(
          encodeChunk(request.frame(), ChunkType.OffsetData, new Uint8Array(8), limits.payloadBytesMax + 9),
        ),
      'extended',
    ],
    [
      'C69: a chunk that is bigger than the buffer',
      'chunk-out-of-range',
      (request) => request.connection.send(encodeDataChunkHeader(request.frame(), 0n, 1000)),
    ],
    [
      'C72: the small kind of block status among extended replies',
      'unfit-chunk',
      (request) =>
        request.connection.send(encodeChunk(request.frame(), ChunkType.BlockStatus, new Uint8Array(12).fill(1))),
      'extended',
      (device) => device.blockStatus(0, 100),
    ],
    ['G4: something that is no reply', 'bad-reply-magic', (request) => request.connection.send(text('HTTP/1.1 400'))],
  ];

  /** After these it is unknown where the next reply begins, or there is no limit to what a server may send. */
  const hopeless = new Set(['unexpected-cookie', 'unfit-reply-magic', 'bad-reply-magic', 'chunk-too-long']);
  const isTolerable = ([name, violation]: Case): boolean =>
    !hopeless.has(violation) &&
    !name.startsWith('C56: a simple reply to a read') &&
    !name.includes('bigger than the buffer');

  it.each(cases.filter(isTolerable))(
    '%s fails only its request when told so',
    async (_, violation, answer, mode, call) => {
      // In one piece, and byte by byte.
      for (const cut of [undefined, () => 1]) {
        let isFirst = true;
        const { device, server } = await openSession({
          mode: mode ?? 'structured',
          cut,
          multiplexer: { strict: { replies: false } },
          onRequest: (request) => {
            if (isFirst) answer(request);
            else request.answer();
            isFirst = false;
          },
        });
        const error = await failure((call ?? read)(device));
        expect(error).toBeInstanceOf(CommandError);
        expect(error).toMatchObject({ code: 'EIO' });
        // An error that the server has told is told, in whatever form it came.
        if (violation !== 'simple-reply') {
          expect(error).toMatchObject({
            message: expect.stringMatching(/^[A-Z_]+ of \d+ bytes at \d+ failed: the reply is malformed: /),
            cause: { violation },
          });
        }
        const target = new Uint8Array(100);
        await device.read(300, target);
        expect(same(target, server.bytes(300n, 100))).toBe(true);
        expect(device.state).toBe('connected');
        await device.close();
      }
    },
  );

  it.each(cases.filter((one) => hopeless.has(one[1])))(
    '%s is the end, even when told so',
    async (_, violation, answer, mode) => {
      const { device } = await openSession({
        mode: mode ?? 'structured',
        multiplexer: { strict: { replies: false } },
        onRequest: answer,
      });
      expect(await failure(read(device))).toMatchObject({ cause: { violation } });
      expect(await device.closed).toMatchObject({ violation });
    },
  );

  it.each(cases)('%s ends the multiplexer for good', async (_, violation, answer, mode, call) => {
    const { error, device, server } = await answeredBy(call ?? read, answer, mode);
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ outcome: 'unknown', cause: { violation, phase: 'transmission' } });
    const cause = await device.closed;
    expect(cause).toBeInstanceOf(ProtocolError);
    expect(cause).toMatchObject({
      violation,
      rule: expect.stringMatching(/^[CG]\d+$/),
      excerptHex: expect.any(String),
    });
    expect(device.state).toBe('closed');
    expect(server.connection.channel.isDestroyed).toBe(true);
    expect(server.connector.isReleased).toBe(true);
    expect(await failure(device.read(0, new Uint8Array(1)))).toMatchObject({
      code: 'ERR_NBD_CLOSED',
      cause: { violation },
    });
    expect(server.connections).toHaveLength(1);
  });

  it('other requests fail with the same connection, each with an error object of its own', async () => {
    const { device, held, server } = await heldSession();
    const failures = [1, 2, 3].map((index) => failure(device.read(index, new Uint8Array(10))));
    await turn();
    server.connection.send(text('nonsense'));
    const errors = await Promise.all(failures);
    expect(new Set(errors).size).toBe(3);
    for (const error of errors) expect(error).toBeInstanceOf(ConnectionLostError);
    expect(held).toHaveLength(3);
  });
});

describe('C40: cookies', () => {
  it('are distinct among requests in flight, and each use of a slot has another one', async () => {
    const { device, held } = await heldSession('simple');
    const seen = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const reads = Array.from({ length: 20 }, (_, index) => device.read(index, new Uint8Array(1)));
      await turn();
      for (const { cookie } of held) seen.add(`${cookie.high}:${cookie.low}`);
      for (const request of held.splice(0)) request.answer();
      await Promise.all(reads);
    }
    expect(seen.size).toBe(100);
  });

  // Three defects that QEMU's client had until September 2026.
  it('C40: a cookie that is out of range is refused before it is used as an index', async () => {
    for (const low of [20, 1024, 2 ** 31, 2 ** 32 - 1]) {
      const { device, held, server } = await heldSession();
      const reading = failure(device.read(0, new Uint8Array(4)));
      await turn();
      const high = held[0]?.cookie.high ?? 0;
      server.connection.send(encodeErrorChunk({ cookie: { high, low }, flags: 1 }, 5, text('')));
      expect(await reading).toMatchObject({ cause: { violation: 'unexpected-cookie' } });
    }
  });

  it('C40: when a reply is refused, its cookie is not left behind for the replies that follow', async () => {
    const { device, held, server } = await heldSession();
    const reads = [0, 1].map((index) => failure(device.read(index, new Uint8Array(4))));
    await turn();
    const [first, second] = held as [FakeRequest, FakeRequest];
    // The first reply is refused; what follows in the same delivery must not be understood as anything.
    server.connection.send(encodeHoleChunk(first.frame(), 1000n, 4));
    second.answer();
    expect(await Promise.all(reads)).toEqual([expect.any(ConnectionLostError), expect.any(ConnectionLostError)]);
    expect(await device.closed).toMatchObject({ violation: 'chunk-out-of-range' });
  });

  it('C40: a request that was answered cannot be answered once more, not even in the same delivery', async () => {
    const { device, held } = await heldSession('simple');
    const target = new Uint8Array(4);
    const reading = device.read(0, target);
    await turn();
    held[0]?.answer();
    held[0]?.answer();
    await reading;
    target.fill(9);
    expect(await device.closed).toMatchObject({ violation: 'unexpected-cookie' });
    expect([...target]).toEqual([9, 9, 9, 9]);
  });

  it('C40: a late reply does not find the request that has the slot now', async () => {
    const { device, held } = await heldSession('simple');
    const first = device.read(0, new Uint8Array(4));
    await turn();
    const late = held.shift() as FakeRequest;
    late.answer();
    await first;
    const second = failure(device.read(0, new Uint8Array(4)));
    await turn();
    expect(held[0]?.cookie.low).toBe(late.cookie.low);
    late.answer();
    expect(await second).toMatchObject({ cause: { violation: 'unexpected-cookie' } });
  });
});

describe('structured reads', () => {
  it('C53: chunks come in any order, interleaved with those of other replies', async () => {
    const { device, held, server } = await heldSession();
    const targets = [new Uint8Array(1000).fill(1), new Uint8Array(1000).fill(2)];
    const reads = targets.map((target, index) => device.read(index * 500, target));
    await turn();
    const [one, two] = held as [FakeRequest, FakeRequest];
    server.content.fill(0, 100, 200);
    one.sendPiece({ type: 'data', offset: 700n, length: 300 }, false);
    two.sendPiece({ type: 'data', offset: 500n, length: 1 }, false);
    one.sendPiece({ type: 'hole', offset: 100n, length: 100 }, false);
    two.sendPiece({ type: 'data', offset: 1000n, length: 500 }, false);
    one.sendPiece({ type: 'data', offset: 0n, length: 100 }, false);
    one.sendPiece({ type: 'data', offset: 200n, length: 500 }, false);
    two.sendPiece({ type: 'data', offset: 501n, length: 499 }, true);
    one.acknowledgeChunk();
    await Promise.all(reads);
    expect(same(targets[0] as Uint8Array, server.content.subarray(0, 1000))).toBe(true);
    expect(same(targets[1] as Uint8Array, server.content.subarray(500, 1500))).toBe(true);
  });

  it('C53: replies overtake each other', async () => {
    const { device, held } = await heldSession();
    const order: number[] = [];
    const reads = [0, 1, 2, 3].map(async (index) => {
      await device.read(index, new Uint8Array(1));
      order.push(index);
    });
    await turn();
    for (const index of [2, 0, 3, 1]) held[index]?.answer();
    await Promise.all(reads);
    expect(order).toEqual([2, 0, 3, 1]);
  });

  it('tells each piece by its place in the call, also when the call was split', async () => {
    const blockSizes = { minimum: 1, preferred: 512, maximum: 512 };
    const content = patternBytes(4096);
    content.fill(0, 1100, 1200);
    const { device } = await openSession({
      content,
      facts: { blockSizes },
      onRequest: (request) => {
        if (request.offset !== 1012n) return request.answer();
        request.answerRead([
          { type: 'data', offset: 1012n, length: 88 },
          { type: 'hole', offset: 1100n, length: 100 },
          { type: 'data', offset: 1200n, length: 324 },
        ]);
      },
    });
    const chunks: ReadChunk[] = [];
    const target = new Uint8Array(1100).fill(0xaa);
    await device.read(500, target, { onChunk: (chunk) => void chunks.push(chunk) });
    expect(same(target, content.subarray(500, 1600))).toBe(true);
    expect(chunks.sort((one, other) => one.position - other.position)).toEqual([
      { type: 'data', position: 0, length: 512 },
      { type: 'data', position: 512, length: 88 },
      { type: 'hole', position: 600, length: 100 },
      { type: 'data', position: 700, length: 324 },
      { type: 'data', position: 1024, length: 76 },
    ]);
  });

  it('tells the one piece of a simple reply', async () => {
    const { device } = await openSession({ mode: 'simple' });
    const chunks: ReadChunk[] = [];
    await device.read(500, new Uint8Array(100), { onChunk: (chunk) => void chunks.push(chunk) });
    expect(chunks).toEqual([{ type: 'data', position: 0, length: 100 }]);
  });

  it('what the callback throws ends its call when all is over, and nothing else', async () => {
    const reason = new Error('mine');
    for (const mode of ['simple', 'structured'] as const) {
      const { device, server } = await openSession({ mode });
      let calls = 0;
      const onChunk = () => {
        calls++;
        throw reason;
      };
      const others = device.read(1, new Uint8Array(50));
      expect(await failure(device.read(0, new Uint8Array(100), { onChunk }))).toBe(reason);
      await others;
      expect(calls).toBe(1);
      expect(device.state).toBe('connected');
      expect(server.connections).toHaveLength(1);
    }
  });

  it('a callback may destroy the device, and what follows in the same delivery is not looked at', async () => {
    const { device, held, server } = await heldSession();
    const reason = new Error('enough');
    const onChunk = () => device.destroy(reason);
    // All of it is there when its caller hears of the first piece.
    const complete = device.read(0, new Uint8Array(10), { onChunk });
    const other = failure(device.read(1, new Uint8Array(10), { onChunk }));
    await turn();
    held[0]?.answerRead([
      { type: 'hole', offset: 0n, length: 5 },
      { type: 'data', offset: 5n, length: 5 },
    ]);
    held[1]?.answer();
    server.connection.send(text('nonsense'));
    await complete;
    expect(await other).toMatchObject({ cause: reason });
    expect(device.state).toBe('closed');
    expect(await device.closed).toBe(reason);
  });

  it('long reads land in their memory, whatever the pieces', async () => {
    const content = patternBytes(3_000_000);
    let next = 1;
    const cut = () => {
      next = (Math.imul(next, 1664525) + 1013904223) >>> 0;
      return 1 + (next % 90_000);
    };
    for (const asksEarly of [false, true]) {
      const { device } = await openSession({ content, cut, asksEarly });
      const targets = Array.from({ length: 4 }, () => new Uint8Array(700_000));
      await Promise.all(targets.map((target, index) => device.read(index * 700_000, target)));
      targets.forEach((target, index) => {
        expect(same(target, content.subarray(index * 700_000, (index + 1) * 700_000))).toBe(true);
      });
    }
  });
});

describe('errors', () => {
  it.each([
    ['EPERM', 1],
    ['EIO', 5],
    ['ENOMEM', 12],
    ['EINVAL', 22],
    ['ENOSPC', 28],
    ['EOVERFLOW', 75],
    ['ENOTSUP', 95],
  ])('%s is told with its command, place and text, and the connection goes on', async (code, number) => {
    for (const mode of ['simple', 'structured', 'extended'] as const) {
      const { device, server } = await openSession({
        mode,
        onRequest: (request) =>
          request.command === Command.Flush ? request.answer() : request.fail(number, 'the disk\n is full'),
      });
      const error = await failure(device.write(4096, new Uint8Array(512)));
      expect(error).toBeInstanceOf(CommandError);
      expect(error).toMatchObject({ code, command: 'WRITE', offset: 4096n, length: 512n });
      const serverText = mode === 'simple' ? undefined : 'the disk is full';
      expect(error).toMatchObject({ serverText, wireNumber: undefined });
      expect((error as Error).message).toContain(`WRITE of 512 bytes at 4096 failed: ${code} (`);
      await device.flush();
      expect(server.connections).toHaveLength(1);
    }
  });

  it.each([2, 17, 116, 0xffff_ffff])('C57: the unexpected number %i counts as EINVAL', async (number) => {
    const { error, device } = await answeredBy(read, (request) => request.fail(number));
    expect(error).toMatchObject({ code: 'EINVAL', wireNumber: number });
    expect((error as Error).message).toContain(`unknown error ${number}`);
    expect(device.state).toBe('connected');
  });

  it('C55: one error chunk among data makes the read fail, when its last chunk has come', async () => {
    const { device, held, server } = await heldSession();
    let isSettled = false;
    const reading = failure(device.read(0, new Uint8Array(100))).finally(() => {
      isSettled = true;
    });
    await turn();
    const [request] = held as [FakeRequest];
    request.sendPiece({ type: 'data', offset: 0n, length: 50 }, false);
    server.connection.send(encodeErrorChunk(request.frame(0), WireError.Eio, text('bad sector'), 50n));
    server.connection.send(encodeErrorChunk(request.frame(0), WireError.Enospc, text('another'), 60n));
    await turn();
    expect(isSettled).toBe(false);
    request.sendPiece({ type: 'data', offset: 90n, length: 10 }, true);
    expect(await reading).toMatchObject({ code: 'EIO', serverText: 'bad sector', offset: 50n, command: 'READ' });
    expect(device.state).toBe('connected');
  });

  it('C55: an error chunk behind a block status makes it fail', async () => {
    const { error } = await answeredBy(
      (device) => device.blockStatus(0, 100),
      (request) => {
        request.connection.send(encodeBlockStatusChunk(request.frame(0), 7, [{ length: 100n, status: 0n }]));
        request.fail(WireError.Eio);
      },
    );
    expect(error).toMatchObject({ code: 'EIO', command: 'BLOCK_STATUS' });
  });

  it('C52: an unknown error chunk fails its request, and the connection goes on', async () => {
    const { error, device } = await answeredBy(read, (request) => {
      const content = new Uint8Array([0, 0, 0, 5, 0, 2, 0x6e, 0x6f, 1, 2, 3, 4]);
      request.connection.send(encodeChunk(request.frame(), 0x8abc, content));
    });
    expect(error).toMatchObject({ code: 'EIO', serverText: 'no' });
    expect(device.state).toBe('connected');
  });

  it('C52: one whose text is longer than itself ends the connection', async () => {
    const { error, device } = await answeredBy(read, (request) => {
      const content = new Uint8Array([0, 0, 0, 5, 0, 3, 0x6e, 0x6f]);
      request.connection.send(encodeChunk(request.frame(), 0x8abc, content));
    });
    expect(error).toMatchObject({ cause: { violation: 'error-text-length' } });
    expect(device.state).toBe('closed');
  });

  it('C50: unknown flags of a chunk are ignored', async () => {
    const { device, server } = await openSession({
      onRequest: (request) => {
        request.connection.send(...data({ cookie: request.cookie, flags: 0xfffe }, 0, 50));
        request.connection.send(...data({ cookie: request.cookie, flags: 0xffff }, 50, 50));
      },
    });
    await read(device);
    expect(server.requests).toHaveLength(1);
  });

  it('a text of 65535 bytes is cut for the message', async () => {
    const { error } = await answeredBy(read, (request) =>
      request.connection.send(encodeErrorChunk(request.frame(), 5, new Uint8Array(65_535).fill(0x61))),
    );
    expect((error as CommandError).serverText?.length).toBeLessThan(600);
  });

  it('C51: errors without end are a violation, and cost no memory', async () => {
    const { error } = await answeredBy(read, (request) => {
      const endless = encodeErrorChunk(request.frame(0), 5, text(''));
      const many = new Uint8Array(endless.length * (replyChunksMax + 1));
      for (let position = 0; position < many.length; position += endless.length) many.set(endless, position);
      request.connection.send(many);
      request.fail(5);
    });
    expect(error).toMatchObject({ cause: { violation: 'too-many-chunks' } });
  });

  it('simple replies to commands without content are fine among structured ones', async () => {
    const { device } = await openSession({
      onRequest: (request) => request.connection.send(encodeSimpleReply(request.cookie, 0)),
    });
    await device.write(0, new Uint8Array(1));
    await device.flush();
  });
});
