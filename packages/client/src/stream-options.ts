/** The options of streams, as data. */
import { limits, type Offset } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';

const rangeOptions = defineOptions({
  /** The first byte. @default 0 */
  offset: option.checked<Offset>(optionChecks.bytes, { default: 0, doc: 'The first byte.' }),
  /** The number of bytes. @default up to the end of the device */
  length: option.checked<Offset>(optionChecks.bytes, {
    defaultText: 'up to the end of the device',
    doc: 'The number of bytes.',
  }),
  /** Ends the stream; it fails with the reason. */
  signal: option.signal({ doc: 'Ends the stream; it fails with the reason.' }),
});

/** The options of `createReadStream` and `readable` as data. */
export const readStreamOptions = defineOptions({
  ...rangeOptions.definitions,
  /**
   * Length of one read in bytes; lowered to what the device takes in one piece.
   *
   * @default 262144; with `requests: 'auto'` 1 MiB while more than 16 MiB are in flight
   */
  requestSize: option.bytes({
    defaultText: "262144; with `requests: 'auto'` 1 MiB while more than 16 MiB are in flight",
    doc: 'Length of one read; lowered to what the device takes in one piece.',
  }),
  /**
   * Reads that are kept in flight, or `'auto'`: as many as are found to make the stream faster, within `queueBytesMax`. 16 reads of the
   * default length bring 80 MB/s at most from a server that is 50 ms away.
   *
   * @default 16
   */
  requests: option.checked<number | 'auto'>(
    optionChecks.either(optionChecks.wholeFrom(1), optionChecks.oneOf('auto')),
    {
      default: 16,
      doc:
        "Reads that are kept in flight, or `'auto'`: as many as are found to make the stream faster, within `queueBytesMax`. " +
        '16 reads of the default length bring 80 MB/s at most from a server that is 50 ms away.',
    },
  ),
  /**
   * Only with `requests: 'auto'`: bytes in flight at most, or held in memory until the stream's reader takes them; raised to one request.
   *
   * @default 64 MiB
   */
  queueBytesMax: option.bytes({
    default: limits.bytesInFlightMax,
    doc:
      "Only with `requests: 'auto'`: bytes in flight at most, or held in memory until the stream's reader takes them; " +
      'raised to one request.',
  }),
});

/** The options of `createWriteStream` and `writable` as data. */
export const writeStreamOptions = defineOptions({
  ...rangeOptions.definitions,
  /** Flush when the stream ends, if the device can. @default true */
  flush: option.boolean({ default: true, doc: 'Flush when the stream ends, if the device can.' }),
});

/** A range of a device, in bytes. */
export interface RangeOptions extends OptionsOf<typeof rangeOptions> {}

/** How a range is read. */
export interface ReadStreamOptions extends OptionsOf<typeof readStreamOptions> {}

/** The same with its defaults. */
export interface ReadStreamSettings extends SettingsOf<typeof readStreamOptions> {}

/** How a range is written. */
export interface WriteStreamOptions extends OptionsOf<typeof writeStreamOptions> {}
