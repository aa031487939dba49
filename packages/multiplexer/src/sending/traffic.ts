/** Where many short requests, which are best treated in groups, differ from few or long ones. */

/** From this number of requests in flight on, a server that has answered one does not wait for the next one. */
export const manyInFlightMin = 4;
/** Payloads are long from this length on, in bytes. */
export const longPayloadMin = 32 * 1024;
/**
 * Replies of this length, in bytes, come one by one even if many are in flight, so that looking for the next one is worth it. Of shorter ones
 * several come together: looking for them costs a quarter more processor time, and brings nothing (64 KiB over TCP).
 */
export const loneReplyMin = 128 * 1024;
