/**
 * Disks in a folder of objects, served by processes: one writer at a time, and nothing lost that was flushed.
 *
 * @module-tag slow
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { connect, type NbdClient } from '@nbdjs/client';
import { expect, it } from 'vitest';
import { nbd, nbdCommand } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const children: ServerProcess[] = [];

inWorkspace('bookworm', async () => {
  for (const child of children.splice(0)) await child.kill();
});

const disk = (): string => `folder:${workspace.hostPath('store')}#disk`;

/** `nbd serve` as a process. */
class ServerProcess {
  readonly socket: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  said = '';

  constructor(name: string, words: readonly string[]) {
    this.socket = workspace.hostPath(`${name}.sock`);
    rmSync(this.socket, { force: true });
    const [program, ...rest] = nbdCommand('serve', '--socket', this.socket, ...words, disk());
    this.#child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.#ended = once(this.#child, 'close');
    children.push(this);
  }

  /** Settles when clients can connect. */
  async listens(): Promise<this> {
    await expect.poll(() => existsSync(this.socket) || this.#child.exitCode !== null, { timeout: 20_000 }).toBe(true);
    expect(this.#child.exitCode, this.said).toBeNull();
    return this;
  }

  async connect(): Promise<NbdClient> {
    return connect(`nbd+unix:///?socket=${this.socket}`, { delivery: 'inline' });
  }

  /** Settles with the exit code when the process has ended by itself, or after a signal. */
  async ends(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.#child.kill(signal);
    await this.#ended;
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    await this.ends('SIGKILL');
  }
}

const blockBytes = 65_536;
const blocks = 32;

const filled = (value: number): Uint8Array => new Uint8Array(blockBytes).fill(value);

async function valuesOf(client: NbdClient): Promise<readonly number[]> {
  const bytes = await client.readBytes(0, blocks * blockBytes);
  return Array.from({ length: blocks }, (_, block) => {
    const part = bytes.subarray(block * blockBytes, (block + 1) * blockBytes);
    const [value = 0] = part;
    expect(
      part.every((byte) => byte === value),
      `block ${block} is of one write`,
    ).toBe(true);
    return value;
  });
}

async function makeDisk(): Promise<void> {
  const made = await nbd('objects', 'create', disk(), String(blocks * blockBytes), '--object-size', '64k');
  expect(made).toMatchObject({ code: 0, stderr: '' });
}

it('refuses a second server, lets it take over when told to, and keeps what the first one sends then out of the disk', async () => {
  await makeDisk();
  const first = await new ServerProcess('first', ['--lease', '60']).listens();
  const old = await first.connect();
  for (let block = 0; block < blocks; block++) await old.write(block * blockBytes, filled(1));
  await old.flush();
  // Not flushed: it may be lost, but must not come back later.
  for (let block = 0; block < blocks / 2; block++) await old.write(block * blockBytes, filled(2));

  const refused = new ServerProcess('refused', ['--take-over', 'never']);
  expect(await refused.ends()).toBe(1);
  expect(refused.said).toMatch(/is in use by '.*, process \d+' \(epoch 1\); close it there, or take it over/);

  const second = await new ServerProcess('second', ['--take-over', 'now']).listens();
  const young = await second.connect();
  const seen = await valuesOf(young);
  expect(seen.slice(blocks / 2)).toEqual(Array.from({ length: blocks / 2 }, () => 1));
  expect(seen.slice(0, blocks / 2).every((value) => value === 1 || value === 2)).toBe(true);
  for (let block = 0; block < blocks; block++) await young.write(block * blockBytes, filled(3));
  await young.flush();

  const late = async (): Promise<void> => {
    for (let block = 0; block < blocks; block++) await old.write(block * blockBytes, filled(4));
    await old.flush();
  };
  await expect(late()).rejects.toMatchObject({ code: 'ESHUTDOWN' });
  expect(await first.ends()).toBe(1);
  expect(first.said).toMatch(
    /'.*, process \d+' has taken over with epoch 2, this writer had epoch 1; it is not served any more\n$/,
  );

  expect(new Set(await valuesOf(young))).toEqual(new Set([3]));
  await young.close();
  expect(await second.ends('SIGTERM')).toBe(0);
  const third = await new ServerProcess('third', ['--read-only']).listens();
  const reader = await third.connect();
  expect(new Set(await valuesOf(reader))).toEqual(new Set([3]));
  await reader.close();
  const checked = await nbd('objects', 'fsck', '--data', disk());
  expect(checked).toMatchObject({ code: 0 });
}, 60_000);

it.each([
  ['at once, by the lock of a folder', []],
  [
    'with a journal, which has what the store lacks',
    ['--journal', 'FILE', '--journal-size', '8M', '--flush', 'journal'],
  ],
  ['with a local cache, that is lost now and then', ['--local-cache', 'FILE', '--local-cache-size', '8M']],
])(
  'loses nothing that was flushed when it is killed: started again %s',
  async (_, given) => {
    await makeDisk();
    const words = given.map((word) => (word === 'FILE' ? workspace.hostPath('local') : word));
    const rounds = process.env.NBDJS_LONG === '1' ? 20 : 4;
    /** What was flushed, and what was written since: each block has one of these. */
    const possible: number[][] = Array.from({ length: blocks }, () => [0]);
    let value = 0;
    for (let round = 0; round < rounds; round++) {
      if (given.includes('--local-cache') && round % 2 === 0) rmSync(workspace.hostPath('local'), { force: true });
      // The lease is long: a server that waited for it would not be there in time.
      const server = await new ServerProcess('server', ['--lease', '600', ...words]).listens();
      const client = await server.connect();
      for (const [block, found] of (await valuesOf(client)).entries()) {
        expect(possible[block], `round ${round}, block ${block}`).toContain(found);
        possible[block] = [found];
      }
      const work = (async () => {
        for (;;) {
          for (let count = 0; count < 5; count++) {
            const block = Math.floor(Math.random() * blocks);
            value = (value % 255) + 1;
            possible[block]?.push(value);
            await client.write(block * blockBytes, filled(value));
          }
          const before = possible.map((values) => values.at(-1) as number);
          await client.flush();
          for (const [block, last] of before.entries()) possible[block] = [last];
        }
      })().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100 + 200 * Math.random()));
      await server.kill();
      await work;
      client.destroy();
    }
    const checked = await nbd('objects', 'fsck', '--data', disk());
    expect(checked).toMatchObject({ code: 0 });
  },
  120_000,
);
