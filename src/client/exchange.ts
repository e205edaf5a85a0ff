import { Pool } from 'undici'
import { isObject } from './answer.ts'
import type { Destination } from './destination.ts'
import { LimiterFailure, readRetryAfterMs } from './failure.ts'
import { UNEXPECTED_ANSWER, WeirRequestError } from './request-error.ts'

/** Connections to the node; more checks at a time wait for one, and their deadline runs. */
const CONNECTIONS_MAX = 64
/** Bytes of a reply; the longest is that to a batch of a thousand checks. */
const REPLY_BYTES_MAX = 4 * 1024 * 1024

/** A reply with status 2xx. */
export interface Reply {
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Whom the client believes and who it is, as text in PEM. */
export interface ClientTls {
  /** The authority that the node's certificate is of. */
  readonly ca?: string
  /** A certificate of the client's own and its key, for a node that asks for one. */
  readonly cert?: string
  readonly key?: string
}

/** Questions to one node, each with a deadline. */
export class Exchange {
  readonly #pool: Pool
  readonly #deadlineMs: number

  constructor({ origin, socketPath }: Destination, deadlineMs: number, tls: ClientTls = {}) {
    this.#deadlineMs = deadlineMs
    this.#pool = new Pool(origin, {
      connections: CONNECTIONS_MAX,
      maxResponseSize: REPLY_BYTES_MAX,
      connect: { ...tls, timeout: deadlineMs, ...(socketPath !== undefined && { socketPath }) },
    })
  }

  /**
   * @throws LimiterFailure if the limiter failed, WeirRequestError if the caller made a mistake.
   */
  async post(path: string, body: string): Promise<Reply> {
    const cancelled = new AbortController()
    const deadline = this.#deadline(cancelled)
    try {
      return await Promise.race([this.#post(path, body, cancelled.signal), deadline.passed])
    } catch (error) {
      if (error instanceof LimiterFailure || error instanceof WeirRequestError) throw error
      throw new LimiterFailure(`The limiter broke off: ${wordsOf(error)}.`, {
        code: 'unreachable',
        cause: error,
      })
    } finally {
      deadline.stop()
    }
  }

  async destroy(): Promise<void> {
    await this.#pool.destroy()
  }

  async #post(path: string, body: string, signal: AbortSignal): Promise<Reply> {
    const reply = await this.#pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body,
      signal,
    })
    const text = await reply.body.text()
    if (reply.statusCode < 200 || reply.statusCode > 299) {
      throw refusal(reply.statusCode, text, reply.headers['retry-after'])
    }
    return { body: jsonOf(text), headers: reply.headers }
  }

  /**
   * Beside the request and not only its signal, which undici looks at no sooner than there is a connection.
   * What has arrived by then is read first: a busy event loop must not look like a slow limiter.
   */
  #deadline(cancelled: AbortController): { passed: Promise<never>; stop(): void } {
    const { promise: passed, reject } = newPromise()
    let lastLook: NodeJS.Immediate | undefined
    const timer = setTimeout(() => {
      lastLook = setImmediate(() => {
        const failure = new LimiterFailure(`No answer within ${this.#deadlineMs} ms.`, {
          code: 'deadline',
        })
        reject(failure)
        cancelled.abort(failure)
      })
    }, this.#deadlineMs)
    return {
      passed,
      stop() {
        clearTimeout(timer)
        if (lastLook !== undefined) clearImmediate(lastLook)
      },
    }
  }
}

function newPromise(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise
  })
  return { promise, reject }
}

/** Statuses below 500 that say nothing about the question: it came too slowly, or something in between is busy. */
const PASSING = new Set([408, 429])

function refusal(
  status: number,
  text: string,
  retryAfter: string | string[] | undefined,
): LimiterFailure | WeirRequestError {
  const body = jsonOf(text)
  const { code, detail } = isObject(body) ? body : {}
  const words = typeof detail === 'string' ? detail : `The reply has status ${status}.`
  if (status === 503) {
    const field = typeof retryAfter === 'string' ? retryAfter : retryAfter?.[0]
    const retryAfterMs = readRetryAfterMs(field, Date.now())
    return new LimiterFailure(words, { code: 'unavailable', retryAfterMs })
  }
  if (status >= 400 && status < 500 && !PASSING.has(status)) {
    return new WeirRequestError(typeof code === 'string' ? code : UNEXPECTED_ANSWER, words, status)
  }
  return new LimiterFailure(words, { code: status >= 400 ? 'server_error' : 'bad_answer' })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Node tries every address of a name, and says nothing itself when all of them fail.
  return error.message || ('code' in error ? String(error.code) : error.name)
}
