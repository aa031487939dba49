/** Option mode with a small server: what the caller may do, and what may happen meanwhile. */
import { NegotiationError, TimeoutError, UsageError } from '@nbdjs/interfaces';
import { Option } from '@nbdjs/protocol';
import { TinyServer, type TinyServerAddress, tinyServerExportBytes } from '@nbdjs/testkit';
import { connectEndpoint } from '@nbdjs/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNegotiation } from '../src/index.ts';
import { Probe } from './support/probe.ts';

let server: TinyServer;
let address: TinyServerAddress;

beforeEach(async () => {
  server = new TinyServer({ exports: ['one', 'two'] });
  address = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
});

afterEach(() => server.close());

function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

describe('openNegotiation', () => {
  it('asks one option after the other, then opens an export', async () => {
    const negotiation = await openNegotiation(address);
    expect(negotiation).toMatchObject({ style: 'newstyle-fixed', mode: 'structured', tls: false });
    expect(negotiation.peer).toMatchObject({ transport: 'tcp' });
    expect(await negotiation.list()).toEqual([
      { name: 'one', description: '' },
      { name: 'two', description: '' },
    ]);
    expect(await negotiation.info('two')).toMatchObject({ exportName: 'two', size: tinyServerExportBytes });
    expect(await negotiation.listMetaContexts('one')).toEqual(['base:allocation']);
    expect(await negotiation.setMetaContexts('one', ['base:allocation'])).toEqual([{ name: 'base:allocation', id: 1 }]);
    const { channel, facts } = await negotiation.go('one');
    expect(facts).toMatchObject({ exportName: 'one', contexts: [{ name: 'base:allocation', id: 1 }] });
    const probe = new Probe(channel);
    channel.send([Uint8Array.of(5)]);
    expect(await probe.take(1)).toEqual(Uint8Array.of(5));
    // The connection belongs to its owner now.
    negotiation.close();
    channel.send([Uint8Array.of(6)]);
    expect(await probe.take(1)).toEqual(Uint8Array.of(6));
    channel.destroy();
  });

  it('works on a channel, too', async () => {
    const negotiation = await openNegotiation(await connectEndpoint(address));
    expect(await negotiation.list()).toHaveLength(2);
    await negotiation.abort();
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('goes on after a refusal, which names the endpoint', async () => {
    const negotiation = await openNegotiation(address);
    for (const call of [() => negotiation.info('three'), () => negotiation.go('three')]) {
      const reason = await caught(call());
      expect(reason).toBeInstanceOf(NegotiationError);
      expect(reason).toMatchObject({
        code: 'ERR_NBD_UNKNOWN_EXPORT',
        message: expect.stringMatching(/^nbd:\/\/127\.0\.0\.1:\d+: .*three/),
      });
    }
    expect(await negotiation.info('one')).toMatchObject({ exportName: 'one' });
    negotiation.close();
  });

  it('C4: has one option outstanding at a time', async () => {
    const negotiation = await openNegotiation(address);
    const first = negotiation.list();
    expect(await caught(negotiation.info('one'))).toMatchObject({ name: 'UsageError', code: 'ERR_NBD_STATE' });
    expect(await first).toHaveLength(2);
    negotiation.close();
  });

  it('rejects a wrong call, and works on', async () => {
    const negotiation = await openNegotiation(address);
    expect(await caught(negotiation.listMetaContexts('one', ['no colon']))).toBeInstanceOf(UsageError);
    expect(await negotiation.list()).toHaveLength(2);
    negotiation.close();
  });

  it('C6: leaves by ABORT, and is over then', async () => {
    const negotiation = await openNegotiation(address);
    await negotiation.abort();
    expect(server.options.at(-1)).toBe(Option.Abort);
    await expect.poll(() => server.openCount).toBe(0);
    expect(await caught(negotiation.list())).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    negotiation.close();
  });

  it('hangs up, rejecting what is outstanding', async () => {
    const negotiation = await openNegotiation(address);
    const outcome = caught(negotiation.list());
    negotiation.close();
    negotiation.close();
    expect(await outcome).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('rejects after the time limit when the server sends nothing', async () => {
    server.configure({ silent: true });
    const reason = await caught(openNegotiation(address, { timeoutMs: 50 }));
    expect(reason).toBeInstanceOf(TimeoutError);
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('libnbd CVE-2021-20286: a server that hangs up in option mode, at any byte, is an error of the call', async () => {
    let hangUpAfterBytes = 0;
    for (let isOver = false; !isOver; hangUpAfterBytes++) {
      server.configure({ exports: ['one'], hangUpAfterBytes });
      const reason = await caught(
        (async () => {
          const negotiation = await openNegotiation(address);
          try {
            await negotiation.list();
            await negotiation.setMetaContexts('one', ['base:allocation']);
            await negotiation.info('one');
            await negotiation.abort();
          } finally {
            negotiation.close();
          }
        })(),
      );
      isOver = reason === undefined;
      if (!isOver) expect(reason).toMatchObject({ name: 'ConnectError' });
    }
    // A greeting, and the replies to all that was asked.
    expect(hangUpAfterBytes).toBeGreaterThan(150);
  });

  it('can be aborted while it begins', async () => {
    server.configure({ silent: true });
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const outcome = caught(openNegotiation(address, { signal: controller.signal }));
    await expect.poll(() => server.openCount).toBe(1);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('gives each caller its own error object when the server has disconnected', async () => {
    const negotiation = await openNegotiation(address);
    server.dropAll();
    await expect.poll(() => caught(negotiation.list())).toMatchObject({ code: 'ERR_NBD_PEER_CLOSED' });
    const reasons = [await caught(negotiation.info('one')), await caught(negotiation.go('one'))];
    expect(reasons).toMatchObject([{ code: 'ERR_NBD_PEER_CLOSED' }, { code: 'ERR_NBD_PEER_CLOSED' }]);
    expect(reasons[0]).not.toBe(reasons[1]);
  });
});
