import { library } from '../../tooling/tsup/library.ts';

const doors = ['blob', 'defined', 'file', 'layers', 'memory', 'opfs'];

export default library(Object.fromEntries(doors.map((door) => [`${door}/index`, `src/${door}/index.ts`])));
