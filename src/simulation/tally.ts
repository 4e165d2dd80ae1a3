import type { ClosedCode } from '../broker/connection.ts';
import { LagHistogram } from './lag.ts';

/** What a simulated fleet has counted since it began. */
export class Tally {
  up = 0;
  /** Most hosts that were up at once. */
  upMost = 0;
  /** Hosts that have been up at least once. */
  reached = 0;
  /** Connections that came up after the host's first. */
  reconnects = 0;
  created = 0;
  /** Rows handed to a connection, those sent again included. */
  sent = 0;
  resent = 0;
  confirmed = 0;
  /** Rows that the other side has not subscribed to, or that have no form for the transport. */
  leftOut = 0;
  requests = 0;
  /** Requests that could not be understood. */
  malformed = 0;
  problems = 0;
  /** The first of each kind, for people. */
  readonly problemSamples = new Map<string, string>();
  /** Ends of connections by their code. */
  readonly closed = new Map<ClosedCode, number>();
  readonly lag = new LagHistogram();

  cameUp(first: boolean): void {
    this.up += 1;
    this.upMost = Math.max(this.upMost, this.up);
    if (first) this.reached += 1;
    else this.reconnects += 1;
  }

  wentDown(code: ClosedCode, wasUp: boolean): void {
    if (wasUp) this.up -= 1;
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }

  problem(text: string): void {
    this.problems += 1;
    const kind = text.replaceAll(/[\d.:]+/g, '#');
    if (this.problemSamples.size < MAX_SAMPLES && !this.problemSamples.has(kind)) {
      this.problemSamples.set(kind, text);
    }
  }
}

const MAX_SAMPLES = 10;
