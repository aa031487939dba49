/** The command line: commands, options, help, and what becomes of errors. */
import { createRequire } from 'node:module';
import { isNbdError, UsageError } from '@nbdjs/interfaces';
import { Command, CommanderError, Option } from 'commander';
import { addColours } from './arguments/colours.ts';
import { addDump } from './arguments/dump.ts';
import { addGeneral } from './arguments/general.ts';
import { addNoHangup } from './arguments/hangup.ts';
import { addInfo } from './arguments/info.ts';
import { parseOperand } from './arguments/operands.ts';
import { addServe } from './arguments/serve.ts';
import { addServerWords, serverWords } from './arguments/server.ts';
import { parseCount, parsePowerOfTwo, parseSize } from './arguments/size.ts';
import { addClientTls, tlsWords, withTls } from './arguments/tls.ts';
import { prepareWords, type Words } from './arguments/words.ts';
import { causes, oneLine, suggestion } from './failure.ts';
import { Interrupted, type Terminal } from './terminal.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

// Commands are loaded when they are asked for: loading is most of what a short run costs.
const commands = {
  certs: async () => (await import('./commands/certs.ts')).certs,
  completion: async () => (await import('./commands/completion.ts')).completion,
  copy: async () => (await import('./commands/copy.ts')).copy,
  demo: async () => (await import('./commands/demo.ts')).demo,
};

const kibi = 1024;
const mebi = 1024 * kibi;

/** Runs one command line. Never throws; the answer is the exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const isVerbose = argv.includes('--verbose') || argv.includes('-v');
  const printed: Promise<void>[] = [];
  const print = (text: string): void => {
    const done = terminal.print(text);
    // It is awaited when all that there is to say has been said.
    done.catch(() => {});
    printed.push(done);
  };
  try {
    const words = prepareWords(argv);
    const program = makeProgram(words.brackets, terminal, print, (code) => {
      exitCode = code;
    });
    await program.parseAsync([...words.words], { from: 'user' });
    await Promise.all(printed);
    return exitCode;
  } catch (error) {
    const failure = await Promise.all(printed).then(
      () => error,
      (reason: unknown) => reason,
    );
    return report(failure, argv[0], isVerbose, terminal);
  }
}

/** Prints an error as one line, and gives the exit code that belongs to it. */
function report(error: unknown, command: string | undefined, isVerbose: boolean, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof Interrupted) return error.exitCode;
  if (terminal.signal.aborted) {
    const { reason } = terminal.signal;
    if (reason instanceof Interrupted) return reason.exitCode;
  }
  const colours = terminal.colours('stderr');
  terminal.note(`${colours.red('nbd:')} ${oneLine(error)}`);
  const advice = suggestion(error, command);
  if (advice !== undefined) terminal.note(`nbd: suggestion: ${advice}`);
  if (isVerbose) for (const line of causes(error)) terminal.note(`nbd:   ${line}`);
  // An error that is none of ours, and not the system's, is a defect: its stack is worth more than a short message.
  const isExpected = isNbdError(error) || (error instanceof Error && 'syscall' in error);
  if (!isExpected && isVerbose && error instanceof Error) terminal.note(error.stack ?? '');
  return 1;
}

function makeProgram(
  brackets: Words['brackets'],
  terminal: Terminal,
  print: (text: string) => void,
  exit: (code: number) => void,
): Command {
  const program = new Command('nbd')
    .description('Look at, copy, dump and serve NBD (Network Block Device) exports.')
    .helpCommand('help [command]', 'show help for a command')
    .showHelpAfterError('(nbd --help tells what is possible)')
    .addHelpText('after', help)
    // What follows a command is the command's.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeErr: (text) => terminal.stderr.write(text),
      writeOut: print,
      outputError: (text, write) => write(text.replace(/^error:/, 'nbd:')),
    });
  const versionLine = `nbd ${version}\n`;
  addGeneral(program, versionLine, print);
  const add = (name: string, summary: string): Command =>
    addGeneral(
      program
        .command(name)
        .summary(summary)
        .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`),
      versionLine,
      print,
    );

  addInfo(add('info', 'show what a server and its exports are like'), brackets, terminal, exit);
  addCopy(add('copy', 'copy from and to NBD servers, files, and standard input and output'), brackets, terminal, exit);
  addDump(add('dump', 'dump an export as hexadecimal digits'), brackets, terminal, exit);
  addServe(add('serve', 'serve files, memory or other servers'), brackets, terminal, exit);
  addCerts(add('certs', 'make certificates or shared keys for TLS'), terminal, exit);
  addColours(add('demo', 'serve and copy a small image, and show how')).action(async (options: { color?: boolean }) =>
    exit(await (await commands.demo())(terminal, options.color)),
  );
  add('completion', 'print a completion script for a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => terminal.print((await commands.completion())(shell, program)));
  // After the commands, which would take that over. What is in excess here is a command that does not exist.
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`);
    exit(await (await commands.demo())(terminal, undefined));
  });
  return program;
}

const help = `
A server is an NBD URI (nbds:// and nbds+unix:// demand TLS), or a command in brackets that speaks NBD by systemd
socket activation:
  nbd://host[:port]/export    nbd+unix:///export?socket=PATH    [ qemu-nbd -r -f qcow2 disk.qcow2 ]

Examples:
  nbd info nbd://localhost
  nbd info --map --json nbd+unix:///?socket=/run/nbd.sock
  nbd copy nbd://localhost/disk disk.img
  nbd copy disk.img [ qemu-nbd -f qcow2 disk.qcow2 ]
  nbd serve --socket /run/nbd.sock disk.img
  nbd certs && nbd serve --tls-certificates pki disk.img`;

function addCopy(
  command: Command,
  brackets: Words['brackets'],
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  command
    .argument('<source>', 'an NBD URI, [ COMMAND ], a file or block device, or - for standard input')
    .argument('<destination>', 'the same, with - for standard output, or null:')
    .option('--allocated', 'leave no holes in the destination')
    .option(
      '-C, --connections <n>',
      'connections to each server, if both sides allow several',
      count('--connections', 1, 64),
      4,
    )
    .option('--destination-is-zero', 'the destination reads as zeroes already')
    .addOption(new Option('--target-is-zero').hideHelp())
    .option('--flush', 'flush the destination at the end')
    .option('--no-extents', 'do not ask the source for its block map')
    .option(
      '--progress <how>',
      'show progress: bar, json, json:FD, or a descriptor for N/100 lines (alone, or as -p: a bar)',
    )
    .option(
      '--queue-size <n>',
      'bytes held in memory for each connection, at most (default: as many as it takes)',
      size('--queue-size', 1, 4096 * mebi),
    )
    .option('--request-size <n>', 'length of a read', powerOfTwo('--request-size', 4 * kibi, 32 * mebi), 256 * kibi)
    .option(
      '-R, --requests <n>',
      'requests in flight for each connection, at most (default: as many as it takes)',
      count('--requests', 1, 65536),
    )
    .option('--checkpoint <file>', 'tell there how far the copy has come, and go on from there')
    .option('--verify', 'compare when all is copied')
    .option(
      '-S, --sparse <n>',
      'look for zeroes in blocks of this size, 0: do not (default: 4096, but not for few zeroes among data)',
      powerOfTwo('--sparse', 512, 2 ** 31, true),
    )
    .option('--synchronous', 'one request at a time, in order')
    .addOption(new Option('--blkhash [how]').hideHelp())
    .addOption(new Option('--blkhash-file <file>').hideHelp())
    .addOption(new Option('-T, --threads <n>', 'accepted for the sake of nbdcopy; has no effect').hideHelp());
  addColours(command);
  addServerWords(command, 'try again what fails, so often, and wait for servers');
  addNoHangup(command, terminal);
  addClientTls(command)
    .option('-q, --quiet', 'print nothing but errors')
    .option('-v, --verbose', 'tell what is copied how')
    .action(async (source: string, destination: string, options: Record<string, unknown>) => {
      if (options.blkhash !== undefined || options.blkhashFile !== undefined) {
        const instead = "to hash what is copied, use 'nbd copy SOURCE - | sha256sum'";
        throw new UsageError('ERR_NBD_ARGUMENT', `--blkhash: block hashes are not available here; ${instead}`);
      }
      const copy = await commands.copy();
      const words = tlsWords(options);
      const sides = [source, destination].map((word) => parseOperand(word, brackets));
      exit(
        await copy(
          withTls(parseOperand(source, brackets), words, sides),
          withTls(parseOperand(destination, brackets), words, sides),
          {
            connections: options.connections as number,
            requests: options.requests as number | undefined,
            requestSize: options.requestSize as number,
            queueSize: options.queueSize as number | undefined,
            sparse: options.sparse as number | undefined,
            extents: options.extents !== false,
            allocated: options.allocated === true,
            destinationIsZero: options.destinationIsZero === true || options.targetIsZero === true,
            flush: options.flush === true,
            synchronous: options.synchronous === true,
            ...serverWords(options),
            checkpoint: options.checkpoint as string | undefined,
            verify: options.verify === true,
            verbose: options.verbose === true,
            quiet: options.quiet === true,
            progress: options.progress as string | undefined,
            colour: options.color as boolean | undefined,
          },
          terminal,
        ),
      );
    });
}

function addCerts(command: Command, terminal: Terminal, exit: (code: number) => void): void {
  command
    .argument('[folder]', 'where the files go (default: pki)')
    .option('-d, --directory <folder>', 'the same')
    .option('--host <name...>', 'names and IP addresses of the server (default: localhost 127.0.0.1 ::1)')
    .option('--client <name>', 'name of the client, such as alice or CN=alice,O=Example (default: client)')
    .option('--days <n>', 'how long the certificates are good', count('--days', 1, 36_500), 365)
    .option('--psk <user...>', 'make keys that these users share with the server, instead of certificates')
    .option('--authority <folder>', 'go on with the authority in that folder instead of making a new one')
    .option('--revoke <certificate...>', 'make the list of those that the authority takes back')
    .option('--passphrase-file <file>', "whose first line encrypts the keys, and opens the authority's")
    .option('-f, --force', 'replace files that are there');
  addColours(command)
    .option('-v, --verbose', 'say more about errors')
    .action(async (folder: string | undefined, options: Record<string, unknown>) => {
      if (folder !== undefined && options.directory !== undefined) {
        throw new UsageError('ERR_NBD_ARGUMENT', 'the folder is given twice, by itself and by --directory');
      }
      const certs = await commands.certs();
      exit(
        await certs(
          {
            directory: folder ?? (options.directory as string | undefined) ?? 'pki',
            hosts: options.host as string[] | undefined,
            client: options.client as string | undefined,
            days: options.days as number,
            psk: options.psk as string[] | undefined,
            authority: options.authority as string | undefined,
            revoke: options.revoke as string[] | undefined,
            passphraseFile: options.passphraseFile as string | undefined,
            force: options.force === true,
            colour: options.color as boolean | undefined,
          },
          terminal,
        ),
      );
    });
}

function count(option: string, from: number, to: number): (text: string) => number {
  return (text) => parseCount(text, option, from, to);
}

function powerOfTwo(option: string, from: number, to: number, zero = false): (text: string) => number {
  return (text) => parsePowerOfTwo(text, option, from, to, zero);
}

function size(option: string, from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(parseSize(text, option));
    if (value >= from && value <= to) return value;
    throw new UsageError('ERR_NBD_ARGUMENT', `${option}: ${text} is not between ${from} and ${to}`);
  };
}
