import { library } from '../../tooling/tsup/library.ts';

export default library({ 'ioctl-thread': 'src/kernel/ioctl-thread.ts' });
