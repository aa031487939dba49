/** How `nbd completion` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: ['Prints a script that lets a shell complete our commands, options and their values.'],
  examples: [
    { line: 'nbd completion bash > ~/.local/share/bash-completion/completions/nbd', what: 'for bash' },
    { line: 'nbd completion zsh > ~/.zfunc/_nbd', what: 'for zsh, with ~/.zfunc in its fpath' },
    { line: 'nbd completion fish > ~/.config/fish/completions/nbd.fish', what: 'for fish' },
  ],
};
