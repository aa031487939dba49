#!/usr/bin/env node
/** `nbd`: the command line of nbdjs. */
// First, because it is about the time until the others are loaded, too.
import './no-debugger.ts';
import { run } from './program.ts';
import { endByForce, Interrupted, processTerminal } from './terminal.ts';

/** What is on its way to standard output gets so long. */
const graceMs = 500;

const terminal = processTerminal();
process.exitCode = await run(process.argv.slice(2), terminal);
// What still holds the process after an interruption, a reader that does not read say, is not waited for.
const { reason } = terminal.signal;
if (reason instanceof Interrupted) setTimeout(() => endByForce(reason), graceMs).unref();
