/**
 * All other numbers on the wire, each group with a table of the specification's names.
 *
 * The keys are words without the prefix of C, which the group's comment has. A number stands here once: the tables refer to it by
 * its key, and a key without a name does not compile.
 */
import { nameTable } from './name-table.ts';

/** Handshake flags of the server (`NBD_FLAG_*`, 16 bits) and of the client (`NBD_FLAG_C_*`, 32 bits): the same bits. */
export const HandshakeFlag = {
  FixedNewstyle: 1 << 0,
  NoZeroes: 1 << 1,
} as const;

/** The specification's names of the handshake flags, without their prefix: by number, and back. */
export const handshakeFlags = nameTable('handshake flag', HandshakeFlag, {
  FixedNewstyle: 'FIXED_NEWSTYLE',
  NoZeroes: 'NO_ZEROES',
});

/** Transmission flags (`NBD_FLAG_*`, 16 bits): what the export can do. */
export const TransmissionFlag = {
  HasFlags: 1 << 0,
  ReadOnly: 1 << 1,
  SendFlush: 1 << 2,
  SendFua: 1 << 3,
  Rotational: 1 << 4,
  SendTrim: 1 << 5,
  SendWriteZeroes: 1 << 6,
  SendDf: 1 << 7,
  CanMultiConn: 1 << 8,
  SendResize: 1 << 9,
  SendCache: 1 << 10,
  SendFastZero: 1 << 11,
  BlockStatusPayload: 1 << 12,
} as const;

/** The specification's names of the transmission flags, without their prefix: by number, and back. */
export const transmissionFlags = nameTable('transmission flag', TransmissionFlag, {
  HasFlags: 'HAS_FLAGS',
  ReadOnly: 'READ_ONLY',
  SendFlush: 'SEND_FLUSH',
  SendFua: 'SEND_FUA',
  Rotational: 'ROTATIONAL',
  SendTrim: 'SEND_TRIM',
  SendWriteZeroes: 'SEND_WRITE_ZEROES',
  SendDf: 'SEND_DF',
  CanMultiConn: 'CAN_MULTI_CONN',
  SendResize: 'SEND_RESIZE',
  SendCache: 'SEND_CACHE',
  SendFastZero: 'SEND_FAST_ZERO',
  BlockStatusPayload: 'BLOCK_STATUS_PAYLOAD',
});

/** Options (`NBD_OPT_*`). */
export const Option = {
  ExportName: 1,
  Abort: 2,
  List: 3,
  /** Withdrawn from the specification; never sent. */
  PeekExport: 4,
  StartTls: 5,
  Info: 6,
  Go: 7,
  StructuredReply: 8,
  ListMetaContext: 9,
  SetMetaContext: 10,
  ExtendedHeaders: 11,
} as const;

/** The specification's names of the options, without their prefix: by number, and back. */
export const options = nameTable('option', Option, {
  ExportName: 'EXPORT_NAME',
  Abort: 'ABORT',
  List: 'LIST',
  PeekExport: 'PEEK_EXPORT',
  StartTls: 'STARTTLS',
  Info: 'INFO',
  Go: 'GO',
  StructuredReply: 'STRUCTURED_REPLY',
  ListMetaContext: 'LIST_META_CONTEXT',
  SetMetaContext: 'SET_META_CONTEXT',
  ExtendedHeaders: 'EXTENDED_HEADERS',
});

/** Set in every option reply type that is an error. */
const optionError = 0x8000_0000;

/** Option replies (`NBD_REP_*`). */
export const OptionReply = {
  Ack: 1,
  Server: 2,
  Info: 3,
  MetaContext: 4,
  ErrUnsupported: optionError + 1,
  ErrPolicy: optionError + 2,
  ErrInvalid: optionError + 3,
  ErrPlatform: optionError + 4,
  ErrTlsRequired: optionError + 5,
  ErrUnknown: optionError + 6,
  ErrShutdown: optionError + 7,
  ErrBlockSizeRequired: optionError + 8,
  ErrTooBig: optionError + 9,
  ErrExtendedHeadersRequired: optionError + 10,
} as const;

/** The specification's names of the option replies, without their prefix: by number, and back. */
export const optionReplies = nameTable('option reply', OptionReply, {
  Ack: 'ACK',
  Server: 'SERVER',
  Info: 'INFO',
  MetaContext: 'META_CONTEXT',
  ErrUnsupported: 'ERR_UNSUP',
  ErrPolicy: 'ERR_POLICY',
  ErrInvalid: 'ERR_INVALID',
  ErrPlatform: 'ERR_PLATFORM',
  ErrTlsRequired: 'ERR_TLS_REQD',
  ErrUnknown: 'ERR_UNKNOWN',
  ErrShutdown: 'ERR_SHUTDOWN',
  ErrBlockSizeRequired: 'ERR_BLOCK_SIZE_REQD',
  ErrTooBig: 'ERR_TOO_BIG',
  ErrExtendedHeadersRequired: 'ERR_EXT_HEADER_REQD',
});

/** Returns whether an option reply type says that the option failed. */
export function isOptionError(replyType: number): boolean {
  return replyType >= optionError;
}

/** Kinds of information in `INFO` and `GO` (`NBD_INFO_*`). */
export const InfoType = {
  Export: 0,
  Name: 1,
  Description: 2,
  BlockSize: 3,
} as const;

/** The specification's names of the kinds of information, without their prefix: by number, and back. */
export const infoTypes = nameTable('info', InfoType, {
  Export: 'EXPORT',
  Name: 'NAME',
  Description: 'DESCRIPTION',
  BlockSize: 'BLOCK_SIZE',
});

/** Commands (`NBD_CMD_*`). */
export const Command = {
  Read: 0,
  Write: 1,
  Disconnect: 2,
  Flush: 3,
  Trim: 4,
  Cache: 5,
  WriteZeroes: 6,
  BlockStatus: 7,
  /** Of the resize extension; reserved in the main specification. */
  Resize: 8,
} as const;

/** The specification's names of the commands, without their prefix: by number, and back. */
export const commands = nameTable('command', Command, {
  Read: 'READ',
  Write: 'WRITE',
  Disconnect: 'DISC',
  Flush: 'FLUSH',
  Trim: 'TRIM',
  Cache: 'CACHE',
  WriteZeroes: 'WRITE_ZEROES',
  BlockStatus: 'BLOCK_STATUS',
  Resize: 'RESIZE',
});

/** Command flags (`NBD_CMD_FLAG_*`, 16 bits). */
export const CommandFlag = {
  Fua: 1 << 0,
  NoHole: 1 << 1,
  /** Don't fragment. */
  Df: 1 << 2,
  ReqOne: 1 << 3,
  FastZero: 1 << 4,
  /** Extended headers only: the header's length counts payload bytes. */
  PayloadLen: 1 << 5,
} as const;

/** The specification's names of the command flags, without their prefix: by number, and back. */
export const commandFlags = nameTable('command flag', CommandFlag, {
  Fua: 'FUA',
  NoHole: 'NO_HOLE',
  Df: 'DF',
  ReqOne: 'REQ_ONE',
  FastZero: 'FAST_ZERO',
  PayloadLen: 'PAYLOAD_LEN',
});

/** Structured reply chunks (`NBD_REPLY_TYPE_*`). */
export const ChunkType = {
  None: 0,
  OffsetData: 1,
  OffsetHole: 2,
  BlockStatus: 5,
  BlockStatusExt: 6,
  Error: 0x8001,
  ErrorOffset: 0x8002,
} as const;

/** The specification's names of the types of chunks, without their prefix: by number, and back. */
export const chunkTypes = nameTable('chunk type', ChunkType, {
  None: 'NONE',
  OffsetData: 'OFFSET_DATA',
  OffsetHole: 'OFFSET_HOLE',
  BlockStatus: 'BLOCK_STATUS',
  BlockStatusExt: 'BLOCK_STATUS_EXT',
  Error: 'ERROR',
  ErrorOffset: 'ERROR_OFFSET',
});

/** Set in every chunk type that is an error. */
export const chunkErrorBit = 0x8000;

/** Flags of a chunk (`NBD_REPLY_FLAG_*`). */
export const ChunkFlag = {
  /** No further chunk of this reply follows. */
  Done: 1 << 0,
} as const;

/** The specification's names of the flags of chunks, without their prefix: by number, and back. */
export const chunkFlags = nameTable('chunk flag', ChunkFlag, {
  Done: 'DONE',
});
