import { library } from '../../tooling/tsup/library.ts';

export default library({ 'connector/index': 'src/connector/index.ts' });
