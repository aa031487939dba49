/** The magic numbers that begin each message ("Handshake phase" and "Transmission phase" of the specification). */

/** 64-bit magics of the handshake. */
export const HandshakeMagic = {
  /** `NBDMAGIC`: the server's first eight bytes. */
  Init: 0x4e42_444d_4147_4943n,
  /** `IHAVEOPT`: second word of a newstyle server, and first word of each option. */
  Option: 0x4948_4156_454f_5054n,
  /** `cliserv_magic`: second word of an oldstyle server. */
  Oldstyle: 0x0000_4202_8186_1253n,
  /** First word of each option reply. */
  OptionReply: 0x0003_e889_0455_65a9n,
} as const;

/** 32-bit magics of the transmission phase. */
export const TransmissionMagic = {
  /** `NBD_REQUEST_MAGIC`: compact request, 28 bytes. */
  Request: 0x2560_9513,
  /** `NBD_EXTENDED_REQUEST_MAGIC`: extended request, 32 bytes. */
  ExtendedRequest: 0x21e4_1c71,
  /** `NBD_SIMPLE_REPLY_MAGIC`: simple reply, 16 bytes. */
  SimpleReply: 0x6744_6698,
  /** `NBD_STRUCTURED_REPLY_MAGIC`: structured reply chunk, 20 bytes. */
  StructuredReply: 0x668e_33ef,
  /** `NBD_EXTENDED_REPLY_MAGIC`: extended reply chunk, 32 bytes. */
  ExtendedReply: 0x6e8a_278c,
} as const;

/** Header lengths in bytes, by magic. */
export const HeaderBytes = {
  Request: 28,
  ExtendedRequest: 32,
  SimpleReply: 16,
  StructuredReply: 20,
  ExtendedReply: 32,
} as const;

/** The port that IANA assigned to NBD. */
export const defaultPort = 10809;

/** Zero bytes after the export's size and flags when `NO_ZEROES` was not agreed on, and in the oldstyle handshake. */
export const reservedZeroBytes = 124;
