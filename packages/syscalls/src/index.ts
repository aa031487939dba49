/**
 * The few system calls that Node lacks. Each one is optional: without koffi's library, or on another system than
 * Linux, `capabilities` says so and the callers take their portable paths.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export { blockDeviceSize, sectorSize } from './block-device.ts';
export { cachedReadBytesMax, readCached, willNeed } from './cached-read.ts';
export { type Capabilities, capabilities } from './capabilities.ts';
export { duplicateDescriptor } from './descriptor.ts';
export { createDescriptorInlet, type DescriptorInlet } from './descriptor-inlet.ts';
export { controlDevice } from './device-control.ts';
export { type FileLock, lockFile } from './file-lock.ts';
export { setIoFlusher } from './io-flusher.ts';
export { type MessageDevice, type MessageListener, openMessageDevice } from './message-device.ts';
export { type NetlinkSocket, openNetlink } from './netlink.ts';
export { peerUser, setSendBuffer, socketPair } from './socket.ts';
export {
  punchHole,
  punchHoleAside,
  type SoughtAside,
  seekData,
  seekDataAside,
  seekHole,
  seekHoleAside,
  zeroRange,
  zeroRangeAside,
} from './sparse.ts';
