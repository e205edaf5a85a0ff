import { setTimeout as sleep } from 'node:timers/promises'
import type { PrivateKey } from '@libp2p/interface'
import type { Libp2pFault } from '../../cluster/libp2p/fault.ts'
import { ephemeralIdentity } from '../../cluster/libp2p/identity.ts'
import {
  createLibp2pTransport,
  type Libp2pTransport,
  type Libp2pTransportOptions,
} from '../../cluster/libp2p/transport.ts'

/** Polls: real sockets tell nobody when they are done. */
export async function until(
  what: string,
  condition: () => boolean,
  patienceMs = 8_000,
): Promise<void> {
  const deadlineMs = Date.now() + patienceMs
  do {
    if (Date.now() > deadlineMs) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await sleep(5)
  } while (!condition())
}

/** Real nodes on loopback, with ports of the system's choosing, and what went wrong with each. */
export class Libp2pTransports {
  readonly #running = new Map<string, Libp2pTransport>()
  readonly #identities = new Map<string, PrivateKey>()
  readonly #faults = new Map<string, Libp2pFault[]>()

  /** Under the same name, the same identity; where a node has listened before, it listens again. */
  async start(
    name: string,
    options: Partial<Libp2pTransportOptions> = {},
  ): Promise<Libp2pTransport> {
    const privateKey = this.#identities.get(name) ?? (await ephemeralIdentity())
    this.#identities.set(name, privateKey)
    const faults = this.faults(name)
    const transport = await createLibp2pTransport({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: 'weir/test',
      fanout: 3,
      gossipIntervalMs: 500,
      seeds: [],
      onFault: (fault) => faults.push(fault),
      ...options,
    })
    this.#running.set(name, transport)
    return transport
  }

  faults(name: string): Libp2pFault[] {
    const faults = this.#faults.get(name) ?? []
    this.#faults.set(name, faults)
    return faults
  }

  async stop(name: string): Promise<void> {
    await this.#running.get(name)?.stop()
    this.#running.delete(name)
  }

  /** Also forgets who they were and what went wrong. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)))
    this.#identities.clear()
    this.#faults.clear()
  }
}
