/** What docs/options-of-others.md says of libnbd's tools to be the same is the same. */
import { startNbdkit } from '@nbdjs/peers';
import { answers, describeSameAs } from './same-as.ts';

describeSameAs(
  'nbddump',
  (workspace) => startNbdkit(workspace, ['--no-sr', 'data', '( "0123456789abcdef" )*5 1 2 3 @5000 7', 'size=64k']),
  {
    '--length=N': [
      { command: 'dump', words: ({ uri }) => ['--length=100', uri()] },
      { command: 'dump', words: ({ uri }) => ['--limit', '5001', uri()] },
      { command: 'dump', words: ({ uri }) => ['-n', '16', uri()] },
    ],
    '--offset=N': [
      { command: 'dump', words: ({ uri }) => ['--offset=3', uri()], from: ['trixie'] },
      { command: 'dump', words: ({ uri }) => ['--skip', '64', '-n', '64', uri()], from: ['trixie'] },
      { command: 'dump', words: ({ uri }) => ['-o', '75', uri()], from: ['trixie'] },
    ],
    '--no-color': ['--no-color', '--no-colors', '--no-colour', '--no-colours'].map((option) => ({
      command: 'dump',
      words: ({ uri }) => [option, uri()],
    })),
    '--help': { command: 'dump', words: () => ['--help'], output: answers },
    '--version': ['--version', '-V'].map((option) => ({ command: 'dump', words: () => [option], output: answers })),
    'NBD-URI': { command: 'dump', words: ({ uri }) => [uri()] },
    '[ CMD ARGS ]': {
      command: 'dump',
      words: () => ['--', '[', 'nbdkit', '--exit-with-parent', 'data', '1 2 3', 'size=512', ']'],
    },
  },
);
