/** What the export consists of. */
import { ProtocolError } from '@nbdjs/interfaces';
import { Command, CommandFlag, encodeBlockStatusChunk, TransmissionFlag } from '@nbdjs/protocol';
import { allTransmissionFlags, type FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, type Session } from './session.ts';

const allocation = 'base:allocation';
const dirty = 'qemu:dirty-bitmap:a';
const depth = 'qemu:allocation-depth';
const contexts = [
  { name: allocation, id: 7 },
  { name: dirty, id: 0xffff_ffff },
  { name: depth, id: 1 },
];

/** Extents of the one context of a plain session, as `[offset, length, status]`. */
async function extentsOf(session: Session, offset: number, length: number) {
  const [answer] = await session.device.blockStatus(offset, length);
  return answer?.extents.map((extent) => [Number(extent.offset), Number(extent.length), Number(extent.status)]);
}

describe('C38: extents', () => {
  it('follow each other from the offset on', async () => {
    const session = await openSession();
    session.server.extents = () => [
      { length: 1000n, status: 0n },
      { length: 500n, status: 3n },
      { length: 1n, status: 2n },
    ];
    expect(await extentsOf(session, 5000, 10_000)).toEqual([
      [5000, 1000, 0],
      [6000, 500, 3],
      [6500, 1, 2],
    ]);
  });

  it('neighbours of the same status are one', async () => {
    const session = await openSession();
    session.server.extents = () => [1, 1, 0, 0, 0, 1].map((status) => ({ length: 10n, status: BigInt(status) }));
    expect(await extentsOf(session, 0, 1000)).toEqual([
      [0, 20, 1],
      [20, 30, 0],
      [50, 10, 1],
    ]);
  });

  it('never reach past the range, whatever the server says', async () => {
    const session = await openSession();
    session.server.extents = () => [
      { length: 90n, status: 0n },
      { length: 0xffff_ffffn, status: 3n },
      { length: 5n, status: 0n },
    ];
    expect(await extentsOf(session, 0, 100)).toEqual([
      [0, 90, 0],
      [90, 10, 3],
    ]);
  });

  it('`one` asks for the first, and takes no more than that', async () => {
    const { server, device } = await openSession();
    server.extents = () => [
      { length: 10n, status: 0n },
      { length: 10n, status: 1n },
    ];
    const answer = await device.blockStatus(0, 100, { one: true });
    expect(answer).toEqual([{ context: allocation, extents: [{ offset: 0n, length: 10n, status: 0n }] }]);
    expect(server.requests[0]?.flags).toBe(CommandFlag.ReqOne);
  });

  it('C72: 64-bit lengths and states are exact with extended headers', async () => {
    const size = 2n ** 63n - 1n;
    const { server, device } = await openSession({ mode: 'extended', facts: { size } });
    server.extents = () => [
      { length: 2n ** 62n + 1n, status: 2n ** 64n - 1n },
      { length: 2n ** 64n - 1n, status: 1n },
    ];
    expect(await device.blockStatus(0, size)).toEqual([
      {
        context: allocation,
        extents: [
          { offset: 0n, length: 2n ** 62n + 1n, status: 2n ** 64n - 1n },
          { offset: 2n ** 62n + 1n, length: size - 2n ** 62n - 1n, status: 1n },
        ],
      },
    ]);
    expect(server.requests[0]?.length).toBe(size);
  });

  it('with compact headers, a range that is too long is asked for in part', async () => {
    const { server, device } = await openSession({ facts: { size: 2n ** 40n } });
    const [answer] = await device.blockStatus(5, 2n ** 35n);
    expect(server.requests[0]?.length).toBe(2n ** 32n - 65_536n);
    expect(answer?.extents).toEqual([{ offset: 5n, length: 2n ** 32n - 65_536n, status: 0n }]);
  });

  it('a server that tells nothing about the range is told so, and the connection goes on', async () => {
    const blockSizes = { minimum: 4096, preferred: 4096, maximum: 65_536 };
    const { server, device } = await openSession({ facts: { blockSizes } });
    server.extents = () => [{ length: 50n, status: 0n }];
    expect(await failure(device.blockStatus(100, 50))).toMatchObject({ code: 'EIO', offset: 100n });
    expect(device.state).toBe('connected');
  });

  it('`one` is about the range, not about the block that it begins in', async () => {
    const blockSizes = { minimum: 4096, preferred: 4096, maximum: 65_536 };
    const { server, device } = await openSession({ facts: { blockSizes } });
    server.extents = () => [
      { length: 100n, status: 1n },
      { length: 8092n, status: 0n },
    ];
    const [answer] = await device.blockStatus(200, 5000, { one: true });
    expect(answer?.extents).toEqual([{ offset: 200n, length: 5000n, status: 0n }]);
  });
});

describe('contexts', () => {
  const session = (mode: 'structured' | 'extended' = 'structured') => openSession({ mode, facts: { contexts } });
  const names = (answer: readonly { readonly context: string }[]) => answer.map(({ context }) => context);

  it('come in the order in which they were selected, whatever order the server has', async () => {
    const { server, device } = await session();
    server.onRequest = (request) => {
      for (const [index, id] of [1, 7, 0xffff_ffff].entries()) {
        request.connection.send(
          encodeBlockStatusChunk(request.frame(index === 2 ? 1 : 0), id, [{ length: 9n, status: BigInt(id) }]),
        );
      }
    };
    const answer = await device.blockStatus(0, 9);
    expect(answer.map(({ context, extents }) => [context, extents[0]?.status])).toEqual([
      [allocation, 7n],
      [dirty, 0xffff_ffffn],
      [depth, 1n],
    ]);
  });

  it('may be picked; without a payload the server tells of all, and the others are dropped', async () => {
    const { server, device } = await session();
    expect(names(await device.blockStatus(0, 9, { contexts: [depth, allocation] }))).toEqual([allocation, depth]);
    expect(server.requests[0]).toMatchObject({ flags: 0, length: 9n });
  });

  it('C71: are picked by a payload where the server takes one', async () => {
    const { server, device } = await session('extended');
    expect(names(await device.blockStatus(4096, 9, { contexts: [depth, dirty], one: true }))).toEqual([dirty, depth]);
    const [request] = server.requests as [FakeRequest];
    expect(request.flags).toBe(CommandFlag.PayloadLen | CommandFlag.ReqOne);
    expect(request.offset).toBe(4096n);
    expect(request.length).toBe(16n);
    expect([...request.payload]).toEqual([0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
  });

  it('C71: not for all of them, not without the flag, never twice the same', async () => {
    const { server, device } = await session('extended');
    await device.blockStatus(0, 9);
    await device.blockStatus(0, 9, { contexts: [allocation, dirty, depth] });
    await device.blockStatus(0, 9, { contexts: [dirty, dirty] });
    expect(server.requests.map(({ flags, payload }) => [flags, payload.length])).toEqual([
      [0, 0],
      [0, 0],
      [CommandFlag.PayloadLen, 12],
    ]);
    const without = await openSession({
      mode: 'extended',
      facts: { contexts, transmissionFlags: allTransmissionFlags & ~TransmissionFlag.BlockStatusPayload },
    });
    expect(names(await without.device.blockStatus(0, 9, { contexts: [dirty] }))).toEqual([dirty]);
    expect(without.server.requests[0]?.payload).toHaveLength(0);
  });

  it('C36: only those that were selected can be asked for', async () => {
    const { server, device } = await session();
    const error = await failure(device.blockStatus(0, 9, { contexts: ['base:other'] }));
    expect(error).toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
    expect((error as Error).message).toContain('base:other');
    expect(server.requests).toEqual([]);
  });

  it('with the check off, a server may be asked that has offered none', async () => {
    const { server, device } = await openSession({
      mode: 'simple',
      multiplexer: { strict: { commands: false } },
      onRequest: (request) => request.fail(22),
    });
    expect(await failure(device.blockStatus(0, 9))).toMatchObject({ code: 'EINVAL' });
    expect(server.requests[0]?.command).toBe(Command.BlockStatus);
  });

  it.each<readonly [string, string, (request: FakeRequest) => void]>([
    [
      'one that was not selected',
      'unknown-context',
      (request) => request.connection.send(encodeBlockStatusChunk(request.frame(), 2, [{ length: 9n, status: 0n }])),
    ],
    [
      'one twice',
      'repeated-context',
      (request) => {
        for (const flags of [0, 1]) {
          request.connection.send(encodeBlockStatusChunk(request.frame(flags), 7, [{ length: 9n, status: 0n }]));
        }
      },
    ],
    [
      'not all of them',
      'missing-context',
      (request) => request.connection.send(encodeBlockStatusChunk(request.frame(), 7, [{ length: 9n, status: 0n }])),
    ],
    ['none at all', 'missing-context', (request) => request.acknowledgeChunk()],
    ['none, in a simple reply', 'missing-status', (request) => request.acknowledge()],
    [
      'an extent of no bytes',
      'empty-extent',
      (request) => request.connection.send(encodeBlockStatusChunk(request.frame(), 7, [{ length: 0n, status: 0n }])),
    ],
  ])('C51: %s is a violation', async (_, violation, answer) => {
    const { server, device } = await session();
    server.onRequest = answer;
    expect(await failure(device.blockStatus(0, 9))).toMatchObject({ cause: { violation } });
    expect(await device.closed).toBeInstanceOf(ProtocolError);
  });

  it('a block status that was not asked for only ends the connection: libnbd crashed', async () => {
    const { server, device } = await openSession({ facts: { contexts: [] } });
    server.onRequest = (request) =>
      request.connection.send(encodeBlockStatusChunk(request.frame(), 7, [{ length: 9n, status: 0n }]));
    expect(await failure(device.flush())).toMatchObject({ cause: { violation: 'unfit-chunk' } });
  });
});
