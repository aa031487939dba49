/** A client that reads behind the end of an export, fails when it is hung up on, and waits for ever after a refusal. */
const { connect } = require('node:net');

const socket = connect(process.argv[2].replace(/.*socket=/, ''));
let input = Buffer.alloc(0);
const steps = [
  [18, () => [Buffer.from('00000003', 'hex'), Buffer.from('49484156454f505400000007000000060000000000' + '00', 'hex')]],
  [20 + 12 + 20, () => [request(0, 1_048_000n, 1024)]],
  [16, () => [request(2, 0n, 0)]],
];

function request(command, offset, length) {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(0x25609513, 0);
  bytes.writeUInt16BE(command, 6);
  bytes.writeBigUInt64BE(offset, 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}

socket.on('data', (bytes) => {
  input = Buffer.concat([input, bytes]);
  while (steps.length > 0 && input.length >= steps[0][0]) {
    const [length, next] = steps.shift();
    input = input.subarray(length);
    for (const chunk of next()) socket.write(chunk);
  }
  if (steps.length === 0) socket.end();
});
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(steps.length === 0 ? 0 : 1));
