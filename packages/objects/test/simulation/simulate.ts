/** One run: gateways that want the same disk, and all that can happen to them. */
import { seededRandom, VirtualClock } from '@nbdjs/testkit';
import {
  checkStore,
  collectGarbage,
  createDisk,
  createMemoryStore,
  createSnapshot,
  type ObjectStore,
  openDisk,
} from '../../src/index.ts';
import { cellCount, disk, diskBytes, Gateway, leaseMs, objectBytes, readCells, type World } from './gateway.ts';
import { Oracle, Violation } from './oracle.ts';

export interface SimulationOptions {
  /** Puts something in front of the store, for instance what breaks it. */
  readonly around?: ((store: ObjectStore) => ObjectStore) | undefined;
  /** Virtual milliseconds. @default 60000 */
  readonly lengthMs?: number | undefined;
}

/** What has happened in a run. */
export interface SimulationResult {
  readonly writers: number;
  readonly writes: number;
  readonly snapshots: number;
  readonly removed: number;
}

const gatewayCount = 3;

/**
 * Simulates a fleet.
 *
 * @throws Violation when a byte that was flushed is lost, or one of a fenced writer is seen.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const { around = (store) => store, lengthMs = 60_000 } = options;
  const random = seededRandom(seed);
  const time = new VirtualClock();
  const memory = createMemoryStore();
  await createDisk(memory, disk, { clock: time, random, size: diskBytes, objectBytes });
  const store = around(memory);
  let failure: { readonly error: unknown } | undefined;
  const oracle = new Oracle(cellCount);
  const world: World = {
    time,
    store,
    oracle,
    random,
    snapshots: new Map(),
    isOver: false,
    fail: (error) => {
      failure ??= { error };
    },
  };
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  const gateways = Array.from({ length: gatewayCount }, (_, index) => new Gateway(world, `gateway ${index}`));
  let removed = 0;
  let isBusy = false;
  /** Work of those who look after the store: one at a time, beside the gateways. */
  const beside = (work: () => Promise<void>): void => {
    if (isBusy) return;
    isBusy = true;
    const done = (): void => {
      isBusy = false;
    };
    work().then(done, (error: unknown) => world.fail(error));
  };
  for (let incarnation = gatewayCount; time.now() < lengthMs; ) {
    await time.advance(Math.ceil(1500 * random()));
    check();
    const index = Math.floor(random() * gatewayCount);
    const gateway = gateways[index] as Gateway;
    const lastsMs = Math.ceil(6 * leaseMs * random() ** 2);
    const choice = random();
    if (choice < 0.15) {
      gateway.gate.kill();
      gateways[index] = new Gateway(world, `gateway ${incarnation++}`);
    } else if (choice < 0.35) {
      const isSuspended = random() < 0.5;
      gateway.gate.pause();
      if (isSuspended) gateway.clock.freeze();
      time.schedule(lastsMs, () => {
        if (isSuspended) gateway.clock.thaw();
        gateway.gate.resume();
      });
    } else if (choice < 0.45) {
      gateway.clock.jump(2 * leaseMs * random());
    } else if (choice < 0.6) {
      gateway.link.isCut = true;
      time.schedule(lastsMs, () => {
        gateway.link.isCut = false;
      });
    } else if (choice < 0.7) {
      gateway.link.latencyMs = 2000 * random();
      gateway.link.errorRate = 0.4 * random();
      time.schedule(lastsMs, () => Object.assign(gateway.link, { latencyMs: 20, errorRate: 0.02 }));
    } else if (choice < 0.85) {
      beside(async () => {
        removed += (await collectGarbage(slow(world), { clock: time, random })).removed;
      });
    } else if (choice < 0.92) {
      const floors = oracle.floorsBelow(Number.POSITIVE_INFINITY);
      beside(async () => {
        const reader = await openDisk(slow(world), disk, { clock: time, random, readOnly: true });
        // A reader is not protected from collections: only what it could read is compared.
        const values = await readCells(reader).catch(() => undefined);
        if (values !== undefined) oracle.checkState('a reader', values, Number.POSITIVE_INFINITY, floors);
        await reader.close();
      });
    } else {
      const name = `admin${Math.floor(time.now())}`;
      beside(async () => {
        await createSnapshot(slow(world), disk, name, { clock: time, random });
        world.snapshots.set(name, []);
      });
    }
  }
  world.isOver = true;
  for (const { gate } of gateways) gate.kill();
  await time.advance(120_000);
  check();
  await inspect(world);
  return { writers: oracle.writerCount, writes: oracle.stampCount, snapshots: world.snapshots.size, removed };
}

/** The end of a run: another writer, all snapshots, and every object. */
async function inspect({ time, store, oracle, snapshots }: World): Promise<void> {
  const clock = time;
  const last = await openDisk(store, disk, { clock, takeOver: 'now' });
  oracle.opened(last.epoch, await readCells(last));
  await last.close();
  await collectGarbage(store, { clock });
  for (const [snapshot, content] of snapshots) {
    const opened = await openDisk(store, disk, { clock, snapshot });
    const values = await readCells(opened);
    if (content.length === 0)
      oracle.checkState(
        `snapshot ${snapshot}`,
        values,
        Number.POSITIVE_INFINITY,
        values.map(() => 0),
      );
    else if (values.join() !== content.join())
      throw new Violation(`snapshot ${snapshot} has ${values}, expected ${content}`);
    await opened.close();
  }
  const { problems } = await checkStore(store, undefined, { clock, data: true });
  if (problems.length > 0) throw new Violation(`${problems[0]?.where}: ${problems[0]?.what}`);
}

/** The way of those who look after the store: slow, but without errors. */
function slow({ store, time, random }: World): ObjectStore {
  const late = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await new Promise<void>((resolve) => time.schedule(1 + 100 * random(), resolve));
    return work();
  };
  return {
    name: store.name,
    abilities: store.abilities,
    get: (key, options) => late(() => store.get(key, options)),
    put: (key, body, options) => late(() => store.put(key, body, options)),
    head: (key, options) => late(() => store.head(key, options)),
    delete: (key, options) => late(() => store.delete(key, options)),
    list: (prefix, options) => late(() => store.list(prefix, options)),
    close: async () => {},
  };
}
