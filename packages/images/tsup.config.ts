import { library } from '../../tooling/tsup/library.ts';

const doors = ['codecs', 'node', 'qcow2'];

export default library(Object.fromEntries(doors.map((door) => [`${door}/index`, `src/${door}/index.ts`])));
