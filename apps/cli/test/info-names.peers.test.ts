/** Names that break the rules: they do not hide the others, and can be used. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describePeers, startNbdkit } from '@nbdjs/peers';
import { encodeAckReply, Option, OptionReply } from '@nbdjs/protocol';
import { OptionServer, withInfo } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

interface Shown {
  readonly 'export-name': string;
  readonly 'export-size'?: number;
  readonly uri?: string;
  readonly error?: string;
}

const exportsOf = (json: string): readonly Shown[] => (JSON.parse(json) as { exports: Shown[] }).exports;

describePeers('names from a file system', ['nbdkit'], (generation) => {
  inWorkspace(generation);

  it('F31: one that is not UTF-8 is marked, the others are listed, and it can be opened', async () => {
    const folder = workspace.hostPath('files');
    mkdirSync(folder);
    for (const name of ['a', 'b', 'z']) writeFileSync(`${folder}/${name}`, Buffer.alloc(512));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.of(0xff)]), Buffer.alloc(1024, 'x'));
    await using server = await startNbdkit(workspace, ['file', `dir=${workspace.peerPath('files')}`]);
    const text = await nbd('info', '--list', server.uri());
    expect(text.code).toBe(1);
    expect(text.stdout.match(/^export=.*/gm)?.sort()).toEqual([
      'export="a":',
      'export="b":',
      String.raw`export="bad\xff":`,
      'export="z":',
    ]);
    expect(text.stdout).toContain(String.raw`error: the name of export 'bad\xff' is not UTF-8`);
    expect(text.stderr).toMatch(/^nbd: .*: the name of export 'bad\\xff' is not UTF-8\n$/);
    const json = await nbd('info', '--list', '--content', '--json', server.uri());
    expect(json.code).toBe(1);
    const bad = exportsOf(json.stdout).find(({ error }) => error !== undefined);
    expect(bad).toMatchObject({
      'export-name': 'bad\udcff',
      'export-size': 1024,
      uri: expect.stringContaining('bad%FF'),
    });
    expect(exportsOf(json.stdout).filter(({ error }) => error === undefined)).toHaveLength(3);
    expect(await nbd('info', '--size', bad?.uri ?? '')).toEqual({ code: 0, stdout: '1024\n', stderr: '' });
    expect((await nbd('dump', '-n', '16', bad?.uri ?? '')).stdout).toContain('|xxxxxxxxxxxxxxxx|');
  });
});

it('F31: one with NUL is marked and opened, one that is too long is marked', async () => {
  const long = 'L'.repeat(4097);
  const names = ['good', 'x\0y', long, 'last'];
  await using server = await OptionServer.start({
    answer: withInfo((option) => {
      if (option !== Option.List) return undefined;
      const entries = names.map((name) => {
        const payload = Buffer.concat([Buffer.alloc(4), Buffer.from(name)]);
        payload.writeUInt32BE(name.length);
        return reply(Option.List, OptionReply.Server, payload);
      });
      return Buffer.concat([...entries, encodeAckReply(option)]);
    }),
  });
  const { code, stdout, stderr } = await nbd('info', '--list', '--json', server.uri());
  expect(code).toBe(1);
  expect(exportsOf(stdout)).toMatchObject([
    { 'export-name': 'good', 'export-size': 1 << 20 },
    { 'export-name': 'x\0y', 'export-size': 1 << 20, error: expect.stringMatching(/holds a NUL character$/) },
    { 'export-name': long, error: expect.stringMatching(/is longer than 4096 bytes$/) },
    { 'export-name': 'last', 'export-size': 1 << 20 },
  ]);
  expect(stderr.trim().split('\n')).toHaveLength(2);
});

it('what turns words around or ends lines is shown by its number', async () => {
  await using server = await OptionServer.start({
    names: ['a\u202eb', 'c\u2028d'],
    answer: withInfo(),
  });
  const { stdout } = await nbd('info', '--list', server.uri());
  expect(stdout.match(/^export=.*/gm)).toEqual([String.raw`export="a\u202eb":`, String.raw`export="c\u2028d":`]);
});

function reply(option: number, type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(20);
  head.writeBigUInt64BE(0x3e889045565a9n);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(type, 12);
  head.writeUInt32BE(payload.length, 16);
  return Buffer.concat([head, payload]);
}
