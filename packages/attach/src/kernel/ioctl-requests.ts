/** The driver's requests by ioctl (linux/nbd.h), and in which order they are made. */
import type { DeviceSettings } from '../netlink/nbd-messages.ts';

/** `NBD_*`. */
const DeviceRequest = {
  SetSocket: 0xab00,
  SetBlockSize: 0xab01,
  DoIt: 0xab03,
  ClearSocket: 0xab04,
  SetSizeBlocks: 0xab07,
  Disconnect: 0xab08,
  SetTimeout: 0xab09,
  SetFlags: 0xab0a,
} as const;

/** A request and its argument. */
export type DeviceOrder = readonly [request: number, argument: number | bigint];

/**
 * What attaches a device. The last one settles when the device is detached. All of them have to come from one thread, because the driver
 * takes sockets from the first thread only.
 */
export function attachingOrders(settings: DeviceSettings, sockets: readonly number[]): readonly DeviceOrder[] {
  const { size, blockSize, transmissionFlags, timeoutSeconds } = settings;
  return [
    ...sockets.map((fd): DeviceOrder => [DeviceRequest.SetSocket, fd]),
    [DeviceRequest.SetBlockSize, blockSize],
    [DeviceRequest.SetSizeBlocks, size / BigInt(blockSize)],
    [DeviceRequest.SetFlags, transmissionFlags],
    [DeviceRequest.SetTimeout, timeoutSeconds],
    [DeviceRequest.DoIt, 0],
  ];
}

/** What detaches it. */
export const detachingOrders: readonly DeviceOrder[] = [
  [DeviceRequest.Disconnect, 0],
  [DeviceRequest.ClearSocket, 0],
];
