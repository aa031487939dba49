import { library } from '../../tooling/tsup/library.ts';

export default library({ worker: 'src/worker.ts' });
