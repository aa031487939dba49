/** The shape of a WebSocket, as far as channels use it: that of browsers (WHATWG), of Node's own, and of the library `ws`. */

/** The values of `readyState`. */
export const readyState = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;

/** What the event `message` has. */
export interface WebSocketMessage {
  /** Text as a string; bytes as an `ArrayBuffer`, because a channel sets `binaryType`. */
  readonly data: unknown;
}

/** What the event `close` has. */
export interface WebSocketClose {
  /** The close code (RFC 6455, section 7.4); 1006 when the connection ended without one. */
  readonly code: number;
  /** The peer's text about it, possibly empty. */
  readonly reason: string;
}

/** The events of a WebSocket, by name. */
export interface WebSocketEvents {
  /** The handshake is over. */
  readonly open: object;
  /** A whole message has come. */
  readonly message: WebSocketMessage;
  /** Something has failed; browsers do not say what. `close` follows. */
  readonly error: object;
  /** The end. */
  readonly close: WebSocketClose;
}

/** Any object with the methods of a WebSocket: the browser's `WebSocket`, Node's, or one of the library `ws`. */
export interface WebSocketLike {
  /** A channel sets it to `arraybuffer`. */
  binaryType: string;
  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  readonly readyState: number;
  /** Bytes that were sent and that the system has not taken. */
  readonly bufferedAmount: number;
  /** Where it leads to. */
  readonly url: string;
  /** The subprotocol that the server has chosen; empty where there is none. */
  readonly protocol: string;
  /** Sends one binary message. The bytes are copied at once. */
  send(bytes: Uint8Array): void;
  /** Begins the closing handshake. Pages may give 1000, and 3000 to 4999. */
  close(code?: number, reason?: string): void;
  /** Adds a listener. */
  addEventListener<Name extends keyof WebSocketEvents>(
    name: Name,
    listener: (event: WebSocketEvents[Name]) => void,
  ): void;
  /** Removes a listener. */
  removeEventListener<Name extends keyof WebSocketEvents>(
    name: Name,
    listener: (event: WebSocketEvents[Name]) => void,
  ): void;
}
