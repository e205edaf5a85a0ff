import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { parseTokens } from '../bearer-token.ts'
import { type Destination, destinationOf } from '../client/destination.ts'
import { CommandError } from './exit-code.ts'

/** A question to one of a node's doors. */
export interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
}

export interface Reply {
  readonly status: number
  /** Parsed JSON; the text itself when it is none. */
  readonly body: unknown
}

/** Files by which a command proves who it is, and knows whom it asks. */
export interface Access {
  /** Of its tokens the first is sent. */
  readonly tokenFile?: string | undefined
  /** The authority of the node's certificate, if it is none that everybody knows. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** A node answers in milliseconds, or something is wrong. */
const ANSWER_MS_MAX = 10_000
/** Bytes of an answer; the longest describes a cluster of a thousand members. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024

/**
 * Asks the node at `address`: `http://host:port`, `https://host:port` or `unix:/path`. Throws `CommandError` when
 * it does not answer, or a file cannot be used.
 */
export async function ask(
  address: string,
  question: Question,
  access: Access = {},
): Promise<Reply> {
  const { origin, socketPath } = doorAt(address)
  const { authorization, ...connect } = await read(access)
  const agent = new Agent({
    connect: { ...connect, ...(socketPath !== undefined && { socketPath }) },
    maxResponseSize: ANSWER_BYTES_MAX,
  })
  try {
    const { statusCode, body } = await request(`${origin}${question.path}`, {
      dispatcher: agent,
      method: question.method,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        ...authorization,
        ...(question.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(question.body !== undefined && { body: JSON.stringify(question.body) }),
    })
    return { status: statusCode, body: jsonOrText(await body.text()) }
  } catch (cause) {
    throw new CommandError(`no answer from ${address}: ${reasonOf(cause)}`, {
      cause,
      exit: 'unreachable',
    })
  } finally {
    await agent.destroy()
  }
}

/** The body of a good answer. Throws `CommandError` with the node's own words for any other. */
export async function askOrFail(
  address: string,
  question: Question,
  access: Access = {},
): Promise<unknown> {
  const { status, body } = await ask(address, question, access)
  if (status >= 200 && status < 300) return body
  throw new CommandError(`${address} answered ${status}: ${wordsOf(body)}`, { exit: 'rejected' })
}

interface ReadAccess {
  readonly authorization: { readonly authorization?: string }
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

async function read({ tokenFile, caFile, certFile, keyFile }: Access): Promise<ReadAccess> {
  try {
    const [tokens, ca, cert, key] = await Promise.all(
      [tokenFile, caFile, certFile, keyFile].map((path) => path && readFile(path, 'utf8')),
    )
    const [token] = tokens ? parseTokens(tokens, `token file ${tokenFile}`) : []
    return {
      authorization: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(reason, { cause, exit: 'configuration' })
  }
}

function doorAt(address: string): Destination {
  const destination = destinationOf(address)
  if (destination !== undefined) return destination
  throw new CommandError(
    `"${address}" is no address of a node: write http://host:port, https://host:port or unix:/path`,
    { exit: 'usage' },
  )
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A problem's title and detail, where the answer is one (RFC 9457). */
function wordsOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return JSON.stringify(body)
  const { title, detail } = body as { title?: unknown; detail?: unknown }
  const words = [title, detail].filter((part) => typeof part === 'string')
  return words.length > 0 ? words.join(': ') : JSON.stringify(body)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `none within ${ANSWER_MS_MAX / 1_000} s`
  // Node tries every address of a name, and says nothing itself when all of them fail.
  return error.message || ('code' in error ? String(error.code) : error.name)
}
