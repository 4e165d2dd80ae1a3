import type { ChartState } from './chart.ts';

/** Where everything of a chart goes; pixels from the top left corner. */
export interface ChartLayout {
  readonly machine: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
  /** Each before those inside it. */
  readonly nodes: readonly PlacedState[];
  readonly edges: readonly PlacedTransition[];
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedState extends Box {
  readonly id: string;
  readonly name: string;
  /** `any` is no state: what may be taken from any of the states beside it leaves there. */
  readonly kind: ChartState['kind'] | 'any';
  readonly isInitial: boolean;
  readonly description: string;
  /** The description in lines, then what is invoked and what is dealt with inside. */
  readonly lines: readonly { readonly kind: 'description' | 'invoke' | 'internal'; readonly text: string }[];
}

export interface PlacedTransition {
  readonly from: string;
  readonly to: string;
  /** The types of the events that lead this way. */
  readonly events: readonly string[];
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly label: Box & { readonly lines: readonly string[] };
}

/** Sizes in pixels, for a font that is measured by nobody: the widest that common fonts make of a letter. */
export const METRICS = {
  name: { size: 13, letter: 7.6, line: 18 },
  text: { size: 11, letter: 6.2, line: 14 },
  padding: 10,
} as const;
