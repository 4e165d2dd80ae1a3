import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatIpAddress,
  formatSubnet,
  ipAddresses,
  parseIpAddress,
  parseSubnet,
} from '../../src/broker/ip-address.ts';

const hexOf = (text: string) => {
  const address = parseIpAddress(text);
  return address && Buffer.from(address.bytes).toString('hex');
};

test('IPv4 addresses are mapped into IPv6', () => {
  assert.equal(hexOf('10.1.2.3'), '00000000000000000000ffff0a010203');
  assert.equal(hexOf('255.255.255.255'), '00000000000000000000ffffffffffff');
});

test('IPv6 addresses are read in every spelling', () => {
  assert.equal(hexOf('::'), '00000000000000000000000000000000');
  assert.equal(hexOf('::1'), '00000000000000000000000000000001');
  assert.equal(hexOf('1::'), '00010000000000000000000000000000');
  assert.equal(hexOf('fe80::1'), 'fe800000000000000000000000000001');
  assert.equal(hexOf('2001:DB8:0:1:2:3:4:5'), '20010db8000000010002000300040005');
  assert.equal(hexOf('::ffff:10.1.2.3'), '00000000000000000000ffff0a010203');
});

test('what is not an address is refused', () => {
  for (const text of [
    '',
    '*',
    'fe80::1%eth0',
    '123ns',
    '1.2.3',
    '01.2.3.4',
    '256.1.1.1',
    '1:2:3:4:5:6:7',
    ':::',
    '1::2::3',
    ' 10.1.2.3',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4::',
    '12345::',
  ])
    assert.equal(parseIpAddress(text), undefined, text);
});

test('exactly the texts that Node takes for addresses are addresses, zones apart', () => {
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(':', '::', '.', '0', 'ffff', '1', '255', '256', 'g'),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 16 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        parts.map((part) => part.join('')),
      ),
      (text) => {
        const known = (isIPv4(text) || isIPv6(text)) && !text.includes('%');
        assert.equal(parseIpAddress(text) !== undefined, known, text);
      },
    ),
  );
});

test('of several texts the addresses stay, each once', () => {
  assert.deepEqual(
    ipAddresses(['10.1.2.3', '', '::ffff:10.1.2.3', 'fe80::1%eth0', '::1']).map(({ bytes }) =>
      Buffer.from(bytes).toString('hex'),
    ),
    ['00000000000000000000ffff0a010203', '00000000000000000000000000000001'],
  );
});

test('an address is printed in its shortest form and read again', () => {
  for (const text of [
    '10.1.2.3',
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '1:2:3:4:5:6:7:8',
    '1:0:3::5:0:0',
    '1::4:0:0:7:8',
  ]) {
    const address = parseIpAddress(text);
    assert.equal(address && formatIpAddress(address), text);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      assert.deepEqual(parseIpAddress(formatIpAddress({ type: 'address', bytes })), {
        type: 'address',
        bytes,
      });
    }),
  );
});

test("a subnet's length counts the bits of its own family", () => {
  assert.deepEqual(parseSubnet('10.0.0.0/8')?.length, 104);
  assert.deepEqual(parseSubnet('2001:db8::/32')?.length, 32);
  for (const text of [
    '10.0.0.0',
    '10.0.0.0/33',
    '::/129',
    '::/01',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/8/8',
    '::/-1',
  ]) {
    assert.equal(parseSubnet(text), undefined, text);
  }
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.ipV4().map((text) => parseIpAddress(text)?.bytes ?? new Uint8Array()),
  );
  fc.assert(
    fc.property(bytes, fc.nat(128), (network, length) => {
      const subnet = { type: 'subnet', bytes: network, length } as const;
      assert.deepEqual(parseSubnet(formatSubnet(subnet)), subnet);
    }),
  );
});
