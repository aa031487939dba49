/** Where few, short, long and very long requests are best treated differently. All measured. */
import { HeaderBytes } from '@nbdjs/protocol';

/** From this number of requests in flight on, those that several deliveries wake leave together: the server has others to work on. */
export const gatherInFlightMin = 32;
/** Payloads are long from this length on, in bytes. */
export const longPayloadMin = 32 * 1024;
/** Replies of this length, in bytes, come one by one, even if many are in flight. */
const loneReplyMin = 128 * 1024;
/** So many bytes are taken in together in any case: two replies of 4 KiB. */
const intakeMin = 8 * 1024 + 64;
/** What stands in front of the data of a reply, in every mode at most: header and offset, in bytes. */
const replyHeaderBytes = HeaderBytes.ExtendedReply + 8;
/** While fewer requests than this are in flight, each reply is awaited by itself. */
const severalInFlightMin = 4;
/** From this number on, there are replies in nearly every turn of the event loop anyway. */
const manyInFlightMin = 128;

/**
 * Whether it is worth looking for the next reply before the event loop sleeps, with so many requests and bytes of payload in flight. To wake
 * a process takes longer than a server needs for a short request, and is work for both sides. Replies of middle length are the exception:
 * several of them come together, and looking for them takes up to twice the processor time, for nothing (64 KiB over TCP). (ADR 0017)
 */
export function isNextReplyNear(requestsInFlight: number, payloadBytes: number): boolean {
  if (requestsInFlight < severalInFlightMin) return requestsInFlight > 0;
  if (payloadBytes >= requestsInFlight * loneReplyMin) return true;
  return requestsInFlight < manyInFlightMin && payloadBytes < requestsInFlight * longPayloadMin;
}

/**
 * How many bytes of replies are best taken in together, with so many requests and bytes of payload in flight after those that have come:
 * no more than are awaited now. A read that went on with the replies to what is sent next would keep up with a server that sends them one by
 * one, and all that time no request would leave, so that the server has nothing to do afterwards. This way each side works on one half
 * of the requests. (ADR 0067)
 */
export function intakeBytes(requestsInFlight: number, payloadBytes: number): number {
  if (payloadBytes === 0 || payloadBytes >= requestsInFlight * longPayloadMin) return Number.MAX_SAFE_INTEGER;
  return Math.max(intakeMin, payloadBytes + requestsInFlight * replyHeaderBytes);
}
