import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boolean,
  count,
  type Data,
  integer,
  none,
  real,
  set,
  string,
  timespan,
  timestamp,
  vector,
} from '../../src/broker/data.ts';
import { ipAddresses } from '../../src/broker/ip-address.ts';
import type { ZeekType } from '../../src/vocabulary/model.ts';
import { zeekConverter } from '../../src/vocabulary/zeek-values.ts';

const [v4, v6] = ipAddresses(['10.0.0.1', 'fe80::1']);
assert.ok(v4 && v6);

const VALUES: readonly [type: ZeekType, text: string, value: Data | undefined][] = [
  ['addr', '10.0.0.1', v4],
  ['addr', 'fe80::1%eth0', v6],
  ['addr', '*', undefined],
  ['bool', '1', boolean(true)],
  ['bool', '0', boolean(false)],
  ['bool', 'true', undefined],
  ['count', '18446744073709551615', count(0xffff_ffff_ffff_ffffn)],
  ['count', '-1', undefined],
  ['double', '2.5', real(2.5)],
  ['int', '-1', integer(-1n)],
  ['int', '1.5', undefined],
  ['interval', '1500000000', timespan(1_500_000_000n)],
  ['interval', 'long', undefined],
  ['time', '1795496058000000', timestamp(1_795_496_058_000_000_000n)],
  ['time', '9223372036854775807', undefined],
  ['string', 'x', string('x')],
  [{ set: 'addr' }, '["10.0.0.1","fe80::1"]', set([v4, v6])],
  [{ set: 'string' }, '[]', set([])],
  [{ set: 'addr' }, '["*"]', undefined],
  [{ set: 'string' }, 'no list', undefined],
  [{ record: ['string', 'count', 'int'] }, '["a","1",null]', vector([string('a'), count(1n), none])],
  // A field that is no value of its type is unset, an empty text is one.
  [{ record: ['string', 'count', 'int'] }, '["","x",""]', vector([string(''), none, none])],
  [{ record: ['string'] }, '["a","b"]', undefined],
  [{ record: ['string'] }, '[1]', undefined],
];

for (const [type, text, value] of VALUES) {
  test(`${JSON.stringify(type)} of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(zeekConverter(type, false)(text), value);
  });
}

test('an empty text is unset, but for texts that may be empty', () => {
  for (const [type] of VALUES) {
    assert.deepEqual(zeekConverter(type, false)(''), type === 'string' ? string('') : none);
    assert.deepEqual(zeekConverter(type, true)(''), none);
  }
});
