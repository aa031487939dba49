/**
 * Which clients may connect to `nbd serve`, and how long they may be idle.
 *
 * @module-tag slow
 */
import { userInfo } from 'node:os';
import { connect } from '@nbdjs/client';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, serve } from './serving.ts';

const { uid, gid, username } = userInfo();

describe('nbd serve', () => {
  inWorkspace('bookworm');

  const info = async (...options: readonly string[]) => nbd('info', '--size', (await serve('memory:1M', ...options))());

  it.each([
    [['--allow', `uid:${uid}`]],
    [['--allow', '192.0.2.1', '--allow', `user:${username}`]],
    [['--allow', `gid:${gid}`]],
    [['--deny', `uid:${uid + 1}`]],
    [['--max-connections-per-address', '1']],
  ])('lets in whom %j means', async (options) => {
    expect(await info(...options)).toMatchObject({ code: 0, stdout: '1048576\n' });
  });

  it.each([
    [['--deny', `user:${username}`]],
    [['--allow', `uid:${uid + 1}`]],
    [['--allow', `uid:${uid}`, '--deny', `gid:${gid}`]],
    [['--allow', '192.0.2.0/24']],
  ])('keeps out whom %j does not mean', async (options) => {
    const { code, stderr } = await info(...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(/closed|reset|broke/);
  });

  it.each([
    [['--allow', 'user:nobody-of-this-name'], /there is no user 'nobody-of-this-name'/],
    [['--allow', 'user:'], /there is no user ''/],
    [['--deny', '192.0.2.0/40'], /'192.0.2.0\/40' is not an entry of an access list/],
    [['--idle-timeout', '-1'], /--idle-timeout/],
  ])('does not take %j', async (options, message) => {
    const { code, stderr } = await nbd('serve', '--socket', '/nonexistent/socket', 'memory:1M', ...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('ends connections that are idle for too long', async () => {
    const uri = (await serve('memory:1M', '--idle-timeout', '1'))();
    await using client = await connect(uri, { delivery: 'inline' });
    await client.read(0, new Uint8Array(512));
    await expect.poll(() => client.state).not.toBe('connected');
  });
});
