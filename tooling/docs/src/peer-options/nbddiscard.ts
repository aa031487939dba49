/** nbddiscard(1) beside `nbd discard`. */
import { erasingManners, erasingOptions } from './erasing.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbddiscard: PeerTool = {
  name: 'nbddiscard',
  purpose: 'Lets a server give the storage of a disk, or of a part of it, back.',
  debianPackage: 'libnbd-bin',
  versions: 'the program and the manual of 1.24.4',
  ours: ['nbd discard'],
  options: [
    ...erasingOptions('nbd discard'),
    {
      option: '--zero',
      aliases: ['-z'],
      meaning: 'zero, do not discard',
      since: '1.24',
      verdict: 'better',
      ours: 'nbd zero',
      why: 'it is a command of its own, so that no letter makes one of the other',
    },
    {
      option: '--fast-zero',
      meaning: 'zero, and only where that is quicker than writing',
      since: '1.24',
      verdict: 'better',
      ours: 'nbd zero --fast-zero',
      why: 'it is a command of its own, so that no letter makes one of the other',
    },
  ],
  manners: erasingManners('nbd discard'),
};
