/** `nbd info` against nbdinfo of the same generation as the server. */
import {
  commandLine,
  describePeers,
  type Generation,
  makeQcow2,
  makeRawImage,
  type PeerServer,
  runPeer,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
} from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 1024 * 1024;

/** Keys that nbdinfo 1.14 of bookworm does not know. */
const newerKeys: Readonly<Record<Generation, readonly string[]>> = {
  bookworm: ['extended', 'can_block_status_payload'],
  trixie: [],
};

/** What nbdinfo prints for an export, with the socket's path as we see it. */
async function nbdinfo(server: PeerServer, options: readonly string[], exportName = ''): Promise<string> {
  const { code, stdout, stderr } = await runPeer('nbdinfo', server.generation, [
    ...options,
    server.peerUri(exportName),
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout.toString().replaceAll(`socket=${server.peerSocketPath}`, `socket=${server.socketPath}`);
}

/** What we print for it, which must not fail. */
async function ours(server: PeerServer, options: readonly string[], exportName = ''): Promise<string> {
  const { code, stdout, stderr } = await nbd('info', ...options, server.uri(exportName));
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

/** All members in their order, exports behind each other. Numbers are kept as text, because they have to be exact. */
function members(json: string, without: readonly string[]): readonly string[] {
  const exact = JSON.parse(json.replace(/: (\d+)(?=[,\s])/g, ': "number $1"')) as Record<string, unknown>;
  const { exports, ...rest } = exact;
  return [rest, ...(exports as Record<string, unknown>[])]
    .flatMap((object) => Object.entries(object))
    .filter(([key]) => !without.includes(key))
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
}

async function expectSame(server: PeerServer, exportName = '', options: readonly string[] = ['--no-content']) {
  const { generation } = server;
  const [theirs, mine] = await Promise.all([
    nbdinfo(server, ['--json', ...options], exportName),
    ours(server, ['--json', ...options], exportName),
  ]);
  expect(() => JSON.parse(mine)).not.toThrow();
  expect(members(mine, newerKeys[generation])).toEqual(members(theirs, []));
  // The text of bookworm's lacks what was added later.
  if (generation === 'trixie') {
    expect(await ours(server, options, exportName)).toBe(await nbdinfo(server, options, exportName));
    const uri = ['--uri'];
    if (options.includes('--list')) return;
    expect(await ours(server, uri, exportName)).toBe(await nbdinfo(server, uri, exportName));
  }
}

describePeers('nbd info of qemu-nbd', ['qemu-nbd', 'qemu-img', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('raw, read-only, with a description and a name', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 3 * mebi, [{ offset: 65536, length: 65536 }]);
    await using server = await startQemuNbd(workspace, {
      image: 'disk.img',
      format: 'raw',
      readOnly: true,
      exportName: 'disk',
      description: 'the "first" disk',
    });
    await expectSame(server, 'disk');
    expect(await ours(server, ['--size'], 'disk')).toBe(await nbdinfo(server, ['--size'], 'disk'));
    await expectSame(server, '', ['--list']);
    // That needs file(1), which only this machine's own programs are sure to find.
    if (generation === 'bookworm') await expectSame(server, 'disk', []);
  });

  it('raw, over TCP', async () => {
    makeRawImage(workspace.hostPath('disk.img'), mebi, []);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw', tcp: true });
    await expectSame(server);
  });

  it('qcow2 with a bitmap and allocation depths, and its maps', async () => {
    await makeQcow2(workspace, 'base.qcow2', { size: 8 * mebi, written: [{ offset: 0, length: 2 * mebi }] });
    await makeQcow2(workspace, 'disk.qcow2', {
      backing: { image: 'base.qcow2', format: 'qcow2' },
      bitmaps: ['changes'],
      written: [
        { offset: mebi, length: 65536 },
        { offset: 4 * mebi, length: 131072 },
      ],
    });
    await using server = await startQemuNbd(workspace, {
      image: 'disk.qcow2',
      format: 'qcow2',
      allocationDepth: true,
      bitmaps: ['changes'],
      readOnly: true,
    });
    await expectSame(server);
    for (const map of ['--map', '--map=qemu:allocation-depth', '--map=qemu:dirty-bitmap:changes']) {
      for (const more of [[], ['--totals']]) {
        expect(await ours(server, [map, ...more])).toBe(await nbdinfo(server, [map, ...more]));
        const json = [map, '--json', ...more];
        expect(JSON.parse(await ours(server, json))).toEqual(JSON.parse(await nbdinfo(server, json)));
      }
    }
    // The three maps tell different things, so none of the comparisons above is of two empty outputs.
    expect(await ours(server, ['--map'])).toMatch(/ {2}data$/m);
    expect(await ours(server, ['--map=qemu:allocation-depth'])).toMatch(/ {2}backing depth 2$/m);
    expect(await ours(server, ['--map=qemu:dirty-bitmap:changes'])).toBe(
      [
        '         0     1048576    0  clean\n',
        '   1048576       65536    1  dirty\n',
        '   1114112     3080192    0  clean\n',
        '   4194304      131072    1  dirty\n',
        '   4325376     4063232    0  clean\n',
      ].join(''),
    );
  });

  it('says what it lacks when a context is asked for that the server does not have', async () => {
    makeRawImage(workspace.hostPath('disk.img'), mebi, []);
    await using server = await startQemuNbd(workspace, { image: 'disk.img', format: 'raw' });
    const asked = await nbd('info', '--map=qemu:dirty-bitmap:none', server.uri());
    expect(asked).toEqual({
      code: 1,
      stdout: '',
      stderr: 'nbd: --map: server does not support metadata context "qemu:dirty-bitmap:none"\n',
    });
  });
});

/** nbdkit's options, and what is behind them. */
const kits: readonly { readonly name: string; readonly args: readonly string[]; readonly only?: Generation }[] = [
  { name: 'memory', args: ['memory', '1M'] },
  { name: 'an odd size', args: ['memory', '1234567'] },
  { name: 'read-only', args: ['-r', 'memory', '1M'] },
  { name: 'nothing', args: ['null', '0'] },
  { name: '2^63 - 1 bytes', args: ['null', '9223372036854775807'] },
  { name: 'one connection only', args: ['--no-mc', 'memory', '1M'], only: 'trixie' },
  { name: 'flags of the handshake: none', args: ['--mask-handshake=0', 'memory', '1M'] },
  { name: 'flags of the handshake: fixed newstyle', args: ['--mask-handshake=1', 'memory', '1M'] },
  { name: 'oldstyle', args: ['-o', 'memory', '1M'] },
  {
    name: 'block sizes',
    args: [
      '--filter=blocksize-policy',
      'memory',
      '1M',
      'blocksize-minimum=512',
      'blocksize-preferred=64k',
      'blocksize-maximum=1000M',
    ],
  },
  {
    name: 'rotational',
    args: ['eval', 'get_size=echo 1M', 'pread=dd if=/dev/zero bs=$3 count=1', 'is_rotational=exit 0'],
  },
  { name: 'no cache, no zeroes', args: ['--filter=nozero', '--filter=cacheextents', 'memory', '1M'] },
  {
    name: 'a description',
    args: [
      'eval',
      'get_size=echo 1M',
      'pread=dd if=/dev/zero bs=$3 count=1',
      'export_description=printf \'ä "quoted" \\\\ one, <b>&\'',
    ],
  },
];

describePeers('nbd info of nbdkit', ['nbdkit', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it.each(kits.filter(({ only }) => only === undefined || only === generation))('$name', async ({ args }) => {
    await using server = await startNbdkit(workspace, args);
    await expectSame(server);
    // nbdinfo 1.22 does not find out the size without options to be asked.
    if (args[0] === '--mask-handshake=0') expect(await ours(server, ['--size'])).toBe('1048576\n');
    else expect(await ours(server, ['--size'])).toBe(await nbdinfo(server, ['--size']));
  });

  it.each([
    ['a blank and punctuation', "a b;c@d&e=f+g$h,i:j~k!*'()"],
    ['slashes', '/a//b/'],
    ['what a URI reserves', '#?%25[x]{y}|\\^`"<>'],
    ['letters of other scripts', 'Größe 名前 🗄'],
    ['controls', '\t\x01\x1b[7m'],
    ['4096 bytes', `${'x'.repeat(4090)}名前`],
  ])('names: %s', async (_, exportName) => {
    await using server = await startNbdkit(workspace, ['memory', '1M']);
    await expectSame(server, exportName);
  });

  it('maps', async () => {
    await using server = await startNbdkit(workspace, ['data', '@32768 1*3 @98304 2*100000', 'size=4M']);
    for (const options of [['--map'], ['--map', '--totals']]) {
      expect(await ours(server, options)).toBe(await nbdinfo(server, options));
      const json = ['--json', ...options];
      expect(JSON.parse(await ours(server, json))).toEqual(JSON.parse(await nbdinfo(server, json)));
    }
  });

  it('2^63 - 1 bytes as an exact number in JSON', async () => {
    await using server = await startNbdkit(workspace, ['null', '9223372036854775807']);
    expect(await ours(server, ['--json'])).toContain('"export-size": 9223372036854775807,');
  });

  it('does not show contexts that cannot be used with simple replies', async () => {
    await using server = await startNbdkit(workspace, ['--no-sr', 'memory', '1M']);
    const mine = await ours(server, ['--json', '--no-content']);
    const theirs = await nbdinfo(server, ['--json', '--no-content']);
    // nbdinfo 1.22 does.
    expect(members(mine, newerKeys[generation])).toEqual(members(theirs, ['contexts']));
  });

  it('lists 1,000 exports in their order', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `export ${(index * 7919) % 1000}`);
    await using server = await startNbdkit(workspace, [
      '--filter=exportname',
      'memory',
      '1M',
      'exportname-list=explicit',
      ...names.map((name) => `exportname=${name}`),
    ]);
    const { exports } = JSON.parse(await ours(server, ['--list', '--json'])) as {
      exports: { 'export-name': string; 'export-size': number }[];
    };
    expect(exports.map((one) => one['export-name'])).toEqual(names);
    expect(exports.every((one) => one['export-size'] === mebi)).toBe(true);
  });

  // Those of bookworm know fewer words.
  if (generation === 'trixie') {
    it.each([
      ['--can', 'flush'],
      ['--can', 'connect'],
      ['--can', 'read'],
      ['--can', 'write'],
      ['--is', 'read-only'],
      ['--is', 'read_only'],
      ['--is', 'rotational'],
      ['--is', 'tls'],
      ['--has', 'structured-reply'],
      ['--have', 'df'],
      ['--can', 'fua'],
      ['--can', 'multi-conn'],
      ['--can', 'trim'],
      ['--can', 'zero'],
      ['--can', 'fast-zero'],
      ['--can', 'cache'],
      ['--can', 'nonsense'],
    ])('%s %s', async (option, feature) => {
      await using server = await startNbdkit(workspace, ['-r', 'memory', '1M']);
      const theirs = await runPeer('nbdinfo', generation, [option, feature, server.peerUri()]);
      const mine = await nbd('info', option, feature, server.uri());
      expect(mine.code).toBe(theirs.code);
      expect(mine.stdout).toBe('');
      const negations = { '--can': '--cannot', '--is': '--isnt', '--has': '--hasnt', '--have': '--havent' };
      const negated = await nbd('info', negations[option as keyof typeof negations], feature, server.uri());
      expect(negated.code).toBe({ 0: 2, 2: 0, 1: 1 }[mine.code]);
    });

    it('--is takes blanks, hyphens and underscores, in any case', async () => {
      await using server = await startNbdkit(workspace, ['-r', 'memory', '1M']);
      for (const feature of ['read only', 'Read-Only', 'READ_ONLY', 'readonly']) {
        expect((await nbd('info', '--is', feature, server.uri())).code).toBe(0);
      }
    });
  }

  it('prints nothing but an error where there is no such export', async () => {
    await using server = await startNbdkit(workspace, [
      '--filter=exportname',
      'memory',
      '1M',
      'exportname=one',
      'exportname-strict=true',
    ]);
    await expectSame(server, 'one');
    const missing = await nbd('info', '--json', server.uri('two'));
    expect(missing.code).toBe(1);
    expect(missing.stdout).toBe('');
    expect(missing.stderr).toMatch(/^nbd: .*two.*\nnbd: suggestion: to list all exports.*\n$/);
  });
});

describePeers('nbd info of nbd-server', ['nbd-server', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('shows the size that opening the export tells, which nbdinfo misses', async () => {
    makeRawImage(workspace.hostPath('disk.img'), 2 * mebi, []);
    await using server = await startNbdServer(workspace, [
      { name: 'one', image: 'disk.img', flush: true, fua: true, trim: true },
      { name: 'two', image: 'disk.img', readOnly: true, rotational: true },
    ]);
    for (const exportName of ['one', 'two']) {
      const theirs = await nbdinfo(server, ['--json', '--no-content'], exportName);
      const mine = await ours(server, ['--json', '--no-content'], exportName);
      const isSize = (member: string): boolean => member.startsWith('export-size');
      const without = newerKeys[generation];
      expect(members(mine, without).filter((one) => !isSize(one))).toEqual(
        members(theirs, []).filter((one) => !isSize(one)),
      );
      expect(members(mine, without).filter(isSize)).toEqual([
        'export-size = "number 2097152"',
        'export-size-str = "2M"',
      ]);
      expect(await ours(server, ['--size'], exportName)).toBe('2097152\n');
    }
  });
});

describePeers('nbd info of a command', ['nbdkit'], (generation) => {
  it('has no URI', async () => {
    const command = commandLine('nbdkit', generation, ['memory', '1M']);
    const { code, stdout, stderr } = await nbd('info', '--json', '--no-content', '[', ...command, ']');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { exports } = JSON.parse(stdout) as { exports: Record<string, unknown>[] };
    expect(exports[0]).toMatchObject({ 'export-name': '', 'export-size': mebi });
    expect(exports[0]).not.toHaveProperty('uri');
  });
});
