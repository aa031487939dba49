/** The programs on docs/options-of-others.md, in its order. */
import { nbddump } from './nbddump.ts';
import type { PeerTool } from './peer-tool.ts';

export { optionsIn, type PeerOption, type PeerTool, rowsOf, spellingsOf, titleOf } from './peer-tool.ts';

export const peerTools: readonly PeerTool[] = [nbddump];
