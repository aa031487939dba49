/** Servers that fail at an option, and the second connection to them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Option } from '@nbdjs/protocol';
import { TinyServer, type TinyServerAddress, type TinyServerOptions } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectionEvents, createConnector, type Delivery, openNegotiation } from '../src/index.ts';

let server: TinyServer;
let address: TinyServerAddress;
const steps: unknown[] = [];
const hear = (event: unknown): unknown => steps.push((event as ConnectionEvents['downgraded']).avoided);

beforeEach(async () => {
  server = new TinyServer();
  address = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
  steps.length = 0;
  subscribe('nbdjs:connection:downgraded', hear);
});

afterEach(async () => {
  unsubscribe('nbdjs:connection:downgraded', hear);
  await server.close();
});

async function meet(options: TinyServerOptions, delivery: Delivery | 'thread' = 'inline', exportName = 'e') {
  server.configure({ exports: ['e'], ...options });
  const { connector } = createConnector({ endpoint: address, delivery, handshake: { exportName } });
  try {
    const { channel, facts } = await connector.establish({ wait: true });
    channel.destroy();
    return facts;
  } finally {
    connector.release();
  }
}

const everything = [Option.ExtendedHeaders, Option.StructuredReply, Option.SetMetaContext, Option.Info, Option.Go];

describe('A6: a server that hangs up', () => {
  it.each([
    ['EXTENDED_HEADERS', [Option.ExtendedHeaders], 'structured', 1],
    ['STRUCTURED_REPLY', [Option.StructuredReply], 'simple', 0],
    ['SET_META_CONTEXT', [Option.SetMetaContext], 'structured', 0],
    ['GO', [Option.Go], 'structured', 1],
  ] as const)('at %s is connected to again with fewer options', async (_, hangUpAt, mode, contextCount) => {
    const facts = await meet({ hangUpAt });
    expect(facts).toMatchObject({ size: 1n << 20n, mode });
    expect(facts.contexts).toHaveLength(contextCount);
    expect(server.acceptedCount).toBe(2);
    expect(steps).toHaveLength(1);
  });

  it('at every newer option is connected to again with the fewest options', async () => {
    expect(await meet({ hangUpAt: everything })).toMatchObject({ mode: 'simple', contexts: [] });
    expect(server.acceptedCount).toBe(3);
    expect(server.options).toEqual([Option.ExtendedHeaders, Option.StructuredReply, Option.ExportName]);
  });

  it('is connected to again with fewer options by the thread as well, with an event', async () => {
    expect(await meet({ hangUpAt: [Option.ExtendedHeaders] }, 'thread')).toMatchObject({ mode: 'structured' });
    await expect.poll(() => steps).toEqual([['EXTENDED_HEADERS']]);
  });

  it('gets the same options from then on', async () => {
    server.configure({ hangUpAt: [Option.ExtendedHeaders] });
    const { connector } = createConnector({ endpoint: address, delivery: 'inline' });
    for (let connections = 2; connections < 5; connections++) {
      const { channel, facts } = await connector.establish({ wait: true });
      expect(facts.mode).toBe('structured');
      expect(server.acceptedCount).toBe(connections);
      channel.destroy();
    }
    connector.release();
  });
});

describe('A6: a server that gets out of sync at an unknown option', () => {
  const losesPlaceAt = everything;

  it('is connected to again with EXPORT_NAME at once', async () => {
    expect(await meet({ losesPlaceAt })).toMatchObject({ size: 1n << 20n, mode: 'simple' });
    expect(server.acceptedCount).toBe(2);
    expect(server.options.at(-1)).toBe(Option.ExportName);
    expect(steps).toEqual([['GO', 'INFO', 'EXTENDED_HEADERS']]);
  });

  it('refuses an export by hanging up once more, and only that counts as a refusal', async () => {
    await expect(meet({ losesPlaceAt }, 'inline', 'absent')).rejects.toMatchObject({
      code: 'ERR_NBD_UNKNOWN_EXPORT',
      message: expect.stringMatching(/export 'absent' was refused: the server hung up when asked for it/),
    });
    expect(server.acceptedCount).toBe(2);
  });

  it('is asked without that option by a negotiation, too', async () => {
    server.configure({ losesPlaceAt });
    const asked: string[] = [];
    const negotiation = await openNegotiation(address, {
      probe: async (talk) => {
        const told = talk.info('').catch(({ code }) => code);
        asked.push((await told) as string);
        await talk.list();
      },
    });
    // The second time INFO was not even sent.
    expect(asked).toEqual(['ERR_NBD_OPTION_UNSUPPORTED', 'ERR_NBD_OPTION_UNSUPPORTED']);
    expect(server.options.filter((option) => option === Option.Info)).toHaveLength(1);
    expect(negotiation.avoided).toEqual(['INFO']);
    await negotiation.abort();
  });
});

describe('A6: refusals in words', () => {
  it('are not followed by a second attempt', async () => {
    await expect(meet({}, 'inline', 'absent')).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
    expect(server.acceptedCount).toBe(1);
  });

  it('nor is a missing answer; the error names the option', async () => {
    server.configure({ silentAt: [Option.Go] });
    const { connector } = createConnector({ endpoint: address, delivery: 'inline', handshakeTimeoutMs: 100 });
    await expect(connector.establish({ wait: true })).rejects.toMatchObject({
      code: 'ERR_NBD_TIMEOUT',
      option: 'GO',
      message: expect.stringMatching(/^nbd:.*: no answer to option GO within 100 ms$/),
    });
    connector.release();
    const negotiation = await openNegotiation(address, { timeoutMs: 100 });
    await expect(negotiation.go('')).rejects.toMatchObject({
      message: expect.stringMatching(/: no answer to option GO within 100 ms$/),
    });
    expect(server.acceptedCount).toBe(2);
  });
});
