/** `nbd demo`: serves a small image, reads and copies it over a real socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NbdClient } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { ExtentCells, walkExtentLists } from '@nbdjs/kit';
import { createServer } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import type { CommandContext } from '../../options/command-context.ts';
import { roundedSize } from '../../render/human-size.ts';
import { mapPicture } from '../../render/map-picture.ts';
import { ProgressBar } from '../../render/progress-bar.ts';
import type { Terminal } from '../../terminal.ts';
import type { DemoOptions } from './command.ts';
import { digestImage, disposable, imageBytes, writeImage } from './image.ts';

/** Of the picture of the map. */
const layout = { cellsPerRow: 64, cellsMax: 256, panelsPerLine: 1 } as const;

/** Where the demo says what it does. */
interface Stage {
  readonly terminal: Terminal;
  readonly colour: boolean | undefined;
  readonly say: (text: string) => Promise<void>;
}

export async function run({ terminal }: CommandContext, { color: colour }: DemoOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'nbd-demo-'));
  const stage = { terminal, colour, say: (text: string) => terminal.print(`${text}\n`) };
  try {
    return await copySmallDisk(folder, stage);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copySmallDisk(folder: string, stage: Stage): Promise<number> {
  const { terminal, say } = stage;
  const colours = terminal.colours('stdout', stage.colour);
  const image = join(folder, 'disk.img');
  await say(colours.bold('nbd: copying a small disk over NBD'));
  await writeImage(image);
  const source = await openFileDevice(image, { readOnly: true });
  const server = createServer({ exports: { disk: source } });
  const listener = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => void server.accept(channel));
  try {
    const port = listener.address.type === 'tcp' ? listener.address.port : 0;
    const uri = `nbd://127.0.0.1:${port}/disk`;
    await say(`  1. A sparse image of ${roundedSize(imageBytes)} is served at ${uri}`);
    await using client = await connect(uri, {
      signal: terminal.signal,
      delivery: 'inline',
      contexts: [baseAllocation],
    });
    await showExport(client, stage);
    await using target = disposable(await openFileDevice(join(folder, 'copy.img'), { create: true, size: imageBytes }));
    await copyExport(client, target, stage);
    return await compareImages(source, target, stage);
  } finally {
    await listener.close();
    await server.close();
    await source.close();
  }
}

async function showExport(client: NbdClient, { terminal, colour, say }: Stage): Promise<void> {
  const { style, mode, size, contexts } = client.facts;
  const names = contexts.map(({ name }) => name).join(' ');
  await say(
    `  2. The client has negotiated: ${style}, ${mode} headers, ${roundedSize(Number(size))}, contexts: ${names}`,
  );
  const cells = new ExtentCells({ offset: 0, length: size, cellsMax: layout.cellsMax });
  for await (const extents of walkExtentLists(client)) cells.add(extents);
  const count = cells.totals.reduce((sum, { extents }) => sum + extents, 0);
  await say(`  3. Its block map has ${count} extents (nbd map shows it):`);
  await say('');
  const panel = { context: baseAllocation, cells };
  await terminal.print(mapPicture([panel], layout, { colours: terminal.colours('stdout', colour) }));
  await say('');
}

async function copyExport(client: NbdClient, target: BlockDevice, { terminal, colour, say }: Stage): Promise<void> {
  await say('  4. Copying it, holes left out:');
  const bar = terminal.stderr.isTTY ? new ProgressBar(terminal.stderr, terminal.colours('stderr', colour)) : undefined;
  const startMs = performance.now();
  const { readBytes, totalBytes, writtenBytes } = await copyDevice(client, target, {
    targetIsZero: true,
    signal: terminal.signal,
    onProgress: (figures) => bar?.update(figures),
  });
  const ms = performance.now() - startMs;
  bar?.finish(true);
  const read = roundedSize(Number(readBytes));
  const leftOut = roundedSize(Number(totalBytes - writtenBytes));
  await say(`     ${read} read, ${leftOut} of zeroes left out, in ${ms.toFixed(0)} ms`);
}

async function compareImages(
  source: BlockDevice,
  target: BlockDevice,
  { terminal, colour, say }: Stage,
): Promise<number> {
  const colours = terminal.colours('stdout', colour);
  const [sent, stored] = [await digestImage(source), await digestImage(target)];
  const isEqual = sent === stored;
  const verdict = isEqual ? colours.green('the same') : colours.red(`${stored}, which is wrong`);
  await say(`  5. sha256 of the image ${sent.slice(0, 16)}..., of the copy: ${verdict}`);
  await say('');
  const commands = ['nbd serve disk.img', 'nbd copy nbd://host/ copy.img', 'nbd --help'].map(colours.bold);
  await say(`Now with a disk of yours: ${commands[0]} and ${commands[1]}   (${commands[2]} has more)`);
  return isEqual ? 0 : 1;
}
