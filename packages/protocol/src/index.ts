/**
 * Every word on the NBD wire: constants, codecs for both directions, and the NBD URI. No sockets, no clocks, no promises.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export { ByteAssembler } from './byte-assembler.ts';
export * from './constants.ts';
export * from './greeting.ts';
export * from './info.ts';
export * from './magic.ts';
export { Malformed } from './malformed.ts';
export { decodeName, encodeName, faultOfName } from './name.ts';
export { flagNames, type NameTable, nameTable } from './name-table.ts';
export * from './option-reply.ts';
export * from './option-request.ts';
export * from './reply.ts';
export { ReplyDecoder } from './reply-decoder.ts';
export type { ReplyHandler } from './reply-handler.ts';
export * from './request.ts';
export {
  later,
  RequestDecoder,
  type RequestDecoderOptions,
  type RequestHandler,
  type RequestHeader,
} from './request-decoder.ts';
export { encodeText, printableBytes, printableText, quoted } from './text.ts';
export * from './uri.ts';
export * from './wire-error.ts';
