/** How a connector is released, and with which reason its channels end. */
import type { Rule } from '../runner.ts';
import { equal, matches, until, wait } from '../verify.ts';
import { type ConnectorUnderTest, Listener, reasonOf } from './connector-under-test.ts';

export const releaseRules: readonly Rule<ConnectorUnderTest>[] = [
  {
    title: 'can be released during a handshake, which closes the connection',
    async check(context) {
      context.server.configure({ silent: true });
      const connector = context.create();
      const outcome = reasonOf(connector.establish({ wait: true }));
      await until(() => context.server.openCount === 1, 'the connection');
      connector.release();
      matches(await outcome, { name: 'UsageError', code: 'ERR_NBD_CLOSED' });
      await until(() => context.server.openCount === 0, 'the server to see the end');
    },
  },
  {
    title: 'can be released during the delay between attempts',
    async check(context) {
      await context.server.close();
      const connector = context.create();
      connector.retry(true);
      const outcome = reasonOf(connector.establish({ wait: true }));
      await wait(100);
      connector.release();
      matches(await outcome, { name: 'UsageError' });
    },
  },
  {
    title: 'can be released right after establish was called',
    async check(context) {
      const connector = context.create();
      const outcome = reasonOf(connector.establish({ wait: true }));
      connector.release();
      matches(await outcome, { code: 'ERR_NBD_CLOSED' });
      await wait(100);
      equal(context.server.openCount, 0);
    },
  },
  {
    title: 'closes a connection that no caller has taken when it is released',
    async check(context) {
      const connector = context.create();
      await reasonOf(connector.establish({ wait: false }));
      await until(() => context.server.openCount === 1, 'the connection');
      connector.release();
      await until(() => context.server.openCount === 0, 'the server to see the end');
    },
  },
  {
    title: 'refuses every call after it was released',
    async check(context) {
      const connector = context.create();
      connector.release();
      connector.release();
      connector.retry(true);
      for (const wait of [true, false]) {
        matches(await reasonOf(connector.establish({ wait })), { name: 'UsageError', code: 'ERR_NBD_CLOSED' });
      }
    },
  },
  {
    title: 'gives channels that end with a reason when the server dies',
    async check(context) {
      const { channel } = await context.create().establish({ wait: true });
      const listener = new Listener();
      channel.open(listener);
      context.server.dropAll();
      await until(() => listener.hasEnded, 'the end');
      channel.destroy();
      await channel.closed;
    },
  },
  {
    title: 'gives channels that do so even when they are opened late',
    async check(context) {
      const { channel } = await context.create().establish({ wait: true });
      context.server.dropAll();
      await wait(50);
      const listener = new Listener();
      channel.open(listener);
      await until(() => listener.hasEnded, 'the end');
      channel.destroy();
      await channel.closed;
    },
  },
];
