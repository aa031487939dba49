#!/usr/bin/env node
/** `nbd`: the command line of nbdjs. */
// This comes first, so that it holds while the other modules are loaded.
import './disable-debugger.ts';
import { run } from './program.ts';
import { endByForce, Interrupted, processTerminal } from './terminal.ts';

/** After an interruption, pending output gets this long to leave. */
const graceMs = 500;

const terminal = processTerminal();
process.exitCode = await run(process.argv.slice(2), terminal);
// After an interruption, the process does not wait for what still keeps it alive, such as a reader that does not read.
const { reason } = terminal.signal;
if (reason instanceof Interrupted) setTimeout(() => endByForce(reason), graceMs).unref();
