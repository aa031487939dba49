/** Runs the command lines of docs/options-of-others.md that are said to do the same through the other program and through ours. */
import { existsSync, statSync } from 'node:fs';
import { type PeerTool, peerTools, titleOf } from '@nbdjs/docs/peer-options';
import {
  allocatedRanges,
  describePeers,
  type Generation,
  type PeerServer,
  type Program,
  runPeer,
  sha256OfFile,
  Workspace,
} from '@nbdjs/peers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nbd, spawnNbd } from './harness.ts';
import { expectTestOfEachRow } from './same-rows.ts';

/** One of the two programs, with the paths as it sees them. */
export interface Side {
  /** The URI of an export of the server that both use. */
  uri(exportName?: string): string;
  /** A file that is there for both. */
  shared(name: string): string;
  /** A file of this side only: it is compared afterwards. */
  own(name: string): string;
  /** The name of that file in the workspace's folder, by which a server that serves the folder has it. */
  ownName(name: string): string;
}

/** What is compared where no command line comes to an end by itself. */
export interface SeenCase {
  /** Does the same with each of the two, and returns what has to be the same. */
  readonly see: (which: 'theirs' | 'ours', workspace: Workspace, server: PeerServer) => Promise<unknown>;
}

/** How a program has ended, and what it printed. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command line that both are given. */
export interface SameCase {
  /** Our command, such as `info`. */
  readonly command: string;
  /** What stands behind the names of the programs. */
  readonly words: (side: Side) => readonly string[];
  /** What ours is given, where that is not the same: code in another language. */
  readonly oursWords?: (side: Side) => readonly string[];
  /** How both have to end. Default: 0. */
  readonly code?: number;
  /** Whether ours has to be a process of its own, as where it reads standard input. Default: no. */
  readonly isProcess?: boolean;
  readonly stdin?: Uint8Array;
  /** Puts the files of one side there, before it runs. */
  readonly prepare?: (hostPath: (name: string) => string) => void | Promise<void>;
  /** The files of each side whose content and holes are compared. */
  readonly files?: readonly string[];
  /** What of the outputs has to be the same. Default: standard output as it is; paths are put right before. */
  readonly output?: (ran: Ran) => unknown;
  /** The generations that have the option. Default: both. */
  readonly from?: readonly Generation[];
}

/** By the row's `option`. */
export type SameCases = Readonly<Record<string, SameCase | SeenCase | readonly SameCase[]>>;

/** What both programs did. */
interface Deed {
  readonly code: number | null;
  readonly output: unknown;
  readonly files: readonly unknown[];
}

/** Starts what all cases of a tool use, in their workspace. */
export type StartServer = (workspace: Workspace) => Promise<PeerServer>;

/** Describes tests for the generations, or for the machine's own programs as `bookworm`. */
export type DescribeGenerations = (
  name: string,
  needed: readonly Program[],
  tests: (generation: Generation) => void,
) => void;

/**
 * Describes a test for each case of a tool, with one server for all of them, and one that compares the cases with the rows of the page
 * that say `same`.
 */
export function describeSameAs(
  title: string,
  start: StartServer,
  cases: SameCases,
  describeGenerations: DescribeGenerations = describePeers,
): void {
  const tool = toolNamed(title);
  expectTestOfEachRow(title, Object.keys(cases));
  describeGenerations(`${title} does the same`, [tool.name as Program], (generation) => {
    let workspace: Workspace;
    let server: PeerServer;
    beforeAll(async () => {
      workspace = new Workspace(generation);
      server = await start(workspace);
    });
    afterAll(async () => {
      await server?.stop();
      workspace?.dispose();
    });
    for (const [option, given] of Object.entries(cases)) {
      const list = [given].flat().filter((one) => 'see' in one || one.from?.includes(generation) !== false);
      if (list.length === 0) continue;
      it(option, async () => {
        for (const one of list) await expectSame(tool, one, workspace, server);
      });
    }
  });
}

async function expectSame(
  tool: PeerTool,
  one: SameCase | SeenCase,
  workspace: Workspace,
  server: PeerServer,
): Promise<void> {
  if ('see' in one) {
    const theirs = await one.see('theirs', workspace, server);
    expect(await one.see('ours', workspace, server)).toEqual(theirs);
    return;
  }
  const theirs = await runTheirs(tool, one, workspace, server);
  const ours = await runOurs(one, workspace, server);
  expect(theirs.code).toBe(one.code ?? 0);
  expect(ours).toEqual(theirs);
}

function toolNamed(title: string): PeerTool {
  const tool = peerTools.find((one) => titleOf(one) === title);
  if (tool === undefined) throw new Error(`docs/options-of-others.md has no ${title}`);
  return tool;
}

/** Puts the files of a side there, and returns how it sees everything. */
async function sideOf(
  which: 'theirs' | 'ours',
  one: SameCase,
  workspace: Workspace,
  server: PeerServer,
): Promise<Side> {
  const ownName = (name: string): string => `${which}-${name}`;
  const pathOf = (name: string): string => (which === 'theirs' ? workspace.peerPath(name) : workspace.hostPath(name));
  await one.prepare?.((name) => workspace.hostPath(ownName(name)));
  return {
    uri: which === 'theirs' ? server.peerUri : server.uri,
    shared: pathOf,
    own: (name) => pathOf(ownName(name)),
    ownName,
  };
}

async function runTheirs(tool: PeerTool, one: SameCase, workspace: Workspace, server: PeerServer): Promise<Deed> {
  const side = await sideOf('theirs', one, workspace, server);
  const words = [...(tool.subcommand === undefined ? [] : [tool.subcommand]), ...one.words(side)];
  const { code, stdout, stderr } = await runPeer(tool.name as Program, workspace.generation, words, {
    stdin: one.stdin,
  });
  return deedOf(one, { code, stdout: stdout.toString(), stderr }, workspace, side.ownName);
}

/** In this process, which is quicker; as a process of its own where it is given standard input. */
async function runOurs(one: SameCase, workspace: Workspace, server: PeerServer): Promise<Deed> {
  const side = await sideOf('ours', one, workspace, server);
  const words = [one.command, ...(one.oursWords ?? one.words)(side)];
  if (one.isProcess !== true) return deedOf(one, await nbd(...words), workspace, side.ownName);
  const { code, stdout, stderr } = await spawnNbd(words, { stdin: one.stdin });
  return deedOf(one, { code, stdout: stdout.toString(), stderr }, workspace, side.ownName);
}

/** Paths are put right: the same folder as both see it, and the same name for the files of both. */
async function deedOf(one: SameCase, ran: Ran, workspace: Workspace, own: (name: string) => string): Promise<Deed> {
  const plain = (text: string): string =>
    [workspace.folder, workspace.peerPath('').replace(/\/$/, '')]
      .reduce((before, folder) => before.replaceAll(folder, 'FOLDER'), text)
      .replaceAll(own(''), '');
  const output = one.output ?? (({ stdout }: Ran) => stdout);
  return {
    code: ran.code,
    output: output({ code: ran.code, stdout: plain(ran.stdout), stderr: plain(ran.stderr) }),
    files: await Promise.all((one.files ?? []).map((name) => contentOf(workspace, own(name)))),
  };
}

/** The hash of a file, and where it stores something; for a file that is not there, that. */
async function contentOf(workspace: Workspace, name: string): Promise<unknown> {
  const path = workspace.hostPath(name);
  if (!existsSync(path)) return 'not there';
  return {
    sha256: await sha256OfFile(path),
    size: statSync(path).size,
    allocated: await allocatedRanges(workspace, name),
  };
}

/** For texts that name the program: that there is one, on standard output only. */
export function answers({ stdout, stderr }: Ran): unknown {
  return { isAnswered: stdout.trim() !== '', stderr };
}
