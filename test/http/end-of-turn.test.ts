import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { close } from '../../src/http/draining.ts'
import { inTurn } from '../../src/http/end-of-turn.ts'
import { listen } from '../../src/http/listen.ts'
import { buildDoors } from '../support/doors.ts'

describe('what is there at once', () => {
  test('waits for the end of the turn, all of it together and in order', async () => {
    const seen: string[] = []
    const told = (word: string) => seen.push(word)
    const waiting = [inTurn('first').then(told), inTurn('second').then(told)]
    process.nextTick(told, 'after this event')
    setImmediate(told, 'next turn')
    await Promise.all(waiting)
    expect(seen).toEqual(['after this event', 'first', 'second'])
  })

  test('waits in each turn anew', async () => {
    for (const turn of [1, 2]) {
      const seen: string[] = []
      process.nextTick(() => seen.push('after this event'))
      await inTurn(turn)
      expect(seen, `turn ${turn}`).toEqual(['after this event'])
    }
  })
})

test('what others have to say does not wait', async () => {
  const seen: string[] = []
  setImmediate(() => seen.push('end of turn'))
  seen.push(await inTurn(Promise.resolve('answer')))
  expect(seen).toEqual(['answer'])
})

test('a door decides what has come before it answers any of it', async () => {
  const { data, node } = buildDoors()
  const { hostname, port } = new URL(await listen(data, '127.0.0.1:0'))
  const sockets = [1, 2].map(() => connect(Number(port), hostname))
  const ask = async () => {
    const answers = sockets.map((socket) => once(socket, 'data'))
    for (const socket of sockets) socket.write(REQUEST)
    await Promise.all(answers)
  }
  // Now the door knows both connections.
  await ask()
  const responses: ServerResponse[] = []
  data.server.prependListener('request', (_, response) => responses.push(response))
  const answered: boolean[][] = []
  const check = node.check.bind(node)
  node.check = (request) => {
    answered.push(responses.map(({ headersSent }) => headersSent))
    return check(request)
  }
  await ask()
  for (const socket of sockets) socket.destroy()
  await close(data)
  expect(answered).toEqual([[false], [false, false]])
})

const REQUEST = 'GET /v1/gate?rule=per-user&key=a HTTP/1.1\r\nHost: weir\r\n\r\n'
