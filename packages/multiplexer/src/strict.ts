/** Checks before anything is sent, each of which can be switched off to try out a server. */

/** What is refused (or mended) on our side. libnbd's strict modes, by name. */
export interface StrictChecks {
  /** Commands that the export does not advertise are refused. */
  readonly commands: boolean;
  /** Flags that the export does not advertise are refused. */
  readonly flags: boolean;
  /** Ranges outside of the export are refused. */
  readonly bounds: boolean;
  /** Requests for no bytes are answered without asking the server. */
  readonly zeroSize: boolean;
  /** Ranges that do not fit the minimum block size are mended by reading, changing and writing whole blocks. */
  readonly align: boolean;
  /** Requests longer than the server takes are split. */
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
