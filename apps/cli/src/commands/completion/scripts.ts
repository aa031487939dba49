/** Completion scripts of the shells. */

/** What completion needs to know about one command. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
}

interface CompletedOption {
  readonly flag: string;
  readonly description: string;
  /** What may follow, where that is known. */
  readonly values: readonly string[];
}

/** By the name of the shell. */
export const shells = { bash, zsh, fish };

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands
    .map(({ name, options }) => `    ${name}) words="${options.map(({ flag }) => flag).join(' ')}" ;;`)
    .join('\n');
  const values = commands
    .flatMap(({ name, options }) => options.map(({ flag, values }) => ({ word: `${name},${flag}`, values })))
    .filter(({ values }) => values.length > 0)
    .map(({ word, values }) => `    ${word}) COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$current")); return ;;`)
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
  case "\${COMP_WORDS[1]},\${COMP_WORDS[COMP_CWORD-1]}" in
${values}
    completion,completion) COMPREPLY=($(compgen -W "${Object.keys(shells).join(' ')}" -- "$current")); return ;;
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

function zsh(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, description }) => `    '${name}:${quote(description)}'`).join('\n');
  const cases = commands
    .map(({ name, options }) => {
      const specs = options.map(({ flag, description, values }) => {
        const next = values.length === 0 ? '' : `:value:(${values.join(' ')})`;
        return `'${flag}[${quote(description).replace(/[[\]]/g, '')}]${next}'`;
      });
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

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, description, options }) => [
    `complete -c nbd -n __fish_use_subcommand -f -a ${name} -d '${quote(description)}'`,
    ...options.map(({ flag, description: text, values }) => {
      const kind = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
      const next = values.length === 0 ? '' : ` -x -a '${values.join(' ')}'`;
      return `complete -c nbd -n '__fish_seen_subcommand_from ${name}' ${kind}${next} -d '${quote(text)}'`;
    }),
  ]);
  return `# fish completion for nbd\n${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return text.replaceAll("'", '’').replace(/:/g, '\\:');
}
