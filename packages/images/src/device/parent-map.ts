/** A parent image as what lies below a child: its bytes, and zeroes behind its end. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { ImageFile } from './image-file.ts';
import { holeRun, type Run, type RunMap } from './run.ts';
import { type StatusSource, statusOf } from './status-source.ts';

/** All of a device, from a place on. */
export class DeviceMap implements RunMap {
  readonly #file: ImageFile;
  readonly #start: number;
  readonly #status: StatusSource | undefined;

  /** `start`: where the map's first byte is in the device. */
  constructor(device: BlockDevice, start = 0) {
    this.#file = new ImageFile(device);
    this.#start = start;
    this.#status = statusOf(device);
  }

  /** Bytes from the map's start to the device's end. */
  get length(): number {
    return this.#file.size - this.#start;
  }

  locate(offset: number, length: number): Run {
    const at = this.#start + offset;
    if (at >= this.#file.size) return holeRun(length);
    const bytes = Math.min(length, this.#file.size - at);
    return { kind: 'stored', file: this.#file, at, length: bytes, status: this.#status };
  }
}

/** A map as it is seen from a place on. */
export function mapFrom(map: RunMap, start: number): RunMap {
  return { locate: (offset, length) => map.locate(start + offset, length) };
}
