import { library } from '../../tooling/tsup/library.ts';

export default library({ 'conformance/index': 'src/conformance/index.ts', 'folder/index': 'src/folder/index.ts' });
