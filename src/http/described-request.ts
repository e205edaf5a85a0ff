import type { FastifyRequest } from 'fastify'
import type { RuleCheck } from '../rule-answer.ts'
import type { RequestFacts } from '../rules/request-facts.ts'
import type { CheckBody, KeysBody, RequestBody } from './check-schema.ts'
import { cookieReader, headerReader, queryReader } from './field-readers.ts'
import type { Question } from './measured-checks.ts'

/** Requests that others describe to us: in the body of a check, or by the header fields that proxies send. */

/** What a check of `POST /v1/check` asks. */
export function questionOf(body: CheckBody | RequestBody): Question {
  return 'rule' in body ? checkOf(body) : { facts: factsOf(body), cost: body.cost }
}

/** A check that names its rule, as a node is asked it. */
export function checkOf(body: CheckBody): RuleCheck {
  const { rule, key, cost, descriptors } = body
  if (descriptors === undefined) return body
  return { rule, key, cost, descriptor: ownReader(descriptors) }
}

/** The same of each of many keys. */
export function checksOf({ rule, keys, cost, descriptors }: KeysBody): RuleCheck[] {
  const descriptor = descriptors && ownReader(descriptors)
  return keys.map((key) => ({ rule, key, cost, descriptor }))
}

function factsOf({ descriptors, method, path, host, ip, headers = {} }: RequestBody): RequestFacts {
  const header = headerReader(lowerCased(headers))
  return {
    method,
    path,
    host: host ?? header('host'),
    ip,
    header,
    query: queryReader(path),
    cookie: cookieReader(header),
    descriptor: ownReader(descriptors),
  }
}

/** The request that a proxy asks about by `X-Forwarded-*` or `X-Original-*`; what they leave out is the proxy's own. */
export function forwardedRequest(request: FastifyRequest): RequestFacts {
  const header = headerReader(request.headers)
  const method = header('x-forwarded-method') ?? header('x-original-method') ?? request.method
  const path = header('x-forwarded-uri') ?? header('x-original-uri') ?? header('x-original-url')
  const host = header('x-forwarded-host') ?? header('host')
  return requestOf(request, { method, path, host })
}

/** The request itself, under a path that has `prefix` before its own. */
export function prefixedRequest(request: FastifyRequest, prefix: string): RequestFacts {
  const { method, url, headers } = request
  const path = url.slice(prefix.length)
  const { host } = headers
  return requestOf(request, { method, path: path.startsWith('/') ? path : `/${path}`, host })
}

function requestOf(
  request: FastifyRequest,
  { method, path, host }: Pick<RequestFacts, 'method' | 'path' | 'host'>,
): RequestFacts {
  const header = headerReader(request.headers)
  return {
    method,
    path,
    host,
    // Of a proxy that is trusted it is who asked the proxy; a Unix socket has no address of its own.
    ip: request.ip,
    header,
    query: queryReader(path),
    cookie: cookieReader(header),
    descriptor: () => undefined,
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(entries)
}

function ownReader(values: Readonly<Record<string, string>>) {
  return (name: string): string | undefined => {
    return Object.hasOwn(values, name) ? values[name] : undefined
  }
}
