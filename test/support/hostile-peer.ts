import type { PrivateKey, Stream } from '@libp2p/interface'
import { createLibp2pNode, type Libp2pNode } from '../../cluster/libp2p/create-libp2p.ts'
import { ephemeralIdentity, nodeIdOf } from '../../cluster/libp2p/identity.ts'

export const TOPIC = 'weir/test'
export const FRAMES = `/weir/frames/1/${TOPIC}`

/** Peers that speak libp2p, and do with it what they like. */
export class HostilePeers {
  readonly #running: Libp2pNode[] = []

  async start(privateKey: PrivateKey): Promise<Libp2pNode> {
    const node = await createLibp2pNode({
      privateKey,
      preSharedKey: undefined,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      topic: TOPIC,
      fanout: 3,
      gossipIntervalMs: 500,
      isAllowed: () => true,
    })
    this.#running.push(node)
    await node.handle(FRAMES, () => undefined)
    await node.start()
    return node
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((node) => node.stop()))
  }
}

/** Two identities, the lower one first: it is the one that opens the stream. */
export async function orderedIdentities(): Promise<[PrivateKey, PrivateKey]> {
  const keys = [await ephemeralIdentity(), await ephemeralIdentity()]
  keys.sort((a, b) => (nodeIdOf(a) < nodeIdOf(b) ? -1 : 1))
  return keys as [PrivateKey, PrivateKey]
}

/** Writes as the muxer asks, and counts how much it asked for. */
export function writeTo(
  stream: Stream,
  chunks: Iterable<Uint8Array>,
): { readonly taken: () => number } {
  let taken = 0
  function* counted() {
    for (const chunk of chunks) {
      taken += chunk.byteLength
      yield chunk
    }
  }
  stream.sink(counted()).catch(() => undefined)
  return { taken: () => taken }
}
