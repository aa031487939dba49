/** `nbd hash`: the hash of all bytes in order, or the hash of the hashes of blocks. */
import { type HashReport, hashBlocks, hashDevice, type ReadingOptions } from '@nbdjs/copy';
import { nextTurn } from '@nbdjs/node';
import { withTls } from '../../connecting/client-tls.ts';
import { requireFiles } from '../../images/options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, type Operand } from '../../options/operand.ts';
import { exactJson } from '../../render/exact-json.ts';
import { printable } from '../../render/printable.ts';
import type { Terminal } from '../../terminal.ts';
import { widen } from '../copy/open-connections.ts';
import { createProgress } from '../copy/progress.ts';
import type { DeviceSide } from '../copy/side.ts';
import { withSides } from '../copy/with-sides.ts';
import { digestBlockOf, hashFactory, parseBlockHash } from './algorithms.ts';
import type { HashOptions } from './command.ts';

export async function run({ terminal }: CommandContext, options: HashOptions, given: Operand): Promise<number> {
  requireFiles(options, [given]);
  const blocks = options.blockHash === undefined ? undefined : parseBlockHash(options.blockHash);
  const algorithm = blocks?.algorithm ?? options.algorithm;
  const createHash = hashFactory(algorithm);
  const { digest, totalBytes, readBytes } = await withSides(options, terminal, async (open) => {
    const side = await open(withTls(given, options));
    widen([side], options);
    return await showing(options, terminal, side, (device, reading) =>
      blocks === undefined
        ? hashDevice(device, createHash, reading)
        : hashBlocks(device, createHash, {
            ...reading,
            blockSize: blocks.blockSize,
            digestBlock: digestBlockOf(algorithm),
          }),
    );
  });
  const text = Buffer.from(digest).toString('hex');
  if (options.json === true) {
    const members = { algorithm, blockSize: blocks?.blockSize, digest: text, bytes: totalBytes, readBytes };
    await terminal.print(`${exactJson(members)}\n`);
  } else {
    // As sha256sum prints it, and nbdcopy.
    await terminal.print(blocks === undefined ? `${text}  ${printable(describeOperand(given))}\n` : `${text}\n`);
  }
  return 0;
}

async function showing(
  options: HashOptions,
  terminal: Terminal,
  { device }: DeviceSide,
  work: (device: DeviceSide['device'], reading: ReadingOptions) => Promise<HashReport>,
): Promise<HashReport> {
  const progress = createProgress(options, terminal, 'hashing');
  let isDone = false;
  try {
    const { extents, requestSize } = options;
    const onProgress: ReadingOptions['onProgress'] = (figures) => progress.update(figures);
    const result = await work(device, { extents, requestSize, onProgress, signal: terminal.signal, nextTurn });
    isDone = true;
    return result;
  } finally {
    progress.finish(isDone);
  }
}
