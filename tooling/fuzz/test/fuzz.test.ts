/** A short run over all targets, the same each time; `pnpm fuzz` runs longer ones. */

import { seededRandom } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeInput, encodeInput } from '../src/input-file.ts';
import { judge } from '../src/judge.ts';
import { inputBytesMax, mutate } from '../src/mutations.ts';
import { run } from '../src/runner.ts';
import { decodeSession, encodeSession, sessions } from '../src/sessions.ts';
import { insist, type Target } from '../src/target.ts';
import { targets } from '../src/targets/index.ts';

const seed = 1;
const inputsOfEach = 150;

let stray: unknown;
const note = (error: unknown): void => {
  stray ??= error;
};
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

describe('hostile bytes', () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    'do no harm: %s',
    async (_name, target) => {
      const findings: string[] = [];
      const { inputs } = await run({
        seed,
        targets: [target],
        isOver: (count) => count === inputsOfEach,
        onFinding: (_target, input, error) => findings.push(`${input.seed}: ${error.stack}`),
      });
      await target.close?.();
      expect(findings).toEqual([]);
      expect(stray).toBeUndefined();
      expect(inputs).toBe(inputsOfEach);
    },
    60_000,
  );
});

describe('the fuzzer', () => {
  const fragile: Target = {
    name: 'fragile',
    corpus: () => [Uint8Array.of(1, 2, 3, 4)],
    run: ({ bytes }) => insist(bytes.length !== 3, `${bytes.length} bytes are too few`),
  };

  it('finds the same things again with the same seed, and others with another', async () => {
    const find = async (withSeed: number): Promise<readonly string[]> => {
      const found: string[] = [];
      const options = { seed: withSeed, targets: [fragile], isOver: (count: number) => count === 500 };
      const result = await run({ ...options, onFinding: (_target, input) => found.push(String(input.seed)) });
      expect(result.findings).toBeGreaterThan(0);
      expect(result.kinds.size).toBe(1);
      return found;
    };
    expect(await find(1)).toEqual(await find(1));
    expect(await find(1)).not.toEqual(await find(2));
  });

  it('tells a crash, a rejection and a hang from what is well', async () => {
    const input = { seed: 0, bytes: new Uint8Array(0) };
    const broken = (work: Target['run']): Target => ({ name: 'broken', corpus: () => [], run: work });
    expect(
      await judge(
        broken(() => {}),
        input,
      ),
    ).toBeUndefined();
    expect(
      await judge(
        broken(() => insist(false, 'x')),
        input,
      ),
    ).toMatchObject({ message: 'x' });
    expect(
      await judge(
        broken(async () => Promise.reject(new TypeError('y'))),
        input,
      ),
    ).toMatchObject({ message: 'y' });
  });

  it('never makes an input that is too long, and writes inputs down as they are', () => {
    const random = seededRandom(1);
    const corpus = [new Uint8Array(inputBytesMax)];
    for (let count = 0; count < 50; count++) {
      const input = { seed: count, bytes: mutate(corpus, random) };
      expect(input.bytes.length).toBeLessThanOrEqual(inputBytesMax);
      const again = decodeInput(encodeInput(input));
      expect(again.seed).toBe(input.seed);
      expect(Buffer.compare(again.bytes, input.bytes)).toBe(0);
    }
  });

  it('has recorded sessions of each mode, of real clients and of real servers', () => {
    expect(sessions().length).toBeGreaterThan(20);
    for (const mode of ['simple', 'structured', 'extended'] as const) {
      const ofMode = sessions().filter((session) => session.mode === mode && session.replies.length > 0);
      expect(ofMode.length, mode).toBeGreaterThan(0);
    }
    const pieces = [
      { from: 'client', bytes: Uint8Array.of(1, 2) } as const,
      { from: 'server', bytes: new Uint8Array(0) } as const,
    ];
    expect(decodeSession(encodeSession(pieces))).toEqual(pieces);
  });
});
