/** `nbd map` of devices of our own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { Workspace } from '@nbdjs/peers/local';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ExtentServer, serveExtents } from './extent-server.ts';
import { nbd, nbdWith, spawnNbd } from './harness.ts';
import { inWorkspace, serve, workspace as serving } from './serving.ts';

const contexts = ['base:allocation', 'qemu:dirty-bitmap:b0', 'x:own'];

/** Returns the elements that are not closed, and those that are closed out of turn. */
function openTags(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, slash, name = '', end] of xml.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (slash === '/' && open.at(-1) === name) open.pop();
    else if (end !== '/') open.push(`${slash}${name}`);
  }
  return open;
}

describe('a server with a map', () => {
  let workspace: Workspace;
  let server: ExtentServer;
  const start = async (count: number, statusOf: (index: number) => bigint): Promise<string> => {
    server = await serveExtents(workspace.socketPath('map'), count, statusOf, contexts);
    return server.uri;
  };

  beforeEach(() => {
    workspace = new Workspace('bookworm');
  });
  afterEach(async () => {
    await server.close();
    workspace[Symbol.dispose]();
  });

  it('is drawn with a shade for each cell, a scale and a legend', async () => {
    // 2048 extents of 4 KiB are 8 MiB, which the 13 rows of a small terminal show in 8 rows, 16 KiB in each cell.
    const uri = await start(2048, (index) =>
      index < 64 ? 0n : index < 128 && index % 2 === 0 ? 0n : index === 200 ? 2n : 3n,
    );
    const { code, stdout, stderr } = await nbd('map', uri);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${uri}  8.00 MiB`);
    expect(lines[3]).toBe(`       0  ${'#'.repeat(16)}${'+'.repeat(16)}${'.'.repeat(18)}z${'.'.repeat(13)}`);
    expect(lines[4]).toBe(`      1M  ${'.'.repeat(64)}`);
    expect(lines.slice(-6)).toEqual([
      '  a character is 16K, a row 1M;  : + * #  up to a quarter, half, three quarters, all of it',
      '',
      '  # data              384 KiB    4.7 %  32 extents',
      '  Z zero             4.00 KiB    0.0 %  1 extent',
      '  . hole,zero        7.62 MiB   95.3 %  33 extents',
      '',
    ]);
  });

  it('--color draws with blocks, and one colour for each status', async () => {
    const uri = await start(256, (index) => BigInt(index < 128 ? 0 : 1));
    const { stdout } = await nbd('map', '--color', uri);
    expect(stdout).toContain(`\x1b[36m${'█'.repeat(64)}\x1b[39m`);
    expect(stdout).toContain(`\x1b[35m${'█'.repeat(64)}\x1b[39m`);
    expect(stdout).toContain('\x1b[35m█\x1b[39m hole ');
  });

  it('--offset and --length show a part', async () => {
    const uri = await start(1024, (index) => BigInt(index % 2 === 0 ? 0 : 3));
    const { stdout } = await nbd('map', '--list', '--offset', '6k', '--length', '8KiB', uri);
    expect(stdout).toBe(
      '      6144        2048    3  hole,zero\n      8192        4096    0  data\n     12288        2048    3  hole,zero\n',
    );
    const picture = await nbd('map', '--offset', '6k', '--length', '8KiB', uri);
    expect(picture.stdout).toContain('4.00 MiB, of which 8192 bytes from 6144 on');
    expect(picture.stdout).toContain('    6K  ....########....\n');
    expect(await nbd('map', '--offset', '5M', uri)).toMatchObject({
      code: 1,
      stderr: "nbd: --offset: 5242880 lies after the export's end at 4194304\n",
    });
  });

  it('several contexts stand beside each other, with the names of their statuses', async () => {
    const uri = await start(4, (index) => BigInt(index % 2));
    const options = contexts.flatMap((context) => ['--context', context]);
    const { stdout } = await nbd('map', '--list', ...options, uri);
    expect(stdout).toBe(
      [
        '    offset      length  base:allocation  qemu:dirty-bitmap:b0  x:own',
        '         0        4096  data             clean                 0',
        '      4096        4096  hole             dirty                 1',
        '      8192        4096  data             clean                 0',
        '     12288        4096  hole             dirty                 1',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await nbd('map', '--json', ...options, uri)).stdout) as unknown[];
    expect(json).toHaveLength(4);
    expect(json[1]).toEqual({
      offset: 4096,
      length: 4096,
      contexts: {
        'base:allocation': { type: 1, description: 'hole' },
        'qemu:dirty-bitmap:b0': { type: 1, description: 'dirty' },
        'x:own': { type: 1 },
      },
    });
    const totals = JSON.parse((await nbd('map', '--json', '--totals', ...options, uri)).stdout) as unknown;
    expect(totals).toMatchObject({
      'x:own': [
        { size: 8192, percent: 50, type: 0 },
        { size: 8192, type: 1 },
      ],
    });
    const picture = (await nbd('map', ...options, uri)).stdout;
    expect(picture).toMatch(/base:allocation +qemu:dirty-bit\w*|\.\.\..*b0/);
    expect(picture).toContain('  # dirty ');
  });

  it('--svg writes a picture that is well-formed, whatever the operand is called', async () => {
    const uri = await start(64, (index) => BigInt(index % 4));
    const file = join(workspace.folder, 'map.svg');
    expect(await nbd('map', '--svg', file, uri)).toEqual({ code: 0, stdout: '', stderr: '' });
    const svg = readFileSync(file, 'utf8');
    expect(svg).toContain('>hole,zero</text>');
    expect(svg).toContain('; the height of a colour is its share of a cell</text>');
    expect(openTags(svg)).toEqual([]);
    expect((await nbd('map', '--svg', '-', uri)).stdout).toBe(svg);
    expect(await nbd('map', '--svg', join(workspace.folder, 'none', 'map.svg'), uri)).toMatchObject({
      code: 1,
      stderr: `nbd: ${workspace.folder}/none/map.svg: no such file or directory\n`,
    });
  });

  it('a million extents take seconds, and little memory', { tags: ['slow'] }, async () => {
    const uri = await start(1_000_000, (index) => (index % 2 === 0 ? 0n : 3n));
    const env = { NODE_OPTIONS: '--max-old-space-size=64' };
    const { code, stdout } = await spawnNbd(['map', uri], { env });
    expect(code).toBe(0);
    expect(stdout.toString()).toContain('  # data             1.91 GiB   50.0 %  500000 extents\n');
  });

  it('says which context is missing, and which options exclude each other', async () => {
    const uri = await start(4, () => 0n);
    expect(await nbd('map', '--context', 'no:such', uri)).toMatchObject({
      code: 1,
      stderr: `nbd: ${uri}: there is no metadata context "no:such"\n`,
    });
    expect((await nbd('map', '--mode', 'simple', uri)).stderr).toContain('with --mode simple: block maps need');
    expect((await nbd('map', '--list', '--totals', uri)).stderr).toContain(
      '--list and --totals cannot be used together',
    );
    expect((await nbd('map', '-')).stderr).toContain("'-' is not an NBD URI");
  });
});

describe('what is written meanwhile', () => {
  inWorkspace('bookworm');

  it('--watch --json prints what has changed, and at the end the sum', async () => {
    const file = join(serving.folder, 'disk.img');
    writeFileSync(file, '');
    const uri = (await serve('memory:64M'))();
    const abort = new AbortController();
    const lines: string[] = [];
    let looked: () => void = () => {};
    const hear = (text: string): void => {
      lines.push(text);
      looked();
    };
    const watching = nbdWith({ signal: abort.signal, hear }, 'map', '--watch=0.1', '--json', uri);
    await using client = await connect(uri);
    // The first look may not have happened yet, so it is written until a change is seen.
    const isSeen = new Promise<void>((resolve) => {
      looked = resolve;
    });
    let isOver = false;
    void isSeen.then(() => {
      isOver = true;
    });
    for (let index = 0; !isOver && index < 30; index++) {
      await client.write(2 ** 20 * index, new Uint8Array(65536).fill(1));
      await Promise.race([isSeen, new Promise((resolve) => setTimeout(resolve, 150))]);
    }
    abort.abort(new Error('the test has seen enough'));
    const { stderr } = await watching;
    const change = JSON.parse(lines.join('').split('\n')[0] ?? '') as Record<string, unknown>;
    expect(change).toMatchObject({
      context: 'base:allocation',
      length: 65536,
      changes: { data: 65536, 'hole,zero': -65536 },
    });
    expect(stderr).toMatch(/nbd: watched for \d+\.\d s; base:allocation: data \+[\d.]+ KiB, hole,zero -[\d.]+ KiB\n/);
  });
});
