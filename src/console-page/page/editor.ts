import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { SQLite, sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { el } from '../../inspect/page/dom.ts';

/** Columns by table. */
type Tables = Readonly<Record<string, readonly string[]>>;

/** Where a query is written, with completion of the tables and columns of the platform's osquery. */
export class QueryEditor {
  readonly element = el('div', { class: 'editor', id: 'editor' });
  readonly #view: EditorView;
  readonly #language = new Compartment();

  constructor(text: string, onRun: () => void) {
    // In a tree of its own its style sheet is adopted, which the page's policy allows; a style element it does not.
    const root = this.element.attachShadow({ mode: 'open' });
    this.#view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          autocompletion(),
          syntaxHighlighting(COLOURS),
          placeholder('SELECT pid, name FROM processes'),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': 'Query' }),
          EditorView.theme(THEME),
          this.#language.of(sql({ dialect: SQLite, upperCaseKeywords: true })),
          Prec.highest(
            keymap.of([
              {
                key: 'Mod-Enter',
                run: () => {
                  onRun();
                  return true;
                },
              },
            ]),
          ),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        ],
      }),
    });
  }

  get text(): string {
    return this.#view.state.doc.toString();
  }

  set text(text: string) {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
    this.#view.focus();
  }

  complete(tables: Tables): void {
    const schema = Object.fromEntries(Object.entries(tables).map(([name, columns]) => [name, [...columns]]));
    this.#view.dispatch({
      effects: this.#language.reconfigure(sql({ dialect: SQLite, upperCaseKeywords: true, schema })),
    });
  }
}

/** The page's own colours, which differ by light and dark. */
const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--fact)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--lit)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code)' },
  { tag: [tags.lineComment, tags.blockComment], color: 'var(--dim)' },
]);

const THEME = {
  '&': { color: 'var(--text)', fontSize: '13px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-content': { caretColor: 'var(--text)', minHeight: '82px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-tooltip': { background: 'var(--raised)', border: '1px solid var(--line)', color: 'var(--text)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--accent)', color: 'var(--ground)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--accent) 30%, transparent) !important',
  },
};
