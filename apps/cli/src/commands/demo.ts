/** `nbd demo`: the main job from end to end, on a small device of our own. */
import { createHash } from 'node:crypto';
import { openClient } from '@nbdjs/client';
import { negotiate } from '@nbdjs/connection';
import { copyDevice, walkExtents } from '@nbdjs/copy';
import type { BlockDevice, Connector, Extent } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import { serve } from '../demo/server.ts';
import { blockPicture } from '../render/block-picture.ts';
import { roundedSize } from '../render/human-size.ts';
import { ProgressBar } from '../render/progress.ts';
import type { Terminal } from '../terminal.ts';

const mebi = 1024 * 1024;
const deviceBytes = 256 * mebi;
/** Where the device holds data, in MiB: start and length. */
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
  const colours = terminal.colours('stdout', colour);
  const say = (text: string): Promise<void> => terminal.print(`${text}\n`);
  const source = makeSource();
  const target = createMemoryDevice({ size: deviceBytes });

  await say(colours.bold('nbd: copying a small disk over NBD, all in memory'));
  await say(`  1. A sparse disk of ${roundedSize(deviceBytes)} is served by a built-in NBD server.`);
  const client = await openClient(memoryConnector(source), { signal: terminal.signal }, 'the demo');
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
  const bar = terminal.stderr.isTTY ? new ProgressBar(terminal.stderr, terminal.colours('stderr', colour)) : undefined;
  const startMs = performance.now();
  const report = await copyDevice(client, target, {
    targetIsZero: true,
    signal: terminal.signal,
    onProgress: (figures) => bar?.update(figures),
  });
  const ms = performance.now() - startMs;
  bar?.finish(true);
  await client.close();
  const [sent, stored] = [await digest(source), await digest(target)];
  const isEqual = sent === stored;
  await say(
    `     ${roundedSize(Number(report.readBytes))} read, ${roundedSize(Number(report.totalBytes - report.writtenBytes))} of zeroes left out, in ${ms.toFixed(0)} ms`,
  );
  const verdict = isEqual ? colours.green('the same') : colours.red(`${stored}, which is wrong`);
  await say(`  5. sha256 of the source ${sent.slice(0, 16)}..., of the copy: ${verdict}`);
  await say('');
  await say(
    `Now with a disk of yours: ${colours.bold('nbd copy nbd://host/export disk.img')}   (${colours.bold('nbd --help')} tells more)`,
  );
  return isEqual ? 0 : 1;
}

function makeSource(): BlockDevice {
  const device = createMemoryDevice({ size: deviceBytes });
  const block = new Uint8Array(64 * 1024);
  let state = 1;
  for (const [start, length] of dataAreas) {
    for (let offset = start * mebi; offset < (start + length) * mebi; offset += block.length) {
      // A linear congruential sequence: the same disk in every run.
      for (let index = 0; index < block.length; index++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        block[index] = (state >>> 24) | 1;
      }
      void device.write(offset, block);
    }
  }
  return device;
}

/** Each connection is a pair of channels in memory, with a server at the far end. */
function memoryConnector(device: BlockDevice): Connector {
  return {
    async establish({ signal }) {
      const [ours, theirs] = createMemoryPair({ capacityBytes: 8 * mebi });
      serve(device, theirs);
      return negotiate(ours, {}, { signal, name: 'the demo' });
    },
    retry() {},
    release() {},
  };
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
