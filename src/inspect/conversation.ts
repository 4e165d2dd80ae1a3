import type { WebSocket } from 'ws';
import { difference, formatDifference } from '../replay/difference.ts';
import { reasonOf } from '../text/reason.ts';
import type { ChartLayout } from './chart-geometry.ts';
import type { RecordingLimits } from './entries.ts';
import type { OpenRecording } from './live-recording.ts';
import { type FromServer, parseFromPage, type SourceName } from './protocol.ts';
import { scheduleView } from './schedule-view.ts';

/** What is said over a WebSocket once its page may be told. Questions for rows are answered elsewhere. */
export type Conversation = (socket: WebSocket) => void;

/** What pages are told of. */
export interface InspectSource {
  readonly name: SourceName;
  /** Called when the first page comes; `close` is called when the last one has gone. */
  readonly open: (onProblem: (error: unknown) => void) => OpenRecording;
  readonly charts: () => Promise<readonly ChartLayout[]>;
}

/** Entries and letters of them in one message, roughly, and bytes that may wait for a slow page. */
const MESSAGE: RecordingLimits = { entries: 1_000, weight: 1024 * 1024 };
const MOST_WAITING = 4 * 1024 * 1024;
/** Milliseconds in which news is gathered. */
const GATHER = 40;

/** The conversation about a source that all pages share. */
export function createConversation(
  source: InspectSource,
  { version, now }: { readonly version: string; readonly now: () => number },
): Conversation {
  const pages = new Set<WebSocket>();
  let opened: OpenRecording | undefined;
  let charts: Promise<readonly ChartLayout[]> | undefined;
  /** Of the source since it was opened, for pages that come later. */
  let problems: string[] = [];
  let chartProblem = '';

  return (socket) => {
    const say = (message: FromServer) => socket.send(JSON.stringify(message));
    pages.add(socket);
    if (!opened) problems = [];
    opened ??= source.open((error) => {
      const text = reasonOf(error);
      problems.push(text);
      for (const page of pages) page.send(JSON.stringify({ type: 'problem', text } satisfies FromServer));
    });
    const { recording } = opened;
    let told = recording.first;
    let timer: NodeJS.Timeout | undefined;
    let introduced = false;
    const tell = () => {
      timer = undefined;
      if (!introduced || socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > MOST_WAITING) return later(5 * GATHER);
      told = Math.max(told, recording.first);
      const entries = recording.since(told, MESSAGE);
      told += entries.length;
      const more = told < recording.added;
      say({ type: 'entries', entries, more, earlier: recording.earlier });
      if (more) later(0);
    };
    const later = (pause: number) => {
      timer ??= setTimeout(tell, pause);
    };
    const stop = recording.onAdded(() => later(GATHER));
    socket.on('message', (data) => {
      const asked = parseFromPage(String(data));
      if (asked?.type === 'schedule') {
        say({
          type: 'schedule',
          ask: asked.ask,
          view: scheduleView(recording.scheduleAt(asked.seq), asked.seq),
        });
      } else if (asked?.type === 'difference') {
        const [before, after] = [recording.scheduleAt(asked.from), recording.scheduleAt(asked.to)];
        say({ type: 'difference', ask: asked.ask, lines: formatDifference(difference(before, after)) });
      } else if (asked?.type !== 'rows') socket.close(4400, 'not understood');
    });
    socket.once('close', () => {
      stop();
      clearTimeout(timer);
      pages.delete(socket);
      if (pages.size > 0) return;
      opened?.close();
      opened = undefined;
    });
    // All else can be looked at without charts.
    charts ??= source.charts().catch((error: unknown) => {
      chartProblem = `Can't draw the statecharts: ${reasonOf(error)}`;
      return [];
    });
    void charts.then((laidOut) => {
      if (socket.readyState !== socket.OPEN) return;
      say({ type: 'hello', version, source: source.name, charts: laidOut, at: now() });
      if (chartProblem !== '') say({ type: 'problem', text: chartProblem });
      for (const text of problems) say({ type: 'problem', text });
      introduced = true;
      clearTimeout(timer);
      tell();
    });
  };
}
