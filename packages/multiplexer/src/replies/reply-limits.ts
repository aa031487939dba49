/** How much of a server's answers is taken, so that a hostile one costs bounded memory and time. */
import { limits } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';

/** The limits as data: defaults, units, checks and texts. */
export const replyLimits = defineOptions({
  /** Chunks in one structured reply; a server that sends more breaks the rules. @default 65536 */
  replyChunksMax: option.count({
    default: 65_536,
    doc: 'Chunks in one structured reply; a server that sends more breaks the rules.',
  }),
  /** Ranges of one read that have arrived, with gaps between them; a server that makes more breaks the rules. @default 16384 */
  replyStretchesMax: option.count({
    default: 16_384,
    doc: 'Ranges of one read that have arrived, with gaps between them; a server that makes more breaks the rules.',
  }),
  /** Extents in one block status chunk; a server that sends more breaks the rules. @default 1048576 */
  replyExtentsMax: option.count({
    default: limits.replyExtentsMax,
    doc: 'Extents in one block status chunk; a server that sends more breaks the rules.',
  }),
  /** Extents of one block status reply that are kept, of all contexts; the rest is asked for again. @default 131072 */
  extentsKeptMax: option.count({
    default: 131_072,
    doc: 'Extents of one block status reply that are kept, of all contexts; the rest is asked for again.',
  }),
});

/** Limits of replies that are to be others than the default. */
export interface ReplyLimitOptions extends OptionsOf<typeof replyLimits> {}

/** The limits of replies, all of them. */
export interface ReplyLimits extends SettingsOf<typeof replyLimits> {}
