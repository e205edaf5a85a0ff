import type { NodeId } from '../crdt/node-id.ts'

/**
 * The port through which a node talks to its peers.
 *
 * Two kinds of delivery, as different as datagrams and streams:
 *
 * - `broadcast` reaches every subscribed peer *usually*: a frame may vanish, arrive twice, or overtake
 *   another. Peers relay it at once. The protocol only ever broadcasts what may be lost.
 * - `send` is one ordered stream per pair of peers: frames arrive whole, in order, at most once, until the
 *   link is lost. After a loss nothing sent before is retried.
 *
 * `from` is always the authenticated author of the frame, never a relay and never a claim in the frame.
 * The adapter keeps trying to link to every peer it `knows`; links come and go by themselves.
 * One contract suite (`test/support/transport-contract.ts`) runs against every adapter.
 */
export interface Transport {
  readonly self: NodeId
  /** Starts delivering to `listener`. Called once, before anything else. */
  attach(listener: TransportListener): void
  /** Best effort to all subscribed peers; never to itself. Frames above the frame limit are an error. */
  broadcast(frame: Uint8Array): void
  /** Queues a frame on the ordered stream to `to`; false when there is no link, and nothing was sent. */
  send(to: NodeId, frame: Uint8Array): boolean
  /** Remember where a peer can be reached, and keep a link to it from now on. Later addresses replace earlier ones. */
  know(peer: NodeId, addresses: readonly string[]): void
  /** Stop keeping a link to this peer, and close the one there is. */
  forget(peer: NodeId): void
  /**
   * A frame of this peer made no sense. It is read more slowly, and after several of them neither linked nor heard
   * for a while, which is when this returns true. Adapters whose peers are beyond doubt leave it out.
   */
  distrust?(peer: NodeId): boolean
}

/** What a transport reports. It never calls back from within `send`, `broadcast`, `know` or `forget`. */
export interface TransportListener {
  received(from: NodeId, frame: Uint8Array): void
  /** The peer announced a frame above the limit. Nothing of it was read, and its link is being closed. */
  oversize?(from: NodeId): void
  /** The stream to this peer is open in both directions. */
  linked(peer: NodeId): void
  /** The stream is gone. By itself this is ambiguous: the peer may have died, or the network may be cut. */
  unlinked(peer: NodeId): void
  /** The peer's host answered that nobody listens at the peer's address any more: a proof of death. */
  refused(peer: NodeId): void
}

/** What a transport that finds peers by itself offers beside. */
export interface Discovery {
  /**
   * Looks for members here, too, from now on. Returns false when it already looks in as many places as it
   * can. Throws an error that tells what is wrong with the address.
   */
  join(address: string): boolean
}
