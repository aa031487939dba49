/**
 * Servers for tests, by the phase that a test decides about:
 *
 * - `FakeServer` is the core of the transmission phase, in memory. How it answers is a behaviour, `onRequest`: a function of the
 *   test's own, or one that several tests share, such as `Forgetful`.
 * - `OptionServer` is for the phase of options, on a socket. The test decides the answer to each option.
 *
 * Four others look alike and stay apart:
 *
 * - `TinyServer` of `@nbdjs/conformance/connector` is published with the suite for connectors. Its settings are plain data, which
 *   go to a worker, while the answers of `OptionServer` are functions that know the conversation.
 * - The scripted server of the tests of `@nbdjs/handshake` has neither sockets nor time, and negotiates TLS and every mode.
 * - `ImmediatePeer` of the bench makes no object for a request. A core with behaviours would be measured along with the client.
 * - `ForgetfulServer` and the severed sessions run the real server, over a device or a connection that fails. Nothing of NBD is
 *   faked there.
 */
export { FakeConnection, type RequestBehaviour } from './fake-connection.ts';
export { FakeConnector } from './fake-connector.ts';
export { FakeRequest, type ReadPiece } from './fake-request.ts';
export { allTransmissionFlags, FakeServer, type FakeServerOptions, patternBytes } from './fake-server.ts';
export { Forgetful } from './forgetful.ts';
export {
  type Answer,
  type Conversation,
  OptionServer,
  type OptionServerPlan,
  told,
  withInfo,
} from './option-server.ts';
