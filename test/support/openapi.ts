import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { AnswerBody, RejectedBody } from '../../src/http/check-schema.ts'
import { PROBLEM_MEDIA_TYPE, PROBLEMS } from '../../src/http/problem.ts'
import { buildDoors } from './doors.ts'

/** Methods that OpenAPI has a place for. Doors that take any take these, too. */
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

type Json = Readonly<Record<string, unknown>>
type Operations = Readonly<Record<string, Json>>

interface Description {
  readonly openapi: string
  readonly info: Json
  readonly paths: Readonly<Record<string, Operations>>
}

/** Both doors as OpenAPI 3.1, from the schemas by which they check requests and write answers. */
export async function describeDoors(): Promise<Json> {
  const opened: FastifyInstance[] = []
  const describeDoor = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    opened.push(fastify)
    fastify.register(swagger, {
      openapi: { openapi: '3.1.0', info: { title: 'Weir', version: '1' } },
      // Without a summary it only says that a path has other methods.
      transform: ({ schema, url }) => ({
        schema: schema !== undefined && 'summary' in schema ? schema : { ...schema, hide: true },
        url,
      }),
    })
  }
  subscribe('fastify.initialization', describeDoor)
  const { data, admin } = buildDoors()
  unsubscribe('fastify.initialization', describeDoor)
  await Promise.all(opened.map((door) => door.ready()))
  const [ofData, ofAdmin] = [data, admin].map((door) => {
    return JSON.parse(JSON.stringify(door.swagger())) as Description
  })
  if (ofData === undefined || ofAdmin === undefined) throw new Error('a door was not described')
  const { openapi, info } = ofData
  return {
    openapi,
    info: {
      ...info,
      description:
        'The doors of a node. Paths below /api, and /v1/reset, are on the admin door only; the others below /v1 on the data door only.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: completed({ ...ofAdmin.paths, ...ofData.paths }),
    components: { schemas: { Problem: PROBLEM } },
  }
}

/** RFC 9457. Some problems have members of their own. */
const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    detail: { type: 'string' },
  },
}

const [PROBLEM_TYPE = ''] = PROBLEM_MEDIA_TYPE.split(';')
const problem = (description: string) => ({
  description,
  content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
})
const headers = Object.fromEntries(
  ['RateLimit', 'RateLimit-Policy'].map((name) => [name, { schema: { type: 'string' } }]),
)
const retryAfter = { 'Retry-After': { schema: { type: 'integer' }, description: 'seconds' } }
const refused = (status: string) => ({
  [status]: { ...problem('Refused.'), headers: { ...headers, ...retryAfter } },
})

/** Answers that are written without a schema. */
const ANSWERS: Readonly<Record<string, Json>> = {
  '/v1/check': {
    200: {
      description: 'Decided: allowed or refused.',
      headers,
      content: {
        'application/json': {
          schema: {
            anyOf: [
              AnswerBody,
              {
                type: 'object',
                required: ['answers'],
                properties: {
                  answers: { type: 'array', items: { anyOf: [AnswerBody, RejectedBody] } },
                },
              },
            ],
          },
        },
      },
    },
  },
  '/v1/gate': { 204: { description: 'Allowed.', headers }, ...refused('429') },
  '/v1/forward-auth': {
    204: { description: 'Allowed.', headers },
    ...refused('401'),
    ...refused('403'),
    ...refused('429'),
  },
  '/v1/ext-authz': { 200: { description: 'Allowed.', headers }, ...refused('429') },
  '/v1/ext-authz/{path}': { 200: { description: 'Allowed.', headers }, ...refused('429') },
}

function completed(paths: Description['paths']): Description['paths'] {
  return Object.fromEntries(
    Object.entries(paths).map(([path, operations]) => {
      const url = path.replace('{*}', '{path}').replace('/*', '/{path}')
      return [url, Object.fromEntries(operationsOf(url, operations))]
    }),
  )
}

/** In the place of the words that stand for none. */
function described(responses: Operations): Operations {
  const entries = Object.entries(responses).map(([status, response]) => {
    return [status, { ...response, description: status === '200' ? 'Answered.' : 'Not now.' }]
  })
  return Object.fromEntries(entries)
}

function operationsOf(url: string, operations: Operations): [string, Json][] {
  return Object.entries(operations)
    .filter(([method]) => METHODS.includes(method))
    .map(([method, operation]) => {
      const answers = ANSWERS[url] ?? described(operation.responses as Operations)
      const responses = { ...answers, default: problem('What went wrong; see errors.md.') }
      const wildcard = url.endsWith('{path}') && {
        parameters: [{ name: 'path', in: 'path', required: true, schema: { type: 'string' } }],
      }
      return [method, { ...operation, ...wildcard, responses }]
    })
}
