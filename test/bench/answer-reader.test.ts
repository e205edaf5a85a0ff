import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader } from '../../bench/answer-reader.ts'

const withBody = (body: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const withoutBody = 'HTTP/1.1 204 No Content\r\nRateLimit: "a";r=1;t=2\r\n\r\n'

/** How many answers end, and with which status and size, when the bytes come in these pieces. */
function answersIn(pieces: readonly Buffer[]): string[] {
  const reader = new AnswerReader()
  return pieces.flatMap((piece) => (reader.read(piece) ? [`${reader.status} ${reader.bytes}`] : []))
}

test('an answer is complete with its last byte, however its bytes are cut', () => {
  const answer = Buffer.from(withBody('{"allowed":true}'))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: answer.length - 1 })), (cuts) => {
      const ends = [...new Set(cuts), answer.length].sort((a, b) => a - b)
      const pieces = ends.map((end, at) => answer.subarray(ends[at - 1] ?? 0, end))
      expect(answersIn(pieces)).toEqual([`200 ${answer.length}`])
    }),
  )
})

test('answers follow each other on a connection, with a body and without', () => {
  const [full, empty] = [Buffer.from(withBody('yes')), Buffer.from(withoutBody)]
  const [fullBytes, emptyBytes] = [full.length, empty.length]
  expect(answersIn([full, empty, full])).toEqual([
    `200 ${fullBytes}`,
    `204 ${emptyBytes}`,
    `200 ${fullBytes}`,
  ])
})

test('an answer whose end cannot be known is refused', () => {
  expect(() => answersIn([Buffer.from('HTTP/1.1 200 OK\r\n\r\n')])).toThrow('Content-Length')
  expect(() => answersIn([Buffer.from(`${withBody('yes')}more`)])).toThrow('more bytes')
})
