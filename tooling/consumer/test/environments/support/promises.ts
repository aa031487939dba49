/** What the first example of each README promises, beyond that it runs. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { expect } from 'vitest';

/** By the folder of the package; `nbdjs` is the README of the whole. */
const promises: Readonly<Record<string, Promised>> = {
  nbdjs: { prints: /^0n 67108864n 3n$/m },
  attach: { prints: /^((\/dev\/nbd\d+ .*\n)*|no list: .*NBD driver.*\n)$/ },
  certificates: {
    async leaves(folder) {
      const modes = { 'ca-cert.pem': 0o644, 'ca-key.pem': 0o600, 'server-cert.pem': 0o644, 'server-key.pem': 0o600 };
      for (const [file, mode] of Object.entries({ ...modes, 'client-key.pem': 0o600, 'keys.psk': 0o600 })) {
        expect(statSync(join(folder, 'pki', file)).mode & 0o777, file).toBe(mode);
      }
      expect(readFileSync(join(folder, 'pki/keys.psk'), 'utf8')).toMatch(/^bob:[0-9a-f]{32,}$/m);
    },
  },
  client: { prints: /^0n \d+n \d+n$/m },
  conformance: { prints: /^\W*pass [1-9]\d[\s\S]*^\W*fail 0$/m },
  connection: {
    prints: /^connections are handed-over: .+\ndisk has 67108864 bytes, replies are extended\n$/,
  },
  copy: {
    prints: /^\d+n 67\d{6}n\n$/,
    async leaves(folder) {
      expect(statSync(join(folder, 'disk.img')).size).toBe(64 * 2 ** 20);
    },
  },
  examiner: { prints: /^no MUST is broken, 1\d\d rules are kept\n$/ },
  fuse: { prints: /^(\[ 'nbd' \]|this machine has no FUSE: .+)\n$/ },
  handshake: { prints: /^67108864n? bytes, replies are extended\n$/ },
  images: { prints: /^3 base\.qcow2 1073741824n\n$/ },
  interfaces: {
    isTypes: true,
    after: `const some = Uint8Array.of(1, 2);
      await zeroes.read(0, some);
      const refused = await Promise.resolve(zeroes.write(0, some)).catch((error: CommandError) => error.code);
      console.log(some, refused);`,
    prints: /^Uint8Array\(2\) \[ 0, 0 \] EINVAL\n$/,
  },
  kit: {},
  load: { prints: /^requests 20000 81920000 0\n\d+(\.\d+)? \d+(\.\d+)?\n$/ },
  multiplexer: { after: 'console.log(device.geometry.size, target.length);', prints: /^67108864n 4096\n$/ },
  node: { prints: /^all that was ready has run\ninput that had arrived was read\n$/ },
  objects: { prints: /^Uint8Array\(3\) \[ 1, 2, 3 \]\n$/ },
  protocol: {
    after: `console.log(JSON.stringify([uri.exportName, formatUri(uri), commands.name(6), flagNames(commandFlags, 0x11)]));`,
    prints: /^\["disk","nbd\+unix:\/\/\/disk\?socket=[^"]+","WRITE_ZEROES",\["FUA","FAST_ZERO"\]\]\n$/,
  },
  s3: {},
  recorder: {
    prints: /^server newstyle flags=FIXED_NEWSTYLE,NO_ZEROES\nclient client-flags flags=FIXED_NEWSTYLE,NO_ZEROES\n$/,
  },
  server: {
    async serves(uri) {
      const disk = await connect(uri, { delivery: 'inline' });
      await disk.write(0, Uint8Array.of(1, 2, 3));
      expect(await disk.readBytes(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 0));
      await disk.close();
    },
  },
  storage: {
    async leaves(folder) {
      expect(statSync(join(folder, 'disk.img')).size).toBe(1024 ** 3);
    },
  },
  syscalls: { given: 'disk.img', prints: /^the first data is from 65536 to (69632|131072)\n$/ },
  transport: { prints: /78, +66, +68, +77[\s\S]*by: '(us|peer)'/ },
  websocket: { prints: /^67108864n\n$/ },
};

interface Promised {
  /** A file of 1 MiB that lies there, with data from 64 KiB on. */
  readonly given?: string;
  /** What it prints. */
  readonly prints?: RegExp;
  /** Code behind it that shows what its comments promise. */
  readonly after?: string;
  /** It is TypeScript, which has to be compiled. */
  readonly isTypes?: boolean;
  /** Checks what it leaves in the folder. */
  leaves?(folder: string): Promise<void>;
  /** It goes on until it is told to end, and has printed where it serves. */
  serves?(uri: string): Promise<void>;
}

/** Returns what a README promises. Each has an entry, so that a new one is not forgotten. */
export function promiseOf(readme: string): Promised {
  const promised = promises[readme];
  if (promised === undefined) throw new Error(`promises.ts does not say what the README of ${readme} promises`);
  return promised;
}
