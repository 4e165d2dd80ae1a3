import { Answers } from '../../console/answers.ts';
import type { Item, Question } from '../../console/model.ts';
import { ConsoleError, type ConsoleSession } from '../../console/session-client.ts';
import type { Io } from '../io.ts';
import { LiveLine } from './live-line.ts';
import type { Output } from './outputs.ts';
import { resultRow } from './result-row.ts';
import { progressText, type QueryEnd } from './summary.ts';

export interface QueryRun {
  readonly question: Question;
  readonly output: Output;
  /** Rows after which enough is known; undefined: all. */
  readonly first: number | undefined;
  /** No bar. */
  readonly quiet: boolean;
}

export interface QueryOutcome {
  readonly answers: Answers;
  readonly end: QueryEnd;
  readonly seconds: number;
}

/** Milliseconds beyond the query's time in which the Zeek has to end it. */
const GRACE = 10_000;
/** Rows of output that may wait for a slow reader before the query is ended. */
const PICTURES = 250;

/**
 * Asks a query and prints its rows until nothing more is to come, or somebody has had enough.
 * @throws ConsoleError where the Zeek refuses it, or the session ends
 */
export async function runQuery(io: Io, session: ConsoleSession, run: QueryRun): Promise<QueryOutcome> {
  const { question, output, first, quiet } = run;
  const answers = new Answers();
  const ended = Promise.withResolvers<QueryEnd>();
  const live = new LiveLine(io, quiet);
  const startedAt = io.now();
  const elapsed = () => (io.now() - startedAt) / 1_000;
  let isOver = false;
  const over = (end: QueryEnd) => {
    if (isOver) return;
    isOver = true;
    ended.resolve(end);
  };
  const take = (item: Item) => {
    if (isOver) return;
    if (item.kind === 'refused') {
      ended.reject(new ConsoleError('refused', item.text));
      return;
    }
    if (item.kind === 'ended') {
      over({ by: 'zeek', reason: item.text });
      return;
    }
    const isRow = answers.take(item);
    if (isRow) live.print(output.row(resultRow(item, answers.nameOf(item.host))));
    const { counts } = answers;
    if (first !== undefined && counts.rows >= first) over({ by: 'first' });
    else if (question.interval === 0 && counts.isComplete) over({ by: 'complete' });
  };
  io.out.once('error', () => over({ by: 'output-closed' }));
  const interrupt = () => over({ by: 'interrupted' });
  if (io.interrupted.aborted) interrupt();
  io.interrupted.addEventListener('abort', interrupt);
  const picture = setInterval(() => live.show(progressText(answers.counts, Math.floor(elapsed()))), PICTURES);
  const patience =
    question.timeout > 0 && question.interval === 0
      ? setTimeout(() => over({ by: 'zeek', reason: 'time is over' }), question.timeout + GRACE)
      : undefined;
  const asked = session.ask(question, take);
  try {
    const end = await Promise.race([ended.promise, session.ended]);
    if (end.by !== 'zeek') asked.stop(STOP_REASONS[end.by]);
    return { answers, end, seconds: elapsed() };
  } finally {
    isOver = true;
    clearInterval(picture);
    clearTimeout(patience);
    io.interrupted.removeEventListener('abort', interrupt);
    live.clear();
  }
}

/** For the Zeek's log. */
const STOP_REASONS = {
  complete: 'all have answered',
  first: 'enough rows have come',
  interrupted: 'interrupted',
  'output-closed': 'nobody reads the rows any more',
} as const;
