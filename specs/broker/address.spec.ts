import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  AddressError,
  type EndpointAddress,
  formatEndpointAddress,
  parseEndpointAddress,
} from '../../src/broker/address.ts';

const native = (host: string, port: number, security: 'auto' | 'plain' | 'tls'): EndpointAddress => ({
  kind: 'native',
  host,
  port,
  security,
});
const websocket = (
  host: string,
  port: number,
  secure: boolean,
  path = '/v1/messages/json',
): EndpointAddress => ({
  kind: 'websocket',
  host,
  port,
  secure,
  path,
});

test('every form of an address is read, and has one spelling', () => {
  const forms: [string, EndpointAddress, string][] = [
    ['zeek:9998', native('zeek', 9998, 'auto'), 'zeek:9998'],
    ['Zeek.Example.ORG', native('zeek.example.org', 9999, 'auto'), 'zeek.example.org:9999'],
    ['[::1]', native('::1', 9999, 'auto'), '[::1]:9999'],
    ['[FE80::1%eth0]:1', native('fe80::1%eth0', 1, 'auto'), '[fe80::1%eth0]:1'],
    ['broker://10.0.0.1', native('10.0.0.1', 9999, 'plain'), 'broker://10.0.0.1:9999'],
    ['brokers://h:65535/', native('h', 65_535, 'tls'), 'brokers://h:65535'],
    ['BROKERS://h:1', native('h', 1, 'tls'), 'brokers://h:1'],
    ['ws://h:9997', websocket('h', 9997, false), 'ws://h:9997/v1/messages/json'],
    ['ws://h', websocket('h', 80, false), 'ws://h:80/v1/messages/json'],
    [
      'wss://[2001:db8::1]/zeek/ws',
      websocket('2001:db8::1', 443, true, '/zeek/ws'),
      'wss://[2001:db8::1]:443/zeek/ws',
    ],
    ['nats://h', { kind: 'nats', host: 'h', port: 4222, secure: false }, 'nats://h:4222'],
    ['tls://h:4223', { kind: 'nats', host: 'h', port: 4223, secure: true }, 'tls://h:4223'],
  ];
  for (const [text, address, spelling] of forms) {
    assert.deepEqual(parseEndpointAddress(text), address);
    assert.equal(formatEndpointAddress(address), spelling);
    assert.deepEqual(parseEndpointAddress(spelling), address);
  }
});

test('what is not an address is refused with the reason', () => {
  for (const [text, reason] of [
    ['', 'the host is missing'],
    [':9999', 'the host is missing'],
    ['h:', 'the port "" is not a number from 1 to 65535'],
    ['h:0', 'the port "0" is not a number from 1 to 65535'],
    ['h:65536', 'the port "65536" is not a number from 1 to 65535'],
    ['h:99x', 'the port "99x" is not a number from 1 to 65535'],
    ['::1:9999', 'an IPv6 address must be in brackets, as in [::1]:9999'],
    ['fe80::1', 'an IPv6 address must be in brackets, as in [::1]:9999'],
    ['[10.0.0.1]:9', '10.0.0.1 is not an IPv6 address'],
    ['[::1%]:9', '::1% is not an IPv6 address'],
    ['256.1.1.1', '"256.1.1.1" is neither a host name nor an IP address'],
    ['10.1', '"10.1" is neither a host name nor an IP address'],
    ['a..b', '"a..b" is neither a host name nor an IP address'],
    ['-a', '"-a" is neither a host name nor an IP address'],
    ['h 9', 'it contains whitespace'],
    ['broker://h/path', 'only ws:// and wss:// addresses have a path'],
    ['ws://h/x?y', 'a query string or fragment is not supported'],
    [
      'http://h',
      'http:// is not supported; use host:port, broker://, brokers://, ws://, wss://, nats:// or tls://',
    ],
  ] as const) {
    assert.throws(() => parseEndpointAddress(text), {
      name: 'AddressError',
      message: `${JSON.stringify(text)} is not a valid Zeek address: ${reason}`,
    });
  }
});

test('credentials have no place in an address, and are not repeated', () => {
  for (const [text, shown] of [
    ['user:secret@h:1', '…@h:1'],
    ['nats://user:se@cret@h', 'nats://…@h'],
  ] as const) {
    assert.throws(() => parseEndpointAddress(text), {
      message: `"${shown}" is not a valid Zeek address: credentials are not allowed in an address; put them into the settings`,
    });
  }
});

test('a listener may ask for any free port', () => {
  assert.deepEqual(parseEndpointAddress('h:0', { listening: true }), native('h', 0, 'auto'));
});

test('any text is an address whose spelling is stable, or refused', () => {
  const pieces = fc.constantFrom(
    'h',
    ':',
    '1',
    '[',
    ']',
    '::',
    '.',
    '/',
    'ws://',
    'broker://',
    '%',
    '-',
    'é',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 8 }).map((all) => all.join('')),
      ),
      (text) => {
        try {
          const address = parseEndpointAddress(text);
          assert.deepEqual(parseEndpointAddress(formatEndpointAddress(address)), address);
        } catch (error) {
          assert.ok(error instanceof AddressError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
