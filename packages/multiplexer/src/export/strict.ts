/**
 * Checks, each of which can be switched off to try out a server. Those before anything is sent have the names that libnbd gives
 * them.
 */

/** What is refused, mended or filled in on our side. With such a check off, the request goes out as it was asked for. */
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
  /**
   * A reply that breaks a rule ends everything, for the server is not to be relied on. With this off, only its request fails (`EIO`, with
   * the `ProtocolError` as its cause) as long as it is known where the reply ends.
   */
  readonly replies: boolean;
}

export const strictDefaults: StrictChecks = {
  commands: true,
  flags: true,
  bounds: true,
  zeroSize: true,
  align: true,
  payload: true,
  autoFlag: true,
  replies: true,
};
