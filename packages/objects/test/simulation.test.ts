/**
 * A fleet of gateways in virtual time. NBDJS_LONG makes it thousands of runs; NBDJS_SEED begins with another one.
 *
 * @module-tag slow
 */
import { isNbdError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../src/index.ts';
import { Violation } from './simulation/oracle.ts';
import { simulate } from './simulation/simulate.ts';

const isLong = process.env.NBDJS_LONG !== undefined && process.env.NBDJS_LONG !== '';
const first = Number(process.env.NBDJS_SEED ?? 1);
const groups = isLong ? 100 : 6;
const perGroup = 50;

describe('no byte that was flushed is lost, and there are never two writers', () => {
  for (let group = 0; group < groups; group++) {
    const from = first + group * perGroup;
    it(`seeds ${from} to ${from + perGroup - 1}`, async () => {
      let [writers, writes, removed] = [0, 0, 0];
      for (let seed = from; seed < from + perGroup; seed++) {
        const result = await simulate(seed).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${error}`, { cause: error });
        });
        writers += result.writers;
        writes += result.writes;
        removed += result.removed;
      }
      // The runs are worth something only if much happens in them.
      expect(writers).toBeGreaterThan(2 * perGroup);
      expect(writes).toBeGreaterThan(40 * perGroup);
      expect(removed).toBeGreaterThan(perGroup);
    });
  }
});

describe('the simulation finds', () => {
  const finds = async (around: (store: ObjectStore) => ObjectStore): Promise<string> => {
    for (let seed = 1; seed <= 100; seed++) {
      try {
        await simulate(seed, { around });
      } catch (error) {
        // A disk that is damaged may be found by its reader before it is found by the oracle.
        expect(error instanceof Violation || isNbdError(error), String(error)).toBe(true);
        return String(error);
      }
    }
    throw new Error('a broken store went through 100 runs');
  };
  const around = (store: ObjectStore, change: Partial<ObjectStore>): ObjectStore => ({
    name: store.name,
    abilities: store.abilities,
    get: (key, options) => store.get(key, options),
    put: (key, body, options) => store.put(key, body, options),
    head: (key, options) => store.head(key, options),
    delete: (key, options) => store.delete(key, options),
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
    ...change,
  });

  it('writers that are not fenced, because the store ignores If-Match', async () => {
    const violation = await finds((store) =>
      around(store, {
        put: (key, body, options = {}) =>
          key.startsWith('disks/') ? store.put(key, body, { signal: options.signal }) : store.put(key, body, options),
      }),
    );
    expect(violation).toMatch(
      /was flushed|fenced|is acknowledged as flushed|two writers|later epoch|never written|missing|no such/,
    );
  });

  it('a store that forgets what it has acknowledged', async () => {
    await finds((store) => {
      let count = 0;
      return around(store, {
        put: (key, body, options) =>
          key.startsWith('objects/') && ++count % 10 === 0
            ? store.head(key).then(
                ({ etag }) => ({ etag }),
                () => ({ etag: '"lost"' }),
              )
            : store.put(key, body, options),
      });
    });
  });
});
