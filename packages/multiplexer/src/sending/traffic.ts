/** Where many short requests, which are best treated in groups, differ from few or long ones. */

/** From this number of requests in flight on, a server that has answered one does not wait for the next one. */
export const manyInFlightMin = 4;
/** Payloads are long from this length on, in bytes. */
export const longPayloadMin = 32 * 1024;
