/** What docs/options-of-others.md says of libnbd's tools to be the same is the same. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import {
  commandLine,
  describeMounts,
  makeRawImage,
  type PeerServer,
  runPeer,
  spawnChild,
  startNbdkit,
  type Workspace,
} from '@nbdjs/peers';
import { expect } from 'vitest';
import { nbd } from './harness.ts';
import { answers, describeSameAs, type Ran, type SameCase, type SeenCase, type Side } from './same-as.ts';

const mebi = 1024 * 1024;

/** The same case for each of several ways to write it. */
function each(command: string, ways: readonly (readonly string[])[], more: Partial<SameCase> = {}): SameCase[] {
  return ways.map((way) => ({ command, words: ({ uri }) => [...way, uri()], ...more }));
}

/** Help and version, which name the program. */
function general(command: string): Readonly<Record<string, readonly SameCase[]>> {
  return {
    '--help': [{ command, words: () => ['--help'], output: answers }],
    '--version': ['--version', '-V'].map((option) => ({ command, words: () => [option], output: answers })),
  };
}

const startedServer = ['--', '[', 'nbdkit', '--exit-with-parent', 'data', '1 2 3', 'size=512', ']'];

const parsed = ({ stdout }: Ran): unknown => JSON.parse(stdout);
const contentLine = ({ stdout }: Ran): unknown => /^\tcontent: .*$/m.exec(stdout)?.[0];

/** Without colours, although they were asked for before. */
const colourless = ['--no-color', '--no-colors', '--no-colour', '--no-colours'].map((option) => ['--color', option]);

/** Negations are newer than the peers of bookworm. */
const newer: Partial<SameCase> = { from: ['trixie'] };
const negations = [
  ...['--cannot', '--can-not', '--cant', '--isnt', '--is-not', '--isnot'],
  ...['--hasnt', '--has-not', '--hasnot', '--havent', '--have-not', '--havenot'],
];

describeSameAs('nbdinfo', (workspace) => startNbdkit(workspace, ['data', '@65536 "hello" @200000 7', 'size=1M']), {
  '--can FEATURE': [
    ...each('info', [['--can', 'connect'], ['--can=trim'], ['--can', 'structured-reply']]),
    ...each('info', [['--is', 'tls'], ['--is=read-only']], { code: 2 }),
    ...each('info', [['--can', 'levitate']], { code: 1 }),
  ],
  '--has FEATURE': each(
    'info',
    [
      ['--has', 'structured-reply'],
      ['--have', 'flush'],
    ],
    newer,
  ),
  '--cannot FEATURE': [
    ...each(
      'info',
      negations.map((option) => [option, 'trim']),
      { ...newer, code: 2 },
    ),
    ...each('info', [['--isnt', 'rotational']], newer),
  ],
  '--no-color': each(
    'info',
    colourless.map((way) => [...way, '--map']),
  ),
  '--content': each('info', [['--content']], { from: ['bookworm'], output: contentLine }),
  '--no-content': each('info', [['--no-content']], newer),
  '--json': [
    ...each(
      'info',
      [
        ['--json', '--no-content'],
        ['--list', '--json'],
      ],
      { ...newer, output: parsed },
    ),
    ...each(
      'info',
      [
        ['--json', '--map'],
        ['--json', '--size'],
        ['--json', '--map', '--totals'],
      ],
      { output: parsed },
    ),
  ],
  '--list': each('info', [['--list'], ['-L']], newer),
  '--map[=CONTEXT]': each('info', [['--map'], ['--map=base:allocation']]),
  '--totals': each('info', [
    ['--map', '--totals'],
    ['--map', '--total'],
  ]),
  '--size': each('info', [['--size']]),
  '--uri': each('info', [['--uri']], newer),
  ...general('info'),
  'NBD-URI': each('info', [['--no-content'], ['--no-content', '--']], newer),
  '[ CMD ARGS ]': [
    { command: 'info', words: () => ['--size', ...startedServer] },
    { command: 'info', words: () => ['--size', '[', 'nbdkit', 'null', '1M', ']'] },
  ],
});

/** A folder of files as exports: `disk` has data, zeroes that are stored, and holes. */
async function startFolder(workspace: Workspace) {
  makeRawImage(workspace.hostPath('disk'), 4 * mebi, [
    { offset: 0, length: 300_000 },
    { offset: 2 * mebi, length: mebi },
  ]);
  const disk = await open(workspace.hostPath('disk'), 'r+');
  await disk.write(Buffer.alloc(mebi / 2), 0, mebi / 2, 2 * mebi);
  await disk.close();
  writeFileSync(workspace.hostPath('text'), 'some text\n');
  return startNbdkit(workspace, ['file', `dir=${workspace.peerPath('')}`]);
}

/** From the export into a file of each side, whose content and holes are compared. */
function download(ways: readonly (readonly string[])[], more: Partial<SameCase> = {}): SameCase[] {
  return ways.map((way) => ({
    command: 'copy',
    words: ({ uri, own }) => [...way, uri('disk'), own('copy')],
    files: ['copy'],
    ...more,
  }));
}

/** From the file into an export of each side, which is full of other bytes before. */
function upload(ways: readonly (readonly string[])[], more: Partial<SameCase> = {}): SameCase[] {
  return ways.map((way) => ({
    command: 'copy',
    prepare: (hostPath) => writeFileSync(hostPath('copy'), Buffer.alloc(4 * mebi, 0xee)),
    words: ({ uri, shared, ownName }) => [...way, shared('disk'), uri(ownName('copy'))],
    files: ['copy'],
    ...more,
  }));
}

const streamed = Buffer.from('a few bytes, and not a whole block');

describeSameAs('nbdcopy', startFolder, {
  '--connections=N': [...download([['--connections=2'], ['-C', '1']]), ...upload([['-C', '3']])],
  '--destination-is-zero': upload([['--destination-is-zero'], ['--target-is-zero']]),
  '--flush': upload([['--flush']]),
  '--no-extents': download([['--no-extents'], ['--no-extents', '-S', '0']]),
  '--queue-size=N': download([['--queue-size=1048576']]),
  '--request-size=N': [
    ...download([['--request-size=65536']]),
    ...download([['--request-size=5000'], ['--request-size=1024']], { code: 1 }),
  ],
  '--requests=N': [...download([['--requests=1'], ['-R', '4']]), ...download([['-R', '0']], { code: 1 })],
  ...general('copy'),
  'NBD-URI': {
    command: 'copy',
    prepare: (hostPath) => writeFileSync(hostPath('copy'), Buffer.alloc(5 * mebi, 0xee)),
    words: ({ uri, ownName }) => [uri('disk'), uri(ownName('copy'))],
    files: ['copy'],
  },
  FILE: [...download([[]]), ...upload([[]])],
  '-': [
    { command: 'copy', isProcess: true, ...newer, words: ({ uri }) => [uri('text'), '-'] },
    {
      command: 'copy',
      isProcess: true,
      ...newer,
      stdin: streamed,
      prepare: (hostPath) => writeFileSync(hostPath('copy'), Buffer.alloc(mebi, 0xee)),
      words: ({ uri, ownName }) => ['--', '-', uri(ownName('copy'))],
      files: ['copy'],
    },
  ],
  'null:': { command: 'copy', words: ({ uri }) => [uri('disk'), 'null:'] },
  '[ CMD ARGS ]': { command: 'copy', words: ({ own }) => [...startedServer, own('copy')], files: ['copy'] },
  'a destination that is too short': upload([[]], {
    code: 1,
    prepare: (hostPath) => writeFileSync(hostPath('copy'), Buffer.alloc(mebi, 0xee)),
  }),
  'N with a unit, as 64k': download([['--request-size=64k', '--sparse=4k', '--queue-size=1M']], newer),
});

describeSameAs(
  'nbddump',
  (workspace) => startNbdkit(workspace, ['--no-sr', 'data', '( "0123456789abcdef" )*5 1 2 3 @5000 7', 'size=64k']),
  {
    '--length=N': each('dump', [['--length=100'], ['--limit', '5001'], ['-n', '16']]),
    '--offset=N': each('dump', [['--offset=3'], ['--skip', '64', '-n', '64'], ['-o', '75']], newer),
    '--no-color': each('dump', colourless),
    ...general('dump'),
    'NBD-URI': each('dump', [[]]),
    '[ CMD ARGS ]': { command: 'dump', words: () => startedServer },
  },
);

/** The same in Python and in JavaScript. */
function code(python: readonly string[], javascript: readonly string[], more: Partial<SameCase> = {}): SameCase {
  const words = (option: string, lines: readonly string[]) => lines.flatMap((line) => [option, line]);
  return {
    command: 'shell',
    words: ({ uri }: Side) => ['-u', uri(), ...words('-c', python)],
    oursWords: ({ uri }: Side) => ['-u', uri(), ...words('-c', javascript)],
    ...more,
  };
}

describeSameAs('nbdsh', (workspace) => startNbdkit(workspace, ['data', '"hello"', 'size=1M']), {
  '--command=CODE': [
    code(
      ['x = h.pread(5, 0)', 'print(x.decode())'],
      ['const x = await client.readBytes(0, 5)', 'print(new TextDecoder().decode(x))'],
    ),
    { ...code(['-'], ['-']), ...newer, isProcess: true, stdin: Buffer.from('print(1 + 1)\n') },
  ],
  '--uri=URI': code(['print(h.get_size())'], ['print(client.geometry.size)']),
  '--opt-mode': {
    command: 'shell',
    words: ({ uri }) => ['--opt-mode', '-u', uri(), '-c', 'h.opt_go()', '-c', 'print(h.get_size())'],
    oursWords: ({ uri }) => ['--opt-mode', '-u', uri(), '-c', 'await go()', '-c', 'print(client.geometry.size)'],
  },
  'code that fails': code(['h.pread(1, 2 ** 40)'], ['await client.readBytes(2 ** 40, 1)'], { code: 1 }),
  ...general('shell'),
});

/** What there is to see of a mount of one of the two, which `fusermount3 -u` has to end. */
async function seeMount(
  which: 'theirs' | 'ours',
  workspace: Workspace,
  server: PeerServer,
  options: readonly string[],
): Promise<unknown> {
  const folder = workspace.hostPath(`mount-of-${which}`);
  const pidFile = workspace.hostPath(`pid-of-${which}`);
  await mkdir(folder, { recursive: true });
  const given = [...options, '--pidfile', pidFile];
  const [ended, pid] =
    which === 'ours'
      ? [nbd('mount', '--quiet', ...given, server.uri(), `${folder}/disk`), process.pid]
      : startNbdfuse([...given, `${folder}/disk`, server.uri()]);
  try {
    const pidInFile = (): string => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '');
    await expect.poll(pidInFile, { timeout: 10_000 }).toBe(`${pid}`);
    return await seeFolder(folder);
  } finally {
    const { code } = await runPeer('fusermount3', 'bookworm', ['-u', folder]);
    expect({ unmounting: code, mount: (await ended).code }).toEqual({ unmounting: 0, mount: 0 });
    rmSync(pidFile, { force: true });
  }
}

/** Never by calls that block: ours answers from this very process. */
async function seeFolder(folder: string): Promise<unknown> {
  const writing = await open(`${folder}/disk`, 'r+').then(
    (file) => file.write('x', 512).then(() => file.close()),
    () => 'refused',
  );
  const content = await readFile(`${folder}/disk`, 'latin1');
  return { writing, names: await readdir(folder), content: content.replace(/\0+/g, (zeroes) => `${zeroes.length} `) };
}

function startNbdfuse(words: readonly string[]): [Promise<{ readonly code: number | null }>, number | undefined] {
  const { process: child, exited } = spawnChild(commandLine('nbdfuse', 'bookworm', words), { stdio: 'ignore' });
  return [exited, child.pid];
}

/** A case for each way to write an option. */
function mounts(...ways: readonly (readonly string[])[]): SeenCase {
  return {
    see: async (which, workspace, server) => {
      const seen: unknown[] = [];
      for (const way of ways) seen.push(await seeMount(which, workspace, server, way));
      return seen;
    },
  };
}

describeSameAs(
  'nbdfuse',
  (workspace) => startNbdkit(workspace, ['data', '@4096 "hello"', 'size=1M']),
  {
    '--connections=N': mounts(['-C', '1'], ['--connections', '2']),
    '--pidfile=PATH': mounts([]),
    '--readonly': mounts(['-r'], ['--readonly'], ['--read-only']),
    ...general('mount'),
  },
  (name, needed, tests) => describeMounts(name, needed, () => tests('bookworm')),
);
