/** Everything that NBD sends over the wire: constants, codecs for both directions, and the NBD URI. No sockets, no clocks, no promises.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export * from './constants/constants.ts';
export * from './constants/magic.ts';
export { flagNames, type NameTable, nameTable } from './constants/name-table.ts';
export * from './constants/wire-error.ts';
export { ByteAssembler } from './handshake/byte-assembler.ts';
export * from './handshake/greeting.ts';
export * from './handshake/info.ts';
export * from './handshake/option-reply.ts';
export * from './handshake/option-request.ts';
export { Malformed } from './malformed.ts';
export { decodeName, encodeName, faultOfName } from './text/name.ts';
export { encodeText, printableBytes, printableText, quoted, stringBytesMax } from './text/text.ts';
export * from './transmission/reply.ts';
export { ReplyDecoder } from './transmission/reply-decoder.ts';
export type { ReplyHandler } from './transmission/reply-handler.ts';
export * from './transmission/request.ts';
export {
  deferPayload,
  RequestDecoder,
  type RequestDecoderOptions,
  type RequestHandler,
  type RequestHeader,
} from './transmission/request-decoder.ts';
export * from './uri/format-uri.ts';
export { looksLikeUri, parseUri } from './uri/parse-uri.ts';
export type { NbdUri, TlsType, UriAddress, UriTls } from './uri/uri.ts';
