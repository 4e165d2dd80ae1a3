import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPECTED, fits, type LabNotice } from '../../src/cli/demo/attack/expected.ts';

const ran: LabNotice = {
  note: 'osquery::downloads::Downloaded_Program_Ran',
  message: 'web-1: www-data runs /var/tmp/.cache/update (process 7), which came by HTTP',
  host: 'web-1',
  process: '/var/tmp/.cache/update',
  user: 'www-data',
  techniques: ['T1105'],
};

const expectations = (notice: LabNotice) => EXPECTED.filter((one) => fits(notice, one)).length;

test('a notice of the attack is expected once', () => {
  assert.equal(expectations(ran), 1);
});

test('a notice with another host, process, user or type is one too many', () => {
  for (const wrong of [
    { host: 'db-1' },
    { process: '/usr/bin/perl' },
    { user: 'root' },
    { note: 'osquery::hops::Hop' },
  ])
    assert.equal(expectations({ ...ran, ...wrong }), 0, JSON.stringify(wrong));
});

test('a process where none can be known is one too many', () => {
  const hidden: LabNotice = {
    note: 'osquery::hidden::Hidden_Listener',
    message: 'web-1: port 31337/tcp answers on the network',
    host: 'web-1',
    process: '',
    user: '',
    techniques: [],
  };
  assert.equal(expectations(hidden), 1);
  assert.equal(expectations({ ...hidden, process: 'nc' }), 0);
  assert.equal(expectations({ ...hidden, message: 'web-1: port 22/tcp answers' }), 0);
});
