/** What is suggested to people, and what is not. */

import { ConnectError, ProtocolError } from '@nbdjs/interfaces';
import { commandLine, describePeers, makeRawImage, Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { suggestion } from '../src/errors/suggestions.ts';
import { nbd } from './harness.ts';

it.each([
  ['nbd://localhost/a?b', '%3F'],
  ['nbd://localhost/a?b=c', '%3F'],
  ['nbd+unix:///a?b?socket=/tmp/s', '%3F'],
  ['nbd://localhost/50%', '%25'],
])('%s: how such a name is written', async (uri, advice) => {
  const { code, stderr } = await nbd('info', uri);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^nbd: .*\nnbd: suggestion: .*\n$/) });
  expect(stderr).toContain(advice);
});

it('--mode, where a server stumbles over an option that could be left out', () => {
  const at = (option: string) =>
    new ConnectError(
      'ERR_NBD_PEER_CLOSED',
      `nbd://x: the server closed the connection while answering option ${option}`,
    );
  expect(suggestion(at('STRUCTURED_REPLY'))).toContain('--mode simple');
  expect(suggestion(at('EXTENDED_HEADERS'))).toContain('--mode simple');
  expect(suggestion(at('LIST'))).toBeUndefined();
});

it('--no-extents, for copies only', () => {
  const error = new ProtocolError('empty-extent', 'a block status has an extent of no bytes', {
    phase: 'transmission',
  });
  expect(suggestion(error, 'copy')).toContain('--no-extents');
  expect(suggestion(error, 'info')).toBeUndefined();
});

describePeers('a program in brackets', ['nbdkit', 'qemu-nbd'], (generation) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(() => workspace[Symbol.dispose]());

  it('that cannot open what it is for has said why: --list would not help', async () => {
    const command = commandLine('nbdkit', generation, [
      'eval',
      'open=echo EIO my own reason >&2; exit 1',
      'get_size=echo 1',
    ]);
    for (const argv of [['info'], ['dump']]) {
      const { code, stderr } = await nbd(...argv, '[', ...command, ']');
      expect(code).toBe(1);
      expect(stderr).not.toContain('suggestion');
    }
  });

  it('with an export of another name is worth a --list', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 65_536, []);
    const image = workspace.peerPath('disk.img');
    const command = commandLine('qemu-nbd', generation, ['-r', '-x', 'other', '-f', 'raw', image]);
    const { code, stderr } = await nbd('info', '[', ...command, ']');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('nbd info --list') });
  });
});
