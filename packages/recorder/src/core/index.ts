/**
 * Listening to NBD sessions, without Node: a decoder of both directions, passing sessions on with faults, recordings, traces.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { Frame, FrameHandler, FrameKind, Side } from '../decoding/frame.ts';
export { frameKinds } from '../decoding/frame.ts';
export type { Request } from '../decoding/requests-in-flight.ts';
export {
  SessionDecoder,
  type SessionDecoderOptions,
  sessionDecoderOptions,
} from '../decoding/session-decoder.ts';
export { ConnectionFaults, type Fault, FaultInjector } from '../faults/fault-injector.ts';
export { parseFaultRule } from '../faults/parse-rule.ts';
export type { FaultAction, FaultPlace, FaultRange, FaultRule, OptionErrorName } from '../faults/rule.ts';
export type { Message, MessageExtent } from '../messages/message.ts';
export { messageText } from '../messages/message-text.ts';
export { readMessage } from '../messages/read-message.ts';
export type * from '../recording/entry.ts';
export { payloadKeepings } from '../recording/entry.ts';
export {
  Recording,
  type RecordingOptions,
  type RecordingTarget,
  recordingOptions,
} from '../recording/recording.ts';
export { readRecording } from '../recording/recording-reader.ts';
export {
  ConnectionLog,
  type PayloadHash,
  SessionLog,
  type SessionLogOptions,
  sessionLogOptions,
} from '../recording/session-log.ts';
export type { RelayListener } from '../relay/listener.ts';
export { createListeningProxy, type ListeningProxy, type ProxyOptions, proxyOptions } from '../relay/proxy.ts';
export {
  type RelayedSession,
  type RelayOptions,
  relayOptions,
  relaySession,
} from '../relay/relay.ts';
export type { AnswerDifference } from '../replay/compare-answers.ts';
export { type ReplayOptions, replayOptions } from '../replay/options.ts';
export type { ReplayWish } from '../replay/recorded-negotiation.ts';
export { replayRecording } from '../replay/replay.ts';
export type { ReplayDifference, ReplayReport, SkippedRequests } from '../replay/report.ts';
export { type Exchange, ExchangeCollector } from '../trace/exchange.ts';
export { TraceFilter, type TraceFilterOptions, traceFilterOptions } from '../trace/filter.ts';
export { type CommandFigures, type LatencyFigures, type TraceFigures, TraceStatistics } from '../trace/statistics.ts';
export { eventJson, type TraceJson, traceJson } from '../trace/trace-json.ts';
export { eventText, traceText } from '../trace/trace-text.ts';
export { MessageCollector, type TracedMessage } from '../trace/traced-message.ts';
