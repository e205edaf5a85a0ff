import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { AnswerReader } from '../answer-reader.ts'
import { cpuSeconds } from '../cpu-time.ts'
import { Microseconds } from '../microseconds.ts'
import { work } from '../worker.ts'
import { type Route, requestBytes } from '../workload.ts'

// The load generator: plain sockets, requests prepared as bytes, and an answer looked at only as far as to
// know where it ends. One request in flight per connection.

export interface LoadJob {
  readonly to: NetConnectOpts
  readonly route: Route
  readonly keys: readonly string[]
  readonly connections: number
  readonly durationMs: number
  /** Requests to send per second; without, every connection sends as soon as it has its answer. */
  readonly perSecond?: number
  /** Processes whose use of the processor is of interest. */
  readonly pids: readonly number[]
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Us: number
  readonly p99Us: number
  /** Of one answer, its head included. */
  readonly answerBytes: number
  /** Seconds of processor time, in the order of the job's `pids`; undefined where it cannot be known. */
  readonly cpuSeconds: readonly (number | undefined)[]
  readonly ownCpuSeconds: number
}

/** Answers that take this long mean that something is broken. */
const ANSWER_MS_MAX = 5_000
const MS_PER_SECOND = 1_000

class Connection {
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #sinceMs = 0

  constructor(socket: Socket, answered: (connection: Connection, tookMs: number) => void) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      if (!this.#reader.read(chunk)) return
      if (this.#reader.status >= 300) throw new Error(`answered with ${this.#reader.status}`)
      answered(this, performance.now() - this.#sinceMs)
    })
    socket.on('error', (error) => {
      throw error
    })
  }

  get answerBytes(): number {
    return this.#reader.bytes
  }

  /** `sinceMs` is when the request was due, which is what its caller would have waited from. */
  send(request: Buffer, sinceMs: number): void {
    this.#sinceMs = sinceMs
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Sends until the time is over, then waits for what is still in flight. */
class Load {
  readonly #requests: readonly Buffer[]
  readonly #latency = new Microseconds()
  readonly #idle: Connection[] = []
  readonly #due: number[] = []
  readonly #job: LoadJob
  #sent = 0
  #answered = 0
  #answerBytes = 0
  #open = true

  constructor(job: LoadJob) {
    this.#job = job
    this.#requests = requestBytes(job.route, job.keys)
  }

  async run(): Promise<LoadResult> {
    const { pids, connections, durationMs, perSecond } = this.#job
    const all = await Promise.all(Array.from({ length: connections }, () => this.#connect()))
    const cpuBefore = pids.map(cpuSeconds)
    const ownBefore = process.cpuUsage()
    const startMs = performance.now()
    if (perSecond === undefined) await this.#closedLoop(all, startMs + durationMs)
    else await this.#openLoop(all, startMs, perSecond)
    await this.#settled()
    const seconds = (performance.now() - startMs) / MS_PER_SECOND
    const own = process.cpuUsage(ownBefore)
    const cpuAfter = pids.map(cpuSeconds)
    for (const connection of all) connection.close()
    return {
      requests: this.#answered,
      seconds,
      p50Us: this.#latency.percentile(0.5),
      p99Us: this.#latency.percentile(0.99),
      answerBytes: this.#answerBytes,
      cpuSeconds: cpuAfter.map((after, at) => {
        const before = cpuBefore[at]
        return after === undefined || before === undefined ? undefined : after - before
      }),
      ownCpuSeconds: (own.user + own.system) / 1e6,
    }
  }

  async #connect(): Promise<Connection> {
    const socket = connect({ ...this.#job.to, noDelay: true } as NetConnectOpts)
    await once(socket, 'connect')
    return new Connection(socket, (connection, tookMs) => this.#took(connection, tookMs))
  }

  async #closedLoop(all: readonly Connection[], endMs: number): Promise<void> {
    const nowMs = performance.now()
    for (const connection of all) this.#send(connection, nowMs)
    await new Promise((resolve) => setTimeout(resolve, endMs - performance.now()))
    this.#open = false
  }

  /** A request that finds no free connection waits for one; its waiting counts. */
  async #openLoop(all: readonly Connection[], startMs: number, perSecond: number): Promise<void> {
    this.#open = false
    this.#idle.push(...all)
    const total = Math.round((perSecond * this.#job.durationMs) / MS_PER_SECOND)
    let scheduled = 0
    while (scheduled < total) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      const nowMs = performance.now()
      const owed = Math.min(total, Math.floor(((nowMs - startMs) * perSecond) / MS_PER_SECOND))
      for (; scheduled < owed; scheduled++) {
        const connection = this.#idle.pop()
        if (connection === undefined) this.#due.push(nowMs)
        else this.#send(connection, nowMs)
      }
    }
  }

  #took(connection: Connection, tookMs: number): void {
    this.#latency.add(tookMs)
    this.#answered += 1
    this.#answerBytes = connection.answerBytes
    if (this.#open) this.#send(connection, performance.now())
    else {
      const dueMs = this.#due.shift()
      if (dueMs === undefined) this.#idle.push(connection)
      else this.#send(connection, dueMs)
    }
  }

  #send(connection: Connection, sinceMs: number): void {
    connection.send(this.#requests[this.#sent % this.#requests.length] as Buffer, sinceMs)
    this.#sent += 1
  }

  async #settled(): Promise<void> {
    const endMs = performance.now() + ANSWER_MS_MAX
    while (this.#answered < this.#sent || this.#due.length > 0) {
      if (performance.now() > endMs) {
        throw new Error(`${this.#sent - this.#answered} requests were never answered`)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

work((job: LoadJob) => new Load(job).run())
