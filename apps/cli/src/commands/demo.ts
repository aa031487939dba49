/** `nbd demo`: the main job from end to end, on a small image of our own, over a real socket. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { walkExtents } from '@nbdjs/kit';
import { createServer } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { blockPicture } from '../render/block-picture.ts';
import { roundedSize } from '../render/human-size.ts';
import { ProgressBar } from '../render/progress.ts';
import type { Terminal } from '../terminal.ts';

const mebi = 1024 * 1024;
const deviceBytes = 256 * mebi;
/** Where the image holds data, in MiB: start and length. */
const dataAreas = [
  [0, 6],
  [24, 3],
  [40, 31],
  [96, 1],
  [100, 2],
  [130, 55],
  [200, 8],
  [252, 4],
] as const;

export async function demo(terminal: Terminal, colour: boolean | undefined): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'nbd-demo-'));
  try {
    return await copySmallDisk(folder, terminal, colour);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copySmallDisk(folder: string, terminal: Terminal, colour: boolean | undefined): Promise<number> {
  const colours = terminal.colours('stdout', colour);
  const say = (text: string): Promise<void> => terminal.print(`${text}\n`);
  const paths = { image: join(folder, 'disk.img'), copy: join(folder, 'copy.img') };

  await say(colours.bold('nbd: copying a small disk over NBD'));
  await makeImage(paths.image);
  const source = await openFileDevice(paths.image, { readOnly: true });
  const server = createServer({ exports: { disk: source } });
  const listener = await listen({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => void server.accept(channel));
  try {
    const port = listener.address.type === 'tcp' ? listener.address.port : 0;
    const uri = `nbd://127.0.0.1:${port}/disk`;
    await say(`  1. A sparse image of ${roundedSize(deviceBytes)} is served at ${uri}`);
    await using client = await connect(uri, {
      signal: terminal.signal,
      delivery: 'inline',
      contexts: [baseAllocation],
    });
    const { facts } = client;
    await say(
      `  2. The client has shaken hands: ${facts.style}, ${facts.mode} headers, ${roundedSize(Number(facts.size))}, contexts: ${facts.contexts.map(({ name }) => name).join(' ')}`,
    );
    const extents: Extent[] = [];
    for await (const extent of walkExtents(client)) extents.push(extent);
    await say(`  3. Its block map has ${extents.length} extents (█ data, · holes that need not be read):`);
    await say('');
    await terminal.print(blockPicture(extents, client.geometry.size, 64, 4, colours));
    await say('');
    await say('  4. Copying it, holes left out:');
    const bar = terminal.stderr.isTTY
      ? new ProgressBar(terminal.stderr, terminal.colours('stderr', colour))
      : undefined;
    await using target = disposable(await openFileDevice(paths.copy, { create: true, size: deviceBytes }));
    const startMs = performance.now();
    const report = await copyDevice(client, target, {
      targetIsZero: true,
      signal: terminal.signal,
      onProgress: (figures) => bar?.update(figures),
    });
    const ms = performance.now() - startMs;
    bar?.finish(true);
    await say(
      `     ${roundedSize(Number(report.readBytes))} read, ${roundedSize(Number(report.totalBytes - report.writtenBytes))} of zeroes left out, in ${ms.toFixed(0)} ms`,
    );
    const [sent, stored] = [await digest(source), await digest(target)];
    const isEqual = sent === stored;
    const verdict = isEqual ? colours.green('the same') : colours.red(`${stored}, which is wrong`);
    await say(`  5. sha256 of the image ${sent.slice(0, 16)}..., of the copy: ${verdict}`);
    await say('');
    await say(
      `Now with a disk of yours: ${colours.bold('nbd serve disk.img')} and ${colours.bold('nbd copy nbd://host/ copy.img')}   (${colours.bold('nbd --help')} tells more)`,
    );
    return isEqual ? 0 : 1;
  } finally {
    await listener.close();
    await server.close();
    await source.close();
  }
}

async function makeImage(path: string): Promise<void> {
  await using device = disposable(await openFileDevice(path, { create: true, size: deviceBytes }));
  const block = new Uint8Array(64 * 1024);
  let state = 1;
  for (const [start, length] of dataAreas) {
    for (let offset = start * mebi; offset < (start + length) * mebi; offset += block.length) {
      // A linear congruential sequence: the same disk in every run.
      for (let index = 0; index < block.length; index++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        block[index] = (state >>> 24) | 1;
      }
      await device.write(offset, block);
    }
  }
}

function disposable<Device extends BlockDevice>(device: Device): Device & AsyncDisposable {
  return Object.assign(device, { [Symbol.asyncDispose]: () => device.close() });
}

async function digest(device: BlockDevice): Promise<string> {
  const hash = createHash('sha256');
  const block = new Uint8Array(mebi);
  for (let offset = 0; offset < deviceBytes; offset += block.length) {
    await device.read(offset, block);
    hash.update(block);
  }
  return hash.digest('hex');
}
