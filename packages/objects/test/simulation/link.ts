/** The way from one process to the store: slow, lossy, cut, and never quite sure. */
import type { VirtualClock } from '@nbdjs/testkit';
import { createTroubledStore, type ObjectStore, type StoreTrouble } from '../../src/index.ts';
import type { Gate } from './gate.ts';

export interface LinkState {
  /** Usual time of a request, in milliseconds. */
  latencyMs: number;
  /** Share of requests that fail. */
  errorRate: number;
  /** Nothing gets through. */
  isCut: boolean;
}

/** Answers reach the process when it runs. Requests that are under way reach the store even if the process has died. */
export function linkTo(
  store: ObjectStore,
  time: VirtualClock,
  gate: Gate,
  state: LinkState,
  random: () => number,
): ObjectStore {
  const trouble = (): StoreTrouble => {
    if (state.isCut) return { delayMs: 1000 * random(), error: 'ERR_NBD_STORE_TRANSIENT' };
    const latency = (): number => Math.ceil(state.latencyMs * (0.5 + random()));
    const late = random() < 0.02 ? 20_000 * random() : 0;
    const trouble = { delayMs: latency() + late, answerMs: latency() };
    if (random() >= state.errorRate) return trouble;
    const kind = random();
    if (kind < 0.3) return { ...trouble, error: 'ERR_NBD_STORE_THROTTLED', retryAfterMs: 500 * random() };
    return { ...trouble, error: 'ERR_NBD_STORE_TRANSIENT', isCarriedOut: kind < 0.7 };
  };
  const below = createTroubledStore(store, { clock: time, trouble });
  const held = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } finally {
      await gate.pass();
    }
  };
  return {
    name: below.name,
    abilities: below.abilities,
    get: (key, options) => held(below.get(key, options)),
    put: (key, body, options) => held(below.put(key, body, options)),
    head: (key, options) => held(below.head(key, options)),
    delete: (key, options) => held(below.delete(key, options)),
    list: (prefix, options) => held(below.list(prefix, options)),
    close: async () => {},
  };
}
