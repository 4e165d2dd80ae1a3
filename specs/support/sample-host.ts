import type { Host } from '../../src/vocabulary/model.ts';

/** A host to introduce to Bros; specs change what they are about. */
export function sampleHost(changes: Partial<Host> = {}): Host {
  return {
    id: 'h1',
    hostname: 'web-1',
    addresses: ['10.1.2.3', 'fe80::1'],
    groups: ['geo/de/hamburg', 'servers'],
    endpointId: '5ba5a5e5-0000-4000-8000-000000000001',
    instanceId: 'instance-1',
    agentVersion: '1.2.3',
    platform: 'linux',
    osName: 'Debian GNU/Linux 13',
    kernelName: 'Linux',
    kernelVersion: '6.12.1',
    kernelArch: 'x86_64',
    uptime: 3600,
    tables: ['processes', 'users'],
    ...changes,
  };
}
