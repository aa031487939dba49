/** A server that breaks rules: ours, with the bytes that it sends changed on their way. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import type { ExaminedServer } from '../src/index.ts';

/** Returns what arrives instead of the bytes; `undefined`: the connection ends there. */
export type Tamper = (bytes: Buffer) => Buffer | undefined;

/** Our server with some data and a hole, whose bytes are changed. */
export async function tamperedServer(tamper: Tamper): Promise<ExaminedServer> {
  const device = createMemoryDevice({ size: 2 ** 20 });
  await device.write(0, new Uint8Array(65_536).fill(1));
  const server = createServer({ exports: { '': { device } } });
  return {
    name: 'tampered',
    open() {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      return tampered(ours, tamper);
    },
  };
}

/** Replaces a sequence of bytes wherever it is; both are written as hexadecimal digits, and equally long. */
export function replacing(from: string, to: string): Tamper {
  const [wanted, other] = [Buffer.from(from, 'hex'), Buffer.from(to, 'hex')];
  return (bytes) => {
    const changed = Buffer.from(bytes);
    for (let at = changed.indexOf(wanted); at >= 0; at = changed.indexOf(wanted, at + 1)) other.copy(changed, at);
    return changed;
  };
}

/** Changes the bytes `behind` so many bytes from the beginning of a sequence. */
export function changing(start: string, behind: number, to: string): Tamper {
  const [wanted, other] = [Buffer.from(start, 'hex'), Buffer.from(to, 'hex')];
  return (bytes) => {
    const changed = Buffer.from(bytes);
    for (let at = changed.indexOf(wanted); at >= 0; at = changed.indexOf(wanted, at + 1)) {
      if (at + behind + other.length <= changed.length) other.copy(changed, at + behind);
    }
    return changed;
  };
}

function tampered(channel: ByteChannel, tamper: Tamper): ByteChannel {
  const open = channel.open.bind(channel);
  return Object.assign(channel, {
    open(sink: ByteSink) {
      const staging = new Uint8Array(256 * 1024);
      open({
        writable: () => staging,
        advance(byteCount) {
          const bytes = tamper(Buffer.from(staging.slice(0, byteCount)));
          if (bytes === undefined) {
            channel.destroy();
            sink.ended();
            return;
          }
          for (let position = 0; position < bytes.length; ) {
            const target = sink.writable();
            const count = Math.min(target.length, bytes.length - position);
            target.set(bytes.subarray(position, position + count));
            sink.advance(count);
            position += count;
          }
        },
        drained: () => sink.drained(),
        ended: (cause) => sink.ended(cause),
      });
    },
  });
}
