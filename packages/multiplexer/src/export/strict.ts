/**
 * Checks, each of which can be switched off to try out a server. Those before anything is sent have the names that libnbd gives
 * them.
 */
import { defineOptions, option, type SettingsOf } from '@nbdjs/kit';

/** What is refused, aligned or filled in before a request is sent. With such a check off, the request is sent as the caller gave it. */
export const strictOptions = defineOptions({
  /** Commands that the export does not advertise are refused, and writing ones on a read-only export. @default true */
  commands: option.boolean({
    default: true,
    doc: 'Commands that the export does not advertise are refused, and writing ones on a read-only export.',
  }),
  /** Flags that the export does not advertise are refused. @default true */
  flags: option.boolean({ default: true, doc: 'Flags that the export does not advertise are refused.' }),
  /** Ranges that are not within the export are refused. @default true */
  bounds: option.boolean({ default: true, doc: 'Ranges that are not within the export are refused.' }),
  /** Requests for no bytes are not sent: they succeed, but a block status fails. @default true */
  zeroSize: option.boolean({
    default: true,
    doc: 'Requests for no bytes are not sent: they succeed, but a block status fails.',
  }),
  /** Ranges that do not fit the minimum block size are aligned: whole blocks are read, changed and written. @default true */
  align: option.boolean({
    default: true,
    doc: 'Ranges that do not fit the minimum block size are aligned: whole blocks are read, changed and written.',
  }),
  /** Reads and writes longer than the server takes are split. Without it, 64 MiB go in one piece. @default true */
  payload: option.boolean({
    default: true,
    doc: 'Reads and writes longer than the server takes are split. Without it, 64 MiB go in one piece.',
  }),
  /** `PAYLOAD_LEN` is set where extended headers require it. @default true */
  autoFlag: option.boolean({ default: true, doc: '`PAYLOAD_LEN` is set where extended headers require it.' }),
  /**
   * A reply that breaks a rule ends the connection and closes the device. With this off, only its request fails
   * (`EIO`, with the `ProtocolError` as its cause) as long as it is known where the reply ends. @default true
   */
  replies: option.boolean({
    default: true,
    doc:
      'A reply that breaks a rule ends the connection and closes the device. With this off, only its request ' +
      'fails (`EIO`, with the `ProtocolError` as its cause) as long as it is known where the reply ends.',
  }),
});

/** Which checks are on. */
export interface StrictChecks extends SettingsOf<typeof strictOptions> {}
