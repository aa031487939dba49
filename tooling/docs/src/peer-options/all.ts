/** The programs on docs/options-of-others.md, in its order. */
import { nbdClient } from './nbd-client.ts';
import { nbddump } from './nbddump.ts';
import type { PeerTool } from './peer-tool.ts';
import { qemuImgBench, qemuImgCompare, qemuImgMap } from './qemu-img.ts';
import { qemuNbd } from './qemu-nbd.ts';

export { optionsIn, type PeerOption, type PeerTool, rowsOf, spellingsOf, titleOf } from './peer-tool.ts';

export const peerTools: readonly PeerTool[] = [nbddump, qemuNbd, qemuImgMap, qemuImgCompare, qemuImgBench, nbdClient];
