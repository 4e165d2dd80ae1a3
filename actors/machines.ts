import type { AnyStateMachine } from 'xstate';
import { backfillMachine } from './backfill.machine.ts';
import { broPeerMachine } from './bro-peer.machine.ts';
import { brokerEndpointMachine } from './broker-endpoint.machine.ts';
import { courierMachine } from './courier.machine.ts';
import { extensionMachine } from './extension.machine.ts';
import { gatewayMachine } from './gateway.machine.ts';
import { loggerPluginMachine } from './logger-plugin.machine.ts';
import { osqueryCoreMachine } from './osquery-core.machine.ts';
import { scheduleManagerMachine } from './schedule-manager.machine.ts';

/** All machines by id, the one that supervises the others first. */
export const MACHINES: ReadonlyMap<string, AnyStateMachine> = new Map(
  [
    extensionMachine,
    osqueryCoreMachine,
    backfillMachine,
    scheduleManagerMachine,
    brokerEndpointMachine,
    broPeerMachine,
    loggerPluginMachine,
    courierMachine,
    gatewayMachine,
  ].map((machine) => [machine.id, machine as AnyStateMachine]),
);
