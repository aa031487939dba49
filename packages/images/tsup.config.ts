import { library } from '../../tooling/tsup/library.ts';

const doors = ['archives', 'codecs', 'compressed', 'node', 'partitions', 'probe', 'qcow2', 'vhd', 'vhdx', 'vmdk'];

export default library(Object.fromEntries(doors.map((door) => [`${door}/index`, `src/${door}/index.ts`])));
