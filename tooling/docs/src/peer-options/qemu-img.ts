/** The commands of qemu-img(1) that read servers, beside ours. */
import { helpRow } from './general-rows.ts';
import type { PeerOption, PeerTool } from './peer-tool.ts';

const common = { debianPackage: 'qemu-utils', versions: '7.2.22 and 10.0.13', name: 'qemu-img' } as const;

/**
 * Each command lists its options by itself in newer releases; older ones have a line for each command in the help about all, with the short
 * spellings only.
 */
function listing(command: string, title: string): Pick<PeerTool, 'listings' | 'listingPart'> {
  return {
    listings: [[command, '--help']],
    listingPart: new RegExp(`^ {2}${command} \\[.*$|^${title}[\\s\\S]*`, 'm'),
  };
}

const objects: PeerOption = {
  option: '--object OBJDEF',
  meaning: 'define an object, such as the key of an encrypted image',
  verdict: 'left out',
  why: 'options of their own say what a server needs (--tls-certificates and others); images that are encrypted by QEMU are not opened',
};

const imageOpts: PeerOption = {
  option: '--image-opts',
  meaning: "files are given as options of QEMU's drivers",
  verdict: 'left out',
  why: 'there are no such drivers; files, images, servers and stores are told apart by how they are written',
};

function help(command: string): PeerOption {
  return { ...helpRow(`nbd ${command}`, '-h'), isUnlisted: true };
}

function forceShare(ours: string): PeerOption {
  return {
    option: '-U',
    aliases: ['--force-share'],
    meaning: 'read an image that another program has opened for writing',
    verdict: 'better',
    ours,
    why: 'what is only read is never locked, so that there is nothing to force',
  };
}

export const qemuImgMap: PeerTool = {
  ...common,
  subcommand: 'map',
  purpose: 'Lists which parts of a disk are stored, and in which image of a chain.',
  ours: ['nbd map'],
  ...listing('map', 'Dump image metadata'),
  options: [
    help('map'),
    {
      option: '-f FMT',
      aliases: ['--format'],
      meaning: 'format of the file',
      verdict: 'same',
      ours: 'nbd map --format FORMAT',
    },
    imageOpts,
    {
      option: '--start-offset=OFFSET',
      meaning: 'from this byte on',
      verdict: 'same',
      ours: 'nbd map --start-offset N, --offset N, -o N',
    },
    {
      option: '--max-length=LEN',
      meaning: 'at most so many bytes',
      verdict: 'same',
      ours: 'nbd map --max-length N, --length N, -n N',
    },
    {
      option: '--output=FORMAT',
      meaning: 'human: only what is stored, with its place in which file; json: all of it',
      verdict: 'better',
      ours: 'nbd map --json, --list',
      why: 'a picture is the default; JSON has start, length, depth, present, zero and data as they are there, and the members of nbdinfo besides. It has no place within an image file',
    },
    forceShare('nbd map'),
    objects,
  ],
};

export const qemuImgCompare: PeerTool = {
  ...common,
  subcommand: 'compare',
  purpose: 'Says whether two disks have the same content.',
  ours: ['nbd compare'],
  ...listing('compare', 'Check if two images have the same contents'),
  options: [
    help('compare'),
    {
      option: '-q',
      aliases: ['--quiet'],
      meaning: 'print nothing but errors',
      verdict: 'same',
      ours: 'nbd compare -q, --quiet',
    },
    {
      option: '-p',
      aliases: ['--progress'],
      meaning: 'show progress',
      verdict: 'better',
      ours: 'nbd compare -p, --progress',
      why: 'a bar with bytes, rate and the time that is left, on standard error; or JSON for programs',
    },
    {
      option: '-f FMT',
      aliases: ['--a-format'],
      meaning: 'format of the first file',
      verdict: 'same',
      ours: 'nbd compare -f FORMAT, --first-format FORMAT, --a-format FORMAT',
    },
    {
      option: '-F FMT',
      aliases: ['--b-format'],
      meaning: 'format of the second file',
      verdict: 'same',
      ours: 'nbd compare -F FORMAT, --second-format FORMAT, --b-format FORMAT',
    },
    imageOpts,
    {
      option: '-s',
      aliases: ['--strict'],
      meaning: 'sizes have to be equal, and what is allocated',
      verdict: 'better',
      ours: 'nbd compare -s, --strict',
      why: 'the place that it names is the first byte with another allocation, and not the start of the range that was looked at',
    },
    {
      option: '-T CACHE',
      aliases: ['--cache'],
      meaning: 'how reads are cached',
      verdict: 'left out',
      why: 'it reads as any program does, through the page cache of the system',
    },
    forceShare('nbd compare'),
    objects,
  ],
  manners: [
    {
      option: 'exit codes',
      meaning: '0: identical, 1: different, 2: cannot be opened, 4: cannot be read',
      verdict: 'same',
      ours: 'nbd compare',
    },
    {
      option: 'a block map that cannot be read',
      meaning: 'ends it with exit code 3',
      verdict: 'better',
      ours: 'nbd compare',
      why: 'all is read instead; with -s, which is about the map, it is 3, too',
    },
    {
      option: 'disks of different sizes',
      meaning: 'the rest of the longer one has to be zeroes, and a warning says so',
      verdict: 'same',
      ours: 'nbd compare',
    },
    {
      option: 'the first difference',
      meaning: 'is named by its offset, rounded down to a sector of 512 bytes',
      verdict: 'better',
      ours: 'nbd compare --all',
      why: 'the offset is that of the byte; --all lists all parts that differ',
    },
  ],
};

const notOurFile =
  'what is measured is a server, and files are its business: nbd bench [ nbd serve FILE ] measures a file through ours';

export const qemuImgBench: PeerTool = {
  ...common,
  subcommand: 'bench',
  purpose: 'Makes requests one behind the other, and says how long that took.',
  ours: ['nbd bench'],
  ...listing('bench', 'Run simple image benchmark'),
  options: [
    help('bench'),
    {
      option: '-c COUNT',
      aliases: ['--count'],
      meaning: 'so many requests, 75000 without it',
      verdict: 'better',
      ours: 'nbd bench -c N, --count N',
      why: 'requests before it warm up both sides and are not counted (--warm-up 0: none); without it, it takes ten seconds, whatever the server',
    },
    {
      option: '-d DEPTH',
      aliases: ['--depth'],
      meaning: 'so many requests at a time',
      verdict: 'same',
      ours: 'nbd bench -d N, --depth N',
    },
    { option: '-f FMT', aliases: ['--format'], meaning: 'format of the file', verdict: 'left out', why: notOurFile },
    { ...imageOpts, isUnlisted: true },
    {
      option: '--flush-interval=N',
      meaning: 'with -w: a flush after so many requests',
      verdict: 'better',
      ours: 'nbd bench --flush-interval N, --flush-every N',
      why: 'N may be smaller than the depth, and other requests go on meanwhile, as those of a file system do',
    },
    {
      option: '--no-drain',
      meaning: 'do not wait for the requests in flight before a flush',
      verdict: 'better',
      ours: 'nbd bench --flush-interval N',
      why: 'it never waits; -d 1 has one request at a time',
    },
    {
      option: '-i AIO',
      aliases: ['--aio'],
      meaning: 'how requests are made to the system',
      verdict: 'left out',
      why: notOurFile,
    },
    {
      option: '-n',
      aliases: ['--native'],
      meaning: 'make requests by native AIO',
      verdict: 'left out',
      why: notOurFile,
    },
    {
      option: '-t CACHE',
      aliases: ['--cache'],
      meaning: 'how the file is cached',
      verdict: 'left out',
      why: notOurFile,
    },
    {
      option: '-o OFFSET',
      aliases: ['--offset'],
      meaning: 'begin at this byte',
      verdict: 'better',
      ours: 'nbd bench -o N, --offset N',
      why: 'requests stay behind it, also after the end of the disk, where theirs begin anew at its start; --length bounds them',
    },
    {
      option: '-s BUFFER_SIZE',
      aliases: ['--buffer-size'],
      meaning: 'length of a request',
      verdict: 'same',
      ours: 'nbd bench -s N, --buffer-size N, --size N',
    },
    {
      option: '-S STEP_SIZE',
      aliases: ['--step-size'],
      meaning: 'how far a request begins behind the one before',
      verdict: 'left out',
      why: '--pattern says where requests go: one behind the other, anywhere, or few places often',
    },
    {
      option: '-w',
      aliases: ['--write'],
      meaning: 'write instead of reading',
      verdict: 'better',
      ours: 'nbd bench -w, --write',
      why: 'it asks before it overwrites a disk; --read 70% mixes both, and --verify checks what was written',
    },
    {
      option: '--pattern=PATTERN',
      meaning: 'the byte that is written, 0 without it',
      verdict: 'left out',
      why: 'random bytes are written, since zeroes cost many servers less than data do, and with --verify each block has its own. --pattern says where requests go',
    },
    {
      option: '-q',
      aliases: ['--quiet'],
      meaning: 'print nothing',
      verdict: 'better',
      ours: 'nbd bench -q, --quiet',
      why: 'nothing is shown while it runs, but the result is',
    },
    {
      option: '-U',
      aliases: ['--force-share'],
      meaning: 'read an image that another program has opened for writing',
      verdict: 'left out',
      why: notOurFile,
    },
  ],
};
