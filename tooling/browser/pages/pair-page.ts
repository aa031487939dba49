/** A client and a server in one page, which share nothing but a pair of channels. */
import { connect } from '@nbdjs/client/core';
import { copyDevice } from '@nbdjs/copy';
import { createServer } from '@nbdjs/server/core';
import { createBlobDevice } from '@nbdjs/storage/blob';
import { createMemoryDevice } from '@nbdjs/storage/memory';
import { createMemoryPair } from '@nbdjs/transport/core';
import { report } from './report.ts';

const mebi = 2 ** 20;

void report(async () => {
  const source = new Uint8Array(16 * mebi);
  for (let at = 0; at < source.length; at += 65_536) crypto.getRandomValues(source.subarray(at, at + 65_536));
  const server = createServer({
    exports: {
      image: createBlobDevice(new File([source], 'disk.iso')),
      disk: createMemoryDevice({ size: source.length }),
    },
  });
  const channels: { destroy(): void }[] = [];
  const opener = (exportName: string) => ({
    name: 'the page itself',
    exportName,
    async open() {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      channels.push(theirs);
      return ours;
    },
  });
  const image = await connect(opener('image'));
  const disk = await connect(opener('disk'), { reconnectDelayMs: 10_000 });
  await copyDevice(image, disk);
  // The connection is lost, and comes back.
  channels.at(-1)?.destroy();
  const bytes = new Uint8Array(source.length);
  let position = 0;
  for await (const piece of disk.readable()) {
    bytes.set(piece, position);
    position += piece.length;
  }
  const writer = disk.writable({ offset: 5 }).getWriter();
  await writer.write(Uint8Array.of(7, 8, 9));
  await writer.close();
  const written = await disk.readBytes(4, 5);
  const abort = new AbortController();
  const abandoned = disk.readBytes(0, mebi, { signal: abort.signal }).catch((error: unknown) => error);
  const reason = new Error('enough');
  abort.abort(reason);
  const unknown = await connect(opener('nothing')).catch((error: { code?: string }) => error.code);
  const result = {
    mode: disk.facts.mode,
    isReadOnly: image.abilities.readOnly,
    isSame: indexOfDifference(source, bytes) === -1,
    written: [...written],
    expected: [source[4], 7, 8, 9, source[8]],
    isAbandoned: (await abandoned) === reason,
    unknown,
    connections: channels.length,
    node: { process: typeof process, Buffer: typeof Buffer },
  };
  await image.close();
  await disk.close();
  await server.close();
  return { ...result, sessions: server.sessions.length };
});

function indexOfDifference(one: Uint8Array, other: Uint8Array): number {
  return one.findIndex((byte, index) => byte !== other[index]);
}
