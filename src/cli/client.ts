import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { parseTokens } from '../bearer-token.ts'
import { type Headers, isObject } from '../client/answer.ts'
import { type Destination, destinationOf, HOW_TO_WRITE } from '../client/destination.ts'
import { CommandError } from './exit-code.ts'
import type { OutputFormat } from './output.ts'

/** A question to one of a node's doors. */
export interface Question {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
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

/** What every question to an admin door comes with. */
export interface AdminQuestion extends Access {
  readonly admin: string
  readonly output: OutputFormat
}

/** A node answers in milliseconds, or something is wrong. */
const ANSWER_MS_MAX = 10_000
/** Characters that are repeated of an answer that is no node's: it may be a whole page. */
const WORDS_MAX = 200
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
    const { statusCode, headers, body } = await request(`${origin}${question.path}`, {
      dispatcher: agent,
      method: question.method,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      headers: {
        ...authorization,
        ...(question.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(question.body !== undefined && { body: JSON.stringify(question.body) }),
    })
    return { status: statusCode, headers, body: jsonOrText(await body.text()) }
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
  const reply = await ask(address, question, access)
  if (reply.status >= 200 && reply.status < 300) return reply.body
  throw rejectedBy(address, reply)
}

export function rejectedBy(address: string, { status, body }: Reply): CommandError {
  return new CommandError(`${address} answered ${status}: ${wordsOf(body)}`, { exit: 'rejected' })
}

export function notANode(address: string): CommandError {
  return new CommandError(`${address} did not answer like a node of Weir`, { exit: 'rejected' })
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
  throw new CommandError(`the address of the node: ${HOW_TO_WRITE}`, { exit: 'usage' })
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A problem's title and detail, where the answer is one (RFC 9457); else the beginning of whatever it is. */
function wordsOf(body: unknown): string {
  const { title, detail } = isObject(body) ? body : {}
  const words = [title, detail].filter((part) => typeof part === 'string')
  if (words.length > 0) return words.join(': ')
  const text = JSON.stringify(body)
  return text.length > WORDS_MAX ? `${text.slice(0, WORDS_MAX)}...` : text
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `none within ${ANSWER_MS_MAX / 1_000} s`
  // Node tries every address of a name, and says nothing itself when all of them fail.
  return error.message || ('code' in error ? String(error.code) : error.name)
}
