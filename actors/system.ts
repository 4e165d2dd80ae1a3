import { type EventObject, fromCallback } from 'xstate';
import type { Bus } from '../src/bus/bus.ts';
import type { BusMessage } from '../src/bus/messages.ts';
import { backfillMachine } from './backfill.machine.ts';
import { broPeerMachine } from './bro-peer.machine.ts';
import { brokerEndpointMachine } from './broker-endpoint.machine.ts';
import { courierMachine } from './courier.machine.ts';
import { extensionMachine } from './extension.machine.ts';
import { loggerPluginMachine } from './logger-plugin.machine.ts';
import { osqueryCoreMachine } from './osquery-core.machine.ts';
import type { InboxInput } from './port.ts';
import { scheduleManagerMachine } from './schedule-manager.machine.ts';

type Actors<Machine extends { provide: (implementations: never) => unknown }> = NonNullable<
  Exclude<Parameters<Machine['provide']>[0], undefined> extends { actors?: infer A } ? A : never
>;

/** The ports of every machine but those that the bus itself supplies. */
export interface Ports {
  readonly osquery: Pick<
    Required<Actors<typeof osqueryCoreMachine>>,
    'attach' | 'configure' | 'register' | 'watch' | 'identify' | 'applySchedule' | 'deregister'
  >;
  readonly schedule: Pick<Required<Actors<typeof scheduleManagerMachine>>, 'describe' | 'append' | 'execute'>;
  readonly peer: Pick<Required<Actors<typeof broPeerMachine>>, 'connection'>;
  readonly logger: Pick<Required<Actors<typeof loggerPluginMachine>>, 'calls'>;
  readonly courier: Pick<Required<Actors<typeof courierMachine>>, 'delivery'>;
  readonly extension: Pick<Required<Actors<typeof extensionMachine>>, 'recover' | 'close' | 'release'>;
  readonly backfill: Pick<
    Required<Actors<typeof backfillMachine>>,
    'calls' | 'readLogs' | 'declare' | 'finish'
  > & { readonly writeHeartbeat: (_: unknown, params: { readonly at: number | null }) => void };
}

/** All machines with their ports, the bus between them. */
export function connectMachines(bus: Bus, ports: Ports) {
  const inbox = fromCallback<EventObject, InboxInput>(({ input, sendBack }) =>
    bus.subscribe(input.subjects, sendBack),
  );
  const publish = (_: unknown, message: BusMessage) => bus.publish(message);
  const publishAll = (_: unknown, messages: readonly BusMessage[]) => {
    for (const message of messages) bus.publish(message);
  };
  const { writeHeartbeat, ...backfill } = ports.backfill;
  return extensionMachine.provide({
    actions: { publish },
    actors: {
      inbox,
      ...ports.extension,
      osqueryCore: osqueryCoreMachine.provide({ actions: { publish }, actors: { inbox, ...ports.osquery } }),
      backfill: backfillMachine.provide({ actions: { publish, writeHeartbeat }, actors: backfill }),
      scheduleManager: scheduleManagerMachine.provide({
        actions: { publish, publishAll },
        actors: { inbox, ...ports.schedule },
      }),
      brokerEndpoint: brokerEndpointMachine.provide({
        actions: { publish },
        actors: {
          inbox,
          broPeer: broPeerMachine.provide({ actions: { publish }, actors: { inbox, ...ports.peer } }),
        },
      }),
      loggerPlugin: loggerPluginMachine.provide({ actions: { publish }, actors: { inbox, ...ports.logger } }),
      courier: courierMachine.provide({ actions: { publish }, actors: { inbox, ...ports.courier } }),
    },
  });
}
