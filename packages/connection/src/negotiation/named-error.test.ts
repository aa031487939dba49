import { ConnectError, NegotiationError, TimeoutError, UsageError } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { copyWithAttempts, isPermanent, named } from './named-error.ts';

it('updates the number of attempts where there is one', () => {
  expect(copyWithAttempts(new ConnectError('ERR_NBD_REFUSED', 'refused'), 7)).toMatchObject({ attempts: 7 });
  expect(copyWithAttempts(new TimeoutError('connect', 'slow'), 7)).not.toHaveProperty('attempts');
});

it('puts the name in front of message and stack, once', () => {
  const error = new ConnectError('ERR_NBD_PEER_CLOSED', 'the server closed the connection: $& $1');
  expect(named(error, 'nbd://host').message).toBe('nbd://host: the server closed the connection: $& $1');
  expect(error.stack).toContain('nbd://host: the server closed the connection: $& $1');
  expect(named(error, 'nbd://host').message).toBe('nbd://host: the server closed the connection: $& $1');
});

it('distinguishes errors that would come again', () => {
  expect(isPermanent(new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', ''))).toBe(true);
  expect(isPermanent(new NegotiationError('ERR_NBD_SERVER_SHUTDOWN', '', { permanent: false }))).toBe(false);
  expect(isPermanent(new UsageError('ERR_NBD_ARGUMENT', ''))).toBe(true);
  expect(isPermanent(new ConnectError('ERR_NBD_NOT_NBD', '', { permanent: true }))).toBe(true);
  expect(isPermanent(new ConnectError('ERR_NBD_REFUSED', ''))).toBe(false);
  expect(isPermanent(new TimeoutError('connect', ''))).toBe(false);
});
