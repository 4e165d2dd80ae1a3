import { createHash } from 'node:crypto';
import type { ReportFacts } from './collector.ts';
import type { LayOut } from './graph.ts';
import { html, jsonMarkup, Markup } from './markup.ts';
import { hops, listeners, notices } from './page-events.ts';
import { hosts, type ReadFiles, sources, talks } from './page-hosts.ts';
import { at } from './page-table.ts';

/** The page's own script and style, bundled. */
export interface ReportAssets {
  readonly script: string;
  readonly style: string;
}

export interface ReportParts {
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
  readonly version: string;
  readonly read: ReadFiles;
  readonly assets: ReportAssets;
  readonly layOut: LayOut;
}

/** The report as one page, which needs nothing from elsewhere and lets nothing in. */
export async function reportPage(facts: ReportFacts, parts: ReportParts): Promise<string> {
  const { title, madeAt, version, assets } = parts;
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${hash(assets.script)}'`,
    // The chart's library places its parts by their own style.
    `style-src 'sha256-${hash(assets.style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const sections = [
    overview(facts),
    notices(facts),
    await hops(facts, parts.layOut),
    listeners(facts),
    await talks(facts, parts.layOut),
    hosts(facts),
    sources(facts, parts.read),
  ];
  const charts = { notices: facts.noticeChart, connections: facts.connectionChart };
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Markup(assets.style)}</style>
</head>
<body>
<header><h1>${title}</h1><p>${rangeText(facts)} Made by bro-osquery ${version} at ${at(madeAt).shown} UTC.</p>
<div class="tools"><label>Search all tables <input type="search" id="search" autocomplete="off"></label><button type="button" id="theme">Theme: system</button></div></header>
<nav aria-label="Sections"><a href="#notices">Notices</a> <a href="#hops">Hops</a> <a href="#listeners">New listeners</a> <a href="#talks">Who talks to whom</a> <a href="#hosts">Hosts</a> <a href="#sources">Sources</a></nav>
<main>
${sections}
</main>
<script type="application/json" id="charts">${jsonMarkup(charts)}</script>
<script>${new Markup(assets.script)}</script>
</body>
</html>
`.text;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

function rangeText({ range }: ReportFacts): Markup | string {
  if (!range) return 'The logs have no line with a time.';
  return html`From ${at(range.first).shown} to ${at(range.last).shown} UTC.`;
}

function overview(facts: ReportFacts): Markup {
  const connected = facts.hosts.filter(({ isConnected }) => isConnected === true).length;
  const share =
    facts.connections === 0 ? '' : ` (${((100 * facts.attributed) / facts.connections).toFixed(1)} %)`;
  const figures: readonly (readonly [value: string | number, what: string])[] = [
    [facts.hosts.length, `hosts, ${connected} of them connected at the end`],
    [facts.noticeTotal, 'notices'],
    [facts.chains.length, 'chains of hops'],
    [facts.listeners.length, 'new listeners'],
    [facts.connections, `connections, ${facts.attributed}${share} of a known program`],
  ];
  return html`<section aria-label="Overview" class="figures">${figures.map(
    ([value, what]) => html`<p><strong>${value}</strong> ${what}</p>`,
  )}</section>`;
}
