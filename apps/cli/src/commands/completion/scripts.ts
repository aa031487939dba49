/** Completion scripts of the shells. */

/** What completion needs to know about one command. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** Of a family, such as `nbd objects`. */
  readonly commands: readonly CompletedCommand[];
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
  const whole = withMembers(commands);
  const cases = whole
    .map(({ name, options }) => `    '${name}') words="${options.map(({ flag }) => flag).join(' ')}" ;;`)
    .join('\n');
  const values = whole
    .flatMap(({ name, options }) => options.map(({ flag, values }) => ({ word: `${name},${flag}`, values })))
    .filter(({ values }) => values.length > 0)
    .map(
      ({ word, values }) => `    '${word}') COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$current")); return ;;`,
    )
    .join('\n');
  const families = commands
    .filter((command) => command.commands.length > 0)
    .map(
      ({ name, commands: members }) => `    ${name})
      if [ "$COMP_CWORD" -eq 2 ]; then
        COMPREPLY=($(compgen -W "${members.map((member) => member.name).join(' ')} --help" -- "$current"))
        return
      fi
      command="${name} \${COMP_WORDS[2]}" ;;`,
    )
    .join('\n');
  return `# bash completion for nbd: source it, or put it into the completions folder as "nbd"
_nbd() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case "$command" in
${families}
  esac
  case "$command" in
${cases}
  esac
  case "$command,\${COMP_WORDS[COMP_CWORD-1]}" in
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

/** All commands, those of a family behind it, by both of their words. */
function withMembers(commands: readonly CompletedCommand[]): readonly CompletedCommand[] {
  return commands.flatMap((command) => [
    command,
    ...command.commands.map((member) => ({ ...member, name: `${command.name} ${member.name}` })),
  ]);
}

function zsh(commands: readonly CompletedCommand[]): string {
  const namesOf = (list: readonly CompletedCommand[]): string =>
    list.map(({ name, description }) => `    '${name}:${quote(description)}'`).join('\n');
  const families = commands
    .filter((command) => command.commands.length > 0)
    .map(
      ({ name, commands: members }) => `  if [[ "$command" == ${name} ]]; then
    commands=(
${namesOf(members)}
    )
    if (( CURRENT == 2 )); then
      _describe command commands
      return
    fi
    command="${name} $words[2]"
    shift words
    (( CURRENT-- ))
  fi`,
    )
    .join('\n');
  const cases = withMembers(commands)
    .map(({ name, options }) => {
      const specs = options.map(({ flag, description, values }) => {
        const next = values.length === 0 ? '' : `:value:(${values.join(' ')})`;
        return `'${flag}[${quote(description).replace(/[[\]]/g, '')}]${next}'`;
      });
      return `    '${name}') _arguments ${specs.join(' ')} '*:file:_files' ;;`;
    })
    .join('\n');
  return `#compdef nbd
_nbd() {
  local -a commands
  commands=(
${namesOf(commands)}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
${families}
  case "$command" in
${cases}
  esac
}
_nbd "$@"
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const families = commands.filter((command) => command.commands.length > 0);
  const lines = commands.flatMap((command) => {
    const { name, description, commands: members } = command;
    // A member of a family may have the name of a command.
    const others = families.filter((family) => family.commands.some((member) => member.name === name));
    const isOwn = [`__fish_seen_subcommand_from ${name}`, ...others.map(notAfter)].join('; and ');
    const memberNames = members.map((member) => member.name).join(' ');
    return [
      `complete -c nbd -n __fish_use_subcommand -f -a ${name} -d '${quote(description)}'`,
      ...fishOptions(isOwn, command),
      ...members.flatMap((member) => [
        `complete -c nbd -n '${isOwn}; and not __fish_seen_subcommand_from ${memberNames}' -f -a ${member.name} -d '${quote(member.description)}'`,
        ...fishOptions(`${isOwn}; and __fish_seen_subcommand_from ${member.name}`, member),
      ]),
    ];
  });
  return `# fish completion for nbd\n${lines.join('\n')}\n`;
}

function notAfter({ name }: CompletedCommand): string {
  return `not __fish_seen_subcommand_from ${name}`;
}

function fishOptions(condition: string, { options }: CompletedCommand): readonly string[] {
  return options.map(({ flag, description, values }) => {
    const kind = flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
    const next = values.length === 0 ? '' : ` -x -a '${values.join(' ')}'`;
    return `complete -c nbd -n '${condition}' ${kind}${next} -d '${quote(description)}'`;
  });
}

function quote(text: string): string {
  return text.replaceAll("'", '’').replace(/:/g, '\\:');
}
