/** What docs/options-of-others.md says of qemu-img to be the same is the same; what it says to be better has the same at least. */
import { copyFileSync, readFileSync, truncateSync } from 'node:fs';
import {
  describePeers,
  makeQcow2,
  makeRawImage,
  type Program,
  runPeer,
  startNbdkit,
  startQemuNbd,
  type Workspace,
} from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { answers, describeSameAs, type Ran, type Side } from './same-as.ts';
import { expectTestOfEachRow } from './same-rows.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 2 ** 20;

/** What a map in JSON says of each extent. */
function extentsOf(stdout: string): readonly unknown[] {
  const extents = JSON.parse(stdout) as Readonly<Record<string, unknown>>[];
  return extents.map(({ start, length, depth, present, zero, data }) => ({
    start,
    length,
    depth,
    present,
    zero,
    data,
  }));
}

const extents = ({ stdout }: Ran): unknown => extentsOf(stdout);

/** A chain of three images: data in each, zeroes that are stored, and parts that none of them has. */
async function makeChain(place: Workspace): Promise<void> {
  const succeed = async (program: Program, ...words: readonly string[]): Promise<void> => {
    const { code, stderr } = await runPeer(program, place.generation, words);
    expect(code, stderr).toBe(0);
  };
  const images = ['base', 'middle', 'top'];
  for (const [index, name] of images.entries()) {
    const path = place.peerPath(`${name}.qcow2`);
    // By their names alone, which mean the same to both programs, wherever they see the folder.
    const over = index === 0 ? [] : ['-b', `${images[index - 1]}.qcow2`, '-F', 'qcow2'];
    await succeed('qemu-img', 'create', '-q', '-f', 'qcow2', ...over, path, String(8 * mebi));
    const data = `write -P 209 ${index * mebi} ${2 * mebi}`;
    await succeed('qemu-io', '-f', 'qcow2', '-c', data, '-c', `write -z ${(5 + index) * mebi} 65536`, path);
  }
}

const theirMap = (...words: readonly string[]) => ['--output=json', ...words];
const ourMap = (...words: readonly string[]) => ['--json', ...words];

describeSameAs(
  'qemu-img map',
  async (place) => {
    makeRawImage(place.hostPath('disk.img'), 8 * mebi, [
      { offset: mebi, length: 2 * mebi },
      { offset: 5 * mebi, length: 65_536 },
    ]);
    await makeChain(place);
    return startQemuNbd(place, { image: 'disk.img', format: 'raw', readOnly: true });
  },
  {
    '--help': { command: 'map', words: () => ['--help'], output: answers },
    '-f FMT': [
      ...['raw', 'qcow2'].map((format) => ({
        command: 'map',
        words: ({ shared }: Side) => theirMap('-f', format, shared('top.qcow2')),
        oursWords: ({ shared }: Side) => ourMap('--format', format, shared('top.qcow2')),
        output: extents,
      })),
      {
        command: 'map',
        words: ({ shared }) => theirMap('--format', 'raw', shared('disk.img')),
        oursWords: ({ shared }) => ourMap('--format', 'raw', shared('disk.img')),
        output: extents,
        from: ['trixie'],
      },
    ],
    '--start-offset=OFFSET': [
      ...['1000', '1536k'].flatMap((offset) => [
        {
          command: 'map',
          words: ({ uri }: Side) => theirMap('--start-offset', offset, uri()),
          oursWords: ({ uri }: Side) => ourMap('--start-offset', offset, uri()),
          output: extents,
        },
        {
          command: 'map',
          words: ({ shared }: Side) => theirMap(`--start-offset=${offset}`, shared('disk.img')),
          oursWords: ({ shared }: Side) => ourMap(`--start-offset=${offset}`, shared('disk.img')),
          output: extents,
        },
      ]),
    ],
    '--max-length=LEN': {
      command: 'map',
      words: ({ uri }) => theirMap('--start-offset=1M', '--max-length', '4321', uri()),
      oursWords: ({ uri }) => ourMap('--start-offset=1M', '--max-length', '4321', uri()),
      output: extents,
    },
  },
);

const raw = ['-f', 'raw', '-F', 'raw'];

describeSameAs(
  'qemu-img compare',
  async (place) => {
    makeRawImage(place.hostPath('a.img'), 4 * mebi, [{ offset: mebi, length: mebi }]);
    for (const name of ['same.img', 'byte.img', 'long.img'])
      copyFileSync(place.hostPath('a.img'), place.hostPath(name));
    makeRawImage(place.hostPath('byte.img'), 4 * mebi, [{ offset: mebi, length: mebi }], 2);
    truncateSync(place.hostPath('long.img'), 5 * mebi);
    await makeQcow2(place, 'a.qcow2', { from: 'a.img' });
    return startNbdkit(place, ['--filter=error', 'memory', '4M', 'error-pread-rate=100%']);
  },
  {
    '--help': { command: 'compare', words: () => ['--help'], output: answers },
    '-q': ['same.img', 'byte.img', 'long.img'].map((name) => ({
      command: 'compare',
      words: ({ shared }: Side) => ['-q', ...raw, shared('a.img'), shared(name)],
      code: name === 'byte.img' ? 1 : 0,
    })),
    // As the disk in it, and as the bytes that it has.
    '-f FMT': ['-f', '--a-format'].flatMap((option) =>
      ['raw', 'qcow2'].map((format) => ({
        command: 'compare',
        words: ({ shared }: Side) => ['-q', option, format, '-F', 'raw', shared('a.qcow2'), shared('a.img')],
        code: format === 'raw' ? 1 : 0,
        ...(option === '-f' ? {} : { from: ['trixie'] as const }),
      })),
    ),
    '-F FMT': ['-F', '--b-format'].flatMap((option) =>
      ['raw', 'qcow2'].map((format) => ({
        command: 'compare',
        words: ({ shared }: Side) => ['-q', '-f', 'raw', option, format, shared('a.img'), shared('a.qcow2')],
        code: format === 'raw' ? 1 : 0,
        ...(option === '-F' ? {} : { from: ['trixie'] as const }),
      })),
    ),
    'exit codes': [
      {
        command: 'compare',
        words: ({ shared }) => [...raw, shared('a.img'), shared('same.img')],
      },
      {
        // The place of the first difference is a row of its own.
        command: 'compare',
        words: ({ shared }) => [...raw, shared('a.img'), shared('byte.img')],
        code: 1,
        output: ({ stdout }) => /^Content mismatch at offset \d+!\n$/.test(stdout),
      },
      {
        command: 'compare',
        words: ({ shared }) => [...raw, shared('a.img'), shared('nothing.img')],
        code: 2,
      },
      {
        command: 'compare',
        words: ({ shared, uri }) => [...raw, shared('a.img'), uri()],
        oursWords: ({ shared, uri }) => ['-f', 'raw', shared('a.img'), uri()],
        code: 4,
      },
    ],
    'disks of different sizes': [
      ['a.img', 'long.img'],
      ['long.img', 'a.img'],
    ].map((names) => ({
      command: 'compare',
      words: ({ shared }: Side) => [...raw, ...names.map(shared)],
    })),
  },
);

describePeers('what is better than qemu-img map', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it('--json has the layers of a chain as it has them, with the members of nbdinfo besides', async () => {
    await makeChain(workspace);
    const theirs = await runPeer('qemu-img', generation, ['map', '--output=json', workspace.peerPath('top.qcow2')]);
    const { code, stdout } = await nbd('map', '--json', workspace.hostPath('top.qcow2'));
    expect(code).toBe(0);
    const known = extentsOf(theirs.stdout.toString()) as readonly { depth: number; present: boolean }[];
    expect(new Set(known.map(({ depth, present }) => `${depth} ${present}`)).size).toBe(4);
    expect(extentsOf(stdout)).toEqual(known);
    expect((JSON.parse(stdout) as unknown[])[0]).toMatchObject({ offset: 0, type: 0, description: 'data' });
  });
});

/** A request as nbdkit's filter `log` writes it down. */
interface Logged {
  readonly command: string;
  readonly offset: number;
  readonly length: number;
}

/** What a load has sent, in order, and how many requests were in flight at a time. */
interface Load {
  readonly requests: readonly Logged[];
  readonly inFlightMax: number;
}

function loadIn(log: string): Load {
  const requests: Logged[] = [];
  const open = new Set<string>();
  let inFlightMax = 0;
  for (const line of log.split('\n')) {
    const [, dots, command = '', id = ''] = / (\.\.\.)?(Read|Write|Flush) id=(\d+)/.exec(line) ?? [];
    if (command === '') continue;
    if (dots !== undefined) open.delete(`${command} ${id}`);
    else {
      const [, offset, length] = /offset=(0x[\da-f]+) count=(0x[\da-f]+)/.exec(line) ?? [];
      requests.push({ command, offset: Number(offset ?? 0), length: Number(length ?? 0) });
      open.add(`${command} ${id}`);
      inFlightMax = Math.max(inFlightMax, open.size);
    }
  }
  return { requests, inFlightMax };
}

const byPlace = (one: Logged, other: Logged): number =>
  one.command.localeCompare(other.command) || one.offset - other.offset;

describe('qemu-img bench', () => {
  /** What the rows that say `same` are tried with: a test for each of them is below. */
  const tried = ['--help', '-d DEPTH', '-s BUFFER_SIZE'];
  expectTestOfEachRow('qemu-img bench', tried);

  describePeers('sends the same', ['qemu-img', 'nbdkit'], (generation) => {
    inWorkspace(generation);

    /** Both programs make a load with the same words, on a server of 1 MiB. */
    async function both(words: readonly string[], delay = '0'): Promise<{ theirs: Load; ours: Load }> {
      const run = async (
        name: string,
        load: (uri: string, peerUri: string) => Promise<number | null>,
      ): Promise<Load> => {
        const filters = ['--filter=log', '--filter=delay'];
        const log = `logfile=${workspace.peerPath(name)}`;
        await using server = await startNbdkit(workspace, [...filters, 'memory', '1M', log, `rdelay=${delay}`]);
        expect(await load(server.uri(), server.peerUri())).toBe(0);
        return loadIn(readFileSync(workspace.hostPath(name), 'utf8'));
      };
      const theirs = await run('theirs.log', async (_, uri) => {
        return (await runPeer('qemu-img', generation, ['bench', '-f', 'raw', ...words, uri])).code;
      });
      const plain = ['--pattern', 'sequential', '--warm-up', '0', '--yes', '--no-picture'];
      const ours = await run('ours.log', async (uri) => (await nbd('bench', ...plain, ...words, uri)).code);
      return { theirs, ours };
    }

    it('--help', async () => {
      const theirs = await runPeer('qemu-img', generation, ['bench', '--help']);
      expect(answers(await nbd('bench', '--help'))).toEqual(answers({ ...theirs, stdout: theirs.stdout.toString() }));
    });

    it('-d DEPTH', async () => {
      const { theirs, ours } = await both(['-c', '40', '-d', '7'], '10ms');
      expect(theirs.inFlightMax).toBe(7);
      expect(ours.inFlightMax).toBe(7);
    });

    it('-s BUFFER_SIZE, and -c and -o of the better ones', async () => {
      const { theirs, ours } = await both(['-c', '20', '-s', '8k', '-o', '65536']);
      expect(theirs.requests.toSorted(byPlace)).toHaveLength(20);
      expect(ours.requests.toSorted(byPlace)).toEqual(theirs.requests.toSorted(byPlace));
    });

    it('-w and --flush-interval of the better ones', async () => {
      const { theirs, ours } = await both(['-w', '-c', '12', '-d', '2', '--flush-interval', '4']);
      const places = ({ requests }: Load) => requests.filter(({ command }) => command === 'Write').sort(byPlace);
      expect(places(theirs)).toHaveLength(12);
      expect(places(ours)).toEqual(places(theirs));
      // At its end, a program may flush what it closes.
      const flushesBefore = ({ requests }: Load): number => {
        const last = requests.findLastIndex(({ command }) => command === 'Write');
        return requests.slice(0, last).filter(({ command }) => command === 'Flush').length;
      };
      expect([flushesBefore(theirs), flushesBefore(ours)]).toEqual([2, 2]);
    });
  });
});
