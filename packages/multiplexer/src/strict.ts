/** Checks before anything is sent, each of which can be switched off to try out a server. The names are libnbd's. */

/** What is refused, mended or filled in on our side. With a check off, the request goes out as it was asked for. */
export interface StrictChecks {
  /** Commands that the export does not advertise are refused, and writing ones on a read-only export. */
  readonly commands: boolean;
  /** Flags that the export does not advertise are refused. */
  readonly flags: boolean;
  /** Ranges that are not within the export are refused. */
  readonly bounds: boolean;
  /** Requests for no bytes are not sent: they succeed, but a block status fails. */
  readonly zeroSize: boolean;
  /** Ranges that do not fit the minimum block size are mended by reading, changing and writing whole blocks. */
  readonly align: boolean;
  /** Reads and writes longer than the server takes are split. Without it, 64 MiB go in one piece. */
  readonly payload: boolean;
  /** `PAYLOAD_LEN` is set where extended headers want it. */
  readonly autoFlag: boolean;
}

export const strictDefaults: StrictChecks = {
  commands: true,
  flags: true,
  bounds: true,
  zeroSize: true,
  align: true,
  payload: true,
  autoFlag: true,
};
