/** Copies of parts: what of a source is read, and how quick; and the earlier copy that takes what has changed. */
import { stat } from 'node:fs/promises';
import type { BlockDevice } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createRateLayer, createSliceLayer, type FileDevice, openFileDevice } from '@nbdjs/storage';
import { type RangeOptions, rangeOf } from '../../options/range.ts';
import type { DeviceSide } from './side.ts';

/** Returns the part of a source that the options choose, which is read at the rate that they allow. */
export function partOf(
  side: DeviceSide,
  { rate, ...range }: RangeOptions & { readonly rate?: number | undefined },
): DeviceSide {
  const part = sliceOf(side.device, range);
  if (rate === undefined) return { ...side, device: part };
  return { ...side, device: createRateLayer(part, { clock: systemClock, bytesPerSecond: rate }) };
}

function sliceOf(device: BlockDevice, { offset, length }: RangeOptions): BlockDevice {
  if (offset === undefined && length === undefined) return device;
  return createSliceLayer(device, rangeOf(device.geometry.size, { offset, length }));
}

/** Opens a file that is changed in some places. It has to be there, and keeps its size. `keep` is given what is to be closed later. */
export async function openEarlierCopy(path: string, keep: (device: FileDevice) => void): Promise<DeviceSide> {
  const device = await openFileDevice(path);
  keep(device);
  return { type: 'device', device, name: path, isZero: false, stats: await stat(path) };
}
