import type { NodeId } from '../../crdt/node-id.ts'
import type { Distrust } from './distrust.ts'
import type { OnFault } from './fault.ts'
import { formatPeerAddress, isLoopback, type PeerAddress } from './peer-address.ts'
import { assertPreSharedKey } from './pre-shared-key.ts'

/** Who may be a peer. */

/** Throws when anybody could join: beyond loopback a pre-shared key keeps strangers out. */
export function assertGuarded(
  listen: readonly PeerAddress[],
  preSharedKey: Uint8Array | undefined,
): void {
  if (preSharedKey !== undefined) {
    assertPreSharedKey(preSharedKey, 'preSharedKey')
    return
  }
  const open = listen.find((address) => !isLoopback(address))
  if (open !== undefined) {
    throw new Error(
      `listening on ${formatPeerAddress(open)} without a pre-shared key would let anybody join; give all nodes one, or listen on loopback`,
    )
  }
}

/** Why nobody can be let in. The library tells it in stack traces, and with advice on options of its own. */
export function listenFailure(thrown: unknown, listen: readonly PeerAddress[]): unknown {
  const reasons = String(thrown).match(/listen E[A-Z]+.*/g)
  if (reasons === null) return thrown
  const addresses = listen.map(formatPeerAddress).join(', ')
  return new Error(
    `peers cannot be listened for at ${addresses}: ${reasons.join('; ')}: choose another address`,
  )
}

/** Whether a peer may be one, by the list if there is one. */
export function allowList(
  self: NodeId,
  allow: readonly NodeId[] | undefined,
  onFault: OnFault,
): (peer: NodeId) => boolean {
  if (allow === undefined) return () => true
  const allowed = new Set([self, ...allow])
  return (peer) => {
    if (allowed.has(peer)) return true
    onFault({ type: 'not-allowed', peer })
    return false
  }
}

/** Whether a peer has lately talked sense. */
export function isTrusted(peer: NodeId, distrust: Distrust, onFault: OnFault): boolean {
  if (!distrust.isOut(peer, performance.now())) return true
  onFault({ type: 'distrusted', peer })
  return false
}
