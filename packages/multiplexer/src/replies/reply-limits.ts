/** How much of a server's answers is taken, so that a hostile one costs bounded memory and time. */
import type { LimitOptions } from '@nbdjs/interfaces';
import { settleLimits } from '@nbdjs/kit';

export interface ReplyLimits {
  /** Chunks in one structured reply; a server that sends more breaks the rules. */
  readonly replyChunksMax: number;
  /** Stretches, with gaps between them, that the chunks of a read may have delivered at a time; the same holds. */
  readonly replyStretchesMax: number;
  /** Extents in one block status chunk; the same holds. */
  readonly replyExtentsMax: number;
  /** Extents of one block status reply that are kept, of all contexts; what lies behind is asked for again. */
  readonly extentsKeptMax: number;
}

/** @throws UsageError naming the limit that is none. */
export function resolveReplyLimits(given?: LimitOptions<keyof ReplyLimits>): ReplyLimits {
  return settleLimits(['replyChunksMax', 'replyStretchesMax', 'replyExtentsMax', 'extentsKeptMax'], given);
}
