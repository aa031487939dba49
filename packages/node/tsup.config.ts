import { library } from '../../tooling/tsup/library.ts';

export default library({ 'web/index': 'src/web/index.ts' });
