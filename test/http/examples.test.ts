import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { expect, test } from 'vitest'
import type { Rule } from '../../src/limiter/policy.ts'
import { buildDoors } from '../support/doors.ts'

const PAGE = new URL('../../docs/reference/http.md', import.meta.url)

/** Fields of every answer, which the page leaves out. */
const COMMON_FIELDS = new Set(['date', 'connection', 'content-length'])

interface Message {
  readonly start: string
  readonly headers: Record<string, string>
  readonly body: string
}

function parseMessage(text: string): Message {
  const [head = '', body = ''] = text.split(/\n\n(.*)/s)
  const [start = '', ...fields] = head.trimEnd().split('\n')
  const headers = fields.map((field) => {
    const [, name = '', value = ''] = /^([\w-]+): (.*)$/.exec(field) ?? []
    return [name.toLowerCase(), value]
  })
  return { start, headers: Object.fromEntries(headers), body }
}

function blocks(page: string, language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, text = '']) =>
    name === language ? [text] : [],
  )
}

test('the examples of the page on HTTP are what the doors answer', async () => {
  const page = await readFile(PAGE, 'utf8')
  const rules = JSON.parse(blocks(page, 'json')[0] ?? '') as Rule[]
  const messages = blocks(page, 'http').map(parseMessage)
  const doors = buildDoors({ rules })
  expect(messages.length).toBeGreaterThanOrEqual(16)

  for (let i = 0; i < messages.length; i += 2) {
    const [request, documented] = messages.slice(i, i + 2)
    if (request === undefined || documented === undefined) throw new Error('an answer is missing')
    const [method = '', url = ''] = request.start.split(' ')
    const door = url.startsWith('/api/') ? doors.admin : doors.data
    const { headers, body: payload } = request
    const reply = await door.inject({ method: method as 'GET', url, headers, payload })

    const answered = Object.entries(reply.headers).filter(([name]) => !COMMON_FIELDS.has(name))
    const status = `HTTP/1.1 ${reply.statusCode} ${STATUS_CODES[reply.statusCode]}`
    expect(status, request.start).toBe(documented.start)
    expect(Object.fromEntries(answered), request.start).toEqual(documented.headers)
    const json = (text: string): unknown => (text === '' ? '' : JSON.parse(text))
    expect(json(reply.body), request.start).toEqual(json(documented.body))
  }
})
