/** What becomes of a device's connections, and of what was written by them. */

/** Reported by `onEvent`; that a device is closed is reported by `closed`. */
export type DeviceEvent =
  /** The last connection is gone; `cause` is absent when the server has ended it in order. */
  | { readonly type: 'lost'; readonly cause?: Error | undefined }
  /** There is a connection again. `requestsReplayed`: by it, requests were repeated that may have been forgotten. */
  | { readonly type: 'restored'; readonly requestsReplayed: number }
  /** Requests that waited for a connection fail. */
  | { readonly type: 'waited-in-vain'; readonly error: Error }
  /** What was acknowledged and not flushed may be gone; the next flush fails with the same. */
  | { readonly type: 'writes-lost'; readonly error: Error };
