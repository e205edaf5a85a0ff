import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { AnswerReader } from '../answer-reader.ts'
import type { Target } from '../load.ts'
import { type Offered, type OfferJob, type Outcomes, outcomeOf, turnOf } from '../peers/offer.ts'
import { work } from '../worker.ts'
import { requestBytes } from '../workload.ts'

// Offers more than the limit, in step with the clock, and counts what becomes of it. Each key is asked of all instances
// in turn. An instance whose connection breaks is left out from then on, as a balancer would; what it owed has failed.

/** Who has no answer by then has given up. */
const ANSWER_MS_MAX = 1_000
const MS_PER_SECOND = 1_000

/** What came of one request; undefined when its connection broke. */
type Answered = (status: number | undefined) => void

class Connection {
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #answered: Answered | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(to: Target, closed: (connection: Connection) => void) {
    this.#socket = connect({ ...to, noDelay: true } as NetConnectOpts)
    this.#socket.on('data', (chunk) => {
      if (this.#reader.read(chunk)) this.#settle(this.#reader.status)
    })
    // A 'close' follows.
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      closed(this)
      this.#settle(undefined)
    })
  }

  /** One at a time. A status of 0 is that none came in time. */
  ask(request: Buffer, answered: Answered): void {
    this.#answered = answered
    this.#timer = setTimeout(() => {
      this.#settle(0)
      this.#socket.destroy()
    }, ANSWER_MS_MAX)
    this.#socket.write(request)
  }

  close(): void {
    this.#socket.destroy()
  }

  #settle(status: number | undefined): void {
    clearTimeout(this.#timer)
    const answered = this.#answered
    this.#answered = undefined
    answered?.(status)
  }
}

class Instance {
  isGone = false
  readonly #to: Target
  #idle: Connection[] = []

  constructor(to: Target) {
    this.#to = to
  }

  ask(request: Buffer, answered: (status: number) => void): void {
    const connection =
      this.#idle.pop() ??
      new Connection(this.#to, (closed) => {
        this.#idle = this.#idle.filter((one) => one !== closed)
      })
    connection.ask(request, (status) => {
      if (status === undefined) this.isGone = true
      else if (status > 0) this.#idle.push(connection)
      answered(status ?? 0)
    })
  }

  close(): void {
    for (const connection of this.#idle) connection.close()
  }
}

work(async ({ to, route, keys, perSecond, durationMs }: OfferJob): Promise<Offered> => {
  const requests = requestBytes(route, keys)
  const instances = to.map((target) => new Instance(target))
  const counts = keys.map(
    (): Record<keyof Outcomes, number> => ({ allowed: 0, refused: 0, failed: 0 }),
  )
  const total = Math.round((perSecond * durationMs) / MS_PER_SECOND)
  let open = 0
  const send = (number: number) => {
    const alive = instances.filter(({ isGone }) => !isGone)
    const { key, at } = turnOf(number, keys.length, Math.max(1, alive.length))
    const count = counts[key] as Record<keyof Outcomes, number>
    const instance = alive[at]
    if (instance === undefined) {
      count.failed += 1
      return
    }
    open += 1
    instance.ask(requests[key] as Buffer, (status) => {
      open -= 1
      count[outcomeOf(status)] += 1
    })
  }
  const startMs = performance.now()
  for (let sent = 0; sent < total; await delay(1)) {
    const dueMs = performance.now() - startMs
    const due = Math.min(total, Math.ceil((dueMs * perSecond) / MS_PER_SECOND))
    while (sent < due) send(sent++)
  }
  while (open > 0) await delay(1)
  for (const instance of instances) instance.close()
  return counts
})
