import { connect, createServer, type Server, type Socket } from 'node:net'
import { diallerOf } from './dialler.ts'

/** What becomes of bytes on their way from one node to another. */
interface Way {
  /** Nothing arrives, and nobody is told: bytes are held as a dead network holds them. */
  held: boolean
  delayMs: number
}

export interface Place {
  /** Where others are told to connect. */
  readonly front: number
  /** Where the node listens. */
  readonly behind: number
}

/**
 * The network between nodes of one machine, in user space: each node is known by the address of a front that passes
 * connections on to it, late or not at all. What a connection carries, either way, is known by who dialled it.
 */
export class FaultProxy {
  readonly #ways = new Map<string, Way>()
  readonly #lanes = new Set<Lane>()
  /** Connections that are to be passed on when that can be. */
  readonly #dialling = new Map<Socket, () => void>()
  readonly #fronts = new Map<string, Server>()
  readonly #places: ReadonlyMap<string, Place>
  readonly #pidOf: (name: string) => number | undefined

  constructor(
    places: ReadonlyMap<string, Place>,
    /** The process of a node that runs. */
    pidOf: (name: string) => number | undefined,
  ) {
    this.#places = places
    this.#pidOf = pidOf
  }

  /** The front of a node accepts from now on. */
  async open(name: string): Promise<void> {
    if (this.#fronts.has(name)) return
    const front = createServer({ allowHalfOpen: true }, (socket) => this.#accept(name, socket))
    this.#fronts.set(name, front)
    await new Promise<void>((resolve, reject) => {
      front.once('error', reject)
      front.listen(this.#place(name).front, '127.0.0.1', resolve)
    })
  }

  /** The node is gone: its front refuses connections, as the node's host would. */
  close(name: string): void {
    this.#fronts.get(name)?.close()
    this.#fronts.delete(name)
  }

  cut(from: string, to: string): void {
    this.#way(from, to).held = true
  }

  slow(from: string, to: string, delayMs: number): void {
    this.#way(from, to).delayMs = delayMs
  }

  /** Everything passes at once again, what was held first. */
  mend(): void {
    for (const way of this.#ways.values()) Object.assign(way, { held: false, delayMs: 0 })
    for (const lane of this.#lanes) lane.pass()
    const dialling = [...this.#dialling]
    this.#dialling.clear()
    for (const [socket, pass] of dialling) if (!socket.destroyed) pass()
  }

  end(): void {
    for (const name of [...this.#fronts.keys()]) this.close(name)
    for (const lane of this.#lanes) lane.end()
    for (const socket of this.#dialling.keys()) socket.destroy()
  }

  #accept(to: string, dialled: Socket): void {
    const names = [...this.#places.keys()]
    const from = names.find((name) => name !== to && diallerOf(dialled, this.#pidOf(name)))
    if (from === undefined) {
      // Who has hung up already is nobody any more.
      dialled.destroy()
      return
    }
    dialled.on('error', () => undefined)
    const pass = () => this.#connect(from, to, dialled)
    // Whoever dials across a cut gets no answer, and the other end hears nothing of it.
    if (!this.#way(from, to).held && !this.#way(to, from).held) pass()
    else {
      dialled.pause()
      this.#dialling.set(dialled, pass)
      dialled.once('close', () => this.#dialling.delete(dialled))
    }
  }

  #connect(from: string, to: string, dialled: Socket): void {
    const { behind } = this.#place(to)
    const node = connect({ port: behind, host: '127.0.0.1', allowHalfOpen: true })
    for (const socket of [dialled, node]) socket.setNoDelay(true)
    this.#join(dialled, node, this.#way(from, to))
    this.#join(node, dialled, this.#way(to, from))
  }

  #join(source: Socket, sink: Socket, way: Way): void {
    const lane = new Lane(source, sink, way)
    this.#lanes.add(lane)
    sink.once('close', () => this.#lanes.delete(lane))
  }

  #way(from: string, to: string): Way {
    const name = `${from} to ${to}`
    const way = this.#ways.get(name) ?? { held: false, delayMs: 0 }
    this.#ways.set(name, way)
    return way
  }

  #place(name: string): Place {
    const place = this.#places.get(name)
    if (place === undefined) throw new Error(`no node is called ${name}`)
    return place
  }
}

/** Bytes, the end of the stream, or the end of the whole connection. */
type Passing = Buffer | 'end' | 'close'

/** One direction of one connection. What comes leaves in its order. */
class Lane {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #way: Way
  readonly #waiting: { readonly what: Passing; readonly dueMs: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(source: Socket, sink: Socket, way: Way) {
    this.#source = source
    this.#sink = sink
    this.#way = way
    const take = (what: Passing) => {
      this.#waiting.push({ what, dueMs: performance.now() + way.delayMs })
      this.pass()
    }
    source.on('data', take)
    source.once('end', () => take('end'))
    source.once('close', () => take('close'))
    // An error is followed by a close.
    source.on('error', () => undefined)
    sink.on('drain', () => this.pass())
    this.pass()
  }

  /** Passes on what may leave by now. */
  pass(): void {
    clearTimeout(this.#timer)
    // What is held fills the pipe, and then stops whoever writes, as it would in a network.
    if (this.#way.held) {
      this.#source.pause()
      return
    }
    this.#source.resume()
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined) return
      const earlyMs = next.dueMs - performance.now()
      if (earlyMs > 0 && this.#way.delayMs > 0) {
        this.#timer = setTimeout(() => this.pass(), Math.ceil(earlyMs))
        return
      }
      this.#waiting.shift()
      this.#put(next.what)
    }
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#source.destroy()
    this.#sink.destroy()
  }

  #put(what: Passing): void {
    if (what === 'end') this.#sink.end()
    else if (what === 'close') this.#sink.destroySoon()
    else if (!this.#sink.write(what)) this.#source.pause()
  }
}
