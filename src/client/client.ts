import {
  type BatchAnswer,
  type ClientAnswer,
  type FallbackAnswer,
  readAnswer,
  readAnswers,
} from './answer.ts'
import { CIRCUIT_PROBE_MS, Circuit } from './circuit.ts'
import { type Destination, destinationOf, HOW_TO_WRITE } from './destination.ts'
import { type ClientTls, Exchange, type Reply } from './exchange.ts'
import { LimiterFailure } from './failure.ts'

export interface ClientOptions {
  /** A node's data door: `http://host:port`, `https://host:port` or `unix:/path`. */
  readonly url: string
  /**
   * What a check is answered when the limiter fails. `open`: allowed, and nothing is limited meanwhile.
   * `closed`: refused, and the limiter's failure is yours.
   */
  readonly onFailure: 'open' | 'closed'
  /**
   * Milliseconds for one call, connecting and waiting for a free connection included; 1 to 60,000, default
   * 500. Less: a request waits less for a limiter in trouble. More: fewer checks of a node that waits for
   * its own peers are answered by `onFailure`; a node may wait for two of them, 150 ms each.
   */
  readonly deadlineMs?: number
  /** For `https://`; left out where everybody knows the authority of the node's certificate. */
  readonly tls?: ClientTls
}

/** One question. */
export interface Check {
  readonly rule: string
  /** Who is limited: any string of 1 to 256 bytes in UTF-8. */
  readonly key: string
  /** Tokens to take, a whole number from 0 (only ask) to the rule's smallest burst. Default: what the rule says. */
  readonly cost?: number | undefined
  /** Names and text that the rule may choose its tier by. */
  readonly descriptors?: Readonly<Record<string, string>> | undefined
}

export interface CallOptions {
  /** Ends the waiting, by throwing the signal's reason. What was asked may still be counted. */
  readonly signal?: AbortSignal
}

/**
 * Asks a node over HTTP. Calls may be concurrent, and there should be one client for a whole program: it
 * keeps connections, and remembers whether the node answers.
 */
export interface Client {
  /**
   * Decides one check. Answers within `deadlineMs`, by `onFailure` if the limiter does not.
   *
   * @throws WeirRequestError for a mistake of the caller; the signal's reason when it is aborted.
   */
  check(check: Check, options?: CallOptions): Promise<ClientAnswer>
  /**
   * Decides up to 1,000 checks in one call, each by itself; the answers are in their order. A mistake in
   * one of them stands in its place.
   *
   * @throws WeirRequestError for a mistake in the batch as a whole; the signal's reason when it is aborted.
   */
  checkAll(checks: readonly Check[], options?: CallOptions): Promise<BatchAnswer[]>
  /** Waits for the calls under way, at most their deadline, and ends the connections. Safe to call twice. */
  close(): Promise<void>
}

const DEADLINE_MS = 500
const DEADLINE_MS_MAX = 60_000

/** @throws Error if an option cannot be used. Connects no sooner than it is asked. */
export function createClient(options: ClientOptions): Client {
  const { url, onFailure, deadlineMs = DEADLINE_MS, tls } = options
  if (!Number.isInteger(deadlineMs) || deadlineMs < 1 || deadlineMs > DEADLINE_MS_MAX) {
    throw new Error(`deadlineMs ${deadlineMs}: give a whole number from 1 to ${DEADLINE_MS_MAX}`)
  }
  // Without this, a misspelt policy would be one of the two by accident.
  if (onFailure !== 'open' && onFailure !== 'closed') {
    throw new Error(`onFailure ${JSON.stringify(onFailure)}: choose "open" or "closed"`)
  }
  return new HttpClient(new Exchange(doorAt(url), deadlineMs, tls), onFailure)
}

function doorAt(url: string): Destination {
  const destination = destinationOf(url)
  if (destination !== undefined) return destination
  throw new Error(`url: ${HOW_TO_WRITE}`)
}

/** One call: what is sent, how its reply is read, what stands in for it. */
interface Call<Result> {
  readonly body: string
  /** The same without taking anything, to see whether the limiter is back. */
  readonly peek: string
  read(reply: Reply): Result
  fallback(failure: LimiterFailure): Result
}

const PATH = '/v1/check'

class HttpClient implements Client {
  readonly #exchange: Exchange
  readonly #onFailure: ClientOptions['onFailure']
  readonly #circuit = new Circuit()
  readonly #underWay = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(exchange: Exchange, onFailure: ClientOptions['onFailure']) {
    this.#exchange = exchange
    this.#onFailure = onFailure
  }

  async check(check: Check, options: CallOptions = {}): Promise<ClientAnswer> {
    const sent = sentOf(check)
    return this.#call(
      {
        body: JSON.stringify(sent),
        peek: JSON.stringify({ ...sent, cost: 0 }),
        read: ({ body, headers }): ClientAnswer => readAnswer(body, headers),
        fallback: (failure) => this.#fallback(sent.rule, failure),
      },
      options,
    )
  }

  async checkAll(checks: readonly Check[], options: CallOptions = {}): Promise<BatchAnswer[]> {
    const whole = checks.map(sentOf)
    return this.#call(
      {
        body: JSON.stringify({ checks: whole }),
        peek: JSON.stringify({ ...whole[0], cost: 0 }),
        read: ({ body }): BatchAnswer[] => readAnswers(body, whole.length),
        fallback: (failure) => whole.map(({ rule }) => this.#fallback(rule, failure)),
      },
      options,
    )
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() => this.#exchange.destroy())
    return this.#closed
  }

  async #call<Result>(call: Call<Result>, { signal }: CallOptions): Promise<Result> {
    if (this.#closed !== undefined) throw new Error('The client is closed: create another one.')
    signal?.throwIfAborted()
    const permit = this.#circuit.permit(performance.now())
    if (permit === 'ask') return untilAborted(this.#tracked(this.#ask(call)), signal)
    if (permit === 'probe') this.#probe(call)
    return call.fallback(
      new LimiterFailure('The limiter failed just before.', { code: 'circuit_open' }),
    )
  }

  async #ask<Result>(call: Call<Result>): Promise<Result> {
    try {
      return await this.#exchanged(call.body, call.read)
    } catch (error) {
      if (error instanceof LimiterFailure) return call.fallback(error)
      throw error
    }
  }

  /** In the background: that the limiter is still dead must cost no request a deadline. */
  #probe(call: Call<unknown>): void {
    this.#tracked(
      this.#exchanged(call.peek, ({ body, headers }) => readAnswer(body, headers)),
    ).catch(() => undefined)
  }

  /** Asks, and remembers whether the limiter answered. A mistake of the caller is an answer, too. */
  async #exchanged<Result>(body: string, read: (reply: Reply) => Result): Promise<Result> {
    try {
      const result = read(await this.#exchange.post(PATH, body))
      this.#circuit.answered()
      return result
    } catch (error) {
      if (error instanceof LimiterFailure) {
        this.#circuit.failed(performance.now(), error.retryAfterMs)
      } else {
        this.#circuit.answered()
      }
      throw error
    }
  }

  #tracked<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work)
    const settled = () => this.#underWay.delete(work)
    work.then(settled, settled)
    return work
  }

  #fallback(rule: string, { code, message }: LimiterFailure): FallbackAnswer {
    const failure = { code, detail: message }
    if (this.#onFailure === 'open') {
      return { allowed: true, rule, reason: 'fallback_open', retryAfterMs: 0, failure }
    }
    const retryAfterMs = Math.ceil(this.#circuit.waitMs(performance.now())) || CIRCUIT_PROBE_MS
    return { allowed: false, rule, reason: 'overloaded', retryAfterMs, failure }
  }
}

/** Nothing else that a caller's object may have; what is undefined is not sent. */
function sentOf({ rule, key, cost, descriptors }: Check): Check {
  return { rule, key, cost, descriptors }
}

/** The caller stops waiting; the call goes on, so that its outcome is known for the calls to come. */
async function untilAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (signal === undefined) return work
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
