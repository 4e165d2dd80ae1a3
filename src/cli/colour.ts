import { styleText } from 'node:util';

/** Styles that lines for people use, each for one meaning. */
export type Meaning = 'good' | 'trouble' | 'bad' | 'faint' | 'heading';

const STYLES = {
  good: 'green',
  trouble: 'yellow',
  bad: 'red',
  faint: 'dim',
  heading: 'bold',
} as const satisfies Record<Meaning, Parameters<typeof styleText>[0]>;

/** Gives a text the colour of its meaning. Colour says nothing that the text doesn't. */
export type Painter = (meaning: Meaning, text: string) => string;

export const plain: Painter = (_meaning, text) => text;

/** Colours where a terminal reads the stream and nobody has asked for none (`NO_COLOR`, https://no-color.org). */
export function painterFor(
  stream: { readonly isTTY?: boolean },
  environment: { readonly [name: string]: string | undefined },
): Painter {
  if (stream.isTTY !== true || environment['NO_COLOR'] || environment['TERM'] === 'dumb') return plain;
  return (meaning, text) => styleText(STYLES[meaning], text, { validateStream: false });
}
