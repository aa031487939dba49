/** `nbd shell` with real servers, beside nbdsh. */
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describePeers, makeRawImage, runPeer, startNbdkit, startQemuNbd } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

describePeers('nbd shell', ['qemu-nbd', 'nbdkit'], (generation) => {
  inWorkspace(generation);

  const served = () => startNbdkit(workspace, ['memory', '1M']);

  it('prints what nbdsh prints: the common one-liners', async () => {
    makeRawImage(workspace.hostPath('disk.img'), mebi, [{ offset: 65_536, length: 65_536 }]);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    const pairs = [
      ['print(h.get_size())', 'print(client.geometry.size)'],
      ['print(str(h.can_flush()).lower())', 'print(client.abilities.flush)'],
      ['print(str(h.is_read_only()).lower())', 'print(client.abilities.readOnly)'],
      ['print(h.get_block_size(nbd.SIZE_PREFERRED))', 'print(client.geometry.preferredBlockSize)'],
      ['print(h.pread(8, 65536).hex())', "print(Buffer.from(await client.readBytes(65536, 8)).toString('hex'))"],
      ['h.pwrite(b"hello", 512)', "await client.write(512, Buffer.from('hello'))"],
      ['print(h.pread(5, 512).decode())', 'print(new TextDecoder().decode(await client.readBytes(512, 5)))'],
      ['h.zero(512, 512)', 'await client.writeZeroes(512, 512)'],
      ['h.flush()', 'await client.flush()'],
      ['print(h.pread(5, 512).hex())', "print(Buffer.from(await client.readBytes(512, 5)).toString('hex'))"],
      ['print(h.get_protocol())', "print(client.facts.style === 'newstyle' ? 'newstyle-fixed' : client.facts.style)"],
      ['print(str(h.get_structured_replies_negotiated()).lower())', "print(client.facts.mode !== 'simple')"],
    ] as const;
    const theirs = await runPeer('nbdsh', generation, [
      '-u',
      server.peerUri(),
      ...pairs.flatMap(([code]) => ['-c', code]),
    ]);
    const ours = await nbd('shell', '-u', server.uri(), ...pairs.flatMap(([, code]) => ['-c', code]));
    expect(ours).toEqual({ code: 0, stderr: '', stdout: theirs.stdout.toString() });
    expect(ours.stdout.split('\n')).toHaveLength(10);
  });

  it('runs code in order, scripts from files, and from standard input', async () => {
    await using server = await served();
    const file = workspace.hostPath('probe.mjs');
    writeFileSync(file, "import { EOL } from 'node:os';\nprint(EOL.length, await client.readBytes(0, 4));\n");
    const both = await nbd('shell', '-u', server.uri(), '-c', 'const one = 1', '-c', 'print(one + 1)', file);
    expect(both).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2\n1 0{10}: 00 00 00 00 /) });
    const read = await nbdWith(
      { stdin: Readable.from(['print(typeof client, uri.length > 0)\n']) },
      'shell',
      '-n',
      '-u',
      server.uri(),
    );
    expect(read).toMatchObject({ code: 0, stdout: 'undefined true\n' });
    const stdin = Readable.from(['print(two)\n']);
    const mixed = await nbdWith({ stdin }, 'shell', '-c', 'const two = 2', '-c', '-');
    expect(mixed).toMatchObject({ code: 0, stdout: '2\n' });
  });

  it('says in one line what has failed, with class, code and place', async () => {
    await using server = await served();
    const code = 'print(1);\nclient.readBytes(0, 1);\nawait client.readBytes(2 ** 30, 5)';
    expect(await nbd('shell', '-u', server.uri(), '-c', code, '-c', 'print(2)')).toEqual({
      code: 1,
      stdout: '1\n',
      stderr:
        'nbd: -c:3: UsageError [ERR_NBD_OUT_OF_BOUNDS]: READ of 5 bytes at 1073741824 reaches past the end of the export at 1048576\n',
    });
    expect((await nbd('shell', '-c', 'null.x')).stderr).toMatch(
      /^nbd: -c:1: TypeError: Cannot read properties of null/,
    );
    expect((await nbd('shell', '-c', 'let = ;')).stderr).toMatch(/^nbd: (-c:1: )?SyntaxError: /);
    expect((await nbd('shell', workspace.hostPath('none.js'))).code).toBe(1);
  });

  it('--no-checks: the server has to refuse by itself', async () => {
    await using server = await served();
    const ask = (...words: string[]) =>
      nbd('shell', '-u', server.uri(), ...words, '-c', 'await client.readBytes(2 ** 30, 5)');
    expect((await ask()).stderr).toContain('UsageError [ERR_NBD_OUT_OF_BOUNDS]');
    expect((await ask('--no-checks')).stderr).toContain('CommandError [EINVAL]');
    // nbdkit refuses reads of no bytes, and the client never sends one by itself.
    const empty = ['-c', 'print(await client.read(0, new Uint8Array(0)))'];
    expect(await nbd('shell', '-u', server.uri(), ...empty)).toMatchObject({ code: 0, stdout: 'undefined\n' });
    expect((await nbd('shell', '--no-checks', '-u', server.uri(), ...empty)).stderr).toContain('CommandError [EINVAL]');
  });

  it('--option-mode: asks, and opens an export or none', async () => {
    await using server = await served();
    const ask = [
      '-c',
      "print(negotiation.mode, (await negotiation.list()).length, await negotiation.listMetaContexts(''))",
    ];
    const go = ['-c', 'await go(); print(client.facts.mode, device.geometry.size)'];
    const opened = await nbd('shell', '--option-mode', '-u', server.uri(), ...ask, ...go);
    expect(opened).toMatchObject({ code: 0, stdout: "structured 1 [ 'base:allocation' ]\nstructured 1048576\n" });
    const simple = await nbd(
      'shell',
      '--opt-mode',
      '--mode',
      'simple',
      '-u',
      server.uri(),
      '-c',
      'print(negotiation.mode); await negotiation.abort()',
    );
    expect(simple).toMatchObject({ code: 0, stdout: 'simple\n' });
    const refused = await nbd('shell', '--opt', '-u', server.uri(), '-c', "await negotiation.info('x'.repeat(5000))");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^nbd: .*Error \[/) });
  });

  it('connects to more servers, and puts layers over them', async () => {
    await using one = await served();
    await using other = await served();
    const code = `
      const target = await connect('${other.uri()}');
      await target.write(0, Buffer.from('abc'));
      const report = await copy.copyDevice(client, storage.createReadOnlyLayer(client)).catch((error) => error);
      print(report.code, (await copy.compareDevices(client, target)).differsAt);
      hexdump(await target.readBytes(0, 4), 4096);`;
    expect(await nbd('shell', '-u', one.uri(), '-c', code)).toEqual({
      code: 0,
      stderr: '',
      stdout: 'ERR_NBD_READ_ONLY 0\n0000001000: 61 62 63 00                                      |abc.            |\n',
    });
    expect(Object.hasOwn(globalThis, 'client')).toBe(false);
  });
});
