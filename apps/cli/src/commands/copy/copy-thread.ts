/** A thread of `nbd copy --threads`: opens both sides for itself, and copies its share. */
import { parentPort, workerData } from 'node:worker_threads';
import { copyShare } from '@nbdjs/copy';
import { fromErrorRecord, toErrorRecord } from '@nbdjs/kit';
import { nextTurn } from '@nbdjs/node';
import { capabilities } from '@nbdjs/syscalls';
import { argumentError } from '../../errors/argument-error.ts';
import { coloursFor } from '../../render/colours.ts';
import type { Terminal } from '../../terminal.ts';
import { fileIdentity } from './file-sides.ts';
import type { DeviceSide, SourceSide, TargetSide } from './side.ts';
import { Sides } from './sides.ts';
import type { CopyThreadData, CopyThreadOrder, CopyThreadReport } from './thread-messages.ts';

type Port = NonNullable<typeof parentPort>;

if (parentPort !== null) void run(workerData as CopyThreadData, parentPort);

async function run(data: CopyThreadData, port: Port): Promise<void> {
  const post = (report: CopyThreadReport): void => port.postMessage(report);
  const abort = new AbortController();
  let isOpen = false;
  const note = (text: string): void => {
    // The main thread has opened the same and said what there is to say about that.
    if (isOpen) post({ type: 'note', text });
  };
  // A file that is there is not emptied again.
  const sides = new Sides(data.options, true, terminalOf(abort.signal, note), true);
  port.on('message', ({ cause }: CopyThreadOrder) => {
    const error = fromErrorRecord(cause);
    abort.abort(error);
    sides.destroy(error);
  });
  let last: CopyThreadReport;
  try {
    // Native code is loaded first: a thread must not be ended in the middle of that.
    capabilities();
    post({ type: 'loaded' });
    const [from, to] = await open(data, sides);
    isOpen = true;
    last = await copy(data, from, to, abort.signal);
    await sides.close();
  } catch (error) {
    last = { type: 'failed', error: toErrorRecord(error) };
    sides.destroy();
    await sides.close().catch(() => {});
  }
  post(last);
  port.close();
}

async function open(
  { source, destination, connections, files }: CopyThreadData,
  sides: Sides,
): Promise<readonly [DeviceSide, DeviceSide]> {
  const from = requireSame(await sides.openSource(source), files.source);
  const to = requireSame(await sides.openDestination(destination, from), files.destination);
  if (connections > 1) for (const side of [from, to]) side.setConnections?.(connections);
  return [from, to];
}

/** @throws UsageError when a path is not what it was when the main thread opened it. */
function requireSame(side: SourceSide | TargetSide, file: string | undefined): DeviceSide {
  if (side.type === 'device' && fileIdentity(side) === file) return side;
  throw argumentError(`${side.type === 'device' ? side.name : 'a file'} was replaced while the copy began`);
}

async function copy(
  { share, transfer }: CopyThreadData,
  from: DeviceSide,
  to: DeviceSide,
  signal: AbortSignal,
): Promise<CopyThreadReport> {
  const report = await copyShare(from.device, to.device, share, { ...transfer, nextTurn, signal });
  const connections = { source: from.connections?.() ?? 0, destination: to.connections?.() ?? 0 };
  return { type: 'done', report, connections };
}

/** A thread has no streams of its own: what is to be said goes to the main thread. */
function terminalOf(signal: AbortSignal, note: (text: string) => void): Terminal {
  return {
    get stdin(): never {
      throw new Error('a thread of a copy has no standard input');
    },
    get stdout(): never {
      throw new Error('a thread of a copy has no standard output');
    },
    get stderr(): never {
      throw new Error('a thread of a copy has no standard error');
    },
    signal,
    onHangup: () => () => {},
    outliveHangups: () => {},
    print: () => Promise.reject(new Error('a thread of a copy prints nothing')),
    note,
    colours: () => coloursFor({}, false),
  };
}
