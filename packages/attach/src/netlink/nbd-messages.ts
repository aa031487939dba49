/** The kernel's messages about NBD devices (linux/nbd-netlink.h). */
import {
  type Attribute,
  contentOf,
  decodeAttributes,
  encodeNested,
  encodeText,
  encodeU32,
  encodeU64,
} from './attribute.ts';
import { ByteReader } from './byte-reader.ts';
import { DamagedMessage } from './damaged-message.ts';

/** The family's name and version. */
export const nbdFamily = { name: 'nbd', version: 1 } as const;

/** `NBD_CMD_*`. */
export const NbdCommand = { Connect: 1, Disconnect: 2, Reconfigure: 3, Status: 5 } as const;

/** `NBD_ATTR_*`. */
const AttributeType = {
  Index: 1,
  SizeBytes: 2,
  BlockSizeBytes: 3,
  Timeout: 4,
  ServerFlags: 5,
  ClientFlags: 6,
  Sockets: 7,
  DeadConnectionTimeout: 8,
  DeviceList: 9,
  BackendIdentifier: 10,
} as const;

/** `NBD_SOCK_ITEM`, `NBD_SOCK_FD`, `NBD_DEVICE_ITEM`, `NBD_DEVICE_INDEX` and `NBD_DEVICE_CONNECTED`. */
const listItem = 1;
const socketFd = 1;
const deviceIndex = 1;
const deviceConnected = 2;

/** What the kernel is told about a device. */
export interface DeviceSettings {
  /** In bytes. */
  readonly size: bigint;
  /** In bytes: a power of two from 512 to the size of a page. */
  readonly blockSize: number;
  /** `TransmissionFlag` of the protocol. */
  readonly transmissionFlags: number;
  /** After this time without an answer the kernel gives a connection up, in whole seconds; 0: one connection is never given up. */
  readonly timeoutSeconds: number;
  /** How long requests wait for new sockets when the old ones have ended, in whole seconds. */
  readonly deadConnectionSeconds: number;
  /** Shown by the kernel; a process that takes the device over has to give the same. */
  readonly identifier: string | undefined;
}

/** Asks for a device; without an index for any that is free. */
export function connectAttributes(
  index: number | undefined,
  settings: DeviceSettings,
  sockets: readonly number[],
): readonly Uint8Array[] {
  return [
    ...(index === undefined ? [] : [encodeU32(AttributeType.Index, index)]),
    encodeU64(AttributeType.SizeBytes, settings.size),
    encodeU64(AttributeType.BlockSizeBytes, BigInt(settings.blockSize)),
    encodeU64(AttributeType.ServerFlags, BigInt(settings.transmissionFlags)),
    encodeU64(AttributeType.ClientFlags, 0n),
    ...waitAttributes(settings),
    encodeSockets(sockets),
  ];
}

/** Gives a device whose sockets have ended new ones. */
export function reconfigureAttributes(
  index: number,
  settings: DeviceSettings,
  sockets: readonly number[],
): readonly Uint8Array[] {
  return [encodeU32(AttributeType.Index, index), ...waitAttributes(settings), encodeSockets(sockets)];
}

/** Names a device. */
export function indexAttributes(index: number): readonly Uint8Array[] {
  return [encodeU32(AttributeType.Index, index)];
}

function waitAttributes({ timeoutSeconds, deadConnectionSeconds, identifier }: DeviceSettings): readonly Uint8Array[] {
  return [
    encodeU64(AttributeType.Timeout, BigInt(timeoutSeconds)),
    encodeU64(AttributeType.DeadConnectionTimeout, BigInt(deadConnectionSeconds)),
    ...(identifier === undefined ? [] : [encodeText(AttributeType.BackendIdentifier, identifier)]),
  ];
}

function encodeSockets(sockets: readonly number[]): Uint8Array {
  const items = sockets.map((fd) => encodeNested(listItem, [encodeU32(socketFd, fd)]));
  return encodeNested(AttributeType.Sockets, items);
}

/**
 * Returns the number of the device that an answer is about.
 *
 * @throws DamagedMessage when there is none.
 */
export function decodeIndex(attributes: readonly Attribute[]): number {
  const content = contentOf(attributes, AttributeType.Index);
  if (content === undefined) throw new DamagedMessage('there is no number of a device');
  return new ByteReader(content, "device's number").u32(0);
}

/** One device, as the kernel lists it. */
export interface ListedDevice {
  readonly index: number;
  /** Whether it is attached. */
  readonly isConnected: boolean;
}

/**
 * Returns the devices of an answer.
 *
 * @throws DamagedMessage when it is cut off or damaged.
 */
export function decodeDevices(attributes: readonly Attribute[]): readonly ListedDevice[] {
  const list = contentOf(attributes, AttributeType.DeviceList);
  if (list === undefined) throw new DamagedMessage('there is no list of devices');
  return decodeAttributes(list)
    .filter(({ type }) => type === listItem)
    .map(({ content }) => decodeDevice(decodeAttributes(content)));
}

function decodeDevice(attributes: readonly Attribute[]): ListedDevice {
  const index = contentOf(attributes, deviceIndex);
  const connected = contentOf(attributes, deviceConnected);
  if (index === undefined) throw new DamagedMessage('a device has no number');
  return {
    index: new ByteReader(index, "device's number").u32(0),
    isConnected: connected !== undefined && new ByteReader(connected, "device's state").u8(0) !== 0,
  };
}
