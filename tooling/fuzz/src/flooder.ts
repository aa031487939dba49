/**
 * Hostile clients, as a process of their own: `flooder.ts SOCKET KIND COUNT SECONDS`. They cost as much as the server does, so they
 * must not do it in the same process.
 *
 * `slow`: so many clients that send a byte a second. `unread`: so many that ask for much and read nothing. `connect`: so many
 * connections a second. A client that is disconnected connects again.
 */
import { connect, type Socket } from 'node:net';
import { Command, writeRequest } from '@nbdjs/protocol';
import { wayIn } from './targets/grammar.ts';

const [path = '', kind = '', count = '0', seconds = '0'] = process.argv.slice(2);
const clientCount = Number(count);
const endMs = performance.now() + 1000 * Number(seconds);
const sockets = new Set<Socket>();
let connects = 0;
let cutOffs = 0;
let failures = 0;

const isOver = (): boolean => performance.now() >= endMs;

function open(onConnect: (socket: Socket) => void, comesAgain: boolean): void {
  const socket = connect({ path });
  sockets.add(socket);
  connects++;
  socket.on('connect', () => onConnect(socket));
  socket.on('error', () => failures++);
  socket.on('close', () => {
    sockets.delete(socket);
    cutOffs++;
    // After a delay: reconnecting at once after each refusal would be the kind `connect`.
    if (comesAgain && !isOver()) setTimeout(() => open(onConnect, true), 1000);
  });
}

function requests(): Uint8Array {
  const lengthBytes = 64 * 1024;
  const headers = Array.from({ length: 64 }, (_, index) => {
    const header = new Uint8Array(28);
    writeRequest(new DataView(header.buffer), 0, 0, Command.Read, 0, index, 0, index * lengthBytes, lengthBytes);
    return header;
  });
  return Buffer.concat(headers);
}

const all = requests();

if (kind === 'slow') {
  const trickle = (socket: Socket): void => {
    socket.resume();
    const timer = setInterval(() => socket.write(Uint8Array.of(0)), 1000);
    socket.on('close', () => clearInterval(timer));
  };
  for (let client = 0; client < clientCount; client++) open(trickle, true);
} else if (kind === 'unread') {
  const ask = (socket: Socket): void => {
    socket.pause();
    socket.write(Buffer.concat([wayIn('simple'), all]));
  };
  for (let client = 0; client < clientCount; client++) open(ask, true);
} else if (kind === 'connect') {
  const leave = (socket: Socket): void => void socket.destroy();
  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = (clientCount * (performance.now() - startMs)) / 1000 - connects;
    for (let client = 0; client < due; client++) open(leave, false);
  }, 10);
  setTimeout(() => clearInterval(timer), 1000 * Number(seconds));
}

setTimeout(() => {
  for (const socket of sockets) socket.destroy();
  process.stdout.write(`${JSON.stringify({ connects, cutOffs, failures })}\n`, () => process.exit(0));
}, 1000 * Number(seconds));
