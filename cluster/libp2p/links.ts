import type { Connection, Stream } from '@libp2p/interface'
import { compareNodeIds, type NodeId } from '../../crdt/node-id.ts'
import type { Libp2pNode } from './create-libp2p.ts'
import { asError, type Libp2pFault, type OnFault, reasonOf } from './fault.ts'
import { OversizeFrameError } from './frame-codec.ts'
import { LINK_OPEN_TIMEOUT_MS } from './limits.ts'
import { BacklogExceededError, PeerStream } from './peer-stream.ts'
import { tellWindowSeldom } from './window-updates.ts'

export interface LinkEvents {
  linked(peer: NodeId): void
  received(peer: NodeId, frame: Uint8Array): void
  oversize(peer: NodeId): void
  unlinked(peer: NodeId): void
}

/**
 * At most one link per peer, whoever dialled whom and however many connections there are. Two rules make
 * the two ends agree without a word:
 *
 * - The lower id opens the stream, the higher id accepts it.
 * - All connections to a peer live and die together. Gossipsub keeps writing into its stream of a dead
 *   connection as long as another one lives, so a pair that lost only one would be linked, yet mute.
 */
export class Links {
  readonly #node: Libp2pNode
  readonly #self: NodeId
  readonly #protocol: string
  readonly #events: LinkEvents
  readonly #onFault: OnFault
  readonly #streams = new Map<NodeId, PeerStream>()
  readonly #opening = new Set<NodeId>()
  /** Peers that connected before they were admitted; none are held any more once it is undefined. */
  #held: (() => void)[] | undefined = []

  constructor(
    dependencies: { readonly node: Libp2pNode; readonly self: NodeId; readonly onFault: OnFault },
    options: { readonly protocol: string; readonly events: LinkEvents },
  ) {
    this.#node = dependencies.node
    this.#self = dependencies.self
    this.#onFault = dependencies.onFault
    this.#protocol = options.protocol
    this.#events = options.events
  }

  /** Before the node starts: whoever connects must find the protocol. */
  async register(): Promise<void> {
    await this.#node.handle(
      this.#protocol,
      ({ connection, stream }) => this.#accept(connection, stream),
      // One is in use; a second is looked at only to be told off.
      { maxInboundStreams: 2, maxOutboundStreams: 2 },
    )
    this.#node.addEventListener('connection:open', ({ detail: connection }) => {
      this.#open(connection).catch((error) => this.#failed(peerOf(connection), error))
    })
    this.#node.addEventListener('connection:close', ({ detail: connection }) => {
      this.#hangUp(peerOf(connection), new Error('a connection to this peer was lost'))
    })
  }

  /** From now on links open. Until then peers that connect wait. */
  admit(): void {
    for (const enter of this.#held ?? []) enter()
    this.#held = undefined
  }

  has(peer: NodeId): boolean {
    return this.#streams.has(peer)
  }

  send(peer: NodeId, frame: Uint8Array): boolean {
    return this.#streams.get(peer)?.send(frame) ?? false
  }

  /** Reads nothing from the peer for so long. */
  pause(peer: NodeId, ms: number): void {
    this.#streams.get(peer)?.pause(ms)
  }

  /** Closes the link, if there is one, and everything else to this peer. */
  drop(peer: NodeId, reason: string): void {
    const error = new Error(reason)
    // First the stream, so that its end counts as wanted and not as a failure.
    this.#streams.get(peer)?.abort(undefined)
    this.#hangUp(peer, error)
  }

  /** Writes what is queued for all peers, then closes their streams. */
  async finish(): Promise<void> {
    await Promise.allSettled([...this.#streams.values()].map((stream) => stream.finish()))
  }

  abort(): void {
    for (const connection of this.#node.getConnections()) {
      connection.abort(new Error('this node stops'))
    }
  }

  async #open(connection: Connection): Promise<void> {
    await this.#admission()
    const peer = peerOf(connection)
    if (compareNodeIds(this.#self, peer) > 0) return
    if (this.#streams.has(peer) || this.#opening.has(peer)) return
    this.#opening.add(peer)
    try {
      const stream = await connection.newStream(this.#protocol, {
        signal: AbortSignal.timeout(LINK_OPEN_TIMEOUT_MS),
      })
      this.#link(peer, stream)
    } catch (error) {
      this.#failed(peer, error)
      this.#hangUp(peer, asError(error))
    } finally {
      this.#opening.delete(peer)
    }
  }

  async #accept(connection: Connection, stream: Stream): Promise<void> {
    await this.#admission()
    const peer = peerOf(connection)
    if (this.#streams.has(peer) || compareNodeIds(this.#self, peer) < 0) {
      // A second stream means that the peer has given up the first, and we have not noticed yet.
      this.#onFault({ type: 'unexpected-stream', peer })
      this.#hangUp(peer, new Error('this stream was not to be opened'))
    } else {
      this.#link(peer, stream)
    }
  }

  async #admission(): Promise<void> {
    const held = this.#held
    if (held !== undefined) await new Promise<void>((enter) => held.push(enter))
  }

  #link(peer: NodeId, stream: Stream): void {
    tellWindowSeldom(stream)
    const link = new PeerStream(stream)
    this.#streams.set(peer, link)
    this.#events.linked(peer)
    link
      .run((frame) => this.#events.received(peer, frame))
      .then((failure) => this.#ended(peer, failure))
      .catch((error) => this.#failed(peer, error))
  }

  #ended(peer: NodeId, failure: Error | undefined): void {
    if (failure !== undefined) this.#onFault(faultOf(peer, failure))
    this.#streams.delete(peer)
    this.#hangUp(peer, failure ?? new Error('the stream has ended'))
    if (failure instanceof OversizeFrameError) this.#events.oversize(peer)
    this.#events.unlinked(peer)
  }

  #hangUp(peer: NodeId, reason: Error): void {
    for (const connection of this.#node.getConnections()) {
      if (peerOf(connection) === peer && connection.status === 'open') connection.abort(reason)
    }
  }

  #failed(peer: NodeId, thrown: unknown): void {
    this.#onFault(faultOf(peer, asError(thrown)))
  }
}

function peerOf(connection: Connection): NodeId {
  return connection.remotePeer.toString() as NodeId
}

function faultOf(peer: NodeId, error: Error): Libp2pFault {
  if (error instanceof OversizeFrameError) {
    return { type: 'oversize-frame', peer, bytes: error.bytes }
  }
  if (error instanceof BacklogExceededError) {
    return { type: 'backlog-exceeded', peer, bytes: error.bytes }
  }
  return { type: 'link-failed', peer, reason: reasonOf(error), error }
}
