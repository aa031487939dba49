/** Option mode: the caller sends one option at a time. */
import { encodeInfoReply, encodeOptionReply, Option, OptionReply, options } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions } from '../src/index.ts';
import { converse } from './converse.ts';
import { hex } from './hex.ts';
import { errorOf, lastEvent, play } from './play.ts';
import { ScriptedServer, type ServerSettings } from './scripted-server.ts';
import { abort, ack, error, greeting, plainGreeting } from './words.ts';

const settings: ServerSettings = {
  exports: {
    a: { size: 1024n, description: 'first', contexts: ['base:allocation', 'qemu:x'] },
    b: { size: 2048n, blockSizes: { minimum: 512, preferred: 4096, maximum: 65_536 } },
  },
};

/** A client in option mode, and a function that continues its exchange with the server. */
function meet(serverSettings: ServerSettings = settings, clientOptions: ClientHandshakeOptions = {}) {
  const client = new ClientHandshake({ optionMode: true, ...clientOptions });
  const server = new ScriptedServer(serverSettings);
  const start = converse(client, server);
  return { client, server, start, talk: () => converse(client, server) };
}

describe('option mode', () => {
  it('begins when mode and TLS are settled', () => {
    const { client, server, start } = meet({ ...settings, tls: 'allow' }, { tls: 'allow' });
    expect(start.at(-1)).toEqual({ type: 'negotiating', style: 'newstyle-fixed', mode: 'extended', tls: true });
    expect(client.state).toBe('negotiating');
    expect(server.asked).toEqual([Option.StartTls, Option.ExtendedHeaders]);
  });

  it('list, info on several exports, contexts, a failed go, a good one', () => {
    const { client, talk } = meet();
    client.list();
    expect(talk()).toEqual([
      {
        type: 'option-done',
        option: Option.List,
        result: {
          type: 'exports',
          exports: [
            { name: 'a', description: 'first' },
            { name: 'b', description: '' },
          ],
        },
      },
    ]);
    client.info('a');
    expect(talk()).toMatchObject([{ type: 'option-done', result: { type: 'info', facts: { size: 1024n } } }]);
    client.info('b');
    expect(talk()).toMatchObject([
      { type: 'option-done', result: { facts: { size: 2048n, exportName: 'b', blockSizes: { minimum: 512 } } } },
    ]);
    client.listMetaContexts('a');
    expect(talk()).toMatchObject([
      { option: Option.ListMetaContext, result: { type: 'context-names', names: ['base:allocation', 'qemu:x'] } },
    ]);
    client.setMetaContexts('a', ['qemu:x', 'qemu:y']);
    expect(talk()).toMatchObject([
      { option: Option.SetMetaContext, result: { type: 'contexts', contexts: [{ id: 10, name: 'qemu:x' }] } },
    ]);
    client.go('c');
    expect(talk()).toMatchObject([
      { type: 'option-failed', option: Option.Go, error: { code: 'ERR_NBD_UNKNOWN_EXPORT' } },
    ]);
    expect(client.state).toBe('negotiating');
    client.go('b');
    expect(talk()).toMatchObject([{ type: 'established', facts: { exportName: 'b', size: 2048n } }]);
  });

  it('C36: contexts chosen by hand are used for their export', () => {
    const { client, server, talk } = meet();
    client.setMetaContexts('a', ['qemu:x']);
    talk();
    client.go('a');
    expect(talk()).toMatchObject([{ facts: { contexts: [{ name: 'qemu:x' }] } }]);
    expect(server.asked.filter((option) => option === Option.SetMetaContext)).toHaveLength(1);
    expect(server.selectedFor('a')).toEqual(['qemu:x']);
  });

  it('C33, C36: but not for another export, for which the default ones are selected', () => {
    const { client, server, talk } = meet();
    client.setMetaContexts('b', ['qemu:x']);
    talk();
    client.go('a');
    expect(talk()).toMatchObject([{ facts: { contexts: [{ name: 'base:allocation' }] } }]);
    expect(server.selectedFor('a')).toEqual(['base:allocation']);
  });

  it('C36: contexts of another export are not taken for those of this one', () => {
    const { client, talk } = meet(settings, { contexts: [] });
    client.setMetaContexts('a', ['qemu:x']);
    talk();
    client.go('b');
    expect(talk()).toMatchObject([{ facts: { exportName: 'b', contexts: [] } }]);
  });

  it('S36: contexts are selected anew when extended headers came after them', () => {
    const { client, server, talk } = meet(settings, { mode: 'structured' });
    client.setMetaContexts('a', ['qemu:x']);
    talk();
    client.extendedHeaders();
    talk();
    client.go('a');
    expect(talk()).toMatchObject([{ facts: { mode: 'extended', contexts: [{ name: 'base:allocation' }] } }]);
    expect(server.selectedFor('a')).toEqual(['base:allocation']);
  });

  it('C16, C33: a selection that failed is empty and is not repeated by go', () => {
    const refuse = { [Option.SetMetaContext]: OptionReply.ErrPolicy };
    const { client, server, talk } = meet({ ...settings, refuse });
    client.setMetaContexts('a', ['qemu:x']);
    expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_POLICY' } }]);
    client.go('a');
    expect(talk()).toMatchObject([{ facts: { contexts: [] } }]);
    expect(server.asked.filter((option) => option === Option.SetMetaContext)).toHaveLength(1);
  });

  it('C34: ids in a list of contexts have no meaning, and a name is listed once', () => {
    const reply = hex('0003e889 045565a9 00000009 00000004 00000013 ffffffff "base:allocation"');
    const outcome = play(
      { optionMode: true, mode: 'simple' },
      greeting,
      (handshake) => handshake.listMetaContexts('', ['base:']),
      reply,
      reply,
      ack(Option.ListMetaContext),
    );
    expect(lastEvent(outcome)).toMatchObject({ result: { names: ['base:allocation'] } });
  });

  it('TLS, structured replies and extended headers by hand', () => {
    const { client, talk } = meet({ ...settings, tls: 'allow' }, { mode: 'simple' });
    client.structuredReplies();
    expect(talk()).toMatchObject([{ option: Option.StructuredReply, result: { type: 'acknowledged' } }]);
    client.startTls();
    expect(talk()).toMatchObject([{ type: 'tls-upgrade' }, { type: 'option-done', option: Option.StartTls }]);
    client.extendedHeaders();
    expect(talk()).toMatchObject([{ option: Option.ExtendedHeaders, result: { type: 'acknowledged' } }]);
    expect(() => client.structuredReplies()).toThrow('structured replies are agreed on already (mode extended)');
    expect(() => client.extendedHeaders()).toThrow('extended headers are agreed on already');
    client.go('a');
    expect(talk()).toMatchObject([{ facts: { tls: true, mode: 'extended' } }]);
  });

  it('C31: contexts are not selected without structured replies', () => {
    const { client } = meet(settings, { mode: 'simple' });
    expect(() => client.setMetaContexts('a', ['base:allocation'])).toThrow(
      'metadata contexts need structured replies or extended headers first',
    );
  });

  it('C27: with a server that requires TLS, startTls is still possible', () => {
    const { client, start, talk } = meet({ ...settings, tls: 'require' });
    expect(start.at(-1)).toMatchObject({ type: 'negotiating', mode: 'simple', tls: false });
    client.list();
    expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_TLS_REQUIRED' } }]);
    client.startTls();
    talk();
    client.go('a');
    expect(talk()).toMatchObject([{ type: 'established', facts: { tls: true } }]);
  });

  it('C23: a refused startTls leaves the choice to the caller', () => {
    const { client, talk } = meet();
    client.startTls();
    expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_TLS_REFUSED' } }]);
    client.go('a');
    expect(talk()).toMatchObject([{ type: 'established', facts: { tls: false } }]);
  });

  it.each([
    ['list', Option.List, (client: ClientHandshake) => client.list()],
    ['info', Option.Info, (client: ClientHandshake) => client.info('a')],
    ['listMetaContexts', Option.ListMetaContext, (client: ClientHandshake) => client.listMetaContexts('a')],
    ['setMetaContexts', Option.SetMetaContext, (client: ClientHandshake) => client.setMetaContexts('a', ['a:b'])],
  ])('%s that is not supported is a refusal, not the end', (_, option, order) => {
    const { client, talk } = meet({ ...settings, refuse: { [option]: OptionReply.ErrUnsupported } });
    order(client);
    expect(talk()).toMatchObject([
      {
        type: 'option-failed',
        option,
        error: {
          code: 'ERR_NBD_OPTION_UNSUPPORTED',
          option: options.name(option),
          message: expect.stringMatching(/the server does not support it; server reported: as scripted$/),
        },
      },
    ]);
    expect(client.state).toBe('negotiating');
  });

  it('extendedHeaders and structuredReplies that are refused', () => {
    const refuse = {
      [Option.ExtendedHeaders]: OptionReply.ErrUnsupported,
      [Option.StructuredReply]: OptionReply.ErrUnsupported,
    };
    const { client, talk } = meet({ ...settings, refuse });
    for (const order of [() => client.extendedHeaders(), () => client.structuredReplies()]) {
      order();
      expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_OPTION_UNSUPPORTED' } }]);
    }
  });

  it('C9: go without GO in the server uses EXPORT_NAME, after which no other option is possible', () => {
    const refuse = { [Option.Go]: OptionReply.ErrUnsupported };
    const { client, talk } = meet({ ...settings, refuse }, { mode: 'structured' });
    client.go('c');
    expect(talk()).toMatchObject([{ type: 'failed', error: { code: 'ERR_NBD_OUT_OF_STEP', option: 'GO' } }]);
  });

  it('A6: an order for an option to avoid fails, and nothing is sent', () => {
    const { client, server, talk } = meet(settings, { avoid: ['INFO', 'LIST_META_CONTEXT', 'SET_META_CONTEXT', 'GO'] });
    const before = server.asked.length;
    for (const order of [
      () => client.info('a'),
      () => client.listMetaContexts('a'),
      () => client.setMetaContexts('a', ['qemu:x']),
    ]) {
      order();
      expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_OPTION_UNSUPPORTED' } }]);
    }
    expect(server.asked).toHaveLength(before);
    client.go('a');
    expect(talk()).toMatchObject([{ type: 'established', facts: { size: 1024n } }]);
    expect(server.asked.slice(before)).toEqual([Option.ExportName]);
  });

  it('C10: the size that INFO reports is not kept for GO', () => {
    const info = (option: typeof Option.Info | typeof Option.Go, size: bigint) =>
      encodeInfoReply(option, { kind: 'export', size, transmissionFlags: 1 });
    const outcome = play(
      { optionMode: true, mode: 'simple' },
      greeting,
      (handshake) => handshake.info(),
      info(Option.Info, 0n),
      ack(Option.Info),
      (handshake) => handshake.go(),
      info(Option.Go, 4096n),
      ack(Option.Go),
    );
    expect(lastEvent(outcome)).toMatchObject({ type: 'established', facts: { size: 4096n } });
  });

  it('an export of 2^63 bytes is refused by info, and others can be tried', () => {
    const exports = { a: { size: 2n ** 63n }, b: { size: 1n } };
    const { client, talk } = meet({ exports });
    client.info('a');
    expect(talk()).toMatchObject([{ type: 'option-failed', error: { code: 'ERR_NBD_TOO_BIG' } }]);
    client.go('b');
    expect(talk()).toMatchObject([{ type: 'established' }]);
  });

  it('an export of 2^63 bytes that is open already cannot be exchanged for another', () => {
    const { client, talk } = meet({ exports: { a: { size: 2n ** 63n } } });
    client.go('a');
    expect(talk()).toMatchObject([{ type: 'failed', error: { code: 'ERR_NBD_TOO_BIG' } }]);
  });

  it('C4: one option at a time', () => {
    const { client } = meet();
    client.list();
    expect(() => client.info('a')).toThrow('option INFO is out of turn: the handshake is in state option');
    expect(() => client.abort()).toThrow('option ABORT is out of turn: the handshake is in state option');
  });

  it('C17: SHUTDOWN in answer to any option ends it', () => {
    const outcome = play(
      { optionMode: true, mode: 'simple' },
      greeting,
      (handshake) => handshake.list(),
      error(Option.List, OptionReply.ErrShutdown),
    );
    expect(errorOf(outcome)).toMatchObject({ code: 'ERR_NBD_SERVER_SHUTDOWN' });
    expect(outcome.sent.subarray(-16)).toEqual(abort);
  });

  it('F31: a bad name in a list does not hide the others, and opens its export', () => {
    const bad = { size: 512n };
    const { client, server, talk } = meet({ exports: { good: bad } });
    client.list();
    const entry = (bytes: string) => encodeOptionReply(Option.List, OptionReply.Server, hex(bytes));
    client.receive(entry('00000002 61ff'));
    expect(talk()).toMatchObject([
      {
        result: {
          exports: [
            { name: 'a\udcff', description: '', fault: 'is not UTF-8' },
            { name: 'good', description: '' },
          ],
        },
      },
    ]);
    client.go('a\udcff');
    const [sent] = client.takeOutput().slice(-1);
    expect(sent?.subarray(16, 22)).toEqual(hex('00000002 61ff'));
    expect(server.hungUp).toBe(false);
  });

  it('names that cannot be sent are refused and change nothing', () => {
    const { client } = meet();
    expect(() => client.go('a\ud800')).toThrow('half a surrogate pair');
    expect(() => client.listMetaContexts('a', ['nonsense'])).toThrow('expected NAMESPACE:LEAF');
    expect(client.state).toBe('negotiating');
    expect(client.takeOutput()).toEqual([]);
  });
});

describe('leaving', () => {
  it('C6, C7: ABORT without data, and the end when the server has acknowledged it', () => {
    const { client, server, talk } = meet();
    client.abort();
    expect(talk()).toEqual([{ type: 'ended' }]);
    expect(client.state).toBe('ended');
    expect(server.asked.at(-1)).toBe(Option.Abort);
    expect(() => client.list()).toThrow('option LIST is out of turn: the handshake is in state ended');
  });

  it.each([
    ['nothing but the end of the stream', []],
    ['half an answer', [ack(Option.Abort).subarray(0, 7)]],
    ['an error', [error(Option.Abort, OptionReply.ErrTlsRequired, 'no')]],
    ['nonsense', [new Uint8Array(20)]],
  ])('C7: accepts %s as the answer to ABORT', (_, words) => {
    const outcome = play(
      { optionMode: true, mode: 'simple' },
      greeting,
      (handshake) => handshake.abort(),
      ...words,
      (handshake) => handshake.ended(new Error('reset')),
    );
    expect(outcome.events.slice(1)).toEqual([{ type: 'ended' }]);
    expect(outcome.sent.subarray(-16)).toEqual(abort);
  });
});

describe('option mode with servers that have no options', () => {
  it('C5: plain newstyle has go and abort, which sends nothing', () => {
    const { client, talk } = meet({ ...settings, style: 'newstyle' });
    expect(() => client.list()).toThrow('option LIST cannot be sent: the server does not offer the fixed newstyle');
    client.go('a');
    expect(talk()).toMatchObject([{ type: 'established', facts: { style: 'newstyle', size: 1024n } }]);
    const left = play({ optionMode: true }, plainGreeting, (handshake) => handshake.abort());
    expect(left.events.at(-1)).toEqual({ type: 'ended' });
    expect(left.sent).toHaveLength(4);
  });

  it('oldstyle is in transmission at once', () => {
    const { start } = meet({ style: 'oldstyle' });
    expect(start).toMatchObject([{ type: 'established', facts: { style: 'oldstyle' } }]);
  });
});
