/** Fault rules: how they are written, and what clients see of them. */
import { describe, expect, it } from 'vitest';
import { parseFaultRule } from '../src/index.ts';
import { throughProxy } from './through-proxy.ts';
import { pattern } from './transcripts.ts';

describe('the rules', () => {
  it.each([
    ['read: 1%: delay 50ms', { commands: ['READ'], chance: 0.01, action: { type: 'delay', at: 'request', ms: 50 } }],
    ['delay reply 2s', { action: { type: 'delay', at: 'reply', ms: 2000 } }],
    ['delay 100us reply', { action: { type: 'delay', at: 'reply', ms: 0.1 } }],
    [
      'write offset 0..1M: error EIO',
      { commands: ['WRITE'], offset: { from: 0n, to: 1n << 20n }, action: { type: 'error', error: 'EIO' } },
    ],
    ['drop after 100 requests', { after: 100, action: { type: 'drop', at: 'request' } }],
    ['cut mid-reply', { action: { type: 'cut', at: 'reply' } }],
    [
      'read,zero length 64k..: every 10: once: disconnect',
      {
        commands: ['READ', 'WRITE_ZEROES'],
        length: { from: 65_536n },
        every: 10,
        times: 1,
        action: { type: 'disconnect', at: 'request' },
      },
    ],
    [
      'block-status connection 2: first 3: error ENOTSUP',
      { commands: ['BLOCK_STATUS'], connection: 2, times: 3, action: { type: 'error', error: 'ENOTSUP' } },
    ],
    [
      'option structured-reply: error ERR_UNSUP',
      { option: 'STRUCTURED_REPLY', action: { type: 'error', error: 'ERR_UNSUP' } },
    ],
    ['option: drop', { option: '*', action: { type: 'drop', at: 'request' } }],
    ['any: disconnect', { action: { type: 'disconnect', at: 'request' } }],
  ])('%s', (text, rule) => {
    expect(parseFaultRule(text)).toEqual(rule);
  });

  it.each([
    ['', 'it says nothing to be done: delay, error, drop, cut or disconnect'],
    ['raed: drop', "'raed' is not known, expected one of any, read, write"],
    ['read: delay', "it ends after 'delay', expected a time such as 50ms"],
    ['read: delay 50', "'50' is no time such as 50ms, 2s or 100us"],
    ['read: error EWHAT', "'ewhat' is no error, expected one such as EIO, ENOSPC or ERR_UNSUP"],
    ['read: error ERR_UNSUP', 'ERR_UNSUP is an error of options, expected one such as EIO'],
    ['option go: error EIO', 'EIO is an error of commands, expected one such as ERR_UNSUP'],
    ['offset 5..5: drop', "the range '5..5' is empty"],
    ['offset 5: drop', "'5' is no range such as 0..1M, 64k.. or ..512"],
    ['101%: drop', "'101%' is more than 100%"],
    ['read: drop: cut', 'it has two actions, drop and cut'],
    ['read option go: drop', 'it is about commands and options: two rules say that'],
    ['every 0: drop', "'0' is no whole number from 1 on"],
  ])('refuses %j', (text, message) => {
    expect(() => parseFaultRule(text)).toThrow(`the fault rule '${text}': ${message}`);
  });
});

describe.each(['simple', 'structured', 'extended'] as const)('with %s replies', (mode) => {
  it('answers requests with an error, and the server never sees them', async () => {
    await using through = await throughProxy({
      rules: ['write offset 0..64k: error ENOSPC', 'read length 512..513: error EIO', 'flush: once: error EPERM'],
    });
    const client = await through.connect({ mode });
    await expect(client.write(65_535, pattern(10))).rejects.toMatchObject({ code: 'ENOSPC' });
    await client.write(65_536, pattern(100_000));
    expect(await client.readBytes(65_535, 4)).toEqual(Uint8Array.of(0, 0, 1, 2));
    await expect(client.readBytes(0, 512)).rejects.toMatchObject({ code: 'EIO' });
    await expect(client.flush()).rejects.toMatchObject({ code: 'EPERM' });
    await client.flush();
    // Between requests that pass, at any place.
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => client.readBytes(70_000, index % 3 === 0 ? 512 : 30_000)),
    );
    expect(results.map(({ status }) => status)).toEqual(
      results.map((_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
    );
    await client.close();
    expect(through.entries.filter(({ type }) => type === 'fault')[0]).toMatchObject({
      text: 'error ENOSPC (write offset 0..64k: error ENOSPC)',
    });
  });
});

it('cuts a reply in the middle', async () => {
  await using through = await throughProxy({ rules: ['read: after 1: once: cut reply'] });
  const client = await through.connect({ mode: 'simple' });
  await client.readBytes(0, 100_000);
  await expect(client.readBytes(0, 100_000)).rejects.toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
  await client.close();
});

it('cuts a request in the middle, and ends the connection', async () => {
  await using through = await throughProxy({ rules: ['write: once: cut request', 'trim: disconnect'] });
  const client = await through.connect();
  await expect(client.write(0, pattern(100_000))).rejects.toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
  await client.close();
  const again = await through.connect();
  await expect(again.trim(0, 4096)).rejects.toMatchObject({ code: 'ERR_NBD_CONNECTION_LOST' });
  await again.close();
});

it('drops requests and replies', async () => {
  await using through = await throughProxy({ rules: ['read: once: drop reply', 'write: once: drop'] });
  const client = await through.connect();
  const waits = [client.readBytes(0, 100), client.write(0, pattern(100))].map((promise) => {
    promise.catch(() => {});
    return Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve('waits'), 50))]);
  });
  expect(await Promise.all(waits)).toEqual(['waits', 'waits']);
  // What comes behind them is answered, and the dropped write has written nothing.
  expect(await client.readBytes(0, 4)).toEqual(new Uint8Array(4));
});

it('delays', async () => {
  await using through = await throughProxy({ rules: ['read: once: delay 60ms', 'flush: delay reply 60ms'] });
  const client = await through.connect();
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const before = performance.now();
    await work();
    return performance.now() - before;
  };
  const both = await Promise.all([took(() => client.readBytes(0, 100_000)), took(() => client.readBytes(0, 10))]);
  // The second one waits behind the first, as on a slow line.
  for (const ms of both) expect(ms).toBeGreaterThan(55);
  expect(await took(() => client.flush())).toBeGreaterThan(55);
  expect(await client.readBytes(0, 10)).toEqual(new Uint8Array(10));
  await client.close();
});

it('refuses options', async () => {
  await using through = await throughProxy({
    rules: ['option extended-headers: error ERR_UNSUP', 'option structured-reply: error ERR_UNSUP'],
  });
  const client = await through.connect();
  expect(client.facts.mode).toBe('simple');
  expect(await client.readBytes(0, 4)).toEqual(new Uint8Array(4));
  await client.close();
});

it('comes true as often as it says, and the same for one seed', async () => {
  const errorsOf = async (seed: number, rule: string): Promise<readonly number[]> => {
    await using through = await throughProxy({ rules: [rule], seed });
    const client = await through.connect();
    const failed: number[] = [];
    for (let index = 0; index < 200; index++) await client.readBytes(index, 1).catch(() => failed.push(index));
    await client.close();
    return failed;
  };
  const chances = await errorsOf(5, 'read: 10%: error EIO');
  expect(chances.length).toBeGreaterThan(8);
  expect(chances.length).toBeLessThan(40);
  expect(await errorsOf(5, 'read: 10%: error EIO')).toEqual(chances);
  expect(await errorsOf(6, 'read: 10%: error EIO')).not.toEqual(chances);
  expect(await errorsOf(5, 'read: every 50: error EIO')).toEqual([49, 99, 149, 199]);
  expect(await errorsOf(5, 'read: after 190: first 3: error EIO')).toEqual([190, 191, 192]);
});
