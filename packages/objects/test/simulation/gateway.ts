/** A gateway with its client: opens the disk, writes, flushes and reads, until it loses the disk or its life. */
import type { VirtualClock } from '@nbdjs/testkit';
import { type ObjectDisk, type ObjectStore, openDisk } from '../../src/index.ts';
import { Gate, ProcessClock } from './gate.ts';
import { type LinkState, linkTo } from './link.ts';
import { type Oracle, Violation } from './oracle.ts';

export const cellCount = 24;
export const objectBytes = 65_536;
export const diskBytes = 8 * objectBytes;
export const disk = 'vm/root';
export const leaseMs = 3000;

/** Cells are spread over the disk; some share a chunk, some a block. */
function offsetOf(cell: number): number {
  return Math.floor(cell / 3) * objectBytes + ([0, 512, 40_000][cell % 3] as number);
}

export interface World {
  readonly time: VirtualClock;
  readonly store: ObjectStore;
  readonly oracle: Oracle;
  readonly random: () => number;
  /** What each snapshot has to have. */
  readonly snapshots: Map<string, readonly number[]>;
  isOver: boolean;
  fail(error: unknown): void;
}

export class Gateway {
  readonly gate = new Gate();
  readonly clock: ProcessClock;
  readonly link: LinkState = { latencyMs: 20, errorRate: 0.02, isCut: false };
  readonly #world: World;
  readonly #name: string;
  readonly #store: ObjectStore;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
    this.clock = new ProcessClock(world.time, this.gate);
    this.#store = linkTo(world.store, world.time, this.gate, this.link, world.random);
    void this.#live().catch((error: unknown) => world.fail(error));
  }

  async #live(): Promise<void> {
    const { random } = this.#world;
    while (!this.#world.isOver) {
      await this.#wait(2000 * random());
      let opened: ObjectDisk;
      try {
        opened = await openDisk(this.#store, disk, {
          clock: this.clock,
          random,
          makeId: () => hex(random) + hex(random),
          label: this.#name,
          takeOver: random() < 0.3 ? 'now' : 'expired',
          leaseMs,
          retryMs: 8000,
          attemptMs: 2000,
          // Little memory: puts come from pressure too, not from flushes only.
          dirtyBytes: 2 * objectBytes,
          cacheBytes: 3 * objectBytes,
          readAheadBytes: objectBytes,
        });
      } catch (error) {
        if (error instanceof Violation) throw error;
        continue;
      }
      await this.#use(opened);
    }
  }

  async #use(opened: ObjectDisk): Promise<void> {
    const { oracle, random } = this.#world;
    const { epoch } = opened;
    try {
      const model = await readCells(opened);
      oracle.opened(epoch, [...model]);
      /** Written and acknowledged, not flushed. */
      const pending = new Map<number, number>();
      for (let steps = 20 + 60 * random(); steps > 0 && !this.#world.isOver; steps--) {
        await this.#wait(400 * random());
        const choice = random();
        if (choice < 0.6) {
          const cell = Math.floor(random() * cellCount);
          const stamp = oracle.stamp(epoch, cell);
          await opened.write(offsetOf(cell), bytesOf(stamp));
          model[cell] = stamp;
          pending.set(cell, stamp);
        } else if (choice < 0.85) {
          const asked = new Map(pending);
          await opened.flush();
          oracle.flushed(epoch, asked);
        } else if (choice < 0.97) {
          const cell = Math.floor(random() * cellCount);
          const value = await readCell(opened, cell);
          if (value !== model[cell])
            throw new Violation(`epoch ${epoch} reads ${value} in cell ${cell}, it has written ${model[cell]}`);
        } else {
          const name = `s${oracle.stampCount}.${epoch}`;
          const content = [...model];
          await opened.snapshot(name);
          oracle.flushed(epoch, new Map(pending));
          this.#world.snapshots.set(name, content);
        }
      }
    } catch (error) {
      // Refused, fenced, timed out: the gateway tries again from the start.
      if (error instanceof Violation) throw error;
    }
    await opened.close();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.schedule(ms, resolve));
  }
}

export async function readCells(opened: ObjectDisk): Promise<number[]> {
  const values: number[] = [];
  for (let cell = 0; cell < cellCount; cell++) values.push(await readCell(opened, cell));
  return values;
}

async function readCell(opened: ObjectDisk, cell: number): Promise<number> {
  const target = new Uint8Array(4);
  await opened.read(offsetOf(cell), target);
  return new DataView(target.buffer).getUint32(0);
}

function bytesOf(stamp: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, stamp);
  return bytes;
}

function hex(random: () => number): string {
  return Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}
