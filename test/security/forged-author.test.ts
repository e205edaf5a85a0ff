import type { GossipSub } from '@chainsafe/libp2p-gossipsub'
import { RPC } from '@chainsafe/libp2p-gossipsub/message'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { ephemeralIdentity, nodeIdOf } from '../../cluster/libp2p/identity.ts'
import { HostilePeers, orderedIdentities, TOPIC } from '../support/hostile-peer.ts'
import { Libp2pTransports, until } from '../support/libp2p-transports.ts'
import { Recorder } from '../support/transport-recorder.ts'

// A frame is its author's: whoever relays it can neither write one in another's name nor change one.

const transports = new Libp2pTransports()
const hostiles = new HostilePeers()
afterEach(async () => {
  await hostiles.stopAll()
  await transports.stopAll()
})

type Signed = NonNullable<RPC['messages']>[number]

/** A message in the name of `author`, signed by `signer`, whose key comes with it. */
async function signed(
  author: PrivateKey,
  signer: PrivateKey,
  key: PrivateKey,
  text: string,
): Promise<Signed> {
  const message = {
    from: peerIdFromPrivateKey(author).toMultihash().bytes,
    data: new TextEncoder().encode(text),
    seqno: crypto.getRandomValues(new Uint8Array(8)),
    topic: TOPIC,
  }
  const bytes = RPC.Message.encode(message)
  const prefix = new TextEncoder().encode('libp2p-pubsub:')
  const signature = await signer.sign(new Uint8Array([...prefix, ...bytes]))
  return { ...message, signature, key: publicKeyToProtobuf(key.publicKey) }
}

function without(field: keyof Signed, message: Signed): Signed {
  const { [field]: _, ...rest } = message
  return rest as Signed
}

describe('a gossip frame', () => {
  test('in the name of another than its signer is not heard, nor one that was changed', async () => {
    const [low, high] = await orderedIdentities()
    const other = await ephemeralIdentity()
    const victim = await transports.start('victim', { privateKey: high })
    const heard = new Recorder(victim)
    const hostile = await hostiles.start(low)
    await hostile.dial(multiaddr(victim.addresses[0]))
    const { streamsOutbound } = hostile.services.pubsub as unknown as GossipSub
    await until('their gossipsubs have met', () => streamsOutbound.has(victim.self))
    const send = (...messages: Signed[]) => {
      streamsOutbound.get(victim.self)?.push(RPC.encode({ subscriptions: [], messages }))
    }
    const honest = await signed(other, other, other, 'relayed')
    send(
      await signed(other, low, low, 'own key'),
      await signed(other, low, other, 'foreign key'),
      await signed(high, low, low, 'of the victim itself'),
      { ...(await signed(other, other, other, 'before')), data: new TextEncoder().encode('after') },
      without('signature', await signed(other, other, other, 'unsigned')),
      without('from', await signed(other, other, other, 'no author')),
    )
    // In order after the others, and so the proof that they have arrived.
    send(honest, await signed(low, low, low, 'last'))
    await until('the last is heard', () => heard.authors.has(nodeIdOf(low)))
    const texts = heard.frames.map(({ from, frame }) => [from, new TextDecoder().decode(frame)])
    expect(texts.sort()).toEqual(
      [
        [nodeIdOf(other), 'relayed'],
        [nodeIdOf(low), 'last'],
      ].sort(),
    )
  })
})
