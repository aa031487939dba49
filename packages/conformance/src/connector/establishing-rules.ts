/** How a connector makes connections, and to whom it hands them. */
import { ConnectError, type Established } from '@nbdjs/interfaces';
import type { Rule } from '../runner.ts';
import { check, deepEqual, equal, matches, until, wait } from '../verify.ts';
import { type ConnectorUnderTest, Listener, reasonOf, talk } from './connector-under-test.ts';
import { tinyServerExportBytes } from './tiny-server.ts';

export const establishingRules: readonly Rule<ConnectorUnderTest>[] = [
  {
    title: 'hands over a connection in its transmission phase',
    async check(context) {
      const established = await context.create().establish({ wait: true });
      matches(established.facts, {
        style: 'newstyle-fixed',
        mode: 'structured',
        size: tinyServerExportBytes,
        contexts: [{ name: 'base:allocation', id: 1 }],
      });
      equal(established.channel.peer.transport, context.transport);
      deepEqual(await talk(established), [1, 2, 3]);
      established.channel.destroy();
      deepEqual(await established.channel.closed, { by: 'us', cause: undefined });
      await until(() => context.server.openCount === 0, 'the server to see the end');
    },
  },
  {
    title: 'loses no byte that comes behind the handshake',
    async check(context) {
      context.server.configure({ excess: Uint8Array.of(9, 8, 7) });
      const established = await context.create().establish({ wait: true });
      const listener = new Listener();
      listener.received.push(...established.excess);
      established.channel.open(listener);
      await until(() => listener.received.length === 3, 'the bytes');
      deepEqual(listener.received, [9, 8, 7]);
      established.channel.destroy();
    },
  },
  {
    title: 'makes several connections, independent of each other',
    async check(context) {
      const connector = context.create();
      const first = await connector.establish({ wait: true });
      const second = await connector.establish({ wait: true });
      connector.release();
      equal(context.server.openCount, 2);
      first.channel.destroy();
      await first.channel.closed;
      deepEqual(await talk(second), [1, 2, 3]);
      second.channel.destroy();
    },
  },
  {
    title: 'answers at once when asked not to wait, and has the connection later',
    async check(context) {
      const connector = context.create();
      const reason = await reasonOf(connector.establish({ wait: false }));
      check(reason instanceof ConnectError, `expected ConnectError, got ${reason}`);
      matches(reason, { code: 'ERR_NBD_CONNECT_NONE_YET' });
      let established: Established | undefined;
      for (let round = 0; round < 500 && established === undefined; round++) {
        established = await connector.establish({ wait: false }).catch(() => undefined);
        await wait(10);
      }
      equal(context.server.acceptedCount, 1);
      check(established !== undefined, 'there was no connection after five seconds');
      deepEqual(await talk(established), [1, 2, 3]);
      established.channel.destroy();
    },
  },
  {
    title: 'keeps a connection that is made after its caller has aborted, for the next caller',
    async check(context) {
      const connector = context.create();
      const controller = new AbortController();
      const reason = new Error('no longer wanted');
      const outcome = connector.establish({ wait: true, signal: controller.signal });
      controller.abort(reason);
      equal(await reasonOf(outcome), reason);
      await until(() => context.server.acceptedCount === 1, 'the connection');
      await wait(50);
      const established = await connector.establish({ wait: true });
      equal(context.server.acceptedCount, 1);
      deepEqual(await talk(established), [1, 2, 3]);
      established.channel.destroy();
    },
  },
  {
    title: 'keeps no connection whose peer has closed it',
    async check(context) {
      context.server.configure({ hangUpAfterMs: 1 });
      const connector = context.create();
      await reasonOf(connector.establish({ wait: false }));
      await until(() => context.server.acceptedCount === 1, 'the connection');
      await until(() => context.server.openCount === 0, 'the server to see the end');
      await wait(20);
      context.server.configure({});
      const established = await connector.establish({ wait: true });
      equal(context.server.acceptedCount, 2);
      deepEqual(await talk(established), [1, 2, 3]);
      established.channel.destroy();
    },
  },
  {
    title: 'rejects at once when the signal is aborted already',
    async check(context) {
      const reason = new Error('never mind');
      const signal = AbortSignal.abort(reason);
      equal(await reasonOf(context.create().establish({ wait: true, signal })), reason);
      equal(context.server.acceptedCount, 0);
    },
  },
  {
    title: 'lets one caller wait at a time',
    async check(context) {
      const connector = context.create();
      const first = connector.establish({ wait: true });
      matches(await reasonOf(connector.establish({ wait: true })), {
        name: 'UsageError',
        code: 'ERR_NBD_STATE',
      });
      (await first).channel.destroy();
    },
  },
];
