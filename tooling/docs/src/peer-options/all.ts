/** The programs on docs/options-of-others.md, in its order. */
import { nbdClient } from './nbd-client.ts';
import { nbdcopy } from './nbdcopy.ts';
import { nbddiscard } from './nbddiscard.ts';
import { nbddump } from './nbddump.ts';
import { nbdfuse } from './nbdfuse.ts';
import { nbdinfo } from './nbdinfo.ts';
import { nbdsh } from './nbdsh.ts';
import { nbdzero } from './nbdzero.ts';
import type { PeerTool } from './peer-tool.ts';
import { qemuImgBench, qemuImgCompare, qemuImgMap } from './qemu-img.ts';
import { qemuNbd } from './qemu-nbd.ts';

export { optionsIn, type PeerOption, type PeerTool, rowsOf, spellingsOf, titleOf } from './peer-tool.ts';

export const peerTools: readonly PeerTool[] = [
  ...[nbdinfo, nbdcopy, nbddump, nbdsh, nbdzero, nbddiscard, nbdfuse],
  ...[qemuNbd, qemuImgMap, qemuImgCompare, qemuImgBench],
  nbdClient,
];
