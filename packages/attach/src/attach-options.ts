/** The options of `attachDevice` as data. */
import type { Trace } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { ServerEvents } from '@nbdjs/server';

const pageBytes = 4096;
const sectorBytes = 512;

/** The options of `attachDevice` as data: name, default, unit and text of each. */
export const attachOptions = defineOptions({
  /** The device, such as `/dev/nbd0`. @default any that is free */
  path: option.text({ doc: 'The device, such as `/dev/nbd0`.', defaultText: 'any that is free' }),
  /** Refuse to write. @default true for a device that is read-only */
  readOnly: option.boolean({
    default: false,
    doc: 'Refuse to write.',
    defaultText: 'true for a device that is read-only',
  }),
  /** Connections between the kernel and this process, each with a queue of requests, at most 16. @default 1 */
  connections: option.count({
    default: 1,
    least: 1,
    most: 16,
    doc: 'Connections between the kernel and this process, each with a queue of requests.',
  }),
  /**
   * The blocks that the kernel reads and writes, in bytes: a power of two from 512 to 4096.
   * @default the smallest that the device allows
   */
  blockSize: option.powerOfTwoBytes({
    least: sectorBytes,
    most: pageBytes,
    doc: 'The blocks that the kernel reads and writes.',
    defaultText: 'the smallest that the device allows',
  }),
  /**
   * How long the kernel keeps requests when this process has ended without detaching, so that another one can take the device over
   * (`takeOver`). In whole seconds; 0: they fail at once. By netlink only. @default 0
   */
  keepSeconds: option.count({
    default: 0,
    most: 86_400,
    zero: 'they fail at once',
    doc: 'How long, in seconds, the kernel keeps requests when this process has ended without detaching.',
  }),
  /**
   * Go on with the device at `path`, whose process has ended without detaching: its size and its flags stay as they are. By netlink only.
   * @default false
   */
  takeOver: option.boolean({
    default: false,
    doc: 'Go on with the device at `path`, whose process has ended without detaching.',
  }),
  /**
   * What the kernel shows as the device's origin (`/sys/block/nbdN/backend`, Linux 5.14 or later). A process that takes the device over has to
   * give the same. It is shown to all users, so it must have no secrets. @default none
   */
  identifier: option.text({ doc: "What the kernel shows as the device's origin.", defaultText: 'none' }),
  /** The way to the kernel. @default `netlink` where the kernel has it, else `ioctl` */
  via: option.oneOf(['netlink', 'ioctl'], {
    doc: 'The way to the kernel.',
    defaultText: '`netlink` where the kernel has it, else `ioctl`',
  }),
  /** Where the events of the sessions with the kernel are published, such as requests that fail. @default diagnostics channels */
  trace: option.object<Trace<ServerEvents>>({
    doc: 'Where the events of the sessions with the kernel are published, such as requests that fail.',
    defaultText: 'diagnostics channels',
  }),
});

/** How a device is attached. */
export interface AttachOptions extends OptionsOf<typeof attachOptions> {}
