import type { HostFacts } from '../../console/model.ts';
import { connect } from '../../inspect/page/connection-client.ts';
import { button, el } from '../../inspect/page/dom.ts';
import { takeToken } from '../../inspect/page/link.ts';
import { applyTheme, nextTheme } from '../../inspect/page/theme.ts';
import type { FromPage, FromServer } from '../protocol.ts';
import { HostPanel } from './host-panel.ts';
import { HostsPanel } from './hosts-panel.ts';
import { QueryPanel } from './query-panel.ts';
import { ResultsPanel } from './results-panel.ts';

/** Milliseconds between two looks at the hosts while the page is in sight. */
const REFRESH = 30_000;
const READ_ONLY = 'Read-only: hosts can be looked at, and nothing asked (start it with --allow-queries).';

/** Puts the page of the console together. */
function openPage(): void {
  const token = takeToken();
  applyTheme();
  const badge = el('output', { class: 'badge', id: 'state' }, 'connecting');
  const source = el('span', { class: 'source' });
  const problem = el('p', { class: 'problem', role: 'alert' });
  problem.hidden = true;
  let ask = 0;
  let hosts: readonly HostFacts[] = [];
  let isAllowed = false;
  let schemaOf = '';

  const results = new ResultsPanel();
  const query = new QueryPanel(
    {
      run(question) {
        ask += 1;
        results.clear();
        link.say({ type: 'query', ask, hosts: [], groups: [], ...question });
      },
      stop: () => link.say({ type: 'stop', ask }),
    },
    Date.now,
  );
  const host = new HostPanel(({ id }) => query.askOnly(`id = '${id.replaceAll("'", "''")}'`));
  const hostList = new HostsPanel(
    (one) => {
      link.say({ type: 'host', id: one.id });
      wantSchema(one);
    },
    () => link.say({ type: 'hosts' }),
  );

  /** Completion follows the platform of the host that was picked last; at first that of any. */
  const wantSchema = ({ platform, id, connected }: HostFacts) => {
    if (!isAllowed || !connected || platform === schemaOf) return;
    schemaOf = platform;
    link.say({ type: 'schema', platform, host: id });
  };

  const hear = (message: FromServer) => {
    switch (message.type) {
      case 'hello':
        isAllowed = message.allowed;
        schemaOf = '';
        problem.hidden = true;
        source.textContent = message.name;
        query.allow(message.allowed, READ_ONLY);
        return;
      case 'hosts': {
        hosts = message.hosts;
        hostList.set(hosts);
        const any = hosts.find(({ connected, version }) => connected && version !== '');
        if (any && schemaOf === '') wantSchema(any);
        return;
      }
      case 'host':
        host.set(message, Date.now());
        return;
      case 'schema':
        if (Object.keys(message.schema.tables).length > 0) query.editor.complete(message.schema.tables);
        return;
      case 'results':
        if (message.ask !== ask) return;
        results.add(message.rows);
        query.progress(message.counts);
        return;
      case 'over':
        if (message.ask === ask) query.over(message.reason, message.problem, message.hosts);
        return;
      case 'problem':
        problem.textContent = message.text;
        problem.hidden = false;
        return;
      default:
        message satisfies never;
    }
  };

  document.body.append(
    el(
      'header',
      { class: 'top' },
      el('h1', {}, 'bro-osquery console'),
      badge,
      source,
      el('div', { class: 'tools' }, button('◐', 'Light, dark, or as the system has it', nextTheme)),
    ),
    problem,
    el(
      'main',
      { class: 'console' },
      el('div', { class: 'side' }, hostList.element, host.element),
      el('div', { class: 'work' }, query.element, results.element),
    ),
  );
  const link = connect<FromServer, FromPage>(token, {
    onMessage: hear,
    onState(state) {
      badge.textContent = state === 'open' ? 'connected' : state;
      badge.className = `badge ${state}`;
      // What was asked before has ended with the connection.
      if (state === 'lost') query.over('the connection was lost', '', []);
    },
  });
  setInterval(() => {
    if (!document.hidden) link.say({ type: 'hosts' });
  }, REFRESH);
}

openPage();
