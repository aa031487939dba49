/** `nbd completion`: scripts that complete our commands and options in a shell. */
import { UsageError } from '@nbdjs/interfaces';
import type { Command } from 'commander';

/** One command as far as completion is concerned. */
interface Completable {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

const shells: Readonly<Record<string, (commands: readonly Completable[]) => string>> = { bash, zsh, fish };

/** The completion script for a shell. */
export function completion(shell: string, program: Command): string {
  const make = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (make === undefined) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `there is no completion for '${shell}' (known: ${Object.keys(shells).join(', ')})`,
    );
  }
  return make(
    program.commands.map((command) => ({
      name: command.name(),
      description: command.summary() || command.description(),
      options: [
        ...command.options
          .filter((option) => !option.hidden)
          .flatMap((option) =>
            [option.short, option.long].flatMap((flag) =>
              flag === undefined || flag === null ? [] : [{ flag, description: option.description }],
            ),
          ),
        { flag: '--help', description: 'show help' },
      ],
    })),
  );
}

function bash(commands: readonly Completable[]): string {
  const cases = commands
    .map(({ name, options }) => `    ${name}) words="${options.map(({ flag }) => flag).join(' ')}" ;;`)
    .join('\n');
  return `# bash completion for nbd: source it, or put it into the completions folder as "nbd"
_nbd() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    nbd*) COMPREPLY=($(compgen -W "nbd:// nbds:// nbd+unix:/// nbds+unix:///" -- "$current")); compopt -o nospace ;;
    *) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames ;;
  esac
}
complete -F _nbd nbd
`;
}

function zsh(commands: readonly Completable[]): string {
  const names = commands.map(({ name, description }) => `    '${name}:${quote(description)}'`).join('\n');
  const cases = commands
    .map(({ name, options }) => {
      const specs = options.map(({ flag, description }) => `'${flag}[${quote(description).replace(/[[\]]/g, '')}]'`);
      return `    ${name}) _arguments ${specs.join(' ')} '*:file:_files' ;;`;
    })
    .join('\n');
  return `#compdef nbd
_nbd() {
  local -a commands
  commands=(
${names}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases}
  esac
}
_nbd "$@"
`;
}

function fish(commands: readonly Completable[]): string {
  const lines = commands.flatMap(({ name, description, options }) => [
    `complete -c nbd -n __fish_use_subcommand -f -a ${name} -d '${quote(description)}'`,
    ...options.map(({ flag, description: text }) => {
      const kind = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
      return `complete -c nbd -n '__fish_seen_subcommand_from ${name}' ${kind} -d '${quote(text)}'`;
    }),
  ]);
  return `# fish completion for nbd\n${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return text.replaceAll("'", '’').replace(/:/g, '\\:');
}
