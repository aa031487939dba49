import { library } from '../../tooling/tsup/library.ts';

export default library({ 'core/index': 'src/core/index.ts' });
