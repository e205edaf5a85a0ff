import { multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../../crdt/node-id.ts'
import type { Libp2pNode } from './create-libp2p.ts'
import { asError, type OnFault, reasonOf } from './fault.ts'
import { DIAL_TIMEOUT_MS } from './limits.ts'
import { type Names, within } from './names.ts'
import { formatPeerAddress, type PeerAddress, resolvePeerAddress } from './peer-address.ts'

export type DialOutcome =
  | { readonly type: 'connected'; readonly peer: NodeId }
  /** The host answered that nobody listens there. */
  | { readonly type: 'refused' }
  /** It was this node that answered. */
  | { readonly type: 'self' }
  | { readonly type: 'failed' }

/** One attempt to connect, by libp2p. What fails is reported as a fault and returned as an outcome. */
export class Dialler {
  readonly #node: Libp2pNode
  readonly #names: Names
  readonly #onFault: OnFault
  /** Addresses being dialled: a second dial would make a second connection, or tear down the first. */
  readonly #dialling = new Set<string>()

  constructor(node: Libp2pNode, names: Names, onFault: OnFault) {
    this.#node = node
    this.#names = names
    this.#onFault = onFault
  }

  /**
   * Tries a peer's addresses one after the other, until one connects. `refused` only when every single one
   * was refused: a loopback or an overlay address refuses on the wrong host without meaning anything.
   */
  async reach(
    peer: NodeId,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<'connected' | 'refused' | 'failed'> {
    let refusals = 0
    let attempts = 0
    for (const address of addresses) {
      const resolved = await this.resolve({ ...address, peer })
      // A name that is not resolved counts as an attempt that was not refused.
      attempts += Math.max(1, resolved.length)
      for (const ip of resolved) {
        if (signal.aborted) return 'failed'
        const outcome = await this.dial(ip, peer, signal)
        if (outcome.type === 'connected') return 'connected'
        if (outcome.type === 'refused') refusals += 1
      }
    }
    return attempts > 0 && refusals === attempts ? 'refused' : 'failed'
  }

  /** The address's IP addresses; none when its name cannot be resolved. */
  async resolve(address: PeerAddress): Promise<readonly string[]> {
    try {
      return await resolvePeerAddress(address, this.#names, DIAL_TIMEOUT_MS)
    } catch (error) {
      this.#failed(formatPeerAddress(address), address.peer, error)
      return []
    }
  }

  /** The IP addresses behind the SRV records of a name, each with its port. */
  async resolveService(name: string): Promise<readonly string[]> {
    try {
      const asked = this.#names.services(name)
      const found = await within(DIAL_TIMEOUT_MS, asked, `looking up ${name}`)
      const resolved = await Promise.all(
        found.map((at) => this.resolve({ kind: 'dns', ...at, peer: undefined })),
      )
      return resolved.flat()
    } catch (error) {
      this.#failed(`srv:${name}`, undefined, error)
      return []
    }
  }

  /** Dials one IP address. `peer`, if known, is who must answer there. */
  async dial(ip: string, peer: NodeId | undefined, signal: AbortSignal): Promise<DialOutcome> {
    if (this.#dialling.has(ip)) return { type: 'failed' }
    this.#dialling.add(ip)
    try {
      const target = multiaddr(peer === undefined ? ip : `${ip}/p2p/${peer}`)
      const connection = await this.#node.dial(target, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
      })
      if (signal.aborted) connection.abort(new Error('nobody is interested any more'))
      return { type: 'connected', peer: connection.remotePeer.toString() as NodeId }
    } catch (thrown) {
      // Without an id in the address, libp2p finds out whom it dialled only from the handshake.
      if (asError(thrown).name === 'InvalidPeerIdError') return { type: 'self' }
      if (!signal.aborted) this.#failed(ip, peer, thrown)
      return { type: reasonOf(asError(thrown)) === 'ECONNREFUSED' ? 'refused' : 'failed' }
    } finally {
      this.#dialling.delete(ip)
    }
  }

  #failed(address: string, peer: NodeId | undefined, thrown: unknown): void {
    const error = asError(thrown)
    const reason = reasonOf(error)
    this.#onFault({
      type: 'dial-failed',
      address,
      ...(peer !== undefined && { peer }),
      reason,
      error,
    })
  }
}
