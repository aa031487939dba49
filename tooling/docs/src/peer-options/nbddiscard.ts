/** nbddiscard(1) beside `nbd discard`. */
import { erasingManners, erasingOptions } from './erasing.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbddiscard: PeerTool = {
  name: 'nbddiscard',
  purpose: 'Lets a server give the storage of a disk, or of a part of it, back.',
  debianPackage: 'libnbd-bin',
  since: '1.24',
  versions: '1.24.4, by hand and by its manual',
  ours: ['nbd discard'],
  options: [
    ...erasingOptions('nbd discard'),
    {
      option: '--zero',
      aliases: ['-z'],
      meaning: 'zero, do not discard',
      verdict: 'better',
      ours: 'nbd zero',
      why: 'it is a command of its own, so that no letter makes one of the other',
    },
    {
      option: '--fast-zero',
      meaning: 'zero, and only where that is quicker than writing',
      verdict: 'better',
      ours: 'nbd zero --fast-zero',
      why: 'it is a command of its own, so that no letter makes one of the other',
    },
  ],
  manners: erasingManners('nbd discard'),
};
