/** Recordings: what goes in comes out, also after a cut, and within bounds. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConnectionEntry,
  createRecordingFile,
  MessageCollector,
  type ReadEntry,
  Recording,
  type RecordingFile,
  type RecordingOptions,
  type RecordingTarget,
  readRecording,
  readRecordingFile,
  traceText,
} from '../src/index.ts';
import { throughProxy } from './through-proxy.ts';
import { pattern } from './transcripts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-recorder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function record(
  payload: 'none' | 'hash' | 'full',
  options: RecordingOptions = {},
  work?: (client: Awaited<ReturnType<Awaited<ReturnType<typeof throughProxy>>['connect']>>) => Promise<void>,
) {
  const path = join(folder, 'a.nbdrec');
  let file: RecordingFile | undefined;
  const sink = (entry: ConnectionEntry) => file?.add(entry);
  await using through = await throughProxy({ payload, sink });
  file = createRecordingFile(path, through.log, options);
  const client = await through.connect();
  if (work === undefined) {
    await client.write(4096, pattern(70_000));
    await client.readBytes(0, 80_000);
    await client.flush();
  } else await work(client);
  await client.close();
  await expect.poll(() => through.ends).toEqual([undefined]);
  const { isFull } = file;
  file.close();
  return { path, entries: through.entries, isFull };
}

async function all(entries: AsyncIterable<ReadEntry>): Promise<ReadEntry[]> {
  const list: ReadEntry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

/** One line for each entry: where lists of bytes differ, the report would take minutes. */
function plain(entry: ReadEntry): string {
  return JSON.stringify(entry, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
  });
}

function texts(entries: readonly ReadEntry[]): string[] {
  const lines: string[] = [];
  const collector = new MessageCollector((message) => lines.push(traceText(message)));
  for (const entry of entries) collector.add(entry);
  return lines;
}

describe.each(['none', 'hash', 'full'] as const)('with payload %s', (payload) => {
  it('reads back what was heard', async () => {
    const { path, entries } = await record(payload);
    const read = await all(readRecordingFile(path));
    expect(read[0]).toEqual({
      type: 'start',
      started: '2001-09-09T01:46:40.000Z',
      part: 0,
      id: expect.any(String),
      payload,
    });
    expect(read.at(-1)).toEqual({ type: 'end', time: expect.any(Number), isFull: false });
    expect(read.slice(1, -1).map(plain)).toEqual(entries.map(plain));
    expect(texts(read)).toEqual(texts(entries));
    expect(texts(read).length).toBeGreaterThan(10);
  });
});

it('keeps the data, its hash, or nothing of it', async () => {
  const [none, hash, full] = await Promise.all([]).then(async () => [
    statSync((await record('none')).path).size,
    statSync((await record('hash')).path).size,
    statSync((await record('full')).path).size,
  ]);
  expect(hash).toBeGreaterThan(none ?? 0);
  expect(hash).toBeLessThan(6000);
  expect(full).toBeGreaterThan(150_000);
  const written = (await all(readRecordingFile(join(folder, 'a.nbdrec')))).flatMap((entry) =>
    entry.type === 'payload' && entry.side === 'client' ? [...entry.bytes] : [],
  );
  expect(Uint8Array.from(written)).toEqual(pattern(70_000));
});

it('is readable byte by byte, and up to any cut', async () => {
  const { path } = await record('hash');
  const bytes = new Uint8Array(readFileSync(path));
  const whole = await all(readRecording([bytes]));
  const singly = await all(readRecording([...bytes].map((byte) => Uint8Array.of(byte))));
  expect(singly.map(plain)).toEqual(whole.map(plain));
  for (let length = 8; length < bytes.length; length += 17) {
    const read = await all(readRecording([bytes.subarray(0, length)]));
    expect(read.at(-1)).toMatchObject({ type: 'cut', reason: expect.stringMatching(/^it (has no end|ends in)/) });
    expect(read.slice(0, -1).map(plain)).toEqual(whole.slice(0, read.length - 1).map(plain));
  }
});

it('says where it is damaged, and gives all that stands before', async () => {
  const { path } = await record('none');
  const bytes = new Uint8Array(readFileSync(path));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
  const read = await all(readRecording([bytes]));
  expect(read.length).toBeGreaterThan(5);
  expect(read.at(-1)).toMatchObject({ type: 'cut', reason: expect.stringMatching(/damaged|bytes, expected/) });
});

it.each([
  ['', 'not a recording of NBD: it is empty, expected NBDREC and a version'],
  ['hello, world', 'not a recording of NBD: it begins with 0x68656c6c6f2c2077, expected NBDREC and a version'],
  ['NBDREC\0\x07', 'the recording has version 7, expected 1'],
])('refuses what is none (%j)', async (text, message) => {
  const path = join(folder, 'none');
  writeFileSync(path, text);
  await expect(all(readRecordingFile(path))).rejects.toThrow(message);
});

const many = async (client: { readBytes(offset: number, length: number): Promise<unknown> }): Promise<void> => {
  for (let index = 0; index < 2000; index++) await client.readBytes((index * 512) % 65_536, 512);
};

it('keeps its last messages within a bound, in two parts of which each can be read alone', async () => {
  const bytesMax = 2 ** 18;
  const { path, entries } = await record('hash', { bytesMax, keep: 'last' }, many);
  const older = `${path}.1`;
  expect(statSync(path).size + statSync(older).size).toBeLessThanOrEqual(bytesMax);
  const read = await all(readRecordingFile(path));
  const expected = texts(entries);
  const lines = texts(read);
  expect(lines.length).toBeGreaterThan(300);
  // Those at the very beginning may be replies to requests that are gone.
  expect(lines.slice(-200)).toEqual(expected.slice(-200));
  expect(read.filter(({ type }) => type === 'start')).toHaveLength(2);
  expect(read.find(({ type }) => type === 'open')).toMatchObject({ resumed: true, connection: 1 });
  rmSync(older);
  const alone = texts(await all(readRecordingFile(path)));
  expect(alone.at(-1)).toBe(expected.at(-1));
});

it('keeps its first messages within a bound, and says that more came', async () => {
  const bytesMax = 2 ** 18;
  const { path, entries, isFull } = await record('hash', { bytesMax, keep: 'first' }, many);
  expect(isFull).toBe(true);
  expect(existsSync(`${path}.1`)).toBe(false);
  expect(statSync(path).size).toBeLessThanOrEqual(bytesMax);
  const read = await all(readRecordingFile(path));
  expect(read.at(-1)).toMatchObject({ type: 'end', isFull: true });
  expect(texts(read)).toEqual(texts(entries).slice(0, texts(read).length));
});

/** Parts in memory. */
class Parts implements RecordingTarget {
  last: Uint8Array[] = [];
  #lastBytes = 0;
  #olderBytes = 0;
  /** The greatest length that the last part and the one before have had together. */
  bytesMost = 0;

  write(bytes: Uint8Array): void {
    this.last.push(bytes.slice());
    this.#lastBytes += bytes.length;
    this.bytesMost = Math.max(this.bytesMost, this.#olderBytes + this.#lastBytes);
  }

  nextPart(): void {
    this.#olderBytes = this.#lastBytes;
    this.#lastBytes = 0;
    this.last = [];
  }
}

describe.each(['first', 'last'] as const)('keeping the %s messages', (keep) => {
  it('stays within its bound in every moment, whatever comes', async () => {
    const bytesMax = 2 ** 18;
    const target = new Parts();
    let now = 0;
    const log = {
      started: '2001-09-09T01:46:40.000Z',
      payload: 'full',
      get time() {
        return now;
      },
    } as const;
    const recording = new Recording(target, log, { bytesMax, keep });
    const about = (connection: number) => ({ time: now++, connection });
    const client = 'c'.repeat(100);
    for (let connection = 1; connection <= 3000; connection++)
      recording.add({ type: 'open', ...about(connection), client, server: 's' });
    const frame = { side: 'client', kind: 'option', wire: new Uint8Array(16 + 65_536), payloadBytes: 0 } as const;
    for (let turn = 0; turn < 40; turn++) {
      // An hour passes, in which another client speaks.
      now += 3_600_000_000;
      const connection = 1 + turn * 70;
      recording.add({ type: 'frame', ...about(connection), frame });
      recording.add({ type: 'payload', ...about(connection), side: 'server', bytes: pattern(300_000 + turn) });
      for (let more = 0; more < 100; more++) recording.add({ type: 'fault', ...about(connection + 1), text: 'none' });
    }
    recording.close();
    expect(target.bytesMost).toBeLessThanOrEqual(bytesMax);
    expect(target.bytesMost).toBeGreaterThan(bytesMax / 2);
    const read = await all(readRecording(target.last));
    expect(read.at(-1)).toMatchObject({ type: 'end', isFull: keep === 'first' });
    const named = new Set(read.flatMap((entry) => (entry.type === 'open' ? [entry.connection] : [])));
    expect(read.filter((entry) => 'connection' in entry && !named.has(entry.connection))).toEqual([]);
  });
});
