import './promise-with-resolvers.ts'
import { type GossipsubEvents, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import {
  type ConnectionGater,
  FaultTolerance,
  type Libp2p,
  type PrivateKey,
  type PubSub,
} from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { NodeId } from '../../crdt/node-id.ts'
import { MEMBER_ADDRESSES_MAX, MEMBERS_MAX } from '../limits.ts'
import {
  DIAL_TIMEOUT_MS,
  GOSSIP_RPC_BYTES_MAX,
  INBOUND_UPGRADE_TIMEOUT_MS,
  LINK_OPEN_TIMEOUT_MS,
  PING_INTERVAL_MS,
} from './limits.ts'

/** The addresses the node listens on, with real ports, whether or not anybody has confirmed them. */
interface Listening {
  addresses(): Multiaddr[]
}

export type Libp2pNode = Libp2p<{ pubsub: PubSub<GossipsubEvents>; listening: Listening }>

export interface CreateLibp2pOptions {
  readonly privateKey: PrivateKey
  readonly preSharedKey: Uint8Array | undefined
  readonly listen: readonly string[]
  readonly topic: string
  readonly fanout: number
  readonly gossipIntervalMs: number
  readonly isAllowed: (peer: NodeId) => boolean
}

/** A worker of `node:cluster` would by default share its port with the others; what libp2p passes on, its types leave out. */
const OWN_PORT = { noDelay: true, exclusive: true }

/** A libp2p node, not started yet. Every option that differs from libp2p's defaults is here, with its reason. */
export function createLibp2pNode(options: CreateLibp2pOptions): Promise<Libp2pNode> {
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    addresses: { listen: [...options.listen] },
    // A configured address that cannot be listened on is an error, not a node nobody can reach.
    transportManager: { faultTolerance: FaultTolerance.FATAL_ALL },
    transports: [tcp({ listenOpts: OWN_PORT })],
    connectionEncrypters: [noise()],
    streamMuxers: [
      // A peer may make us hold this much per stream: the window need not grow beyond its smallest size.
      yamux({ maxStreamWindowSize: 256 * 1024, maxInboundStreams: 64, maxOutboundStreams: 64 }),
    ],
    ...(options.preSharedKey !== undefined && {
      connectionProtector: preSharedKey({ psk: options.preSharedKey }),
    }),
    connectionGater: gater(options.isAllowed),
    connectionManager: {
      // Above it libp2p closes connections on its own account, which would look like lost links.
      maxConnections: MEMBERS_MAX,
      // The defaults of 5 per second and 10 at once per IP turn away nodes behind one address.
      inboundConnectionThreshold: 1_000,
      maxIncomingPendingConnections: 200,
      maxParallelDials: 100,
      maxDialQueueLength: MEMBERS_MAX,
      maxPeerAddrsToDial: MEMBER_ADDRESSES_MAX,
      dialTimeout: DIAL_TIMEOUT_MS,
      inboundUpgradeTimeout: INBOUND_UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: LINK_OPEN_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: LINK_OPEN_TIMEOUT_MS,
      // Reconnecting is the redial loop's business alone.
      reconnectRetries: 0,
    },
    // A ping costs a stream, 0.7 ms. Faster detection is the heartbeat's business.
    connectionMonitor: { pingInterval: PING_INTERVAL_MS },
    services: {
      // Gossipsub learns from it which peers speak gossipsub.
      identify: identify(),
      ping: ping(),
      pubsub: gossipsub(gossipsubOptions(options)),
      listening: (components: { transportManager: { getAddrs(): Multiaddr[] } }): Listening => ({
        addresses: () => components.transportManager.getAddrs(),
      }),
    },
  })
}

function gater(isAllowed: (peer: NodeId) => boolean): ConnectionGater {
  const denies = (peer: { toString(): string }) => !isAllowed(peer.toString() as NodeId)
  return {
    // The default of some builds refuses private addresses, which are where clusters live.
    denyDialMultiaddr: () => false,
    denyDialPeer: denies,
    // Of a seed without an id we learn only now who it is.
    denyOutboundEncryptedConnection: denies,
    denyInboundEncryptedConnection: denies,
  }
}

function gossipsubOptions({ topic, fanout, gossipIntervalMs }: CreateLibp2pOptions) {
  return {
    // The mesh degree is the fanout; relays forward a message the moment it is validated.
    D: fanout,
    Dlo: Math.max(1, fanout - 1),
    Dhi: fanout + 1,
    Dscore: 1,
    // Must be below Dlo and at most half of D, which nobody checks.
    Dout: fanout > 2 ? 1 : 0,
    Dlazy: fanout,
    heartbeatInterval: gossipIntervalMs,
    // Publishing to everybody, the default, would make the fanout meaningless.
    floodPublish: false,
    fallbackToFloodsub: false,
    // Who is a member is the protocol's business, not gossipsub's.
    doPX: false,
    emitSelf: false,
    // A node that is alone publishes into the void; that is no error.
    allowPublishToZeroTopicPeers: true,
    // Authors sign, so that a relay can neither alter a frame nor speak for another node.
    globalSignaturePolicy: 'StrictSign' as const,
    // Both are mandatory: otherwise a peer fills memory with invented topics (CVE-2026-46679).
    allowedTopics: [topic],
    decodeRpcLimits: {
      maxSubscriptions: 128,
      maxMessages: 1_024,
      maxControlMessages: 1_024,
      maxIhaveMessageIDs: 5_000,
      maxIwantMessageIDs: 5_000,
      maxIdontwantMessageIDs: 512,
      maxPeerInfos: 16,
    },
    maxInboundDataLength: GOSSIP_RPC_BYTES_MAX,
    // A peer that does not read loses gossip, instead of filling our memory.
    maxOutboundBufferSize: GOSSIP_RPC_BYTES_MAX,
    // This version sends IDONTWANT and never honours it: pure cost.
    idontwantMinDataSize: 1e9,
    // Scoring is on unless every weight is zero; by default it silently mutes more than 10 peers of one IP.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, appSpecificWeight: 0 },
    // A restarted node would otherwise stay out of the mesh for a minute. (The spelling is gossipsub's.)
    pruneBackoff: 2_000,
    unsubcribeBackoff: 1_000,
  }
}
