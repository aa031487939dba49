/** Events on the diagnostics channels `nbdjs:server:<event>`. */
export const traceEvents = [
  'option',
  'refused',
  'cut-off',
  'tls',
  'export-refused',
  'handshake-failed',
  'established',
  'request-failed',
  'closed',
] as const;
