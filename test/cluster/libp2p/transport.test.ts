import { setTimeout as sleep } from 'node:timers/promises'
import { Libp2pTransports, until } from '../../support/libp2p-transports.ts'
import { type TransportHarness, transportContract } from '../../support/transport-contract.ts'

/** Longer than the first pauses of the redial loop. */
const SETTLE_MS = 300

function libp2pHarness(): Promise<TransportHarness> {
  const transports = new Libp2pTransports()
  const listening = new Map<string, string>()
  return Promise.resolve({
    async start(name) {
      const listen = listening.get(name) ?? '/ip4/127.0.0.1/tcp/0'
      const transport = await transports.start(name, { listen: [listen] })
      const { addresses } = transport
      listening.set(name, addresses[0]?.split('/p2p/')[0] ?? '')
      return { transport, addresses }
    },
    kill: (name) => transports.stop(name),
    until,
    settle: () => sleep(SETTLE_MS),
    stop: () => transports.stopAll(),
  } satisfies TransportHarness)
}

transportContract('libp2p', libp2pHarness)
