import { library } from '../../tooling/tsup/library.ts';

export default library({ main: 'src/main.ts' }, 'application');
