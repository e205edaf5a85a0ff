import { expect } from 'vitest'
import type { Transport, TransportListener } from '../../cluster/transport.ts'
import type { NodeId } from '../../crdt/node-id.ts'

interface Heard {
  readonly from: NodeId
  readonly frame: Uint8Array
}

/**
 * Listens to a transport and remembers. Holds two promises of the port for every test that uses it: no
 * event is told from within a call, and links open and close by turns.
 */
export class Recorder implements TransportListener {
  /** The transport, watched for events told from within its calls. */
  readonly guarded: Transport
  readonly frames: Heard[] = []
  readonly linkEvents: string[] = []
  readonly #linked = new Set<NodeId>()
  #calls = 0

  constructor(transport: Transport) {
    transport.attach(this)
    const during = <T>(call: () => T): T => {
      this.#calls += 1
      try {
        return call()
      } finally {
        this.#calls -= 1
      }
    }
    this.guarded = {
      self: transport.self,
      attach: () => {
        throw new Error('the recorder is attached already')
      },
      broadcast: (frame) => during(() => transport.broadcast(frame)),
      send: (to, frame) => during(() => transport.send(to, frame)),
      know: (peer, addresses) => during(() => transport.know(peer, addresses)),
      forget: (peer) => during(() => transport.forget(peer)),
    }
  }

  isLinked(peer: NodeId): boolean {
    return this.#linked.has(peer)
  }

  from(author: NodeId): readonly Uint8Array[] {
    return this.frames.filter(({ from }) => from === author).map(({ frame }) => frame)
  }

  get authors(): ReadonlySet<NodeId> {
    return new Set(this.frames.map(({ from }) => from))
  }

  received(from: NodeId, frame: Uint8Array): void {
    this.#assertNotReentrant('received')
    this.frames.push({ from, frame: Uint8Array.from(frame) })
  }

  linked(peer: NodeId): void {
    this.#assertNotReentrant('linked')
    expect(this.#linked, 'linked twice').not.toContain(peer)
    this.#linked.add(peer)
    this.linkEvents.push(`linked ${peer}`)
  }

  unlinked(peer: NodeId): void {
    this.#assertNotReentrant('unlinked')
    expect(this.#linked, 'unlinked without a link').toContain(peer)
    this.#linked.delete(peer)
    this.linkEvents.push(`unlinked ${peer}`)
  }

  refused(peer: NodeId): void {
    this.#assertNotReentrant('refused')
    expect(this.#linked, 'refused while linked').not.toContain(peer)
    this.linkEvents.push(`refused ${peer}`)
  }

  #assertNotReentrant(event: string): void {
    expect(this.#calls, `${event} was told from within a call`).toBe(0)
  }
}
