/** The byte stream under a native session. */
export interface Wire {
  /** False if nothing more should be written until the session is told that the stream takes bytes again. */
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** The WebSocket under a session. */
export interface WebSocketWire {
  /** Sends a text frame; false if nothing more should be sent until the session is told that there is room again. */
  send(text: Uint8Array): boolean;
  ping(payload: Uint8Array): boolean;
  /** Sends what was sent, then closes in good order. */
  close(code: number, reason: string): void;
  destroy(): void;
}
