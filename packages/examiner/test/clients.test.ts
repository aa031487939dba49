/** Clients under examination: ours, and some that are made of bytes. */
import { connect } from '@nbdjs/client/core';
import type { ByteChannel } from '@nbdjs/interfaces';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { type ClientEnd, type ClientRun, examineClient, scenarioTexts } from '../src/index.ts';

/** Runs a client in this process: it is given an opener of connections. */
function inProcess(act: (open: () => ByteChannel) => Promise<void>): (run: ClientRun) => Promise<ClientEnd> {
  return async ({ accept, signal }) => {
    const open = (): ByteChannel => {
      const [ours, theirs] = createMemoryPair();
      void accept(theirs);
      return ours;
    };
    const ended = new Promise<ClientEnd>((resolve) => {
      signal.addEventListener('abort', () => resolve({ code: undefined }), { once: true });
    });
    const done = act(open).then(
      () => ({ code: 0 }),
      (error: Error) => ({ code: 1, complaint: error.message }),
    );
    return await Promise.race([done, ended]);
  };
}

describe('our own client', () => {
  it('copes with what is odd, refuses what is wrong, and breaks no rule', async () => {
    const run = inProcess(async (open) => {
      const client = await connect({ open }, { contexts: ['base:allocation'] });
      try {
        const { size } = client.geometry;
        if (client.abilities.contexts.length > 0) await client.blockStatus(0, size);
        for (let offset = 0n; offset < size; offset += 65_536n) await client.readBytes(offset, 65_536);
        await client.write(65_536, new Uint8Array(65_536));
        if (client.abilities.flush) await client.flush();
      } finally {
        await client.close();
      }
    });
    const { findings, violations } = await examineClient(run, { timeoutMs: 2000 });
    expect(violations.map(({ rule, text, scenario }) => `${scenario}: ${rule} ${text}`)).toEqual([]);
    const odd = findings.filter(({ verdict }) => verdict !== 'kept');
    expect(odd.map(({ scenario, outcome, text }) => `${scenario.id}: ${outcome}: ${text}`)).toEqual([]);
    expect(findings).toHaveLength(scenarioTexts.length);
  });
});

describe('a client that breaks rules', () => {
  const greet = Buffer.from('00000003', 'hex');
  const go = Buffer.from('49484156454f50540000000700000006000000000000', 'hex');

  function request(command: number, offset: bigint, length: number, flags = 0): Buffer {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt32BE(0x2560_9513, 0);
    bytes.writeUInt16BE(flags, 4);
    bytes.writeUInt16BE(command, 6);
    bytes.writeBigUInt64BE(offset, 16);
    bytes.writeUInt32BE(length, 24);
    return bytes;
  }

  async function violationsOf(
    ...messages: readonly Buffer[]
  ): Promise<readonly { readonly rule: string; readonly level: string }[]> {
    const run = inProcess(async (open) => {
      const channel = open();
      const memory = new Uint8Array(65_536);
      channel.open({ writable: () => memory, advance: () => {}, drained: () => {}, ended: () => channel.destroy() });
      channel.send(messages);
      channel.end();
      await channel.closed;
    });
    const { violations } = await examineClient(run, { only: ['C1/plain'], timeoutMs: 1000 });
    return violations.map(({ rule, level }) => ({ rule, level }));
  }

  it.each([
    ['flags that are not offered', [Buffer.from('00000013', 'hex')], { rule: 'C3', level: 'MUST' }],
    ['a read behind the end', [greet, go, request(0, 1_048_000n, 1024)], { rule: 'C43', level: 'MUST' }],
    ['a flag that is not announced', [greet, go, request(6, 0n, 512, 1 << 4)], { rule: 'C41', level: 'MUST' }],
    ['a flag of another command', [greet, go, request(0, 0n, 512, 1 << 1)], { rule: 'C42', level: 'MUST' }],
    ['a block status without a context', [greet, go, request(7, 0n, 512)], { rule: 'C36', level: 'MUST' }],
    ['a flush with an offset', [greet, go, request(3, 512n, 0)], { rule: 'C46', level: 'MUST' }],
    ['a length of 0', [greet, go, request(0, 0n, 0)], { rule: 'C48', level: 'SHOULD' }],
    ['bytes behind DISC', [greet, go, request(2, 0n, 0), request(0, 0n, 512)], { rule: 'C47', level: 'MUST' }],
    ['a request of extended headers', [greet, go, Buffer.alloc(32, 0x21)], { rule: 'C63', level: 'MUST' }],
    [
      'data with LIST',
      [greet, Buffer.from('49484156454f5054000000030000000400000000', 'hex')],
      { rule: 'C8', level: 'MUST' },
    ],
  ])('is found out: %s', async (_, messages, expected) => {
    expect(await violationsOf(...messages)).toEqual([expected]);
  });

  it('is blamed for nothing when it keeps to the rules', async () => {
    expect(await violationsOf(greet, go, request(0, 0n, 512), request(2, 0n, 0))).toEqual([]);
  });
});

it('says so when a client does not connect, hangs, or crashes', async () => {
  const outcomes = async (end: (run: ClientRun) => Promise<ClientEnd>) => {
    const [finding] = (await examineClient(end, { only: ['C1/plain'], timeoutMs: 100 })).findings;
    return [finding?.outcome, finding?.verdict];
  };
  expect(await outcomes(() => Promise.resolve({ code: 0 }))).toEqual(['success', 'inconclusive']);
  const connecting =
    (ended: (signal: AbortSignal) => Promise<ClientEnd>) =>
    async ({ accept, signal }: ClientRun) => {
      const [ours, theirs] = createMemoryPair();
      void accept(theirs);
      const result = await ended(signal);
      ours.destroy();
      return result;
    };
  const untilAborted = (signal: AbortSignal) =>
    new Promise<ClientEnd>((resolve) =>
      signal.addEventListener('abort', () => resolve({ code: undefined, signal: 'SIGKILL' })),
    );
  expect(await outcomes(connecting(untilAborted))).toEqual(['hang', 'inconclusive']);
  expect(await outcomes(connecting(() => Promise.resolve({ code: undefined, signal: 'SIGSEGV' })))).toEqual([
    'crash',
    'broken',
  ]);
  await expect(examineClient(() => Promise.resolve({ code: 0 }), { only: ['nothing'] })).rejects.toThrow(
    /no scenario 'nothing'/,
  );
});
