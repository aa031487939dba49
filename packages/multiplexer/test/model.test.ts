/** Many concurrent calls of all kinds against a server that answers as it likes, held against a model of the bytes. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { Command } from '@nbdjs/protocol';
import { type FakeRequest, type FakeServer, patternBytes, type ReadPiece, seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { openSession, same, turn } from './session.ts';

const size = 400_000;
const laneBytes = 25_000;
const laneCount = size / laneBytes;

/** Cuts a read into pieces in random order; holes where the content is zero. */
function pieces(request: FakeRequest, server: FakeServer, random: () => number): readonly ReadPiece[] {
  const all: ReadPiece[] = [];
  for (let position = request.offset; position < request.offset + request.length; ) {
    const rest = Number(request.offset + request.length - position);
    const length = Math.min(rest, 1 + Math.floor(random() * 5000));
    const isZero = server.bytes(position, length).every((byte) => byte === 0);
    all.push({ type: isZero ? 'hole' : 'data', offset: position, length });
    position += BigInt(length);
  }
  return all.sort(() => random() - 0.5);
}

/** Holds requests back and answers them in random order, reads in pieces that mix with those of others. */
class Unruly {
  readonly #random: () => number;
  readonly #server: FakeServer;
  #work: (() => (() => void) | undefined)[] = [];
  #isRunning = false;

  constructor(server: FakeServer, random: () => number) {
    this.#server = server;
    this.#random = random;
    server.onRequest = (request) => this.#take(request);
  }

  get isIdle(): boolean {
    return this.#work.length === 0;
  }

  #take(request: FakeRequest): void {
    const { mode } = this.#server.facts;
    if (request.command === Command.Read && mode !== 'simple') this.#work.push(() => this.#next(request));
    else this.#work.push(() => void request.answer());
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#run());
  }

  /** The next piece of a read, and what is to be done after it. */
  #next(request: FakeRequest, left = [...pieces(request, this.#server, this.#random)]): (() => void) | undefined {
    const piece = left.shift() as ReadPiece;
    request.sendPiece(piece, left.length === 0);
    return left.length === 0 ? undefined : () => void this.#work.push(() => this.#next(request, left));
  }

  #run(): void {
    for (let count = 1 + Math.floor(this.#random() * 12); count > 0 && this.#work.length > 0; count--) {
      const [work] = this.#work.splice(Math.floor(this.#random() * this.#work.length), 1);
      work?.()?.();
    }
    this.#isRunning = this.#work.length > 0;
    if (this.#isRunning) setImmediate(() => this.#run());
  }
}

describe('many calls at a time do what a model does', () => {
  const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];
  const cases = modes.flatMap((mode) => [1, 512].map((minimum) => [mode, minimum] as const));

  it.each(cases)('%s replies, blocks of %i bytes', async (mode, minimum) => {
    const random = seededRandom(minimum + modes.indexOf(mode));
    const { device, server } = await openSession({
      mode,
      content: patternBytes(size).fill(0, 50_000, 90_000),
      facts: { blockSizes: { minimum, preferred: 4096, maximum: 16_384 }, size: BigInt(size - (size % minimum)) },
      cut: () => 1 + Math.floor(random() ** 4 * 60_000),
      asksEarly: mode === 'extended',
      multiplexer: {
        requestsInFlightMax: 40,
        bytesInFlightMax: 200_000,
        nextTurn: minimum === 1 ? (task) => void setImmediate(task) : undefined,
      },
    });
    const unruly = new Unruly(server, random);
    const model = server.content.slice();
    const untouchable: Uint8Array[] = [];
    const reason = new Error('enough');
    let aborted = 0;

    const lane = async (index: number): Promise<void> => {
      const base = index * laneBytes;
      for (let round = 0; round < 25; round++) {
        const length = 1 + Math.floor(random() ** 3 * (laneBytes - 600));
        const offset = base + Math.floor(random() * (laneBytes - 512 - length));
        const choice = random();
        const abort = random() < 0.2 ? new AbortController() : undefined;
        const options = abort === undefined ? {} : { signal: abort.signal };
        const target = new Uint8Array(length).fill(0xcc);
        const source = Uint8Array.from({ length }, () => Math.floor(random() * 256));
        const call =
          choice < 0.45
            ? () =>
                random() < 0.5
                  ? device.read(offset, target, options)
                  : device.deferredReads.readInto(offset, length, () => target, options)
            : choice < 0.8
              ? () => device.write(offset, source, options)
              : choice < 0.9
                ? () => device.writeZeroes(BigInt(offset), length, options)
                : () => device.flush(options);
        const calling = Promise.resolve(call());
        if (abort !== undefined) {
          for (let turns = Math.floor(random() * 6); turns > 0; turns--) await turn();
          abort.abort(reason);
        }
        const outcome = await calling.then(
          () => 'done',
          (error: unknown) => error,
        );
        if (outcome === reason) {
          aborted++;
          // The memory is ours again: from now on it must be neither written to nor sent.
          target.fill(0xee);
          untouchable.push(target);
          source.fill(0xee);
          // What was abandoned may still be carried out; when the server is idle, it was or never will be.
          do await turn();
          while (!unruly.isIdle);
          await turn();
          if (choice >= 0.45) model.set(server.content.subarray(base, base + laneBytes), base);
          continue;
        }
        expect(outcome).toBe('done');
        if (choice < 0.45) expect(same(target, model.subarray(offset, offset + length))).toBe(true);
        else if (choice < 0.8) model.set(source, offset);
        else if (choice < 0.9) model.fill(0, offset, offset + length);
      }
    };
    await Promise.all(Array.from({ length: laneCount }, (_, index) => lane(index)));
    expect(same(server.content, model)).toBe(true);
    expect(untouchable.every((bytes) => bytes.every((byte) => byte === 0xee))).toBe(true);
    expect(aborted).toBeGreaterThan(10);
    expect(device.state).toBe('connected');
    await device.close();
    expect(server.connection.hasDisconnected).toBe(true);
  });
});
