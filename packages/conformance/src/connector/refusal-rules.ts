/** How a connector fails when no connection can be made, and when it tries again. */
import { ConnectError, NegotiationError, TimeoutError } from '@nbdjs/interfaces';
import type { Rule } from '../runner.ts';
import { check, deepEqual, equal, matches, until, wait } from '../verify.ts';
import { type ConnectorUnderTest, reasonOf, talk } from './connector-under-test.ts';
import { TinyServer } from './tiny-server.ts';

export const refusalRules: readonly Rule<ConnectorUnderTest>[] = [
  {
    title: 'rejects with the reason when no server listens, each caller with an error of its own',
    async check(context) {
      await context.server.close();
      const connector = context.create();
      const reasons = [
        await reasonOf(connector.establish({ wait: true })),
        await reasonOf(connector.establish({ wait: true })),
      ];
      const { endpoint } = context;
      const place = endpoint.type === 'tcp' ? `127.0.0.1:${endpoint.port}` : endpoint.path;
      for (const reason of reasons) {
        check(reason instanceof ConnectError, `expected ConnectError, got ${reason}`);
        matches(reason, {
          code: context.transport === 'tcp' ? 'ERR_NBD_REFUSED' : 'ERR_NBD_CONNECT',
          attempts: 1,
          message: (message: unknown) => String(message).includes(place),
        });
      }
      check(reasons[0] !== reasons[1], 'two callers were given the same error object');
    },
  },
  {
    title: 'rejects with a refusal of the server, with its class, code and text',
    async check(context) {
      const reason = await reasonOf(context.create({ exportName: 'absent' }).establish({ wait: true }));
      check(reason instanceof NegotiationError, `expected NegotiationError, got ${reason}`);
      matches(reason, {
        code: 'ERR_NBD_UNKNOWN_EXPORT',
        permanent: true,
        option: 'GO',
        serverText: 'no such export here',
        message: /^nbd(\+unix)?:\/\/.*absent/,
      });
      await until(() => context.server.openCount === 0, 'the server to see the end');
    },
  },
  {
    title: 'ends an attempt at a server that sends nothing',
    async check(context) {
      context.server.configure({ silent: true });
      const reason = await reasonOf(context.create({ handshakeTimeoutMs: 50 }).establish({ wait: true }));
      check(reason instanceof TimeoutError, `expected TimeoutError, got ${reason}`);
      matches(reason, { phase: 'handshake' });
      await until(() => context.server.openCount === 0, 'the server to see the end');
    },
  },
  {
    title: 'rejects when the server dies in the middle of the handshake',
    async check(context) {
      const connector = context.create();
      // If the server died later, the connector would take an option for the cause, and try again without that option.
      for (const hangUpAfterBytes of [0, 5, 18, 25]) {
        context.server.configure({ hangUpAfterBytes });
        const reason = await reasonOf(connector.establish({ wait: true }));
        matches(reason, { name: 'ConnectError', code: 'ERR_NBD_PEER_CLOSED', permanent: false });
      }
      context.server.configure({});
      const established = await connector.establish({ wait: true });
      established.channel.destroy();
    },
  },
  {
    title: 'tries again until there is a server',
    async check(context) {
      await context.server.close();
      const connector = context.create();
      connector.retry(true);
      const outcome = connector.establish({ wait: true });
      await wait(100);
      context.server = new TinyServer();
      await context.server.listen(context.endpoint);
      const established = await outcome;
      deepEqual(await talk(established), [1, 2, 3]);
      established.channel.destroy();
    },
  },
  {
    title: 'does not try again after a permanent refusal',
    async check(context) {
      const connector = context.create({ exportName: 'absent' });
      connector.retry(true);
      matches(await reasonOf(connector.establish({ wait: true })), { code: 'ERR_NBD_UNKNOWN_EXPORT' });
      equal(context.server.acceptedCount, 1);
    },
  },
  {
    title: 'waits for the first connection until openTimeoutMs is over',
    async check(context) {
      await context.server.close();
      const reason = await reasonOf(context.create({ openTimeoutMs: 50 }).establish({ wait: true }));
      check(reason instanceof TimeoutError, `expected TimeoutError, got ${reason}`);
      matches(reason, { phase: 'open', cause: { name: 'ConnectError' } });
    },
  },
];
