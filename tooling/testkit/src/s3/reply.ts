/** Answers. */

export interface S3Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export function errorReply(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  more = '',
): S3Reply {
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code>${more}<Message>it is ${code} &amp; more</Message><RequestId>REQ-17</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml', ...headers }, body: Buffer.from(text) };
}
