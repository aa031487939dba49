/** The journal against a model: a server that forgets. */
import { Command, CommandFlag } from '@nbdjs/protocol';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type FlushMark, type Request, requestOf } from '../requests/request.ts';
import { Journal } from './journal.ts';

const roomy = { bytesMax: 2 ** 20, requestsMax: 1000 };

function write(offset: number, bytes: readonly number[], flags = 0): Request {
  return requestOf(Command.Write, flags, BigInt(offset), BigInt(bytes.length), Uint8Array.from(bytes));
}

function zero(offset: number, length: number, flags = 0): Request {
  return requestOf(Command.WriteZeroes, flags, BigInt(offset), BigInt(length));
}

/** Does what a server does. */
function carryOut(content: Uint8Array, request: Request): void {
  const start = Number(request.offset);
  if (request.command === Command.Write) content.set(request.memory as Uint8Array, start);
  else content.fill(0, start, start + Number(request.length));
}

function brief(requests: readonly Request[]): readonly string[] {
  return requests.map(({ command, offset, length, memory }) => {
    const what = command === Command.Write ? `[${memory}]` : command === Command.Trim ? 'trim' : 'zero';
    return `${offset}+${length} ${what}`;
  });
}

describe('Journal', () => {
  it('plays again what is not flushed, with later writes over earlier ones', () => {
    const journal = new Journal(roomy);
    journal.remember(write(0, [1, 1, 1, 1]));
    journal.remember(write(1, [2, 2]));
    journal.remember(zero(8, 4));
    journal.remember(requestOf(Command.Trim, 0, 10n, 4n));
    expect(brief(journal.replay(1024))).toEqual(['0+1 [1]', '1+2 [2,2]', '3+1 [1]', '8+2 zero', '10+4 trim']);
    expect(journal.isEmpty).toBe(false);
  });

  it('has copied what it plays: the caller has his memory back', () => {
    const journal = new Journal(roomy);
    const request = write(0, [1, 2, 3]);
    journal.remember(request);
    request.memory?.fill(9);
    expect(brief(journal.replay(1024))).toEqual(['0+3 [1,2,3]']);
  });

  it('joins neighbours as far as one payload goes', () => {
    const journal = new Journal(roomy);
    for (let offset = 0; offset < 8; offset += 2) journal.remember(write(offset, [offset, offset + 1]));
    expect(brief(journal.replay(6))).toEqual(['0+6 [0,1,2,3,4,5]', '6+2 [6,7]']);
    expect(brief(journal.replay(8))).toEqual(['0+8 [0,1,2,3,4,5,6,7]']);
  });

  it('forgets with a FLUSH what was acknowledged before it left, and nothing else', () => {
    const journal = new Journal(roomy);
    journal.remember(write(0, [1]));
    const mark = journal.mark();
    journal.remember(write(5, [2]));
    journal.flushed(mark);
    expect(brief(journal.replay(1024))).toEqual(['5+1 [2]']);
    journal.flushed(journal.mark());
    expect(journal.isEmpty).toBe(true);
    expect(journal.replay(1024)).toEqual([]);
  });

  it('does not put an older write over one with FUA', () => {
    const journal = new Journal(roomy);
    journal.remember(write(0, [1, 1, 1]));
    journal.remember(write(1, [7], CommandFlag.Fua));
    expect(brief(journal.replay(1024))).toEqual(['0+1 [1]', '2+1 [1]']);
    journal.flushed(journal.mark());
    journal.remember(write(1, [7], CommandFlag.Fua));
    expect(journal.isEmpty).toBe(true);
  });

  it('asks for zeroes again without asking for speed', () => {
    const journal = new Journal(roomy);
    journal.remember(zero(0, 4, CommandFlag.FastZero | CommandFlag.NoHole));
    expect(journal.replay(1024)[0]?.flags).toBe(CommandFlag.NoHole);
  });

  it('keeps within its bounds what is written to the same place over and over', () => {
    const journal = new Journal({ bytesMax: 8, requestsMax: 1000 });
    for (let round = 0; round < 100; round++) journal.remember(write(round % 2, [round, round]));
    expect(brief(journal.replay(1024))).toEqual(['0+3 [98,99,99]']);
    journal.serverLost();
    expect(journal.takeLost()).toEqual([]);
  });

  it.each([
    ['bytes', { bytesMax: 8, requestsMax: 1000 }],
    ['requests', { bytesMax: 1000, requestsMax: 4 }],
  ])('gives up when it has too many %s, and tells what is lost when the server is', (_, bounds) => {
    const journal = new Journal(bounds);
    for (let index = 0; index < 10; index++) journal.remember(write(index * 10, [1, 1]));
    expect(journal.isEmpty).toBe(false);
    expect(journal.takeLost()).toEqual([]);
    journal.serverLost();
    const ranges = journal.takeLost();
    expect(ranges).toHaveLength(10);
    expect(ranges[3]).toEqual({ offset: 30n, length: 2n });
    expect(journal.takeLost()).toEqual([]);
    expect(journal.isEmpty).toBe(true);
  });

  it('loses nothing of what it gave up once that is flushed', () => {
    const journal = new Journal({ bytesMax: 4, requestsMax: 10 });
    for (let index = 0; index < 10; index++) journal.remember(write(index, [1]));
    const early = journal.mark();
    // From here on it keeps again.
    journal.remember(write(50, [5]));
    journal.flushed(early);
    journal.serverLost();
    expect(journal.takeLost()).toEqual([]);
    expect(brief(journal.replay(1024))).toEqual(['50+1 [5]']);
  });

  it('does not count what was given up behind a FLUSH as flushed by it', () => {
    const journal = new Journal({ bytesMax: 4, requestsMax: 10 });
    const mark = journal.mark();
    for (let index = 0; index < 10; index++) journal.remember(write(index, [1]));
    journal.flushed(mark);
    journal.serverLost();
    expect(journal.takeLost()).toEqual([{ offset: 0n, length: 10n }]);
  });

  it('goes on naming what failed flushes have left, however many there are', () => {
    const journal = new Journal({ bytesMax: 4, requestsMax: 10 });
    for (let index = 0; index < 100; index++) {
      for (let count = 0; count < 3; count++) journal.remember(write(index * 10 + count, [1, 1]));
      journal.mark();
    }
    journal.serverLost();
    const ranges = journal.takeLost();
    expect(ranges.length).toBeLessThanOrEqual(64);
    const last = ranges.at(-1) as { offset: bigint; length: bigint };
    expect([ranges[0]?.offset, last.offset + last.length]).toEqual([0n, 994n]);
  });

  it('loses everything that is not flushed when there is no server to replay it to', () => {
    const journal = new Journal(roomy);
    journal.remember(write(3, [1, 2]));
    journal.loseAll();
    expect(journal.takeLost()).toEqual([{ offset: 3n, length: 2n }]);
    expect(journal.isEmpty).toBe(true);
  });

  it('is exact at the end of the largest export', () => {
    const journal = new Journal(roomy);
    const offset = 2n ** 63n - 4096n;
    journal.remember(requestOf(Command.Write, 0, offset, 4n, Uint8Array.of(1, 2, 3, 4)));
    journal.remember(requestOf(Command.WriteZeroes, 0, 0n, 2n ** 62n));
    expect(brief(journal.replay(1024))).toEqual([`0+${2n ** 62n} zero`, `${offset}+4 [1,2,3,4]`]);
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'brings a server that lost its writes up to date, after random writes (seed %i)',
    (seed) => {
      const next = seededRandom(seed);
      const size = 200;
      const below = (bound: number): number => Math.floor(next() * bound);
      const journal = new Journal({ bytesMax: 150, requestsMax: 20 });
      const model = new Uint8Array(size);
      let flushed: Uint8Array = model.slice();
      let pending: { mark: FlushMark; content: Uint8Array } | undefined;
      let losses = 0;
      let lostRanges = 0;
      for (let step = 0; step < 3000; step++) {
        const offset = below(size);
        const length = 1 + below(Math.min(20, size - offset));
        const what = below(12);
        // A server may put FUA writes alone on its disk, and of the others any.
        const flags = below(8) === 0 ? CommandFlag.Fua : 0;
        if (what < 8) {
          const bytes = Array.from({ length }, () => below(256));
          const request = what < 6 ? write(offset, bytes, flags) : zero(offset, length, flags);
          carryOut(model, request);
          if (flags !== 0) carryOut(flushed, request);
          if (flags !== 0 && pending !== undefined) carryOut(pending.content, request);
          journal.remember(request);
        } else if (what < 9) {
          pending ??= { mark: journal.mark(), content: model.slice() };
        } else if (what < 10 && pending !== undefined) {
          journal.flushed(pending.mark);
          // What is acknowledged while the flush is under way may be on the disk, or not.
          flushed = pending.content;
          pending = undefined;
        } else if (what === 11 && below(10) === 0) {
          const content = flushed.slice();
          journal.serverLost();
          const lost = journal.takeLost();
          for (const request of journal.replay(32)) carryOut(content, request);
          // A caller that gets the report of a loss writes again.
          for (const { offset: start, length: count } of lost) {
            const bytes = model.subarray(Number(start), Number(start + count));
            carryOut(content, write(Number(start), [...bytes]));
            journal.remember(write(Number(start), [...bytes]));
          }
          expect(Buffer.compare(content, model)).toBe(0);
          losses++;
          lostRanges += lost.length;
        }
      }
      expect(losses).toBeGreaterThan(5);
      expect(lostRanges).toBeGreaterThan(0);
    },
  );
});
