/** nbdzero(1) beside `nbd zero`. */
import { erasingManners, erasingOptions } from './erasing.ts';
import type { PeerTool } from './peer-tool.ts';

export const nbdzero: PeerTool = {
  name: 'nbdzero',
  purpose: 'Makes a disk, or a part of it, read as zeroes.',
  debianPackage: 'libnbd-bin',
  since: '1.24',
  versions: '1.24.4, by hand and by its manual',
  ours: ['nbd zero'],
  options: [
    ...erasingOptions('nbd zero'),
    {
      option: '--fast-zero',
      meaning: 'only where that is quicker than writing',
      verdict: 'same by its manual',
      ours: 'nbd zero --fast, --fast-zero',
    },
    {
      option: '--zero',
      aliases: ['-z'],
      meaning: 'zero, do not discard; nbdzero does so anyhow',
      verdict: 'left out',
      why: '`nbd zero` always does',
    },
  ],
  manners: erasingManners('nbd zero'),
};
